"""The blocks with figures, and what the cursor of time needs to know of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from msgsim.report import figures
from msgsim.report.collect import fault_bands
from msgsim.report.draw import all_figures, provenance
from msgsim.report.figures.flow import FlowData, flow
from msgsim.report.figures.twice import TwiceData, twice
from msgsim.report.figures.twins import TwinData, TwinPanel, twins
from msgsim.report.page.html import Block, text
from msgsim.report.page.lean import Sheet, lean
from msgsim.report.page.material import Material, Shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NS_PER_S = 1_000_000_000
POINTS = 300

BLOCKS = (
    ("flow", "Flow over time", "Cause before symptom: what came, what was done, and what lay between."),
    ("queue", "Queues over time", "Messages waiting and in flight, and how old the oldest was."),
    ("concurrency", "Servers over time", "How busy functions and workers were, against their limits."),
    ("twins", "CloudWatch twins", "The same minutes as on your own dashboard."),
    ("latency", "Latency", "From publish to first completion: averages hide the tail."),
    ("order", "Order", "In which order messages were done, against the order in which they were sent."),
    ("twice", "Duplicates", "How often messages were processed, and who did it."),
    ("shards", "Shards", "What producers sent to each shard: a hot one is seen at a glance."),
    ("cost", "Cost", "What it costs, by component and kind of request."),
)  # fmt: skip


@dataclass
class Gallery:
    """The figures of a page.

    Attributes:
        sheet: their styles.
        parts: block → its figures as HTML.
        timed: for the cursor: id, end of the run, axes as shares of the figure, series.
    """

    sheet: Sheet = field(default_factory=Sheet)
    parts: dict[str, list[str]] = field(default_factory=dict)
    timed: list[dict[str, Any]] = field(default_factory=list)


def gallery(material: Material, sections: Collection[str]) -> Gallery:
    """Draw every figure that applies and belongs to one of these blocks."""
    found = Gallery()
    own = (flows(material), _twins(material), twices(material))
    for name, sentence, figure in chain(*own, all_figures(material.results, material.plain)):
        if name.partition("-")[0] in sections:
            _hang(found, material, name, sentence, figure)
    return found


def blocks(found: Gallery) -> Iterator[Block]:
    """Yield the blocks that have figures, in their fixed order."""
    for name, title, lead in BLOCKS:
        if name in found.parts:
            yield Block(name, title, lead, "".join(found.parts[name]))


def _hang(found: Gallery, material: Material, name: str, sentence: str, figure: Figure) -> None:
    block, _, subject = name.partition("-")
    number = sum(map(len, found.parts.values()))
    svg = figures.render(figure, "svg", text_as_text=True).decode("utf-8")
    drawn = lean(svg, f"f{number}-", found.sheet, figure.get_suptitle())
    boxes = _time_boxes(figure, material)
    timed = ""
    if boxes:
        timed = f' data-timed="{len(found.timed)}"'
        series = [one for each in material.shown for one in _series(each, block, subject)]
        found.timed.append({"end": _end_s(material), "boxes": boxes, "series": series})
    found.parts.setdefault(block, []).append(
        f"<figure{timed}>{drawn}<figcaption>{text(sentence)}</figcaption></figure>"
    )


def _end_s(material: Material) -> float:
    return max(each.run.simulated_ns for each in material.shown) / NS_PER_S


def _time_boxes(figure: Figure, material: Material) -> list[list[float]]:
    """Return the axes of a figure that show time, as shares of its width and height from above."""
    end_s = _end_s(material)
    found = []
    for axes in figure.axes:
        low, high = axes.get_xlim()
        if low == 0 and abs(high - end_s) < 1e-6 * end_s:
            place = axes.get_position()
            box = (place.x0, 1 - place.y1, place.x1, 1 - place.y0)
            found.append([round(float(side), 4) for side in box])
    return found


def _series(each: Shown, block: str, subject: str) -> Iterator[list[Any]]:
    """Yield `[label, unit, times, values]` of what a figure shows, for the cursor."""
    named = f" [{each.variant}]" if each.variant else ""
    queue = next((q for n, q in each.plain["queues"].items() if figures.file_name("queue", n)
                  == f"queue-{subject}"), None)  # fmt: skip
    server = next((s for n, s in each.plain["servers"].items()
                   if figures.file_name("concurrency", n) == f"concurrency-{subject}"), None)  # fmt: skip
    if block == "queue" and queue is not None:
        for word in ("visible", "in_flight"):
            course = queue[word]["course"]
            yield _thin(word.replace("_", " ") + named, "", course["time_s"], course["mean"])
        age = queue["oldest_age"]
        yield _thin("oldest" + named, "s", age["time_s"], age["age_s"])
    elif block == "concurrency" and server is not None:
        course = server["concurrency"]["course"]
        yield _thin("busy" + named, "", course["time_s"], course["mean"])
    elif block == "twins":
        yield from _twin_series(each, subject, named)
    elif block == "flow":
        for name, seen in each.flow.subscribers.items():
            if figures.file_name("flow", name) == f"flow-{subject}":
                times = np.arange(1, len(seen.done) + 1) * each.flow.width_ns / NS_PER_S
                behind = (seen.arrived - seen.done).cumsum()
                yield _thin("behind" + named, "", times, behind)


def _twin_series(each: Shown, subject: str, named: str) -> Iterator[list[Any]]:
    for name, data in each.twins.items():
        if figures.file_name("twins", name) == f"twins-{subject}":
            for panel in data.panels:
                for line in panel.lines:
                    label = f"{line.metric} {line.statistic}{named}"
                    yield _thin(label, "", line.time_s, line.values)


def _thin(label: str, unit: str, times: Any, values: Any) -> list[Any]:
    step = max(1, -(-len(times) // POINTS))
    return [
        label,
        unit,
        [round(float(time), 3) for time in times[::step]],
        [round(float(value), 3) for value in values[::step]],
    ]


def flows(material: Material) -> Iterator[tuple[str, str, Figure]]:
    """Yield the figure of each subscriber's arrivals and completions."""
    names = {name: None for each in material.shown for name in each.flow.subscribers}
    for name in names:
        runs = {each.variant: _flow_data(name, each) for each in material.shown
                if name in each.flow.subscribers}  # fmt: skip
        figure = flow(runs, provenance(material.plain))
        if figure is not None:
            yield (figures.file_name("flow", name),
                   f"{name}: the shade between the lines is what waits or is being worked on.",
                   figure)  # fmt: skip


