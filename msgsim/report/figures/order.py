"""Order: send rank against completion rank, the picture of what FIFO means.

Above, a close-up of the messages among which most were overtaken: every key is a line through its
messages in the order in which they were sent, so that a line which falls is a broken order. Below,
the whole run: by how many places each message was late within its key; with a FIFO queue that is
one flat line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from msgsim.report.figures.canvas import (
    columns_for,
    key_above,
    name,
    new_figure,
    panel_title,
    size_for,
    stacks,
    styled,
)
from msgsim.report.figures.data import OrderData, Provenance
from msgsim.report.figures.disorder import Ranked, ranked, telling_keys, worst_window
from msgsim.report.figures.panels import halo
from msgsim.report.figures.thin import MOST_POINTS, thinned
from msgsim.report.style import (
    ALARM,
    CATEGORIES,
    FAINT,
    FONT_PT,
    GREY,
    INK,
    Look,
    count_text,
    looks,
)

CLOSE_UP = 60
MOST_KEYS = len(CATEGORIES)
_WINDOW = "#E9EEF6"


def order(runs: Mapping[str, OrderData], provenance: Provenance) -> Figure | None:
    """Draw the order of completions against the order of publication, coloured by key.

    Returns:
        None when no message was done.
    """
    filled = {variant: ranked(data) for variant, data in runs.items() if len(data.sent)}
    if not filled:
        return None
    found = list(filled.values())
    window = worst_window(found, CLOSE_UP)
    keys = telling_keys(found, window, MOST_KEYS)
    seen = looks(keys)
    frames = [_frame(run, window) for run in found]
    frame = min(low for low, _ in frames), max(high for _, high in frames)
    columns = columns_for(len(found))
    with styled():
        figure = new_figure(_title(filled), provenance, *size_for(len(found), 7.4))
        panels = stacks(figure, len(found), [2.3, 1], one_x=False)
        for (variant, run), (close, whole) in zip(filled.items(), panels, strict=True):
            _close_up(close, run, window, frame, seen)
            _whole_run(whole, run, window)
            _head(close, columns, variant, run.data.inversions)
        _scale(panels, found, window, frame)
        key_above(figure, _key(seen, found))
    return figure


def _title(runs: Mapping[str, Ranked]) -> str:
    subscriber = name(next(iter(runs.values())).data.subscriber)
    broken = [name(v, 18) for v, run in runs.items() if run.data.inversions]
    kept = [name(v, 18) for v, run in runs.items() if not run.data.inversions]
    if len(runs) == 1 or not broken or not kept:
        word = "is broken" if broken else "is kept"
        return f"{subscriber}: the order within keys {word}"
    verb = "breaks" if len(broken) == 1 else "break"
    keeps = "keeps" if len(kept) == 1 else "keep"
    return f"{subscriber}: {_and(broken)} {verb} the order within keys, {_and(kept)} {keeps} it"


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _head(axes: Axes, columns: int, variant: str, inversions: int) -> None:
    noun = "inversion" if inversions == 1 else "inversions"
    text = f"{count_text(inversions)} {noun}"
    panel_title(axes, columns, variant, text, ALARM if inversions else INK)


def _inside(run: Ranked, window: tuple[int, int]) -> np.ndarray:
    return np.flatnonzero((run.sent >= window[0]) & (run.sent <= window[1]))


def _close_up(
    axes: Axes,
    run: Ranked,
    window: tuple[int, int],
    frame: tuple[int, int],
    seen: Mapping[str, Look],
) -> None:
    inside = _inside(run, window)
    x, y = run.send_rank[inside], run.done_rank[inside]
    axes.axline((0, 0), slope=1, color=FAINT, linewidth=1.4, zorder=1)
    others = ~np.isin(run.keys[inside], list(seen))
    if others.any():
        _dots(axes, x[others], np.clip(y[others], *frame), GREY, "o", 4.5, 2)
    for key, look in seen.items():
        own = inside[run.keys[inside] == key]
        if own.size:
            _key_line(axes, run, own, look, frame)
    _mark_far(axes, run, inside[~others], frame)


def _frame(run: Ranked, window: tuple[int, int]) -> tuple[int, int]:
    """Return the lowest and highest completion rank of the close-up, leaving far ones out."""
    inside = _inside(run, window)
    if not inside.size:
        return int(run.send_rank[-1]), 0  # neutral beside the frames of other runs
    low, high = int(run.send_rank[inside[0]]), int(run.send_rank[inside[-1]])
    room = max(4 * run.data.stride, (high - low) // 2)
    done = run.done_rank[inside]
    return max(int(done.min()), low - room), max(min(int(done.max()), high + room), high)


def _dots(
    axes: Axes, x: np.ndarray, y: np.ndarray, colour: str, marker: str, size: float, level: float
) -> None:
    axes.plot(
        x, y, linestyle="none", marker=marker, markersize=size, color=colour,
        markeredgecolor="white", markeredgewidth=0.6, zorder=level,
    )  # fmt: skip


def _key_line(axes: Axes, run: Ranked, own: np.ndarray, look: Look, frame: tuple[int, int]) -> None:
    """Connect a key's messages as they were sent; what falls is drawn in the colour of alarm."""
    x, y = run.send_rank[own], run.done_rank[own]
    shown = np.clip(y, *frame)
    axes.plot(x, shown, color=look.colour, linewidth=1.8, alpha=0.85, zorder=3)
    for index in np.flatnonzero(y[1:] < y[:-1]):
        axes.plot(x[index : index + 2], shown[index : index + 2], color=ALARM, linewidth=3.6,
                  solid_capstyle="round", zorder=4)  # fmt: skip
    _dots(axes, x, shown, look.colour, look.marker, 9, 5)


