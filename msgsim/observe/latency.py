"""Latency: how long a message takes from publication to its first successful processing.

End to end it is the sojourn time: `born_ns` → first completion at the subscriber. It is the sum of

- *transit*: born → arrived (client, topic and delivery hops),
- *waiting*: arrived → received by the attempt that completed; earlier failed attempts are in it,
- *processing*: that receive → completion (a batch works through its records one after another).

*First wait* is arrived → handed out for the first time: the age of a message at its first receive.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Delivery
from msgsim.observe.completions import Completions
from msgsim.observe.histogram import Durations
from msgsim.observe.measure import Measure, distribution

STAGES = ("transit", "waiting", "processing", "first_wait")


class SubscriberLatency:
    """The latencies at one subscriber, in ns.

    Attributes:
        end_to_end: born → first completion.
        transit, waiting, processing: its three parts, which sum to it.
        first_wait: arrived → first receive.
        by_group: end to end, for the keys that were asked for before the run.
    """

    def __init__(self) -> None:
        self.end_to_end = Durations()
        self.transit = Durations()
        self.waiting = Durations()
        self.processing = Durations()
        self.first_wait = Durations()
        self.by_group: dict[str, Durations] = {}

    def read(self, ends: list[int], deliveries: list[Delivery]) -> None:
        """Take in a batch of first completions."""
        copies = [delivery.copy for delivery in deliveries]
        end = np.array(ends, dtype=np.int64)
        born = np.array([delivery.message.born_ns for delivery in deliveries], dtype=np.int64)
        arrived = np.array([copy.arrived_ns for copy in copies], dtype=np.int64)
        received = np.array([delivery.received_ns for delivery in deliveries], dtype=np.int64)
        first = np.array([copy.first_received_ns for copy in copies], dtype=np.int64)
        self.end_to_end.extend(end - born)
        self.transit.extend(arrived - born)
        self.waiting.extend(received - arrived)
        self.processing.extend(end - received)
        known = first >= arrived
        self.first_wait.extend(first[known] - arrived[known])
        if self.by_group:
            self._read_groups(ends, deliveries)

    def _read_groups(self, ends: list[int], deliveries: list[Delivery]) -> None:
        groups = self.by_group
        for end, delivery in zip(ends, deliveries, strict=True):
            found = groups.get(delivery.message.key.name)
            if found is not None:
                found.add(end - delivery.message.born_ns)

    def to_json(self) -> dict[str, Any]:
        """Return every stage as plain data."""
        found = {"end_to_end": self.end_to_end.to_json()}
        return found | {stage: getattr(self, stage).to_json() for stage in STAGES}


class Latency:
    """Observer: latency by subscriber and stage, read from first completions."""

    def __init__(self, completions: Completions) -> None:
        self.subscribers: dict[str, SubscriberLatency] = {}
        for name, stream in completions.streams.items():
            found = self.subscribers[name] = SubscriberLatency()
            stream.firsts_readers.append(found.read)

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to nothing: completions come in batches."""
        return None

    def tick(self, now: int) -> None:
        """Nothing to work off."""

    def finish(self, now: int) -> None:
        """Nothing to work off."""

    def measures(self, subscriber: str, group: str | None = None) -> dict[str, Measure]:
        """Return the metrics of a subscriber; with `group`, of that key (from now on)."""
        found = self.subscribers.get(subscriber)
        if found is None:
            return {}
        if group is not None:
            kept = found.by_group.setdefault(group, Durations())
            return {"latency": distribution("time", lambda: kept)}
        return {
            "latency": distribution("time", lambda: found.end_to_end),
            "transit": distribution("time", lambda: found.transit),
            "waiting_time": distribution("time", lambda: found.waiting),
            "processing_time": distribution("time", lambda: found.processing),
            "first_wait": distribution("time", lambda: found.first_wait),
        }

    def to_json(self) -> dict[str, Any]:
        """Return latencies by subscriber, as plain data."""
        return {name: found.to_json() for name, found in self.subscribers.items()}