def _flow_data(name: str, each: Shown) -> FlowData:
    seen, width_s = each.flow.subscribers[name], each.flow.width_ns / NS_PER_S
    end_s = each.run.simulated_ns / NS_PER_S
    times = np.minimum(np.arange(len(seen.done) + 1) * width_s, end_s)
    arrived = np.concatenate(([0.0], seen.arrived.cumsum()))
    done = np.concatenate(([0.0], seen.done.cumsum()))
    return FlowData(name, times, arrived, done, end_s, fault_bands(each.run))


def _twins(material: Material) -> Iterator[tuple[str, str, Figure]]:
    names = {name: None for each in material.shown for name in each.twins}
    for name in names:
        runs = {each.variant: each.twins[name] for each in material.shown if name in each.twins}
        figure = twins(_alike(runs), provenance(material.plain))
        if figure is not None:
            sentence = (
                f"{name}: points stand at the beginning of their period, as in the console; "
                "`explain cloudwatch` defines each metric."
            )
            yield figures.file_name("twins", name), sentence, figure


def _alike(runs: dict[str, TwinData]) -> dict[str, TwinData]:
    """Return the variants with the same panels, so that they stand side by side."""
    units = [panel.unit for data in runs.values() for panel in data.panels]
    order = list(dict.fromkeys(units))

    def panels(data: TwinData) -> list[TwinPanel]:
        known = {panel.unit: panel for panel in data.panels}
        return [known.get(unit, TwinPanel(unit, ())) for unit in order]

    return {variant: replace(data, panels=panels(data)) for variant, data in runs.items()}


def twices(material: Material) -> Iterator[tuple[str, str, Figure]]:
    """Yield the figure of what each subscriber processed more than once."""
    names = {name: None for each in material.shown for name in each.flow.subscribers}
    for name in names:
        runs = {
            each.variant: TwiceData(name, dict(each.flow.subscribers[name].processings))
            for each in material.shown
            if name in each.flow.subscribers
        }
        figure = twice(runs, provenance(material.plain))
        if figure is not None:
            sentence = f"{name}: bars above “once” are work that was done more than once."
            yield figures.file_name("twice", name), sentence, figure
