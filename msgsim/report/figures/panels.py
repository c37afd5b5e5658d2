"""Panels: what several figures have on their axes, such as time, faults and labels at lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

from msgsim.report.figures.canvas import name, plain, root
from msgsim.report.figures.data import Course, FaultBand
from msgsim.report.figures.thin import MOST_POINTS, thinned
from msgsim.report.style import (
    FAULT,
    FONT_PT,
    GREY,
    INK,
    LINE_PT,
    PAPER,
    Look,
    clock_unit,
    count_text,
)

_LETTER_IN = 0.093  # mean width of a letter at the size of our labels
_MOST_LABELS = 3
_DENSE = 200  # points from which a line may be thinner, for it fills an area anyway
_DENSE_LINE_PT = 1.8


def halo(text: Text) -> Text:
    """Set a label off from the lines beneath it."""
    text.set_path_effects([withStroke(linewidth=3.5, foreground=PAPER)])
    return text


def time_axis(axes: Axes, end_s: float, label: bool = True) -> None:
    """Show time from 0 to the end of the run, in the unit that suits its length."""
    end_s = end_s or 1.0
    size, unit = clock_unit(end_s)
    axes.set_xlim(0, end_s)
    step = _round_step(end_s / size, 6, unit) * size
    axes.set_xticks(np.arange(0, end_s + step * 1e-6, step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{round(x / size, 6):g}"))
    if label:
        axes.set_xlabel(f"simulated time ({unit})")


def _round_step(span: float, most: int, unit: str) -> float:
    """Return the distance of ticks: what a clock shows, with at most `most` steps to the span."""
    clock = {"s": (1, 2, 5, 10, 15, 20, 30, 60), "min": (1, 2, 5, 10, 15, 20, 30, 60)}
    hours = {"h": (1, 2, 3, 4, 6, 12, 24, 48)}
    for step in (clock | hours).get(unit, ()):
        if 3 <= span / step <= most:
            return float(step)
    power = 10.0 ** np.floor(np.log10(span / most))
    return float(next(power * k for k in (1, 2, 5, 10) if span / (power * k) <= most * 1.0001))


def counts_axis(axes: Axes, label: str) -> None:
    """Show whole numbers from 0, with thousands set apart."""
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=2))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: count_text(y)))
    axes.set_ylabel(label)


def durations_axis(axes: Axes, label: str, peak_s: float) -> None:
    """Show durations from 0, in the unit that suits the largest."""
    size, unit = clock_unit(peak_s)
    ticks = MaxNLocator(nbins=4, steps=[1, 2, 5, 10]).tick_values(0, (peak_s or 1.0) / size)
    axes.set_yticks([tick * size for tick in ticks])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{round(y / size, 6):g}"))
    axes.set_ylabel(f"{label} ({unit})")
    axes.set_ylim(0, (peak_s or size) * 1.12)


def draw_course(
    axes: Axes, course: Course, end_s: float, look: Look, label: str, most: int = MOST_POINTS
) -> None:
    """Draw a course in steps: its mean as a line, and up to its largest value as a shade."""
    series = [course.mean] if course.high is None else [course.mean, course.high]
    kept = thinned(*series, most=most)
    times = course.time_s[kept]
    means = course.mean[kept]
    if times.size and end_s > times[-1]:
        times, means = np.append(times, end_s), np.append(means, means[-1])
    width = LINE_PT if len(times) < _DENSE else _DENSE_LINE_PT
    axes.plot(
        times, means, drawstyle="steps-post", color=look.colour, linestyle=look.dashes,
        label=label, linewidth=width,
    )  # fmt: skip
    if course.high is not None:
        highs = course.high[kept]
        highs = np.append(highs, highs[-1:])[: len(times)]
        axes.fill_between(
            times, means, highs, step="post", color=look.colour, alpha=0.25, linewidth=0
        )


def shade_faults(stack: Sequence[Axes], faults: Iterable[FaultBand], end_s: float) -> None:
    """Shade faults in all panels of a stack, and describe them at the top of the first.

    What lasts no time, such as an action, is a dashed line.

    Descriptions that would meet stand above each other, with room made for them; equal ones are
    written once, and of many only the first few.
    """
    top, texts = stack[0], set()
    free: list[float] = []  # for each row of labels, where the last one ends
    width_in = top.get_position().width * root(top).get_figwidth()
    per_letter = _LETTER_IN / width_in * (end_s or 1.0)
    dropped = 0
    placed: list[tuple[float, str, int]] = []
    for fault in sorted(faults, key=lambda fault: fault.begin_s):
        begin, end = max(0.0, fault.begin_s), min(end_s, fault.end_s)
        for axes in stack:
            if begin == end:
                axes.axvline(begin, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
            else:
                axes.axvspan(begin, end, facecolor=FAULT, linewidth=0, zorder=0)
        if fault.text in texts:
            continue
        texts.add(fault.text)
        text = name(fault.text, max(8, min(36, int(end_s / per_letter) - 2)))
        left = max(0.0, min(begin, end_s - len(text) * per_letter))
        row = next((i for i, until in enumerate(free) if until < left), len(free))
        if row >= _MOST_LABELS:
            dropped += 1
            continue
        free[row : row + 1] = [left + (len(text) + 1) * per_letter]
        placed.append((left, text, row))
    if dropped:
        left, text, row = placed[-1]
        placed[-1] = (left, f"{text} (+{dropped} more)", row)
    _write(top, placed, len(free))


def _write(axes: Axes, placed: list[tuple[float, str, int]], rows: int) -> None:
    height_in = axes.get_position().height * root(axes).get_figheight()
    line = 0.22 / height_in
    for left, text, row in placed:
        label = axes.annotate(
            plain(text), (left, 0.99 - row * line), xycoords=axes.get_xaxis_transform(),
            xytext=(3, 0), textcoords="offset points", va="top", fontsize=FONT_PT - 1, color=INK,
            style="italic",
        )  # fmt: skip
        halo(label)
    if rows:
        low, high = axes.get_ylim()
        axes.set_ylim(low, low + (high - low) / max(0.4, 1 - rows * line))


def limit_line(axes: Axes, limit: float, text: str, colour: str) -> None:
    """Draw a limit across the panel, with its name on it."""
    axes.axhline(limit, color=colour, linewidth=1.8, linestyle=(0, (6, 2)), zorder=3)
    label = axes.annotate(
        plain(text), (0.01, limit), xycoords=axes.get_yaxis_transform(), xytext=(0, 3),
        textcoords="offset points", color=colour, fontsize=FONT_PT - 1, va="bottom",
    )  # fmt: skip
    halo(label)
