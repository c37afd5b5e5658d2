"""Latency: how long a message takes from publication to its first successful processing.

End to end it is the sojourn time: `born_ns` → first completion at the subscriber. It is the sum of

- *transit*: born → arrived (client, topic and delivery hops),
- *waiting*: arrived → received by the attempt that completed; earlier failed attempts are in it,
- *processing*: that receive → completion (a batch works through its records one after another).
"""

from __future__ import annotations

from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.completions import Completions, Times
from msgsim.observe.histogram import Durations
from msgsim.observe.measure import Measure, distribution
from msgsim.observe.stretches import Stretches

STAGES = ("transit", "waiting", "processing")


class SubscriberLatency:
    """The latencies at one subscriber, in ns.

    Attributes:
        end_to_end: born → first completion.
        transit, waiting, processing: its three parts, which sum to it.
        stretches: born → first completion again, in the order of completion.
    """

    def __init__(self) -> None:
        self.end_to_end = Durations()
        self.transit = Durations()
        self.waiting = Durations()
        self.processing = Durations()
        self.stretches = Stretches()

    def read(self, born: Times, arrived: Times, received: Times, ended: Times) -> None:
        """Take in a batch of first completions."""
        took = ended - born
        self.end_to_end.extend(took)
        self.stretches.take(took)
        self.transit.extend(arrived - born)
        self.waiting.extend(received - arrived)
        self.processing.extend(ended - received)

    def forget(self) -> None:
        """End the warm-up: start anew."""
        for kept in (self.end_to_end, self.transit, self.waiting, self.processing, self.stretches):
            kept.forget()

    def to_json(self) -> dict[str, Any]:
        """Return every stage as plain data."""
        found = {"end_to_end": self.end_to_end.to_json()}
        return found | {stage: getattr(self, stage).to_json() for stage in STAGES}


class Latency:
    """Observer: latency by subscriber and stage, read from first completions."""

    def __init__(self, completions: Completions) -> None:
        self._streams = completions.streams
        self.subscribers: dict[str, SubscriberLatency] = {}
        for name, stream in completions.streams.items():
            found = self.subscribers[name] = SubscriberLatency()
            stream.firsts_readers.append(found.read)

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to nothing: completions come in batches."""
        return None

    def tick(self, now: int) -> None:
        """Work off what has become long."""
        for stream in self._streams.values():
            for durations in stream.groups.values():
                durations.tick()

    def finish(self, now: int) -> None:
        """Nothing to work off."""

    def measures(self, subscriber: str, group: str | None = None) -> dict[str, Measure]:
        """Return the metrics of a subscriber; with `group`, of that key (from now on)."""
        found = self.subscribers.get(subscriber)
        if found is None:
            return {}
        if group is not None:
            self._streams[subscriber].flush()
            kept = self._streams[subscriber].groups.setdefault(group, Durations())
            return {"latency": distribution("time", lambda: kept)}
        return {
            "latency": distribution("time", lambda: found.end_to_end),
            "transit": distribution("time", lambda: found.transit),
            "waiting_time": distribution("time", lambda: found.waiting),
            "processing_time": distribution("time", lambda: found.processing),
        }

    def to_json(self) -> dict[str, Any]:
        """Return latencies by subscriber, as plain data."""
        return {name: found.to_json() for name, found in self.subscribers.items()}
