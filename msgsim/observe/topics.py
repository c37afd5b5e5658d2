"""Topics: calls refused by a topic, and what subscriptions kept out, tried again or gave up."""

from __future__ import annotations

from collections import Counter
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Message
from msgsim.observe.entries import Entries
from msgsim.observe.measure import Measure, counter
from msgsim.observe.system import System, announces


class Topics:
    """Observer: the rare facts of topics and subscriptions, counted by name.

    Attributes:
        counts: by component, how often each fact was announced.
        errors: by subscription, failed attempts and discarded messages by error code.
    """

    def __init__(self, system: System, entries: Entries) -> None:
        components = system.components.values()
        self._entries = entries
        self.topics = [c.name for c in components if announces(c, "accepted")]
        self.subscriptions = [c.name for c in components if announces(c, "forwarded")]
        self.counts: dict[str, Counter[str]] = {
            name: Counter() for name in (*self.topics, *self.subscriptions)
        }
        self.errors: dict[str, Counter[str]] = {name: Counter() for name in self.subscriptions}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to refusals, filters and failures."""
        counts = self.counts.get(component.name)
        if counts is None:
            return None
        if component.name in self.errors:
            return _of_subscription(counts, self.errors[component.name]).get(signal.name)

        def throttled(now: int, action: str, messages: int) -> None:
            counts["throttled"] += messages
            counts["throttled_calls"] += 1

        return throttled if signal.name == "throttled" else None

    def tick(self, now: int) -> None:
        """Nothing to work off."""

    def finish(self, now: int) -> None:
        """Nothing to work off."""

    def measures(self, target: str) -> dict[str, Measure]:
        """Return the metrics of a topic or a subscription."""
        counts = self.counts.get(target)
        if counts is None:
            return {}
        if target in self.errors:
            names = ("filtered", "attempts_failed", "discarded", "dead_lettered")
            return {name: _named(counts, name) for name in names}
        stored = self._entries.stored.get(target)

        def offered() -> int:
            return counts["throttled"] + (stored.count if stored is not None else 0)

        throttled = counter(lambda: counts["throttled"], offered)
        return {"throttled": throttled, "api.Publish.throttled": throttled}

    def to_json(self) -> dict[str, Any]:
        """Return topics and subscriptions as plain data."""
        return {
            name: {
                **dict(sorted(counts.items())),
                **(
                    {"errors": dict(sorted(self.errors[name].items()))}
                    if name in self.errors
                    else {}
                ),
            }
            for name, counts in self.counts.items()
        }


def _named(counts: Counter[str], name: str) -> Measure:
    return counter(lambda: counts[name])


def _of_subscription(counts: Counter[str], errors: Counter[str]) -> dict[str, Listener]:
    def filtered(now: int, message: Message) -> None:
        counts["filtered"] += 1

    def attempt_failed(now: int, message: Message, code: str) -> None:
        counts["attempts_failed"] += 1
        errors[code] += 1

    def discarded(now: int, message: Message, code: str) -> None:
        counts["discarded"] += 1

    def dead_lettered(now: int, copy: Copy) -> None:
        counts["dead_lettered"] += 1

    return {
        "filtered": filtered,
        "attempt_failed": attempt_failed,
        "discarded": discarded,
        "dead_lettered": dead_lettered,
    }
