"""Asynchronous invocation: events taken, their age at each attempt, and what became of them.

Source: Lambda developer guide, monitoring-metrics-types.html#async-invocation-metrics.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.histogram import Durations
from msgsim.observe.measure import Measure, counter, distribution
from msgsim.observe.system import System, announces


class EventWatch:
    """What is known of the asynchronous events of one function.

    Attributes:
        received: events taken; `repeated`, finished ones that came back.
        ages: how old events were when an attempt began (ns).
        given_up: events dropped, by reason, whether or not something kept a record of them.
        refused: records that a destination refused, by error code.
    """

    def __init__(self) -> None:
        self.received = 0
        self.repeated = 0
        self.ages = Durations()
        self.given_up: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def taken(self, now: int, deliveries: list[Any]) -> None:
        """Count events that were queued."""
        self.received += len(deliveries)

    def started(self, now: int, age_ns: int) -> None:
        """Note how old an event is at an attempt."""
        self.ages.add(age_ns)

    def ended(self, now: int, reason: str) -> None:
        """Count an event that was given up."""
        self.given_up[reason] += 1

    def destination_failed(self, now: int, code: str) -> None:
        """Count a record that a destination refused."""
        self.refused[code] += 1

    def came_back(self, now: int, message: object) -> None:
        """Count a finished event that runs once more."""
        self.repeated += 1


class Asynchronous:
    """Observer: every function that has an event queue."""

    def __init__(self, system: System) -> None:
        self.watches = {
            component.name: EventWatch()
            for component in system.components.values()
            if announces(component, "event_started")
        }

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to what a function announces about its events."""
        watch = self.watches.get(component.name)
        if watch is None:
            return None
        heard: dict[str, Listener] = {
            "taken": watch.taken,
            "event_started": watch.started,
            "given_up": watch.ended,
            "destination_failed": watch.destination_failed,
            "repeated_event": watch.came_back,
        }
        return heard.get(signal.name)

    def tick(self, now: int) -> None:
        """Work off what has become long."""
        for watch in self.watches.values():
            watch.ages.tick()

    def finish(self, now: int) -> None:
        """Nothing to end."""

    def measures(self, target: str) -> dict[str, Measure]:
        """Return the metrics of a function's events, under our names and CloudWatch's."""
        watch = self.watches.get(target)
        if watch is None:
            return {}
        received = counter(lambda: watch.received)
        dropped = counter(lambda: watch.given_up.total(), lambda: watch.received)
        age = distribution("time", lambda: watch.ages)
        refused = counter(lambda: watch.refused.total())
        return {
            "async.received": received,
            "async.dropped": dropped,
            "async.age": age,
            "async.repeated": counter(lambda: watch.repeated, lambda: watch.received),
            "async.destination_failures": refused,
            "AsyncEventsReceived": received,
            "AsyncEventsDropped": dropped,
            "AsyncEventAge": age,
            "DestinationDeliveryFailures": refused,
        }

    def to_json(self) -> dict[str, Any]:
        """Return every function that had events, as plain data."""
        return {
            name: {
                "received": watch.received,
                "repeated": watch.repeated,
                "age": watch.ages.to_json(),
                "dropped": dict(sorted(watch.given_up.items())),
                "destination_failures": dict(sorted(watch.refused.items())),
            }
            for name, watch in self.watches.items()
            if watch.received
        }
