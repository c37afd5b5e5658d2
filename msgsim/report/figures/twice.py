"""Twice: how often copies were processed with success, and why more than once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

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
from msgsim.report.figures.data import Provenance
from msgsim.report.figures.panels import halo
from msgsim.report.style import BLUE, FONT_PT, GREEN, INK, ORANGE, PURPLE, SKY, count_text

_MOST = 8
_COLOURS = (ORANGE, SKY, PURPLE, GREEN, INK, "#999999")


@dataclass(frozen=True)
class TwiceData:
    """How often copies were processed at one subscriber.

    Attributes:
        subscriber: its name.
        copies: (times, cause of the last repetition, or empty) → how many copies.
    """

    subscriber: str
    copies: Mapping[tuple[int, str], int]

    @property
    def repeated(self) -> int:
        """Copies that were processed more than once."""
        return sum(count for (times, _), count in self.copies.items() if times > 1)


def twice(runs: Mapping[str, TwiceData], provenance: Provenance) -> Figure | None:
    """Draw how many copies were processed once, twice and more often, on a logarithmic scale.

    Returns:
        None when nothing was processed more than once.
    """
    shown = {variant: data for variant, data in runs.items() if data.copies}
    if not any(data.repeated for data in shown.values()):
        return None
    causes = sorted({c for data in shown.values() for (_, c), n in data.copies.items() if c and n})
    colours = dict(zip(causes, _COLOURS, strict=False))
    columns = columns_for(len(shown))
    first = next(iter(shown.values()))
    with styled():
        title = f"{name(first.subscriber)}: processed more than once"
        if len(shown) == 1:
            title = f"{name(first.subscriber)}: {count_text(first.repeated)} processed again"
        figure = new_figure(title, provenance, *size_for(len(shown), 3.9))
        found = stacks(figure, len(shown), [1])
        most = min(
            _MOST, max(t for data in shown.values() for (t, _), n in data.copies.items() if n)
        )
        top = max(n for data in shown.values() for n in data.copies.values())
        for index, ((variant, data), (axes,)) in enumerate(zip(shown.items(), found, strict=True)):
            below = np.zeros(most)
            for cause in ["", *causes]:
                counts = _row(data, cause, most)
                axes.bar(np.arange(1, most + 1), counts, bottom=below, width=0.7,
                         color=colours.get(cause, BLUE))  # fmt: skip
                below += counts
            for place, count in enumerate(below, 1):
                if count:
                    text = axes.annotate(count_text(float(count)), (place, count), ha="center",
                                         xytext=(0, 3), textcoords="offset points",
                                         fontsize=FONT_PT - 1)  # fmt: skip
                    halo(text)
            axes.set_yscale("symlog", linthresh=1)
            axes.set_ylim(0, top * 4)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: count_text(y)))
            axes.set_xticks(range(1, most + 1))
            axes.set_xlabel("times processed with success")
            if index % columns == 0:
                axes.set_ylabel("messages (log scale)")
            panel_title(
                axes, columns, variant, f"{count_text(data.repeated)} again" if variant else ""
            )
        key = [Patch(color=BLUE, label="once"), *(Patch(color=colours[c], label=c) for c in causes)]
        key_above(figure, key)
    return figure


def _row(data: TwiceData, cause: str, most: int) -> np.ndarray:
    counts = np.zeros(most)
    for (times, why), count in data.copies.items():
        if why == cause:
            counts[min(times, most) - 1] += count
    return counts
