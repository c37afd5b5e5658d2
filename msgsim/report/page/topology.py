"""Topology: a scenario as boxes and arrows, laid out from left to right.

Subscriptions and mappings are arrows; everything else that holds or handles messages is a box. Who
points where follows from the references in the specs, so that a new service needs no line here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgsim.model.spec import refs
from msgsim.scenario.schema import Part, Scenario, section_of

FEEDS = {
    "EventSourceArn",
    "StreamARN",
    "StreamArn",
    "KinesisStreamARN",
    "DeliveryStreamName",
    "TopicArn",
    "queue",
}
"""Properties that name where messages come from; all others name where they go."""

ARROWS = {"sns.subscription", "lambda.event_source_mapping"}
DEAD_LETTERS = {"deadLetterTargetArn", "TargetArn"}


@dataclass(frozen=True)
class Arrow:
    """A way that messages take.

    Attributes:
        source, target: names of boxes.
        name: the subscription or mapping that it is, or empty.
        dead: whether only dead letters go this way.
    """

    source: str
    target: str
    name: str = ""
    dead: bool = False


@dataclass(frozen=True)
class Topology:
    """Boxes with their places, and arrows.

    Attributes:
        places: name → (column, row).
        kinds: name → kind.
        arrows: in the order of the scenario.
    """

    places: dict[str, tuple[int, int]]
    kinds: dict[str, str]
    arrows: list[Arrow]

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return 1 + max((column for column, _ in self.places.values()), default=0)

    @property
    def rows(self) -> int:
        """How many rows the longest column has."""
        return 1 + max((row for _, row in self.places.values()), default=0)


def topology(scenario: Scenario) -> Topology:
    """Return boxes and arrows of a scenario."""
    parts = [part for part in scenario.parts.values() if section_of(part.kind) != "faults"]
    kinds = {part.name: part.kind for part in parts if part.kind not in ARROWS}
    arrows = list(dict.fromkeys(_arrows(parts, kinds)))
    return Topology(_places(kinds, arrows), kinds, arrows)


def _arrows(parts: Iterable[Part], boxes: dict[str, str]) -> Iterable[Arrow]:
    for part in parts:
        sources: list[str] = []
        targets: list[str] = []
        dead: list[str] = []
        for path, name, _ in refs(part.spec):
            field = next(str(step) for step in reversed(path) if not isinstance(step, int))
            group = sources if field in FEEDS else dead if field in DEAD_LETTERS else targets
            if name in boxes:
                group.append(name)
        if part.kind in ARROWS:
            yield from (Arrow(a, b, part.name) for a in sources for b in targets)
            yield from (Arrow(a, b, part.name, dead=True) for a in sources for b in dead)
        else:
            yield from (Arrow(a, part.name) for a in sources)
            yield from (Arrow(part.name, b) for b in targets)
            yield from (Arrow(part.name, b, dead=True) for b in dead)


def _places(boxes: dict[str, str], arrows: list[Arrow]) -> dict[str, tuple[int, int]]:
    """Put every box right of those that feed it; rows follow what feeds them, to cross little."""
    depth = dict.fromkeys(boxes, 0)
    for _ in boxes:  # longest paths; as many rounds as boxes end every path without a loop
        for arrow in arrows:
            deeper = depth[arrow.source] + 1
            deep_enough = not depth[arrow.target] < deeper <= len(boxes)
            if not deep_enough and not _leads(arrows, arrow.target, arrow.source):
                depth[arrow.target] = deeper
    order = {name: index for index, name in enumerate(boxes)}
    places: dict[str, tuple[int, int]] = {}
    for column in sorted(set(depth.values())):
        names = [name for name in boxes if depth[name] == column]
        names.sort(key=lambda name: (_mean_row(name, arrows, places), order[name]))
        for row, name in enumerate(names):
            places[name] = (column, row)
    return places


def _mean_row(name: str, arrows: list[Arrow], places: dict[str, tuple[int, int]]) -> float:
    rows = [places[a.source][1] + 0.4 * a.dead for a in arrows
            if a.target == name and a.source in places]  # fmt: skip
    return sum(rows) / len(rows) if rows else 0.0


def _leads(arrows: list[Arrow], start: str, end: str) -> bool:
    """Say whether a way leads from `start` to `end`: an arrow between them would close a loop."""
    seen, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        if here == end:
            return True
        for arrow in arrows:
            if arrow.source == here and arrow.target not in seen:
                seen.add(arrow.target)
                waiting.append(arrow.target)
    return False