def _mark_far(axes: Axes, run: Ranked, own: np.ndarray, frame: tuple[int, int]) -> None:
    """Write at the upper edge where the messages above it are; not closer than they can be read."""
    last = -np.inf
    for index in own[run.done_rank[own] > frame[1]]:
        place = run.send_rank[index]
        if place - last < (frame[1] - frame[0]) / 8:
            continue
        last = place
        halo(axes.annotate(
            f"↑ {count_text(int(run.done_rank[index]))}", (place, frame[1]), xytext=(0, 8),
            va="bottom", textcoords="offset points", ha="center", color=INK,
            fontsize=FONT_PT - 1, zorder=6, in_layout=False,
        ))  # fmt: skip


def _whole_run(axes: Axes, run: Ranked, window: tuple[int, int]) -> None:
    """Draw lateness within the key over the whole run; overtaken messages stand out."""
    inside = _inside(run, window)
    if inside.size and inside.size < len(run.sent):
        axes.axvspan(run.send_rank[inside[0]], run.send_rank[inside[-1]], color=_WINDOW, zorder=0)
    for mask, colour, size, level in (
        (~run.overtaken, GREY, 3.0, 2),
        (run.overtaken, ALARM, 5.0, 3),
    ):
        x, y = run.send_rank[mask], run.late[mask]
        kept = thinned(y) if y.size else np.arange(0)
        if level == 3 and kept.size <= MOST_POINTS // 3:
            axes.vlines(x[kept], 0, y[kept], color=ALARM, linewidth=0.9, alpha=0.5, zorder=level)
        axes.plot(x[kept], y[kept], linestyle="none", marker="o", markersize=size, color=colour,
                  markeredgewidth=0, zorder=level)  # fmt: skip
    if not run.data.inversions:
        halo(axes.annotate(
            "every key on its line: nothing was overtaken", (0.5, 0), xytext=(0, 7), va="bottom",
            xycoords=axes.get_yaxis_transform(), textcoords="offset points", ha="center",
            color=INK, fontsize=FONT_PT - 1,
        ))  # fmt: skip


def _scale(
    panels: Sequence[Sequence[Axes]],
    runs: Sequence[Ranked],
    window: tuple[int, int],
    frame: tuple[int, int],
) -> None:
    lefts = [int(run.send_rank[i[0]]) for run in runs if (i := _inside(run, window)).size]
    rights = [int(run.send_rank[i[-1]]) for run in runs if (i := _inside(run, window)).size]
    margin = max(1, (max(rights) - min(lefts)) * 0.03)
    far = max(int(abs(run.late).max()) for run in runs)
    label = _close_label(runs, window)
    beyond = any((run.done_rank[_inside(run, window)] > frame[1]).any() for run in runs)
    above = max(margin, (frame[1] - frame[0]) * (0.11 if beyond else 0.03))
    for index, (close, whole) in enumerate(panels):
        close.set_xlim(min(lefts) - margin, max(rights) + margin)
        close.set_ylim(frame[0] - margin, frame[1] + above)
        whole.set_xlim(0, max(int(run.send_rank[-1]) for run in runs) * 1.01 + 1)
        _whole_y(whole, far)
        for axes in (close, whole):
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: count_text(x)))
        close.set_xlabel(label)
        whole.set_xlabel(_whole_label(runs[index].data.stride))
        if index % columns_for(len(panels)) == 0:
            close.set_ylabel("completion rank")
            estimated = runs[index].data.stride > 1
            whole.set_ylabel(
                "places late within\nkey (estimated)" if estimated else "places late\nwithin key"
            )
        close.yaxis.set_major_locator(MaxNLocator(7, integer=True))
        close.yaxis.set_major_formatter(FuncFormatter(lambda y, _: count_text(y)))


def _close_label(runs: Sequence[Ranked], window: tuple[int, int]) -> str:
    if all(_inside(run, window).size == len(run.sent) for run in runs):
        return "send rank (messages)"
    broken = any(run.drops[0].size for run in runs)
    return f"send rank (close-up of {'the worst part' if broken else 'the start'})"


def _whole_label(stride: int) -> str:
    if stride == 1:
        return "send rank, whole run (messages)"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(stride % 10, "th") if stride % 100 // 10 != 1 else "th"
    return f"send rank, whole run (every {stride}{ending} message)"


def _whole_y(axes: Axes, far: int) -> None:
    far = max(far, 2)
    axes.set_ylim(-far * 1.2, far * 1.2)
    if far > 60:
        decades = [10**power for power in range(1, 2 + int(np.log10(far)))]
        axes.set_yscale("symlog", linthresh=10)
        axes.set_ylim(-far * 2, far * 2)
        axes.set_yticks([*(-place for place in reversed(decades)), 0, *decades])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: count_text(y)))
        return
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def _key(seen: Mapping[str, Look], runs: Sequence[Ranked]) -> list[Line2D | Patch]:
    key: list[Line2D | Patch] = [
        Line2D([], [], color=look.colour, marker=look.marker, markersize=8, label=name(text, 14))
        for text, look in seen.items()
    ]
    if any(set(run.keys.tolist()) - set(seen) for run in runs):
        key.append(Line2D([], [], color=GREY, marker="o", linestyle="none", label="other keys"))
    if any(run.data.inversions for run in runs):
        key.append(Line2D([], [], color=ALARM, linewidth=3.6, label="overtaken within its key"))
    return key
