"""The command line: ``python -m bir_core``. Everything heavy is imported inside the command that needs it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bir_core import images_command, layers_command
from bir_core.base_config import BasePreset, Network
from bir_core.config import RunConfig
from bir_core.data_config import Corruption
from bir_core.errors import InputError, StageFailed

if TYPE_CHECKING:
    from bir_core.run_folder import Run

INTERRUPTED = 130
"""What a shell expects of a process that was ended by Ctrl-C."""

app = typer.Typer(
    name="bir_core",
    help="Find the training samples that misled an image classifier, and repair the classifier.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Runs = Annotated[
    Path | None,
    typer.Option("--runs", envvar="BIR_RUNS", help="Folder of all runs.", show_default="runs"),
]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run; 'list' shows them.")]
JobId = Annotated[int, typer.Argument(metavar="JOB", help="Number of a job; 'jobs' shows them.")]


@app.command()
def demo(
    corruption: Annotated[Corruption, typer.Option(help="What is done to 40 % of the digits 1, 7, 6 and 9.")] = "label",
    network: Annotated[Network, typer.Option(help="Architecture.")] = "lenet",
    base: Annotated[
        BasePreset, typer.Option(help="memorised: 60 epochs as in the paper; early_stop: best validation loss is kept.")
    ] = "memorised",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Root of every random draw.")] = 0,
    runs: Runs = None,
) -> None:
    """Run everything on the bundled digits; a demo that was begun before goes on."""
    from bir_core import config

    _compute_and_show(runs, config.demo(corruption, network, base, seed))


@app.command()
def run(
    config_file: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to do, as TOML or JSON.")],
    name: Annotated[str | None, typer.Option(help="Name of the run; otherwise as the config or its file says.")] = None,
    download: Annotated[
        bool, typer.Option("--download", help="First fetch what is not in BIR_DATA_DIR, or the user's cache, yet.")
    ] = False,
    runs: Runs = None,
) -> None:
    """Run a config; in a run of that name only what the config changes is computed again."""
    from bir_core import config

    wanted = config.load(config_file)
    if name is not None:
        wanted = config.parse({**wanted.model_dump(), "name": name}, origin="--name")
    if download:
        _download(wanted)
    _compute_and_show(runs, wanted)


@app.command()
def stage(
    name: Annotated[str, typer.Argument(metavar="NAME", help="data, base, select, ... or evaluate.")],
    run: RunName,
    force: Annotated[bool, typer.Option("--force", help="Compute it again even if nothing has changed.")] = False,
    runs: Runs = None,
) -> None:
    """Compute one stage of a run, and before it what it needs and is not there yet."""
    from bir_core import flow, run_folder

    wanted = flow.find(name).name
    opened = run_folder.open_run(run_folder.runs_root(runs), run)
    _compute(opened, [wanted], force=force)


@app.command("list")
def list_runs(runs: Runs = None) -> None:
    """List the runs."""
    from bir_core import console, run_folder

    root = run_folder.runs_root(runs)
    names = run_folder.names(root)
    if not names:
        console.remark(f"no runs in {root} yet: 'python -m bir_core demo' makes one")
        return
    console.list_runs([_open_or_name(root, name) for name in names])


@app.command()
def show(
    run: RunName,
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON object on standard output.")] = False,
    runs: Runs = None,
) -> None:
    """Show what a run found."""
    import json

    from bir_core import console, run_folder, run_report

    opened = run_folder.open_run(run_folder.runs_root(runs), run)
    finished = [name for name in run_folder.fresh_stages(opened) if name != "evaluate"]
    if run_folder.read_stage(opened, "evaluate", verify=True) is None:
        there = f"finished so far: {', '.join(finished) or 'nothing'}"
        raise InputError(f"run {run!r} has no report yet ({there}): 'stage evaluate {run}' computes what is missing")
    if not run_folder.is_fresh(opened, "evaluate"):
        console.remark(
            f"this report is older than the run's config or results: 'stage evaluate {run}' brings it up to date"
        )
    report = run_report.read(opened)
    if as_json:
        print(json.dumps(report, indent=2, allow_nan=False))
    else:
        console.show(report)


@app.command()
def export(
    run: RunName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What to write; its suffix says in what form.")],
    what: Annotated[
        str,
        typer.Option(
            help="table (.csv, .jsonl, .parquet): every sample with score and verdict; report (.html); "
            "cleaned (.zip: image folder, .parquet: its manifest alone); weights (.zip): the repaired model; "
            "aligned (.zip): the aligned inputs."
        ),
    ] = "table",
    runs: Runs = None,
) -> None:
    """Write what a run found to one file, for other tools and other people."""
    from bir_core import console, export, run_folder
    from bir_core.exports import catalogue

    opened = run_folder.open_run(run_folder.runs_root(runs), run)
    if what != "table":
        wanted = catalogue.find(what)
        source = catalogue.file_for(wanted, file)
        _compute(opened, [wanted.stage])
        catalogue.copy(opened, source, file)
        size = file.stat().st_size
        said = f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{size / 2**10:.0f} kB"
        console.remark(f"{wanted.title.lower()} of run {run!r} in {file}, {said}")
        return
    table = export.samples(opened)
    export.write(table, file)
    console.remark(f"{len(table):,} samples in {file}, most suspect first; {table['verdict'].count():,} have a verdict")


@app.command(name="import")
def import_verdicts(
    run: RunName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'export' wrote: .csv, .jsonl or .parquet.")],
    reviewer: Annotated[str, typer.Option(help="Whose verdicts they become.")],
    runs: Runs = None,
) -> None:
    """Take over the verdicts of an exported file; what the reviewer says already is not written again."""
    from bir_core import console, incoming, run_folder

    opened = run_folder.open_run(run_folder.runs_root(runs), run)
    decisions = incoming.read(opened, file)
    if not decisions:
        raise InputError(f"{file} has no verdicts, so there is nothing to take over")
    found = incoming.compare(opened, decisions, reviewer)
    incoming.take_over(opened, decisions, reviewer)
    known = f"; {found.num_known:,} were before" if found.num_known else ""
    disputed = f"; {found.num_disputed:,} differ from what others say" if found.num_disputed else ""
    console.remark(f"{len(found.fresh):,} verdicts of {file} are {reviewer}'s now{known}{disputed}")


@app.command()
def delete(
    run: RunName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    runs: Runs = None,
) -> None:
    """Delete a run and everything in it."""
    from bir_core import console, jobs, run_folder

    root = run_folder.runs_root(runs)
    job = jobs.latest(root, run)
    if job is not None and job.state in jobs.ACTIVE:
        raise InputError(f"run {run!r} is at work in job {job.id}: 'cancel {job.id}' first")
    if not yes and (root / run).is_dir() and not typer.confirm(f"Delete {root / run} and everything in it?", err=True):
        raise typer.Exit(1)
    run_folder.delete(root, run)
    console.remark(f"run {run!r} is deleted")


@app.command("jobs")
def list_jobs(runs: Runs = None) -> None:
    """List the jobs that the dashboard has started, and how far they are."""
    from bir_core import console, jobs, run_folder

    root = run_folder.runs_root(runs)
    found = jobs.list_jobs(root)
    if found:
        console.list_jobs(found)
    else:
        console.remark(f"no jobs in {root} yet")


@app.command()
def cancel(job: JobId, runs: Runs = None) -> None:
    """Stop a job; its finished stages are kept."""
    from bir_core import console, jobs, run_folder

    root = run_folder.runs_root(runs)
    before, after = jobs.find(root, job), jobs.cancel(root, job)
    if before.state not in jobs.ACTIVE:
        raise InputError(f"job {job} is {before.state} already: there is nothing to cancel")
    console.remark(f"job {job} is {after.state}; finished stages are kept, 'resume {job}' goes on")


@app.command()
def resume(job: JobId, runs: Runs = None) -> None:
    """Let a failed or cancelled job go on in the background, from its finished stages."""
    from bir_core import console, jobs, run_folder

    found = jobs.resume(run_folder.runs_root(runs), job)
    console.remark(f"job {found.id} goes on: 'jobs' shows how far it is")


app.command()(images_command.images)
app.command()(layers_command.layers)


@app.command()
def password() -> None:
    """Make the hash of a password for the dashboard; asks twice, and prints what BIR_PASSWORD_HASH must be set to."""
    from bir_core import password as passwords

    print(passwords.make(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)))


@app.command(hidden=True)
def work(job: JobId, runs: Runs = None) -> None:
    """Be the process behind a queued job."""
    from bir_core import run_folder, worker

    raise typer.Exit(worker.work(run_folder.runs_root(runs), job))


def main() -> None:
    """Run the command line; every error is one sentence on standard error and exit code 1."""
    # Read once by OpenMP when torch is loaded. Its threads spin while they wait, which makes training many times slower
    # as soon as anything else, a browser for instance, wants one of the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except (InputError, StageFailed) as error:
        _leave(str(error))
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; Python must not complain about it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("BIR_TRACEBACK"):
            raise
        reason = " ".join(str(error).split())
        _leave(f"unexpected {type(error).__name__} ({reason}): set BIR_TRACEBACK=1 to see where, and please report it")


def _leave(sentence: str) -> None:
    from bir_core import console

    console.complain(sentence)
    sys.exit(1)


def _download(config: RunConfig) -> None:
    from bir_core import pretrained
    from bir_core.data import sources
    from bir_core.data_config import DataConfig

    if isinstance(config.data, DataConfig):
        sources.download(config.data)
    if config.base.start == "imagenet":
        pretrained.download()


def _compute_and_show(runs: Path | None, config: RunConfig) -> None:
    from bir_core import console, flow, run_folder, run_report

    opened = _create_or_continue(run_folder.runs_root(runs), config)
    _compute(opened, flow.NAMES)
    console.show(run_report.read(opened))
    console.remark(f"everything is in {opened.path}")


def _create_or_continue(root: Path, config: RunConfig) -> "Run":
    from bir_core import console, run_folder

    if config.name not in run_folder.names(root):
        return run_folder.create(root, config)
    opened = run_folder.open_run(root, config.name)
    if opened.config == config:
        return opened
    console.remark(f"run {config.name!r} exists under another config: only what that changes is computed again")
    with run_folder.lock(opened.path):
        return run_folder.update_config(opened, config)


def _compute(opened: "Run", stages: Sequence[str], *, force: bool = False) -> None:
    from bir_core import console

    try:
        with console.watching(stages) as watch:
            from bir_core import pipeline

            pipeline.compute(opened, stages, force=force, watch=watch)
    except KeyboardInterrupt:
        console.remark("interrupted; finished stages are kept, the same command goes on")
        raise typer.Exit(INTERRUPTED) from None


def _open_or_name(root: Path, name: str) -> "Run | str":
    from bir_core import run_folder

    try:
        return run_folder.open_run(root, name)
    except InputError:
        return name


if __name__ == "__main__":
    main()
