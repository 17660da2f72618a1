"""From finished cells to figures with mean and interval, and from these to JSON, Markdown and plotly pages."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from scipy import stats

from benchmarks.paper import cells
from benchmarks.paper.layout import Row, Section, Table
from benchmarks.paper.settings import Setting
from bir_core import durable

RESULTS = Path(__file__).parents[1] / "results"
DIGITS = {"loss": 4, "auc": 3, "average_precision": 3, "recall_at_k": 3, "seconds": 1, "peak_memory_mb": 0}
WHOLE = ("truth", "0", "log 1.1", "log 1.05", "log 1.01", "num_above_threshold")
HEADINGS = {
    "all": "all classes %",
    "clean": "clean classes %",
    "noisy": "noisy classes %",
    "loss": "one-epoch loss",
    "auc": "AUC",
    "average_precision": "average precision",
    "recall_at_k": "recall at K",
    "num_above_threshold": "above its threshold",
    "seconds": "seconds",
    "peak_memory_mb": "peak MB",
    "truth": "truly corrupted",
    "0": "above 0",
    "log 1.1": "above log 1.1",
    "log 1.05": "above log 1.05",
    "log 1.01": "above log 1.01",
}

COLORS = ("#0f766e", "#c2410c", "#2563eb", "#7c3aed")
"""Of BIR and ours, then of the others."""

Values = dict[str, Any]


def collect(table: Table, seeds: Mapping[str, Sequence[int]], *, quick: bool) -> Values:
    """The table as plain values: every figure with its seeds' values, mean, half width and the paper's number."""
    return {
        "table": table.name,
        "title": table.title,
        "notes": list(table.notes),
        "sections": [
            _section(section, section.settings(seeds[section.network], quick=quick)) for section in table.sections
        ],
    }


def write(values: Values, name: str) -> list[Path]:
    """The table in ``results`` as JSON, Markdown and HTML."""
    texts = {".json": json.dumps(values, indent=1, allow_nan=False) + "\n", ".md": markdown(values)}
    texts[".html"] = page(values)
    written = []
    for suffix, text in texts.items():
        path = RESULTS / f"{name}{suffix}"
        with durable.whole_file(path) as part:
            part.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _section(section: Section, settings: Sequence[Setting]) -> Values:
    found = {setting.seed: cells.load(setting.name) for setting in settings}
    machines = {cell["machine"] for one in found.values() for cell in one.values()}
    return {
        "title": section.title,
        "reduced": settings[0].words,
        "metrics": list(section.metrics),
        "machines": sorted(machines),
        "rows": [_row(row, section.metrics, found) for row in section.rows],
    }


def _row(row: Row, metrics: Sequence[str], found: dict[int, dict[str, cells.Cell]]) -> Values:
    there = {seed: found[seed][row.cell] for seed in found if row.cell in found[seed]}
    done = {seed: cell for seed, cell in there.items() if "failed" not in cell}
    failures = sorted({cell["failed"] for cell in there.values() if "failed" in cell})
    printed = dict(zip(metrics, row.paper, strict=True)) if row.paper else {}
    values: Values = {
        "title": row.title,
        "cell": row.cell,
        "seeds": sorted(done),
        "failed": failures,
        "figures": {
            metric: _figure([cell[metric] for cell in done.values()], printed.get(metric)) for metric in metrics
        },
    }
    if row.cell.startswith("detect/") and done:
        values["curve"] = _mean_curve([cell["curve"] for cell in done.values()])
    return values


def _figure(values: list[float | None], printed: float | None) -> Values:
    """Mean over the seeds with its 95 % t interval; no interval from a single seed."""
    known = [value for value in values if value is not None]
    half = None
    if len(known) > 1:
        half = float(stats.t.ppf(0.975, len(known) - 1) * np.std(known, ddof=1) / math.sqrt(len(known)))
    return {
        "mean": float(np.mean(known)) if known else None,
        "half_width": half,
        "values": known,
        "paper": printed,
    }


def _mean_curve(curves: list[dict[str, list[int]]]) -> dict[str, list[float]]:
    return {
        "inspected": [float(place) for place in curves[0]["inspected"]],
        "identified": np.mean([curve["identified"] for curve in curves], axis=0).tolist(),
    }


# ---------------------------------------------------------------- Markdown


def markdown(values: Values) -> str:
    """The table for people: ours, the paper's, the difference; what was not run says so."""
    lines = [f"# {values['title']}", ""]
    lines += ["Mean over the seeds with its 95 % t interval; *paper* is the printed number, *diff* ours minus it."]
    lines += [*values["notes"], ""]
    for section in values["sections"]:
        lines += [f"## {section['title']}", ""]
        if section["reduced"]:
            lines += [f"**{section['reduced']}.**", ""]
        lines += [*_markdown_rows(section), ""]
        if section["machines"]:
            lines += [f"Machine: {'; '.join(section['machines'])}.", ""]
    return "\n".join(lines)


def _markdown_rows(section: Values) -> list[str]:
    compared = [
        metric
        for metric in section["metrics"]
        if any(row["figures"][metric]["paper"] is not None for row in section["rows"])
    ]
    heads = ["", "seeds"]
    for metric in section["metrics"]:
        heads += (
            [HEADINGS.get(metric, metric), "paper", "diff"] if metric in compared else [HEADINGS.get(metric, metric)]
        )
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in section["rows"]:
        parts = [row["title"], str(len(row["seeds"]))]
        for metric in section["metrics"]:
            parts += _markdown_cell(row, metric, compared=metric in compared)
        lines.append("| " + " | ".join(parts) + " |")
    lines += [f"\n{row['title']} failed: {' '.join(row['failed'])}" for row in section["rows"] if row["failed"]]
    return lines


