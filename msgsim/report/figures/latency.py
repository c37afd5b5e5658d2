"""Latency: how long messages took, as a distribution, because averages hide the tail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from msgsim.report.figures.canvas import (
    columns_for,
    key_above,
    name,
    new_figure,
    panel_title,
    root,
    size_for,
    stacks,
    styled,
)
from msgsim.report.figures.data import Floats, LatencyData, Provenance
from msgsim.report.figures.panels import halo
from msgsim.report.figures.stages import draw_stages, stage_key
from msgsim.report.figures.thin import cumulative, quantile, thinned_curve
from msgsim.report.style import (
    FAINT,
    FONT_PT,
    GREY,
    Look,
    clock_unit,
    duration_text,
    looks,
    share_text,
)

MOST_LINES = 6
_FLOOR_S = 1e-6
_CURVE = 600
_LETTER_IN = 0.097
_AXIS = ("time from publish to first completion ({})", "publish → done ({})")
_GREY_LOOK = Look(FAINT, "solid", "o")


@dataclass(frozen=True, eq=False)
class _Line:
    label: str
    values: Floats
    shares: Floats
    look: Look
    stages: Mapping[str, float]

    def at(self, share: float) -> float:
        return quantile(self.values, self.shares, share)

    @property
    def known(self) -> bool:
        return self.look is not _GREY_LOOK


def latency(
    runs: Mapping[str, Sequence[LatencyData]],
    provenance: Provenance,
    colours: Mapping[str, Look] | None = None,
) -> Figure | None:
    """Draw the cumulative distribution of latency, and how much of it each stage takes.

    Several variants with one subscriber each share a panel, one line per variant; with more
    subscribers every variant has its panel, all with the same axes. Beyond six lines the slowest
    keep their colours and the others turn grey.

    Returns:
        None when no message was done.
    """
    filled = {v: [d for d in found if len(d.values_s)] for v, found in runs.items()}
    filled = {variant: found for variant, found in filled.items() if found}
    if not filled:
        return None
    overlay = len(filled) > 1 and all(len(found) == 1 for found in filled.values())
    panels = _overlaid(filled, colours) if overlay else _beside(filled, colours)
    lines = [line for panel in panels.values() for line in panel]
    labels = list(dict.fromkeys(line.label for line in lines if line.stages))[:MOST_LINES]
    longest = max(sum(line.stages.values()) for line in lines)
    below = (0.75 + 0.34 * len(labels)) if labels else 0.0
    columns = columns_for(len(panels))
    with styled():
        title = _title(panels, next(iter(filled.values()))[0].subscriber if overlay else "")
        figure = new_figure(title, provenance, *size_for(len(panels), 5.0 + below))
        found = stacks(figure, len(panels), [3.6, below] if labels else [1], one_x=False)
        for (variant, panel), stack in zip(panels.items(), found, strict=True):
            _draw(stack[0], panel, lines, columns)
            panel_title(stack[0], columns, variant)
            if labels:
                draw_stages(stack[1], {line.label: line.stages for line in panel}, labels, longest)
        for stack in found[:: columns_for(len(panels))]:
            stack[0].set_ylabel("share of messages done")
        if labels:
            key_above(figure, stage_key())
    return figure


def _overlaid(
    runs: Mapping[str, Sequence[LatencyData]], colours: Mapping[str, Look] | None
) -> dict[str, list[_Line]]:
    given = {**looks(runs), **{v: look for v, look in (colours or {}).items() if v in runs}}
    return {"": _faded([_line(found[0], v, given[v]) for v, found in runs.items()])}


def _beside(
    runs: Mapping[str, Sequence[LatencyData]], colours: Mapping[str, Look] | None
) -> dict[str, list[_Line]]:
    given = looks(data.subscriber for found in runs.values() for data in found)
    given |= dict(colours or {})
    return {
        variant: _faded([_line(data, data.subscriber, given[data.subscriber]) for data in found])
        for variant, found in runs.items()
    }


def _line(data: LatencyData, label: str, look: Look) -> _Line:
    values, shares = cumulative(np.asarray(data.values_s, dtype=float), data.counts)
    return _Line(name(label), values, shares, look, data.stages_s or {})


def _faded(lines: list[_Line]) -> list[_Line]:
    """Leave colours to the slowest, if there are too many lines to tell apart."""
    slowest = sorted(lines, key=lambda line: -line.at(0.99))[:MOST_LINES]
    return [
        line if line in slowest else _Line(line.label, line.values, line.shares, _GREY_LOOK, {})
        for line in lines
    ]


def _title(panels: Mapping[str, Sequence[_Line]], subscriber: str) -> str:
    said = {
        (f"{line.label}, {name(variant, 16)}" if len(panels) > 1 else line.label): line
        for variant, panel in panels.items()
        for line in panel
    }
    by_tail = sorted(said, key=lambda text: said[text].at(0.99))
    fast, slow = by_tail[0], by_tail[-1]
    tail = duration_text(said[slow].at(0.99))
    if len(said) == 1:
        half = duration_text(said[slow].at(0.5))
        return f"Latency of {slow}: half done within {half}, 99 % within {tail}"
    where = f"Latency at {name(subscriber)}" if subscriber else "Latency"
    quick = duration_text(said[fast].at(0.99))
    return f"{where}: 99 % done within {quick} ({fast}) to {tail} ({slow})"


def _draw(axes: Axes, panel: Sequence[_Line], lines: Sequence[_Line], columns: int) -> None:
    low, high = _range(lines)
    logarithmic = high > 100 * low
    if logarithmic:
        axes.set_xscale("log")
    for share in (0.5, 0.99):
        axes.axhline(share, color=FAINT, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
    for line in sorted(panel, key=lambda line: line.known):
        _draw_line(axes, line, low, high)
    _time_ticks(axes, low, high, columns)
    axes.set_ylim(0, 1.03)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 0.99])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: share_text(y)))
    axes.grid(axis="x", color="#EEEEEE")
    _label(axes, [line for line in panel if line.known], len(panel), columns)


def _range(lines: Sequence[_Line]) -> tuple[float, float]:
    """Return the smallest latency above nothing, and the largest."""
    lows = [float(line.values[line.values > 0][0]) for line in lines if line.values[-1] > 0]
    low = max(min(lows, default=1e-3), _FLOOR_S)
    return low, max(max(float(line.values[-1]) for line in lines), low * 1.05)


def _draw_line(axes: Axes, line: _Line, low: float, high: float) -> None:
    kept = thinned_curve(line.values, line.shares, _CURVE if line.known else _CURVE // 3)
    start = max(float(line.values[0]), low) if axes.get_xscale() == "log" else line.values[0]
    axes.plot(
        np.concatenate(([start], line.values[kept], [high * 2])),
        np.concatenate(([0.0], line.shares[kept], [1.0])),
        drawstyle="steps-post", color=line.look.colour, linestyle=line.look.dashes,
        label=line.label, zorder=3 if line.known else 2,
    )  # fmt: skip
    if line.known:
        axes.plot(
            [line.at(0.5), line.at(0.99)], [0.5, 0.99], linestyle="none", markersize=7.5,
            marker=line.look.marker, color=line.look.colour, markeredgecolor="white", zorder=4,
        )  # fmt: skip


def _time_ticks(axes: Axes, low: float, high: float, columns: int) -> None:
    if axes.get_xscale() == "log":
        axes.set_xlim(low * 0.8, high * 1.25)
        decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
        decades = decades[:: max(1, -(-len(decades) // (8 if columns == 1 else 4)))]
        axes.xaxis.set_major_locator(FixedLocator([10.0**power for power in decades]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _decade_text(x)))
        axes.set_xlabel(
            _AXIS[columns > 1].format(
                "log scale" if columns > 1 else "log scale, units at the marks"
            )
        )
        return
    size, unit = clock_unit(high)
    axes.set_xlim(0 if low < 0.5 * high else low - 0.3 * (high - low), high * 1.02)
    ticks = MaxNLocator(nbins=7 if columns == 1 else 4, steps=[1, 2, 5, 10])
    axes.set_xticks([t * size for t in ticks.tick_values(0, high / size) if t * size <= high])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{round(x / size, 6):g}"))
    axes.set_xlabel(_AXIS[columns > 1].format(unit))


def _decade_text(seconds: float) -> str:
    """Return a power of ten as a duration; seconds stay seconds so that decades stay round."""
    if seconds >= 0.999:
        return f"{seconds:,.0f} s".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return duration_text(seconds)


def _label(axes: Axes, known: Sequence[_Line], total: int, columns: int) -> None:
    """Name each line at the line, at a height of its own so that no two names meet."""
    ordered = sorted(known, key=lambda line: line.at(0.5))
    heights = np.linspace(0.86, 0.12, len(ordered)) if len(ordered) > 1 else [0.6]
    for line, height in zip(ordered, heights, strict=True):
        text = f"{line.label}  p99 {duration_text(line.at(0.99))}"
        if columns == 1:
            half = duration_text(line.at(0.5))
            text = f"{line.label}  p50 {half}, p99 {duration_text(line.at(0.99))}"
        x = max(line.at(float(height)), axes.get_xlim()[0])
        place = _place(axes, x)
        on_left = place > max(0.5, 1 - _width_share(axes, text, columns))
        halo(axes.annotate(
            text, (x, float(height)), xytext=(-9 if on_left else 9, 0),
            textcoords="offset points", ha="right" if on_left else "left", va="center",
            color=_dark(line.look.colour), fontsize=FONT_PT - 0.5, weight="bold", zorder=5,
            in_layout=False,
        ))  # fmt: skip
    if total > len(known):
        axes.text(0.01, 0.93, f"grey: {total - len(known)} faster ones", color=GREY,
                  transform=axes.transAxes)  # fmt: skip


def _place(axes: Axes, x: float) -> float:
    """Return where `x` lies between the left (0) and the right (1) of a panel."""
    left, right = axes.get_xlim()
    if axes.get_xscale() == "log":
        return float(np.log(x / left) / np.log(right / left))
    return (x - left) / (right - left)


def _width_share(axes: Axes, text: str, columns: int) -> float:
    """Return about how much of a panel's width a label takes."""
    return (len(text) * _LETTER_IN + 0.2) / (root(axes).get_figwidth() / columns - 0.8)


def _dark(colour: str) -> str:
    """Return a colour dark enough for letters on white."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(part * 0.72):02x}" for part in parts)
