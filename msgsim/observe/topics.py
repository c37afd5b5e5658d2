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
        self._branches: dict[str, list[str]] = {name: [] for name in self.topics}
        for route in system.routes:
            if route.entry in self._branches and route.via is not None:
                self._branches[route.entry].append(route.via)
        self._protocols = {
            name: getattr(system.components[name], "protocol", "") for name in self.subscriptions
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
            return {name: _named(counts, name) for name in names} | self._of_cloudwatch([target])
        stored = self._entries.stored.get(target)

        def offered() -> int:
            return counts["throttled"] + (stored.count if stored is not None else 0)

        throttled = counter(lambda: counts["throttled"], offered)
        published = counter(lambda: self._published(target))
        return {
            "throttled": throttled,
            "api.Publish.throttled": throttled,
            "NumberOfMessagesPublished": published,
            **self._of_cloudwatch(self._branches[target]),
        }

    def _published(self, topic: str) -> int:
        """Count what the topic acknowledged, duplicates that it does not deliver included."""
        stored = self._entries.stored.get(topic)
        taken = self._entries.taken.items()
        again = sum(entry.deduplicated for (name, _), entry in taken if name == topic)
        return again + (stored.count if stored is not None else 0)

    def _of_cloudwatch(self, subscriptions: list[str]) -> dict[str, Measure]:
        """Return CloudWatch's metrics of a topic, over its subscriptions, or of one of them.

        `NumberOfNotificationsFailed` counts every failed attempt at HTTP(S) endpoints, and what is
        given up everywhere else (SNS Developer Guide, sns-monitoring-using-cloudwatch.html).
        """

        def of(name: str) -> Measure:
            return counter(lambda: sum(self.counts[each][name] for each in subscriptions))

        def failed() -> int:
            return sum(self._failed(each) for each in subscriptions)

        return {
            "NumberOfNotificationsFilteredOut": of("filtered"),
            "NumberOfNotificationsFailed": counter(failed),
            "NumberOfNotificationsRedrivenToDlq": of("dead_lettered"),
        }

    def _failed(self, subscription: str) -> int:
        counts = self.counts[subscription]
        if self._protocols[subscription] in ("http", "https"):
            return counts["attempts_failed"]
        return counts["discarded"] + counts["dead_lettered"]

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
