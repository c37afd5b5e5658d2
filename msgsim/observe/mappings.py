"""Mappings of queues: what they polled, filtered, invoked with and deleted, as CloudWatch counts.

Source: Lambda developer guide, monitoring-metrics-types.html#event-source-mapping-metrics.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.measure import Measure, counter
from msgsim.observe.system import System, announces

NAMES = {
    "polled": ("events_polled", "PolledEventCount"),
    "filtered": ("events_filtered_out", "FilteredOutEventCount"),
    "batch_invoked": ("events_invoked", "InvokedEventCount"),
    "batch_failed": ("events_failed", "FailedInvokeEventCount"),
    "batch_deleted": ("events_deleted", "DeletedEventCount"),
}
"""Signal → our name and CloudWatch's."""


class Mappings:
    """Observer: the events of every mapping of a queue."""

    def __init__(self, system: System) -> None:
        self.counts: dict[str, dict[str, int]] = {
            component.name: dict.fromkeys(NAMES, 0)
            for component in system.components.values()
            if announces(component, "batch_invoked")
        }

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to what a mapping announces about its events."""
        counts = self.counts.get(component.name)
        if counts is None or signal.name not in NAMES:
            return None
        name = signal.name

        def add(now: int, count: int) -> None:
            counts[name] += count

        def add_one(now: int, message: object) -> None:
            counts[name] += 1

        return add_one if name == "filtered" else add

    def tick(self, now: int) -> None:
        """Nothing to work off."""

    def finish(self, now: int) -> None:
        """Nothing to end."""

    def measures(self, target: str) -> dict[str, Measure]:
        """Return the metrics of a mapping, under our names and CloudWatch's."""
        counts = self.counts.get(target)
        if counts is None:
            return {}
        found: dict[str, Measure] = {}
        for signal, names in NAMES.items():
            measure = counter(partial(counts.__getitem__, signal))
            found |= dict.fromkeys(names, measure)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return every mapping's counts as plain data."""
        return {
            name: {NAMES[signal][0]: counts[signal] for signal in NAMES}
            for name, counts in self.counts.items()
        }
