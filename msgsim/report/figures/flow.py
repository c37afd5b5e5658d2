"""Flow: arrivals against completions; what lies between the two lines is the backlog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

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
from msgsim.report.figures.data import FaultBand, Floats, Provenance
from msgsim.report.figures.panels import counts_axis, shade_faults, time_axis
from msgsim.report.style import FAULT, INK, LINE_PT, Look, count_text, looks


@dataclass(frozen=True, eq=False)
class FlowData:
    """What came to a subscriber and what was done there, as running totals.

    Attributes:
        subscriber: its name.
        time_s: moments.
        arrived, done: messages up to each of them.
        end_s: when the run ended.
        faults: bands to shade.
    """

    subscriber: str
    time_s: Floats
    arrived: Floats
    done: Floats
    end_s: float
    faults: Sequence[FaultBand] = ()

    @property
    def backlog(self) -> float:
        """The largest difference of the two."""
        return float((self.arrived - self.done).max(initial=0.0))


def flow(
    runs: Mapping[str, FlowData],
    provenance: Provenance,
    colours: Mapping[str, Look] | None = None,
) -> Figure | None:
    """Draw running totals of arrivals and completions of one subscriber.

    Returns:
        None when nothing came.
    """
    filled = {variant: data for variant, data in runs.items() if data.arrived.max(initial=0) > 0}
    if not filled:
        return None
    first = next(iter(filled.values()))
    look = (colours or looks([first.subscriber]))[first.subscriber]
    end_s = max(data.end_s for data in filled.values())
    columns = columns_for(len(filled))
    with styled():
        title = f"{name(first.subscriber)}: arrivals against completions"
        if len(filled) == 1:
            title += f", at most {count_text(first.backlog)} behind"
        figure = new_figure(title, provenance, *size_for(len(filled), 4.2))
        found = stacks(figure, len(filled), [1])
        top = max(float(data.arrived.max()) for data in filled.values())
        for index, ((variant, data), (axes,)) in enumerate(zip(filled.items(), found, strict=True)):
            axes.fill_between(
                data.time_s, data.done, data.arrived, color=look.colour, alpha=0.25, linewidth=0
            )
            axes.plot(data.time_s, data.arrived, color=INK, linewidth=LINE_PT * 0.7)
            axes.plot(data.time_s, data.done, color=look.colour, linewidth=LINE_PT)
            time_axis(axes, end_s)
            axes.set_ylim(0, top * 1.08)
            if index % columns == 0:
                counts_axis(axes, "messages so far")
            text = f"at most {count_text(data.backlog)} behind" if variant else ""
            panel_title(axes, columns, variant, text)
        for (axes,), data in zip(found, filled.values(), strict=True):
            shade_faults((axes,), data.faults, end_s)
        key_above(figure, _key(look, any(data.faults for data in filled.values())))
    return figure


def _key(look: Look, faults: bool) -> list[Line2D | Patch]:
    key: list[Line2D | Patch] = [
        Line2D([], [], color=INK, linewidth=LINE_PT * 0.7, label="arrived"),
        Line2D([], [], color=look.colour, label="done"),
        Patch(color=look.colour, alpha=0.25, label="backlog"),
    ]
    return [*key, Patch(color=FAULT, label="fault")] if faults else key
