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
from benchmarks.paper.settings import Setting
from benchmarks.paper.tables import Row, Section, Table
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
    """One page with a figure per section: curves where there are any, else ours and the paper's first metric."""
    sections = values["sections"]
    columns = 3
    rows = math.ceil(len(sections) / columns)
    figure = make_subplots(
        rows=rows, cols=columns, subplot_titles=[section["title"] for section in sections], vertical_spacing=0.35 / rows
    )
    for place, section in enumerate(sections):
        where = {"row": place // columns + 1, "col": place % columns + 1}
        for trace in _traces(section, legend=place == 0):
            figure.add_trace(trace, **where)
    figure.update_layout(title=values["title"], height=180 + 380 * rows, template="plotly_white", hovermode="closest")
    text: str = figure.to_html(include_plotlyjs="cdn", full_html=True)
    return text


def _traces(section: Values, *, legend: bool) -> list[go.Scatter]:
    if all("curve" in row for row in section["rows"] if row["seeds"]) and "loss" not in section["metrics"]:
        curves = [row for row in section["rows"] if "curve" in row]
        if curves:
            return [_curve(row, legend=legend) for row in curves]
    metric = "all" if "all" in section["metrics"] else section["metrics"][0]
    return [_dots(section, metric, "paper", legend=legend), _dots(section, metric, "ours", legend=legend)]


def _curve(row: Values, *, legend: bool) -> go.Scatter:
    return go.Scatter(
        x=row["curve"]["inspected"],
        y=row["curve"]["identified"],
        name=row["title"],
        legendgroup=row["title"],
        showlegend=legend,
        mode="lines",
    )


def _dots(section: Values, metric: str, whose: str, *, legend: bool) -> go.Scatter:
    rows = list(reversed(section["rows"]))
    figures = [row["figures"][metric] for row in rows]
    ours = whose == "ours"
    return go.Scatter(
        x=[figure["mean" if ours else "paper"] for figure in figures],
        y=[row["title"] for row in rows],
        error_x={"type": "data", "array": [figure["half_width"] or 0 for figure in figures]} if ours else None,
        name=f"{whose}, {HEADINGS.get(metric, metric)}",
        legendgroup=whose,
        showlegend=legend,
        mode="markers",
        marker={"symbol": "circle" if ours else "x-thin", "size": 9, "line": {"width": 2}},
    )
