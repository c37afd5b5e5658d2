"""Concurrency: how many environments or workers were busy, against how many there may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from msgsim.report.figures.canvas import (
    columns_for,
    name,
    new_figure,
    panel_title,
    plain,
    size_for,
    stacks,
    styled,
)
from msgsim.report.figures.data import ConcurrencyData, Course, Provenance
from msgsim.report.figures.panels import (
    counts_axis,
    draw_course,
    halo,
    limit_line,
    shade_faults,
    time_axis,
)
from msgsim.report.figures.thin import MOST_POINTS, thinned
from msgsim.report.style import (
    ALARM,
    FONT_PT,
    INK,
    Look,
    clock_unit,
    count_text,
    duration_text,
    looks,
    significant,
)

_NEAR = 0.2


def concurrency(
    runs: Mapping[str, ConcurrencyData],
    provenance: Provenance,
    colours: Mapping[str, Look] | None = None,
) -> Figure | None:
    """Draw concurrent executions (or busy workers) against their limit, and throttles below.

    A limit five times above all that was used is only named in the title: drawn, it would flatten
    the line. The panel of throttles is there when any run had one.

    Returns:
        None when nothing ever ran or was throttled.
    """
    filled = {v: d for v, d in runs.items() if d.running.peak > 0 or _throttles(d) > 0}
    if not filled:
        return None
    data = list(filled.values())
    look = (colours or looks([data[0].name]))[data[0].name]
    end_s = max(each.end_s for each in data)
    refused = any(_throttles(each) for each in data)
    columns = columns_for(len(data))
    with styled():
        figure = new_figure(_title(data), provenance, *size_for(len(data), 6.0 if refused else 5.2))
        most = MOST_POINTS // columns
        found = stacks(figure, len(data), [2.6, 1] if refused else [1])
        for (variant, each), stack in zip(filled.items(), found, strict=True):
            draw_course(stack[0], each.running, each.end_s, look, "running", most)
            if each.size is not None:
                _draw_size(stack[0], each.size, each.end_s, each.size_name)
            if refused and each.throttles is not None:
                _draw_throttles(stack[1], each.throttles, each.end_s)
            time_axis(stack[-1], end_s)
            panel_title(stack[0], columns, variant, _seen(each) if variant else "")
        _scale(found, data)
        for stack, each in zip(found, data, strict=True):
            shade_faults(stack, each.faults, end_s)
    return figure


def _throttles(data: ConcurrencyData) -> float:
    return float(data.throttles.mean.sum()) if data.throttles is not None else 0.0


def _title(data: Sequence[ConcurrencyData]) -> str:
    if len(data) == 1:
        return f"{name(data[0].name)}: {_seen(data[0])}"
    return f"{name(data[0].name)}: concurrency against its limit"


def _seen(data: ConcurrencyData) -> str:
    peak = count_text(data.running.peak)
    if data.limit is None:
        text = f"at most {peak} at once"
    elif data.running.peak >= data.limit:
        text = f"reached its limit of {count_text(data.limit)}{_when(data)}"
    else:
        text = f"at most {peak} of {count_text(data.limit)} at once"
    throttles = _throttles(data)
    return f"{text}, {count_text(throttles)} throttles" if throttles else text


def _when(data: ConcurrencyData) -> str:
    values = data.running.mean if data.running.high is None else data.running.high
    moment = float(data.running.time_s[int((values >= (data.limit or 0)).argmax())])
    return f" after {duration_text(moment)}" if moment > 0 else ""


def _draw_size(axes: Axes, size: Course, end_s: float, label: str) -> None:
    """Draw how many there were, over how many were busy."""
    times = np.append(size.time_s, end_s)
    counts = np.append(size.mean, size.mean[-1:])
    axes.plot(times, counts, drawstyle="steps-post", color=INK, linewidth=1.4, zorder=3)
    last = int(np.flatnonzero(size.mean == size.mean.max())[-1])
    text = axes.annotate(
        plain(label), (times[last + 1], 0.84 * size.mean[last]), xytext=(5, 0),
        textcoords="offset points", color=INK, fontsize=FONT_PT - 1, va="top",
        ha="left" if times[last + 1] < 0.8 * end_s else "right",
    )  # fmt: skip
    halo(text)


def _draw_throttles(axes: Axes, throttles: Course, end_s: float) -> None:
    kept = thinned(throttles.mean)
    axes.vlines(throttles.time_s[kept], 0, throttles.mean[kept], color=ALARM, linewidth=1.8)
    axes.set_xlim(0, end_s)


def _scale(found: Sequence[Sequence[Axes]], data: Sequence[ConcurrencyData]) -> None:
    peak = max(max(each.running.peak, each.size.peak if each.size else 0) for each in data)
    limits = [each.limit for each in data if each.limit is not None]
    near = [limit for limit in limits if peak >= _NEAR * limit]
    found[0][0].set_ylim(0, max([peak, *near, 1.0]) * 1.16)
    for index, (stack, each) in enumerate(zip(found, data, strict=True)):
        first = index % columns_for(len(found)) == 0
        counts_axis(stack[0], each.counted if first else "")
        if each.limit in near and each.limit is not None:
            limit_line(stack[0], each.limit, f"{each.limit_name} {count_text(each.limit)}", ALARM)
        if len(stack) > 1:
            stack[1].set_ylim(bottom=0)
            counts_axis(stack[1], f"throttles\n({_bucket(data)})" if first else "")
            stack[1].yaxis.set_major_locator(MaxNLocator(2, integer=True))


def _bucket(data: Sequence[ConcurrencyData]) -> str:
    for each in data:
        if each.throttles is not None and len(each.throttles.time_s) > 1:
            width = float(each.throttles.time_s[1] - each.throttles.time_s[0])
            size, unit = clock_unit(width)
            return f"per {significant(width / size)} {unit}".replace("per 1 ", "per ")
    return "invocations"
