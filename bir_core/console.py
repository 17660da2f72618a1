"""What the command line prints: progress bars, tables, numbers with their intervals. No torch here."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from bir_core import flow, report_words, run_folder, storage
from bir_core.data_config import OwnDataConfig
from bir_core.errors import InputError
from bir_core.flow import StageEvent, Watch
from bir_core.job_rows import Job
from bir_core.run_folder import Run

GROUPS = ("all", "clean", "noisy")
MOST_CLASSES = 30
"""Rows of a table by class."""

_NARROWEST = 120

out = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _NARROWEST)
"""Tables that go into a file or a pipe are not squeezed into the 80 columns that rich assumes there."""

notes = Console(stderr=True)
"""Progress and remarks go to standard error, so that standard output holds the answer alone."""


# ---------------------------------------------------------------- progress


@contextmanager
def watching(stages: Sequence[str]) -> Iterator[Watch]:
    """A watcher of a computation: one bar per stage on a terminal, one line per stage elsewhere."""
    if not notes.is_terminal:
        yield _print_line
        return
    columns = (
        TextColumn("{task.fields[mark]} {task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[time]}", justify="right"),
    )
    with Progress(*columns, console=notes) as progress:
        tasks: dict[str, TaskID] = {}
        for stage in flow.EVERY_NAME:
            if stage in stages:
                tasks[stage] = _add_bar(progress, stage)
        yield _bars(progress, tasks)


def _add_bar(progress: Progress, stage: str) -> TaskID:
    return progress.add_task(flow.find(stage).title, start=False, total=None, mark=" ", time="")


def _bars(progress: Progress, tasks: dict[str, TaskID]) -> Watch:
    def watch(event: StageEvent) -> None:
        if event.stage not in tasks:
            tasks[event.stage] = _add_bar(progress, event.stage)
        task = tasks[event.stage]
        if event.state == "started":
            progress.start_task(task)
            progress.update(task, mark="[yellow]>[/]")
        elif event.state == "working":
            elapsed = progress.tasks[progress.task_ids.index(task)].elapsed or 0.0
            progress.update(task, completed=event.done, total=event.total, time=f"{elapsed:.0f} s")
        else:
            total = progress.tasks[progress.task_ids.index(task)].total or 1
            time = "unchanged" if event.state == "skipped" else f"{event.seconds:.1f} s"
            progress.update(task, completed=total, total=total, mark="[green]✓[/]", time=time)

    return watch


def _print_line(event: StageEvent) -> None:
    title = flow.find(event.stage).title
    if event.state == "skipped":
        notes.print(f"{event.stage}: unchanged, kept", highlight=False)
    if event.state == "started":
        notes.print(f"{event.stage}: {title} ...", highlight=False)
    if event.state == "finished":
        notes.print(f"{event.stage}: finished in {event.seconds:.1f} s", highlight=False)


# ---------------------------------------------------------------- one report


def show(report: dict[str, Any]) -> None:
    """Print a report: accuracies, paired differences, suspects, layers, seconds and the conclusion."""
    base = report["base"]
    out.print(
        f"[bold]{escape(report['run'])}[/bold]: {escape(_story(report, base, report['config']['seed']))}",
        highlight=False,
    )
    if report_words.is_cross_fitted(report):
        out.print(report_words.judged(report), highlight=False)
    known = report_words.is_known(report)
    if not known:
        out.print(escape(_unknown(report)), highlight=False)
    for build in (_accuracies, _differences, _identification, *(() if known else (_classes,)), _layers, _seconds):
        out.print(build(report))
    out.print(f"[bold]Conclusion.[/bold] {escape(report['conclusion'])}", highlight=False)


def _story(report: dict[str, Any], base: dict[str, Any], seed: int) -> str:
    data = report["data"]
    start = "" if base.get("start", "scratch") == "scratch" else f", from {base['start']}"
    changed = {
        "none": "nothing corrupted",
        "unknown": "nobody knows which samples are wrong",
        "given": f"{data['num_corrupted']} samples have another true label",
    }.get(data["corruption"], f"corruption {data['corruption']}, {data['num_corrupted']} samples corrupted")
    return (
        f"{report_words.source(report)}, {data['num_train']} training, {data['num_reserved']} reserved and "
        f"{data['num_test']} test images; {changed}; "
        f"{base['network']} ({base['preset']}, {base['num_epochs']} epochs{start}), seed {seed}"
    )


def _unknown(report: dict[str, Any]) -> str:
    data = report["data"]
    names = [data["class_names"][label] for label in data["noisy_classes"]]
    return f"{report_words.UNKNOWN}, so precision, recall and AUC cannot be said. {report_words.noisy(report, names)}"


def _accuracies(report: dict[str, Any]) -> Table:
    counts = report["models"]["base"]["num"]
    table = new_table(f"Accuracy on the {_judged(report)}, percent, with 95 % interval", "model")
    for group in GROUPS:
        table.add_column(f"{group} (n={counts[group]})", justify="right")
    for name, figures in report["models"].items():
        headline = "bold" if name == report["repair"]["method"] else None
        table.add_row(name, *(_accuracy(figures, group) for group in GROUPS), style=headline)
    return table


def _accuracy(figures: dict[str, Any], group: str) -> str:
    if figures[group] is None:
        return "-"
    low, high = figures["intervals"][group]
    return escape(f"{figures[group]:.2f} [{low:.1f}, {high:.1f}]")


def _differences(report: dict[str, Any]) -> Table:
    title = f"Paired differences on the same {_judged(report)}, points, with 95 % interval"
    table = new_table(title, "model", "minus")
    for group in GROUPS:
        table.add_column(group, justify="right")
    for row in report["differences"]:
        table.add_row(row["model"], row["minus"], *(_difference(row[group]) for group in GROUPS))
    return table


def _difference(value: dict[str, float] | None) -> str:
    return (
        "-" if value is None else escape(f"{value['difference']:+z.2f} [{value['low']:+z.1f}, {value['high']:+z.1f}]")
    )


def _identification(report: dict[str, Any]) -> Table:
    found = report["identification"]
    rule = "the highest scores" if found["rule"] == "top_k" else f"score above {_number(found['threshold'], '.4f')}"
    table = new_table("Identification", "figure")
    table.add_column("value", justify="right")
    table.add_row(f"suspects ({rule})", f"{found['num_suspects']} of {found['num_scored']}")
    known = report_words.is_known(report)
    if known:
        table.add_row("AUC of the score", _number(found["auc"], ".4f"))
        table.add_row("precision", _number(found["precision"], ".3f"))
        table.add_row("recall", _number(found["recall"], ".3f"))
    for row in found["landmarks"]:
        figures = f", precision {_number(row['precision'], '.3f')}, recall {_number(row['recall'], '.3f')}"
        table.add_row(f"at threshold {row['name']}", f"{row['num_suspects']} suspects{figures if known else ''}")
    return table


def _classes(report: dict[str, Any]) -> Table:
    """Where suspects are more frequent than chance, the noisy classes first."""
    data, rows = report["data"], [row for row in report["identification"]["per_class"] if row["num"]]
    noisy = set(data["noisy_classes"])
    shown = sorted(rows, key=lambda row: (row["label"] not in noisy, -row["share"], row["label"]))[:MOST_CLASSES]
    left_out = len(rows) - len(shown)
    title = "Suspects by given class, with 95 % interval" + (
        f" ({left_out} classes with a smaller share are left out)" if left_out else ""
    )
    table = new_table(title, "class")
    for column in ("images", "suspects", "share, percent"):
        table.add_column(column, justify="right")
    for row in shown:
        share, low, high = (100 * row[name] for name in ("share", "low", "high"))
        name = escape(data["class_names"][row["label"]]) + (" (noisy)" if row["label"] in noisy else "")
        table.add_row(name, str(row["num"]), str(row["num_suspects"]), escape(f"{share:.1f} [{low:.1f}, {high:.1f}]"))
    return table


def _judged(report: dict[str, Any]) -> str:
    return f"{report_words.images(report)}{', cross-fitted' if report_words.is_cross_fitted(report) else ''}"


def _layers(report: dict[str, Any]) -> Table:
    chosen = report["selection"]
    title = f"Layers updated: {chosen['label']}, chosen by the {chosen['chosen_by']}"
    table = new_table(title, "layers", "names")
    table.add_column("reserved loss after one epoch", justify="right")
    table.add_column("parameters", justify="right")
    for row in chosen["candidates"]:
        style = "bold" if row["label"] == chosen["label"] else None
        names = escape(", ".join(row["layers"]))
        table.add_row(row["label"], names, f"{row['loss']:.4f}", f"{row['num_parameters']:,}", style=style)
    return table


def _seconds(report: dict[str, Any]) -> Table:
    table = new_table("Time", "stage")
    table.add_column("seconds", justify="right")
    for stage, seconds in report["seconds"].items():
        table.add_row(stage, f"{seconds:.1f}")
    table.add_row("together", f"{sum(report['seconds'].values()):.1f}", style="bold")
    return table


# ---------------------------------------------------------------- lists


def list_runs(runs: Sequence[Run | str]) -> None:
    """One line per run; a damaged one is a name only."""
    table = new_table("Runs, newest first", "run", "data", "base model", "made")
    for column in ("stages", "suspects", "all, before", "all, after"):
        table.add_column(column, justify="right")
    for run in runs:
        if isinstance(run, str):
            table.add_row(escape(run), "damaged", "-", "-", "-", "-", "-", "-")
        else:
            table.add_row(*_run_row(run))
    out.print(table)


def _run_row(run: Run) -> tuple[str, ...]:
    config = run.config
    made = run.created.replace("T", " ")[:16]
    fresh = run_folder.fresh_stages(run)
    figures: tuple[str, ...] = ("-", "-", "-")
    if "evaluate" in fresh:
        report = storage.load_report(run.path / "evaluate")
        method = report["repair"]["method"]
        suspects = str(report["identification"]["num_suspects"])
        figures = (suspects, *(f"{report['models'][name]['all']:.2f}" for name in ("base", method)))
    source = f"image set {config.data.images}" if isinstance(config.data, OwnDataConfig) else config.data.source
    data, base = f"{source}, {config.data.corruption}", f"{config.base.network}, {config.base.preset}"
    return (
        escape(run.name),
        escape(data),
        escape(base),
        made,
        f"{sum(name in fresh for name in flow.NAMES)}/{len(flow.NAMES)}",
        *figures,
    )


def list_jobs(found: Sequence[Job]) -> None:
    """One line per job."""
    table = new_table("Jobs, newest first", "job", "run", "state", "made", "now")
    for job in found:
        table.add_row(
            str(job.id), escape(job.run), job.state, job.created.replace("T", " ")[:16], escape(_job_note(job))
        )
    out.print(table)


def _job_note(job: Job) -> str:
    if job.error:
        return job.error
    if job.state == "finished":
        computed = [line for line in job.progress if line.state == "finished"]
        return f"{len(computed)} stages in {sum(line.seconds for line in computed):.1f} s"
    for line in job.progress:
        if line.state == "running":
            share = f" ({line.done} of {line.total})" if line.total else ""
            return f"{line.stage}{share}, {line.seconds:.0f} s"
    return ""


def complain(error: InputError | str) -> None:
    """One sentence on standard error."""
    notes.print(f"[bold red]Error:[/bold red] {escape(str(error))}", highlight=False, soft_wrap=True)


def remark(sentence: str) -> None:
    """A remark on standard error."""
    notes.print(escape(sentence), highlight=False, soft_wrap=True)


def new_table(title: str, *columns: str) -> Table:
    """A table in the style of all others, without rows."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
