"""Stages: how mean latency divides into transit, waiting and processing, as stacked bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from msgsim.report.style import FONT_PT, INK, STAGES, clock_unit, duration_text

_WORDS = {
    "transit": "transit (to the subscriber)",
    "waiting": "waiting (in the queue)",
    "processing": "processing",
}


def draw_stages(
    axes: Axes, bars: Mapping[str, Mapping[str, float]], labels: Sequence[str], longest_s: float
) -> None:
    """Draw one bar per label; its length is the mean latency.

    Args:
        axes: where to draw.
        bars: for each label, mean seconds by stage.
        labels: the rows from above, the same in every panel; one without a bar stays empty.
        longest_s: the longest bar of all panels.
    """
    size, unit = clock_unit(longest_s)
    for row, label in enumerate(labels):
        if bars.get(label):
            _draw_bar(axes, row, bars[label])
    axes.set_xlim(0, (longest_s or 1.0) * 1.25)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{round(x / size, 6):g}"))
    axes.set_xlabel(f"mean latency ({unit})")
    axes.grid(visible=False)


def _draw_bar(axes: Axes, row: int, stages: Mapping[str, float]) -> None:
    begin = 0.0
    for stage, shade in zip(_WORDS, STAGES, strict=True):
        length = stages.get(stage, 0.0)
        axes.barh(row, length, left=begin, color=shade, height=0.66, label=stage)
        begin += length
    axes.annotate(
        f"mean {duration_text(begin)}", (begin, row), xytext=(5, 0),
        textcoords="offset points", va="center", fontsize=FONT_PT - 1, color=INK,
    )  # fmt: skip


def stage_key() -> list[Patch]:
    """Return what explains the shades."""
    return [Patch(color=c, label=w) for c, w in zip(STAGES, _WORDS.values(), strict=True)]
