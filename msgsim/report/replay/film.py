"""Film: what a few messages did, as stretches of time with a place, for the player in the page.

A *dot* is a message at one subscriber: two subscribers of a topic have a dot each. It is always in
one state: on its hop, delayed, visible, in flight, done, dead, gone. For streams a dot is a record
on the tape of its shard, and each consumer has a bookmark. Times are in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Delivery, Message
from msgsim.observe.system import System
from msgsim.observe.trace.listening import ABOUT, Note

MOST_MESSAGES = 160
MOST_MARKS = 1_500
NS_PER_MS = 1_000_000

HOP, DELAYED, VISIBLE, FLYING, DONE, DEAD, GONE, STORED = range(8)
"""States of a dot; the player has them in the same order."""


@dataclass(slots=True)
class Film:
    """The film of one run.

    Attributes:
        variant: name of the variant.
        messages: label, key, time of birth of each.
        dots: message → place → list of `[from_ms, state, attempt, until_ms]`; `until_ms` is when
            the visibility timeout or the delay would end, 0 without.
        works: stretches of processing: `[from_ms, to_ms, consumer, place, message, attempt, ok]`.
        bookmarks: consumer → `[ms, records taken so far]` of each shard it reads.
        servers: name → `[ms, busy]`, and `throttles`: name → ms.
        total: how many messages the run had.
        end_ms: when the last thing happened to one of them.
    """

    variant: str = ""
    messages: list[tuple[str, str, float]] = field(default_factory=list)
    dots: dict[int, dict[str, list[list[float]]]] = field(default_factory=dict)
    works: list[list[Any]] = field(default_factory=list)
    taken: dict[str, list[list[float]]] = field(default_factory=dict)
    shards: dict[int, list[Any]] = field(default_factory=dict)
    servers: dict[str, list[list[float]]] = field(default_factory=dict)
    throttles: dict[str, list[float]] = field(default_factory=dict)
    total: int = 0
    end_ms: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "variant": self.variant,
            "messages": self.messages,
            "dots": self.dots,
            "works": self.works,
            "taken": self.taken,
            "shards": self.shards,
            "servers": self.servers,
            "throttles": self.throttles,
            "total": self.total,
            "end": self.end_ms,
        }


class Filming:
    """Recorder and observer: films the first messages that are born from a moment on.

    Args:
        system: what is filmed.
        from_ns: messages born before it are left out.
        most: how many messages.
    """

    def __init__(self, system: System, from_ns: int = 0, most: int = MOST_MESSAGES) -> None:
        self.film = Film()
        self._from_ns = from_ns
        self._most = most
        self._numbers: dict[int, int] = {}
        self._via = {route.via: route.subscriber for route in system.routes if route.via}
        self._entries = {route.entry for route in system.routes}
        self._fed: dict[str, list[str]] = {}
        for route in system.routes:
            if route.via is None:
                for workload in route.workloads:
                    self._fed.setdefault(workload, []).append(route.subscriber)
        self._busy: dict[str, int] = {}

    # What the tracer asks for --------------------------------------------------------------

    def note(self, component: Component, signal: Signal) -> Note | None:
        """Return what films the facts of one signal of one component."""
        handler = _HANDLERS.get(signal.name)
        if handler is None:
            return None
        act = getattr(self, handler)
        place, index = component.name, self._index
        names = tuple(name for name in signal.carries if name not in ABOUT)

        def heard(
            now: int,
            message: Message,
            copy: Copy | None,
            delivery: Delivery | None,
            rest: tuple[Any, ...],
        ) -> None:
            number = index(message)
            if number is not None:
                self.film.end_ms = now / NS_PER_MS
                more = dict(zip(names, rest, strict=False))
                act(now / NS_PER_MS, place, number, copy, delivery, more, component)

        return heard

    def _index(self, message: Message) -> int | None:
        found = self._numbers.get(message.number)
        if found is None and message.born_ns >= self._from_ns and len(self._numbers) < self._most:
            found = self._numbers[message.number] = len(self._numbers)
            born = message.born_ns / NS_PER_MS
            self.film.messages.append((message.label, message.key.name, born))
        return found

    def _state(
        self, ms: float, place: str, number: int, state: int, attempt: int = 0, until: float = 0
    ) -> None:
        states = self.film.dots.setdefault(number, {}).setdefault(place, [])
        states.append([ms, state, attempt, until])

    # What facts mean -----------------------------------------------------------------------

    def forwarded(self, ms: float, place: str, number: int, *rest: Any) -> None:
        """It is on its hop to a subscriber."""
        self._state(ms, self._via.get(place, place), number, HOP)

    def ended_before(self, ms: float, place: str, number: int, *rest: Any) -> None:
        """It never reaches the subscriber: filtered, discarded, deduplicated."""
        self._state(ms, self._via.get(place, place), number, GONE)

    def stored(
        self, ms: float, place: str, number: int, copy: Any, delivery: Any, more: Mapping[str, Any],
        component: Component,
    ) -> None:  # fmt: skip
        """A queue has it, visible or delayed; or a shard has."""
        if "shard" in more:
            self._state(ms, place, number, STORED)
            self.film.shards[number] = [place, str(more["shard"])]
            return
        appears = getattr(copy, "visible_from_ns", 0) / NS_PER_MS
        if appears > ms:
            self._state(ms, place, number, DELAYED, 0, appears)
            self._state(appears, place, number, VISIBLE)
        else:
            self._state(ms, place, number, VISIBLE)

    def received(
        self, ms: float, place: str, number: int, copy: Any, delivery: Delivery, *rest: Any
    ) -> None:
        """It is in flight until its visibility timeout ends."""
        until = delivery.deadline_ns / NS_PER_MS if delivery.deadline_ns > 0 else 0
        self._state(ms, place, number, FLYING, delivery.attempt, until)

    def returned(self, ms: float, place: str, number: int, *rest: Any) -> None:
        """It is visible again."""
        self._state(ms, place, number, VISIBLE)

    def deleted(self, ms: float, place: str, number: int, *rest: Any) -> None:
        """It is done, for this queue."""
        self._state(ms, place, number, DONE)

    def dead_lettered(self, ms: float, place: str, number: int, *rest: Any) -> None:
        """It leaves for the dead-letter queue."""
        self._state(ms, place, number, DEAD)

    def gone(self, ms: float, place: str, number: int, *rest: Any) -> None:
        """It is gone: expired, purged, dropped."""
        self._state(ms, place, number, GONE)

    def taken(
        self, ms: float, place: str, number: int, copy: Any, delivery: Delivery, *rest: Any
    ) -> None:
        """A consumer of a stream, or a function, has it."""
        self.film.taken.setdefault(place, []).append([ms, number, delivery.attempt])
        if number not in self.film.shards:
            self._state(ms, place, number, FLYING, delivery.attempt)

    def worked(
        self, ms: float, place: str, number: int, copy: Any, delivery: Delivery,
        more: Mapping[str, Any], component: Component,
    ) -> None:  # fmt: skip
        """A consumer has processed it, or failed."""
        ok = 0 if "reason" in more else 1
        begun = delivery.received_ns / NS_PER_MS
        self.film.works.append([begun, ms, place, component.judged, number, delivery.attempt, ok])
        if component.judged == place and number not in self.film.shards and ok:
            self._state(ms, place, number, DONE)

    # Servers -------------------------------------------------------------------------------

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to how busy functions and workers are, and to throttles."""
        place = component.name
        if signal.name in {"started", "ended"}:
            change = 1 if signal.name == "started" else -1
            course = self.film.servers.setdefault(place, [])

            def changed(now: int, *facts: Any) -> None:
                busy = self._busy[place] = self._busy.get(place, 0) + change
                if self._filming(now) and len(course) < 20 * MOST_MARKS:
                    course.append([now / NS_PER_MS, busy])

            return changed
        if signal.name in {"invoke_throttled", "shard_throttled"}:
            marks = self.film.throttles.setdefault(place, [])

            def throttled(now: int, *facts: Any) -> None:
                if self._filming(now) and len(marks) < MOST_MARKS:
                    marks.append(now / NS_PER_MS)

            return throttled
        if signal.name == "published":

            def published(now: int, *facts: Any) -> None:
                self.film.total += 1

            return published
        return None

    def _filming(self, now: int) -> bool:
        return now >= self._from_ns


