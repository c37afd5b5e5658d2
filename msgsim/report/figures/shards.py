"""Shards: a heat map of what was put on each shard, so that a hot one is seen at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from msgsim.report.figures.canvas import (
    columns_for,
    name,
    new_figure,
    panel_title,
    size_for,
    stacks,
    styled,
)
from msgsim.report.figures.data import Floats, Provenance, ShardData
from msgsim.report.figures.panels import time_axis
from msgsim.report.style import ALARM, FONT_PT, GREY, INK, MAP, PAPER, count_text, share_text

MOST_COLUMNS = 300
_LABELLED = 24


def shard_load(runs: Mapping[str, ShardData], provenance: Provenance) -> Figure | None:
    """Draw shard × time, the colour being the load; idle shards are hatched.

    With a limit the colour is the share of it that producers asked for, and whatever is above
    100 % has the colour of alarm. Refused shares stand at the right.

    Returns:
        None when no record was sent.
    """
    filled = {v: data for v, data in runs.items() if data.offered_per_s.any()}
    if not filled:
        return None
    data = list(filled.values())
    norm = _scale_of(data)
    rows = max(len(each.shards) for each in data)
    columns = columns_for(len(data))
    with styled():
        height = min(9.0, max(4.4, 2.2 + 0.34 * rows))
        figure = new_figure(_title(data), provenance, *size_for(len(data), height))
        found = [stack[0] for stack in stacks(figure, len(data), [1])]
        image = None
        end_s = max(_end_s(each) for each in data)
        for index, ((variant, each), axes) in enumerate(zip(filled.items(), found, strict=True)):
            image = _draw(axes, each, norm)
            panel_title(axes, columns, variant, _seen(each) if variant else "")
            if index % columns_for(len(found)) == 0:
                axes.set_ylabel("shard")
        for axes in found:
            time_axis(axes, end_s)
        _colour_bar(figure, found, image, data)
    return figure


def _relative(data: ShardData) -> Floats:
    return data.offered_per_s / (data.limit_per_s or 1.0)


def _scale_of(data: Sequence[ShardData]) -> Normalize:
    if all(each.limit_per_s is not None for each in data):
        return Normalize(0, 1)
    return Normalize(0, max(float(each.offered_per_s.max()) for each in data))


def _end_s(data: ShardData) -> float:
    return data.offered_per_s.shape[1] * data.bucket_s


def _draw(axes: Axes, data: ShardData, norm: Normalize) -> Any:
    load, bucket_s = _columns(_relative(data), data.bucket_s)
    end_s = load.shape[1] * bucket_s
    palette = mpl.colormaps[MAP].with_extremes(over=ALARM)
    image = axes.imshow(
        load, cmap=palette, norm=norm, aspect="auto", interpolation="nearest",
        extent=(0, end_s, len(load) - 0.5, -0.5),
    )  # fmt: skip
    axes.grid(visible=False)
    if len(load) <= _LABELLED:
        axes.hlines(np.arange(len(load) - 1) + 0.5, 0, end_s, color=PAPER, linewidth=2)
    _name_rows(axes, data)
    few = len(load) <= _LABELLED
    for row in np.flatnonzero(~data.offered_per_s.any(axis=1)):
        _mark_idle(axes, int(row), end_s, few)
    if data.throttled_share is not None:
        _write_shares(axes, data.throttled_share)
    return image


def _columns(load: Floats, bucket_s: float) -> tuple[Floats, float]:
    """Put neighbouring buckets together, keeping the largest, if there are too many to see."""
    together = -(-load.shape[1] // MOST_COLUMNS)
    if together == 1:
        return load, bucket_s
    missing = -load.shape[1] % together
    padded = np.pad(load, ((0, 0), (0, missing)))
    return padded.reshape(len(load), -1, together).max(axis=2), bucket_s * together


def _name_rows(axes: Axes, data: ShardData) -> None:
    step = -(-len(data.shards) // _LABELLED)
    rows = range(0, len(data.shards), step)
    axes.set_yticks(rows, [name(data.shards[row], 20) for row in rows])
    axes.tick_params(axis="y", length=0)


def _mark_idle(axes: Axes, row: int, end_s: float, labelled: bool) -> None:
    axes.add_patch(Rectangle(
        (0, row - 0.5), end_s, 1, facecolor="#F2F2F2", edgecolor="#BDBDBD", hatch="///",
        linewidth=0,
    ))  # fmt: skip
    if labelled:
        axes.text(
            end_s / 2, row, "idle", ha="center", va="center", color=INK, fontsize=FONT_PT - 1,
            bbox={"facecolor": "#F2F2F2", "edgecolor": "none", "pad": 2},
        )  # fmt: skip


def _write_shares(axes: Axes, shares: Floats) -> None:
    worst = np.argsort(-shares, kind="stable")[:_LABELLED] if len(shares) > _LABELLED else None
    spread = -(-len(shares) // _LABELLED)
    taken: list[int] = []
    for row in range(len(shares)) if worst is None else worst.tolist():
        if shares[row] <= 0 or any(abs(row - other) < spread for other in taken):
            continue
        taken.append(row)
        axes.text(
            1.015, row, f"{share_text(float(shares[row]))} throttled", va="center", color=ALARM,
            transform=axes.get_yaxis_transform(), fontsize=FONT_PT - 1, weight="bold",
        )  # fmt: skip


def _colour_bar(figure: Figure, found: list[Axes], image: Any, data: Sequence[ShardData]) -> None:
    limit = data[0].limit_per_s
    over = limit is not None and any(_relative(each).max() > 1 for each in data)
    bar = figure.colorbar(
        image, ax=found, location="bottom", shrink=0.6, aspect=38, pad=0.03,
        extend="max" if over else "neither",
    )  # fmt: skip
    bar.outline.set_edgecolor(GREY)
    if limit is None:
        bar.set_label("records/s put on the shard")
        bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: count_text(x)))
        return
    words = f"load of the shard, % of its limit of {count_text(limit)} records/s"
    bar.set_label(f"{words} (beyond: above the limit)" if over else words)
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: share_text(x)))


def _title(data: Sequence[ShardData]) -> str:
    stream = f"Stream {name(data[0].stream)}"
    return f"{stream}: {_seen(data[0])}" if len(data) == 1 else f"{stream}: load of its shards"


def _seen(data: ShardData) -> str:
    if len(data.shards) == 1:
        return f"one shard, {count_text(round(float(data.offered_per_s.mean())))} records/s"
    loads = data.offered_per_s.sum(axis=1)
    idle = int((loads == 0).sum())
    hottest = float(loads.max() / loads.sum())
    text = f"hottest of {len(loads)} shards gets {share_text(hottest)}"
    return f"{text}, {idle} idle" if idle else text
