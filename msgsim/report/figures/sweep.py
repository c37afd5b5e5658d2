"""Sweep: one knob as a curve with its band, two as a map with the infeasible hatched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, NullFormatter

from msgsim.report.figures.canvas import key_above, name, new_figure, stacks, styled
from msgsim.report.figures.data import CurveData, MapData, Provenance, SweptMetric
from msgsim.report.figures.panels import durations_axis
from msgsim.report.style import (
    ALARM,
    BLUE,
    FAINT,
    GREY,
    INK,
    MAP,
    ORANGE,
    PAPER,
    count_text,
    duration_text,
    share_text,
    significant,
)

_HATCH = "////"
_WIDE = 20.0  # from here on, what is between the smallest and the largest needs a log scale
_MOST_LABELS = 12
_MOST_NUMBERS = 100


def curve(data: CurveData, provenance: Provenance) -> Figure | None:
    """Draw one or two metrics over the values of a knob, with bands for their intervals.

    The first metric is read on the left, the second, such as cost, in a panel of its own below;
    points that do not meet the rules are hatched, the chosen one is marked by a line.

    Returns:
        None when no point has a value.
    """
    metrics = [metric for metric in data.metrics if np.isfinite(metric.estimate).any()][:2]
    if not metrics:
        return None
    with styled():
        title = f"{metrics[0].name} over {data.knob}"
        figure = new_figure(title, provenance, 10.0, 4.6 if len(metrics) == 1 else 6.6)
        panels = stacks(figure, 1, [1.5, 1][: len(metrics)])[0]
        places = _places(data)
        for axes, metric, colour in zip(panels, metrics, (BLUE, ORANGE), strict=False):
            _line(axes, places, metric, colour)
            _shade_infeasible(axes, places, data.feasible)
            if data.chosen is not None:
                axes.axvline(places[data.chosen], color=INK, linewidth=1.2, linestyle=(0, (2, 2)))
        _knob_axis(panels[-1], data, places)
        key_above(figure, _key(metrics, data))
    return figure


def _places(data: CurveData) -> np.ndarray:
    """Return where points stand: at their numbers, or side by side where they are words."""
    if data.numbers is None:
        return np.arange(len(data.values), dtype=float)
    return np.asarray(data.numbers, dtype=float)


def _line(axes: Axes, places: np.ndarray, metric: SweptMetric, colour: str) -> None:
    known = np.isfinite(metric.estimate)
    axes.fill_between(
        places, metric.low, metric.high, where=known, color=colour, alpha=0.22, linewidth=0
    )
    axes.plot(places[known], metric.estimate[known], color=colour, marker="o", markersize=6)
    _value_axis(axes, metric)


def _value_axis(axes: Axes, metric: SweptMetric) -> None:
    axes.set_ylabel(name(metric.name))
    shown = {"time": duration_text, "share": share_text}.get(metric.dimension, count_text)
    known = metric.estimate[np.isfinite(metric.estimate)]
    top = float(np.nanmax(np.where(np.isfinite(metric.high), metric.high, metric.estimate)))
    if known.min() > 0 and known.max() / known.min() >= _WIDE:
        axes.set_yscale("log")
        axes.set_ylim(float(known.min()) / 1.6, top * 1.6)
        axes.yaxis.set_minor_formatter(NullFormatter())
    elif metric.dimension == "time":
        durations_axis(axes, name(metric.name), top)
        return
    else:
        axes.set_ylim(0, top * 1.08 if top > 0 else 1)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))


def _shade_infeasible(axes: Axes, places: np.ndarray, feasible: Sequence[str]) -> None:
    """Hatch the stretch around every point that does not meet the rules."""
    order = np.argsort(places)
    ends = _ends(places[order])
    for rank, index in enumerate(order):
        if feasible[index] != "yes":
            axes.axvspan(
                ends[rank], ends[rank + 1], facecolor="none", edgecolor=FAINT, hatch=_HATCH,
                linewidth=0, zorder=0,
            )  # fmt: skip


def _ends(places: np.ndarray) -> np.ndarray:
    """Return the middles between places, and as much beyond the first and the last."""
    if len(places) == 1:
        return np.array([places[0] - 0.5, places[0] + 0.5])
    if _by_factors(places):
        return np.exp(_ends_of(np.log(places)))
    return _ends_of(places)


def _by_factors(places: np.ndarray) -> bool:
    """Say whether ascending places spread better on a logarithmic axis: far apart, and uneven."""
    gaps = np.diff(places)
    return bool(places[0] > 0 and places[-1] / places[0] >= 8 and gaps.max() >= 3 * gaps.min())


def _ends_of(places: np.ndarray) -> np.ndarray:
    middles = (places[1:] + places[:-1]) / 2
    return np.concatenate([[2 * places[0] - middles[0]], middles, [2 * places[-1] - middles[-1]]])


def _knob_axis(axes: Axes, data: CurveData, places: np.ndarray) -> None:
    axes.set_xlabel(name(data.knob, 60))
    ascending = np.sort(places)
    ends = _ends(ascending)
    if data.numbers is not None and len(places) > 1 and _by_factors(ascending):
        axes.set_xscale("log")
    step = -(-len(places) // _MOST_LABELS)
    axes.set_xticks(places[::step], [name(value, 12) for value in data.values[::step]])
    axes.minorticks_off()
    axes.set_xlim(float(ends[0]), float(ends[-1]))


def _key(metrics: Sequence[SweptMetric], data: CurveData) -> list[Artist]:
    key: list[Artist] = []
    if any(np.isfinite(metric.low).any() for metric in metrics):
        key.append(Patch(facecolor=GREY, alpha=0.3, label="95 % interval"))
    if any(each != "yes" for each in data.feasible):
        key.append(_hatched("does not surely meet the rules"))
    if data.chosen is not None:
        label = f"chosen: {name(data.values[data.chosen], 20)}"
        key.append(Line2D([], [], color=INK, linewidth=1.2, linestyle=(0, (2, 2)), label=label))
    return key


def _hatched(label: str) -> Patch:
    return Patch(facecolor=PAPER, edgecolor=GREY, hatch=_HATCH, label=label)


def heat_map(data: MapData, provenance: Provenance) -> Figure | None:
    """Draw a metric over two knobs: a cell for each point, its number in it, infeasible hatched.

    Returns:
        None when no point has a value.
    """
    values = data.metric.estimate
    if not np.isfinite(values).any():
        return None
    rows, columns = values.shape
    with styled():
        title = f"{data.metric.name} over {data.x} and {data.y}"
        height = min(12.0, max(4.2, 2.2 + 0.55 * rows))
        figure = new_figure(title, provenance, 10.0, height)
        axes = stacks(figure, 1, [1])[0][0]
        axes.grid(visible=False)
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        wide = low > 0 and high / low >= _WIDE
        norm = LogNorm(low, high) if wide else Normalize(low, high if high > low else low + 1)
        axes.imshow(values, cmap=MAP, norm=norm, aspect="auto", origin="lower")
        for row in range(rows):
            for column in range(columns):
                _cell(axes, data, row, column, norm, rows * columns <= _MOST_NUMBERS)
        _map_axes(axes, data)
        bar = figure.colorbar(ScalarMappable(norm, MAP), ax=axes, pad=0.02)
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: _shown(v, data.metric)))
        bar.ax.yaxis.set_minor_formatter(NullFormatter())
        key_above(figure, _map_key(data))
    return figure


def _cell(
    axes: Axes, data: MapData, row: int, column: int, norm: Normalize, numbered: bool
) -> None:
    value, feasible = data.metric.estimate[row, column], data.feasible[row][column]
    corner = (column - 0.5, row - 0.5)
    dark = np.isfinite(value) and float(norm(value)) < 0.55
    if not np.isfinite(value):
        axes.add_patch(Rectangle(corner, 1, 1, facecolor="#EDEDED", edgecolor=PAPER))
    if feasible != "yes":
        axes.add_patch(
            Rectangle(
                corner, 1, 1, facecolor="none", edgecolor="#FFFFFFB0" if dark else "#22222290",
                hatch=_HATCH, linewidth=0,
            )
        )  # fmt: skip
    if data.chosen == (row, column):
        ring = Rectangle(corner, 1, 1, facecolor="none", edgecolor=ALARM, linewidth=3.5, zorder=5)
        ring.set_clip_on(False)
        axes.add_patch(ring)
    if numbered:
        text = _shown(value, data.metric) if np.isfinite(value) else "failed"
        box = {"facecolor": "#00000070" if dark else "#FFFFFFA0", "edgecolor": "none", "pad": 1.5}
        axes.text(
            column, row, text, ha="center", va="center", fontsize=10,
            color=PAPER if dark else INK, bbox=box if feasible != "yes" else None,
        )  # fmt: skip


def _map_axes(axes: Axes, data: MapData) -> None:
    for labels, ticks, values in (
        (axes.set_xlabel, axes.set_xticks, data.x_values),
        (axes.set_ylabel, axes.set_yticks, data.y_values),
    ):
        labels(name(data.x if values is data.x_values else data.y, 60))
        step = -(-len(values) // _MOST_LABELS)
        ticks(np.arange(len(values))[::step], [name(value, 12) for value in values[::step]])
    axes.tick_params(length=0)


def _map_key(data: MapData) -> list[Patch]:
    key = []
    if any(cell != "yes" for line in data.feasible for cell in line):
        key.append(_hatched("does not surely meet the rules"))
    if data.chosen is not None:
        key.append(Patch(facecolor="none", edgecolor=ALARM, linewidth=3, label="chosen"))
    return key


def _shown(value: float, metric: SweptMetric) -> str:
    if metric.dimension == "time":
        return duration_text(value)
    if metric.dimension == "share":
        return share_text(value)
    return count_text(value) if value == round(value) else significant(value)
