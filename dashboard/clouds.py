"""Samples as clouds of points: loss before against loss after, and the map of features. No Streamlit."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import charts, frames, palette
from dashboard.frames import Positions, ScoreIndex

MOST_POINTS = 50_000
"""More points than this are drawn by a seeded sample, suspects first."""

MOST_WITHOUT_WEBGL = 5_000
"""Up to so many points are drawn as SVG, which works where a browser has no WebGL; more of them would be too slow."""

KINDS = {
    "Not suspect": palette.CLEAN,
    "Suspect": palette.CORRUPTED,
}


def shown(index: ScoreIndex, threshold: float) -> Positions:
    """Positions that are drawn, ascending: all, or at random as many as fit.

    Suspects come first, but of the others a fifth of the points is kept, since a cloud of suspects alone explains none.
    """
    above = index.count_above(threshold)
    return _as_many_as_fit(index.order[:above], index.order[above:])


def shown_of_two(first: ScoreIndex, second: ScoreIndex, top: int) -> Positions:
    """The same for two detectors: what either has in its top K comes first."""
    if len(first) <= MOST_POINTS:
        return np.arange(len(first))
    found = (first.ranks <= top) | (second.ranks <= top)
    return _as_many_as_fit(np.flatnonzero(found), np.flatnonzero(~found))


def _as_many_as_fit(suspects: Positions, others: Positions) -> Positions:
    num = len(suspects) + len(others)
    if num <= MOST_POINTS:
        return np.arange(num)
    draw = np.random.default_rng(0)
    num_others = min(len(others), max(MOST_POINTS - len(suspects), MOST_POINTS // 5))
    parts = [draw.permutation(suspects)[: MOST_POINTS - num_others], draw.permutation(others)[:num_others]]
    return np.sort(np.concatenate(parts))


def losses(
    index: ScoreIndex,
    drawn: Positions,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    threshold: float,
    *,
    dark: bool = False,
) -> go.Figure:
    """Loss under the enhanced model against loss under the base model, on logarithmic axes, of the samples ``drawn``.

    On the dotted diagonal nothing changed; above the solid line are the suspects (after = before + threshold).
    """
    floor = 1e-6
    figure = go.Figure()
    suspect = index.scores[drawn] > threshold
    for name, flags in (("Not suspect", ~suspect), ("Suspect", suspect)):
        figure.add_trace(
            _points(len(drawn))(
                x=np.maximum(before[flags], floor),
                y=np.maximum(after[flags], floor),
                mode="markers",
                name=name,
                marker={"size": 5, "opacity": 0.6, "color": KINDS[name]},
                customdata=drawn[flags],
                hovertext=_labels(index, drawn[flags]),
                hovertemplate="sample %{customdata}, %{hovertext}<br>loss %{x:.3g} → %{y:.3g} nats<extra></extra>",
            )
        )
    top = float(max(before.max(initial=1), after.max(initial=1))) * 1.5
    places = np.geomspace(floor, top, 200)
    figure.add_scatter(
        x=places, y=places, mode="lines", name="No change", hoverinfo="skip",
        line={"color": palette.BEFORE, "width": 1.5, "dash": "dot"},
    )  # fmt: skip
    limit = places + threshold
    figure.add_scatter(
        x=places[limit > floor], y=limit[limit > floor], mode="lines", name="Threshold", hoverinfo="skip",
        line={"color": palette.THRESHOLD, "width": 2},
    )  # fmt: skip
    axis: dict[str, Any] = {"type": "log", "gridcolor": palette.GRID, "zeroline": False, "exponentformat": "power"}
    bounds = [float(np.log10(floor)) - 0.2, float(np.log10(top))]
    figure.update_xaxes(title="Loss before (nats, base model)", range=bounds, **axis)
    figure.update_yaxes(title="Loss after (nats, enhanced model)", range=bounds, **axis)
    return _selectable(figure, dark=dark)


def feature_map(
    index: ScoreIndex, coordinates: NDArray[np.float32], threshold: float, layout: str, *, dark: bool = False
) -> go.Figure:
    """Training samples where their penultimate features put them, coloured by score; suspects are drawn last."""
    drawn = shown(index, threshold)
    drawn = drawn[np.argsort(index.scores[drawn], kind="stable")]
    reach = float(frames.spread(max(abs(index.ascending[0]), abs(index.ascending[-1]), frames.NEAR_ZERO)))
    ticks = [value for value in (-10, -1, -0.1, 0, 0.1, 1, 10) if abs(float(frames.spread(value))) <= reach]
    ink = charts.page_ink(dark=dark)
    neutral = "#4A555C" if dark else "#C9CDCB"
    figure = go.Figure()
    figure.add_trace(
        _points(len(drawn))(
            x=coordinates[drawn, 0],
            y=coordinates[drawn, 1],
            mode="markers",
            marker={
                "size": 5,
                "opacity": 0.75,
                "color": frames.spread(index.scores[drawn]),
                "cmin": -reach,
                "cmax": reach,
                "colorscale": [[0, palette.CLEAN], [0.5, neutral], [1, palette.CORRUPTED]],
                "colorbar": {
                    "title": {"text": "Score<br>(nats)", "font": ink},
                    "tickfont": ink,
                    "tickvals": [float(frames.spread(value)) for value in ticks],
                    "ticktext": [f"{value:g}" for value in ticks],
                    "thickness": 10,
                    "outlinewidth": 0,
                },
            },
            customdata=drawn,
            hovertext=_labels(index, drawn),
            text=[f"{score:.3g}" for score in index.scores[drawn].tolist()],
            hovertemplate="sample %{customdata}, %{hovertext}<br>score %{text} nats<extra></extra>",
            showlegend=False,
        )
    )
    names = ("First", "Second") if layout == "pca" else ("UMAP", "UMAP")
    figure.update_xaxes(title=f"{names[0]} component", showgrid=False, zeroline=False, showticklabels=False)
    figure.update_yaxes(title=f"{names[1]} component", showgrid=False, zeroline=False, showticklabels=False)
    return _selectable(figure, dark=dark)


def ranks(first: ScoreIndex, second: ScoreIndex, top: int, *, titles: tuple[str, str], dark: bool = False) -> go.Figure:
    """Where two detectors rank each sample, as the share of the others that are less suspect; lines part the top K."""
    drawn = shown_of_two(first, second, top)
    figure = go.Figure()
    for name, color, samples in _by_truth(first, drawn):
        figure.add_trace(
            _points(len(drawn))(
                x=percentiles(first, samples),
                y=percentiles(second, samples),
                mode="markers",
                name=name,
                marker={"size": 5, "opacity": 0.6, "color": color},
                customdata=samples,
                hovertext=_labels(first, samples),
                text=[
                    f"{one:,} and {other:,}"
                    for one, other in zip(first.ranks[samples], second.ranks[samples], strict=True)
                ],
                hovertemplate="sample %{customdata}, %{hovertext}<br>ranks %{text}<extra></extra>",
            )
        )
    cut = 100 * (len(first) - top - 0.5) / max(len(first) - 1, 1)
    line = {"color": palette.THRESHOLD, "width": 1.5, "dash": "dot"}
    figure.add_vline(x=cut, line=line)
    figure.add_hline(y=cut, line=line)
    axis: dict[str, Any] = {"range": [-2, 102], "gridcolor": palette.GRID, "zeroline": False, "nticks": 6}
    first_title, second_title = (f"Samples less suspect by {title} (%)" for title in titles)
    figure.update_xaxes(title=first_title, **axis)
    figure.update_yaxes(title=second_title, **axis)
    return _selectable(figure, dark=dark)


def percentiles(index: ScoreIndex, samples: Positions) -> NDArray[np.float64]:
    """Share (%) of the other samples that score lower than each of ``samples``; equal ones count half."""
    scores = index.score_of(samples)
    lower, upto = (np.searchsorted(index.ascending, scores, side) for side in ("left", "right"))
    return np.asarray(100 * (lower + upto - 1) / 2 / max(len(index) - 1, 1))


def _by_truth(index: ScoreIndex, drawn: Positions) -> list[tuple[str, str, Positions]]:
    """Name, colour and samples of each kind, the corrupted last, which are fewer."""
    if index.corrupted is None:
        return [("Samples", palette.CLEAN, drawn)]
    wrong = index.corrupted[drawn]
    return [("Clean", palette.CLEAN, drawn[~wrong]), ("Corrupted", palette.CORRUPTED, drawn[wrong])]


def selected(event: Mapping[str, Any]) -> list[int]:
    """Samples inside a lasso or box, as Streamlit reports it."""
    points = event.get("selection", {}).get("points", [])
    return sorted({int(point["customdata"]) for point in points if point.get("customdata") is not None})


def _points(num: int) -> Callable[..., Any]:
    """What draws so many points."""
    trace: Callable[..., Any] = go.Scatter if num <= MOST_WITHOUT_WEBGL else go.Scattergl
    return trace


def _labels(index: ScoreIndex, chosen: Positions) -> list[str]:
    """Given and believed class of each sample in words, each pair of classes put together once."""
    names, num = index.class_names, len(index.class_names)
    pairs, place = np.unique(
        index.labels[chosen].astype(np.int64) * num + index.predictions[chosen], return_inverse=True
    )
    said = [f"given {names[pair // num]}, believed {names[pair % num]}" for pair in pairs.tolist()]
    return [said[at] for at in place.tolist()]


def _selectable(figure: go.Figure, *, dark: bool) -> go.Figure:
    charts.plain(figure, height=560, dark=dark)
    figure.update_layout(dragmode="lasso")
    return figure
