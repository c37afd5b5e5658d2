"""Queue: how many messages wait, how many are in flight, and how old the oldest one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
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
from msgsim.report.figures.data import Provenance, QueueData
from msgsim.report.figures.panels import (
    counts_axis,
    draw_course,
    durations_axis,
    limit_line,
    shade_faults,
    time_axis,
)
from msgsim.report.figures.thin import MOST_POINTS
from msgsim.report.style import ALARM, FAULT, GREY, Look, count_text, duration_text, looks

_NEAR = 0.5
_IN_FLIGHT = Look("#8C8C8C", "solid", "s")


def depth_and_age(
    runs: Mapping[str, QueueData],
    provenance: Provenance,
    colours: Mapping[str, Look] | None = None,
) -> Figure | None:
    """Draw a queue over time: messages visible and in flight above, age of the oldest below.

    Lines are averages of a bucket of time, shades reach up to its largest value. The quota of
    messages in flight is drawn only when half of it or more was used.

    Returns:
        None when nothing was ever in the queue.
    """
    filled = {v: data for v, data in runs.items() if _used(data)}
    if not filled:
        return None
    first = next(iter(filled.values()))
    look = (colours or looks([first.queue]))[first.queue]
    end_s = max(data.end_s for data in filled.values())
    age_s = max(data.oldest_age.peak for data in filled.values())
    columns = columns_for(len(filled))
    with styled():
        title = _title(first.queue, list(filled.values()))
        figure = new_figure(title, provenance, *size_for(len(filled), 6.2))
        most = MOST_POINTS // columns
        found = stacks(figure, len(filled), [1.5, 1])
        for (variant, data), (above, below) in zip(filled.items(), found, strict=True):
            draw_course(above, data.in_flight, data.end_s, _IN_FLIGHT, "in flight", most)
            draw_course(above, data.visible, data.end_s, look, "visible", most)
            draw_course(below, data.oldest_age, data.end_s, look, "oldest age", most)
            time_axis(below, end_s)
            panel_title(above, columns, variant, _seen(data) if variant else "")
        _scale(found, list(filled.values()), age_s)
        for (above, below), data in zip(found, filled.values(), strict=True):
            shade_faults((above, below), data.faults, end_s)
        bands = [each for data in filled.values() for each in data.faults]
        key_above(figure, _key(look, any(each.end_s > each.begin_s for each in bands)))
    return figure


def _used(data: QueueData) -> bool:
    return data.visible.peak > 0 or data.in_flight.peak > 0


def _title(queue: str, found: Sequence[QueueData]) -> str:
    if len(found) == 1:
        return f"Queue {name(queue)}: {_seen(found[0])}"
    return f"Queue {name(queue)} over time"


def _seen(data: QueueData) -> str:
    age = duration_text(data.oldest_age.peak)
    return f"at most {count_text(data.visible.peak)} visible, oldest up to {age}"


def _scale(found: Sequence[Sequence[Axes]], data: Sequence[QueueData], age_s: float) -> None:
    """Give all panels of a kind one scale, from zero."""
    peak = max(max(each.visible.peak, each.in_flight.peak) for each in data)
    flying = max(each.in_flight.peak for each in data)
    limit = max((each.in_flight_limit or 0.0 for each in data), default=0.0)
    near = limit > 0 and flying >= _NEAR * limit
    above, below = found[0]
    above.set_ylim(0, max(peak, limit if near else 0.0) * 1.14)
    durations_axis(below, "oldest age", age_s)
    counts_axis(above, "messages")
    for index, stack in enumerate(found):
        if near:
            limit_line(stack[0], limit, f"in-flight limit {count_text(limit)}", ALARM)
        if index % columns_for(len(found)) == 0:
            stack[0].set_ylabel("messages")
            stack[1].set_ylabel(below.get_ylabel())


def _key(look: Look, faults: bool) -> list[Line2D | Patch]:
    key: list[Line2D | Patch] = [
        Line2D([], [], color=look.colour, linestyle=look.dashes, label="visible (waiting)"),
        Line2D([], [], color=_IN_FLIGHT.colour, label="in flight"),
        Patch(color=GREY, alpha=0.3, label="up to its peaks"),
    ]
    return [*key, Patch(color=FAULT, label="fault")] if faults else key