_HANDLERS = {
    "forwarded": "forwarded",
    "filtered": "ended_before",
    "discarded": "ended_before",
    "deduplicated": "ended_before",
    "sent": "stored",
    "moved_in": "stored",
    "ghost": "stored",
    "stored": "stored",
    "ingested": "stored",
    "received": "received",
    "returned": "returned",
    "deleted": "deleted",
    "dead_lettered": "dead_lettered",
    "error_output": "gone",
    "expired": "gone",
    "purged": "gone",
    "moved_out": "gone",
    "dropped": "gone",
    "taken": "taken",
    "completed": "worked",
    "failed": "worked",
}


def film(filming: Filming, variant: str) -> Film:
    """Return the finished film: what happened after its last message ended is cut off."""
    found = filming.film
    found.variant = variant
    end = found.end_ms + 1
    for name, course in found.servers.items():
        found.servers[name] = _thinned([row for row in course if row[0] <= end])
    for name, marks in found.throttles.items():
        found.throttles[name] = [ms for ms in marks if ms <= end]
    found.servers = {name: course for name, course in found.servers.items() if course}
    found.throttles = {name: marks for name, marks in found.throttles.items() if marks}
    return found


def _thinned(course: list[list[float]]) -> list[list[float]]:
    """Keep at most `MOST_MARKS` rows, the highest of each stretch."""
    if len(course) <= MOST_MARKS:
        return course
    step = -(-len(course) // MOST_MARKS)
    parts: Iterable[list[list[float]]] = (
        course[at : at + step] for at in range(0, len(course), step)
    )
    return [max(part, key=lambda row: row[1]) for part in parts]