def _markdown_cell(row: Values, metric: str, *, compared: bool) -> list[str]:
    figure = row["figures"][metric]
    printed = "-" if figure["paper"] is None else _number(figure["paper"], metric)
    if figure["mean"] is None:
        ours = "failed" if row["failed"] else "*not run*" if not row["seeds"] else "-"
        return [ours, printed, "-"] if compared else [ours]
    ours = _number(figure["mean"], metric)
    if figure["half_width"] is not None:
        ours += f" ± {_number(figure['half_width'], metric)}"
    if not compared:
        return [ours]
    difference = "-" if figure["paper"] is None else _number(figure["mean"] - figure["paper"], metric, signed=True)
    return [ours, printed, difference]


def _number(value: float, metric: str, *, signed: bool = False) -> str:
    digits = 0 if metric in WHOLE else DIGITS.get(metric, 3 if metric.startswith("d =") else 2)
    return f"{value:{'+' if signed else ''}.{digits}f}"


# ---------------------------------------------------------------- plotly


def page(values: Values) -> str:
    """One page with a panel per section that was run: curves where there are any, else ours and the paper's numbers."""
    sections = [section for section in values["sections"] if any(row["seeds"] for row in section["rows"])]
    absent = [section["title"] for section in values["sections"] if section not in sections]
    lines = dict.fromkeys(section["reduced"] for section in sections if section["reduced"])
    subtitles = [line[0].upper() + line[1:] for line in lines] + ([f"Not run: {'; '.join(absent)}"] if absent else [])
    title = "<br>".join([values["title"], *(f"<sub>{line}</sub>" for line in subtitles)])
    figure = _panels(sections) if sections else go.Figure()
    figure.update_layout(
        title={"text": title, "y": 1, "yanchor": "top", "pad": {"t": 16}},
        margin={"t": 130, "l": 20},
        template="plotly_white",
        hovermode="closest",
    )
    figure.update_yaxes(automargin=True)
    text: str = figure.to_html(include_plotlyjs="cdn", full_html=True)
    return text


def _panels(sections: Sequence[Values]) -> go.Figure:
    """Three side by side where all have the same rows, which are then named once; else one below the other."""
    same = len({tuple(row["title"] for row in section["rows"]) for section in sections}) == 1
    columns = min(3, len(sections)) if same else 1
    rows = math.ceil(len(sections) / columns)
    height = max(280, 60 + 26 * max(len(section["rows"]) for section in sections))
    figure = make_subplots(
        rows=rows,
        cols=columns,
        shared_yaxes=same,
        subplot_titles=[section["title"] + (" (reduced)" if section["reduced"] else "") for section in sections],
        vertical_spacing=min(0.9 / rows, 110 / (rows * (height + 110))),
    )
    for place, section in enumerate(sections):
        where = {"row": place // columns + 1, "col": place % columns + 1}
        curves = [row for row in section["rows"] if "curve" in row] if "loss" not in section["metrics"] else []
        is_curve = bool(curves) and "seconds" not in section["metrics"]
        traces = _curves(curves) if is_curve else _dots(section)
        for trace in traces:
            trace.showlegend = place == 0
            figure.add_trace(trace, **where)
        titles = ("samples inspected", "true suspects found") if is_curve else (_heading(section), None)
        figure.update_xaxes(title_text=titles[0], **where)
        figure.update_yaxes(title_text=titles[1] if where["col"] == 1 else None, **where)
    return figure.update_layout(height=180 + rows * (height + 110))


def _curves(rows: Sequence[Values]) -> list[go.Scatter]:
    return [
        go.Scatter(
            x=row["curve"]["inspected"],
            y=row["curve"]["identified"],
            name=row["title"],
            legendgroup=row["title"],
            mode="lines",
            line={"color": COLORS[place % len(COLORS)]},
        )
        for place, row in enumerate(rows)
    ]


def _shown(section: Values) -> str:
    """The metric that a panel of dots shows."""
    return "all" if "all" in section["metrics"] else str(section["metrics"][0])


def _heading(section: Values) -> str:
    if len(section["rows"]) == 1:
        return str(section["rows"][0]["title"])
    return HEADINGS.get(_shown(section), _shown(section))


def _points(section: Values) -> list[tuple[str, Values]]:
    """One metric of every row; of a table of one row, all its metrics."""
    rows = section["rows"]
    if len(rows) == 1:
        return [(HEADINGS.get(metric, metric), rows[0]["figures"][metric]) for metric in section["metrics"]]
    return [(row["title"], row["figures"][_shown(section)]) for row in rows]


def _dots(section: Values) -> list[go.Scatter]:
    points = list(reversed(_points(section)))
    names, figures = [name for name, _ in points], [figure for _, figure in points]
    return [
        go.Scatter(
            x=[figure["paper"] for figure in figures],
            y=names,
            name="paper",
            legendgroup="paper",
            mode="markers",
            marker={"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": "#444"}},
        ),
        go.Scatter(
            x=[figure["mean"] for figure in figures],
            y=names,
            error_x={"type": "data", "array": [figure["half_width"] or 0 for figure in figures], "color": COLORS[0]},
            name="ours",
            legendgroup="ours",
            mode="markers",
            marker={"size": 9, "color": COLORS[0]},
        ),
    ]
