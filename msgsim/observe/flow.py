"""Flow: what came and what was done over time, per subscriber; how old messages were at a receive.

For pictures: fixed numbers of buckets, whatever the length of the run.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Delivery
from msgsim.observe.duplicates import CONSUMER_RETRY, QUEUE_REDELIVERY, REPLICA
from msgsim.observe.histogram import Durations
from msgsim.observe.system import System, subscribers_of

BUCKETS = 400


class SubscriberFlow:
    """What came to one subscriber and what was done there.

    Attributes:
        arrived, done: messages per bucket of time; done are first completions of a copy.
        ages: how old copies were, since they had arrived, at their first receive (ns).
        processings: number of successful processings of a copy → cause of the last → copies.
    """

    def __init__(self) -> None:
        self.arrived = np.zeros(BUCKETS, dtype=np.int64)
        self.done = np.zeros(BUCKETS, dtype=np.int64)
        self.ages = Durations()
        self.processings: Counter[tuple[int, str]] = Counter()
        self._cause: dict[Copy, str] = {}

    def again(self, copy: Copy, cause: str) -> None:
        """Take note that a copy was processed once more."""
        before = self._cause.get(copy, "")
        self._cause[copy] = cause
        self.processings[copy.completions - 1, before] -= 1
        self.processings[copy.completions, cause] += 1


class Flow:
    """Observer of flows.

    Attributes:
        subscribers: by name.
        width_ns: length of a bucket.
    """

    def __init__(self, system: System) -> None:
        self.subscribers = {name: SubscriberFlow() for name in subscribers_of(system)}
        self.width_ns = max(1, -(-system.duration_ns // BUCKETS))
        self._readers: dict[str, list[str]] = {}
        for route in system.routes:
            if route.subscriber != route.entry and route.via is None:
                self._readers.setdefault(route.entry, []).append(route.subscriber)

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to arrivals, first receives and completions."""
        if signal.name == "completed" and component.judged in self.subscribers:
            return self._completed(component.judged)
        if signal.name in {"received", "taken"} and component.name in self.subscribers:
            return self._received(component.name)
        if signal.name in {"sent", "moved_in"} and component.name in self.subscribers:
            return self._arrived([component.name])
        if signal.name == "stored" and component.name in self._readers:
            return self._arrived(self._readers[component.name])
        return None

    def course(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the running total of a count at the end of each bucket."""
        return counts.cumsum()

    def _arrived(self, names: list[str]) -> Listener:
        columns = [self.subscribers[name].arrived for name in names if name in self.subscribers]
        width_ns = self.width_ns

        def arrived(now: int, *facts: object) -> None:
            place = min(now // width_ns, BUCKETS - 1)
            for column in columns:
                column[place] += 1

        return arrived

    def _received(self, name: str) -> Listener:
        ages = self.subscribers[name].ages

        def received(now: int, deliveries: list[Delivery]) -> None:
            for delivery in deliveries:
                if delivery.attempt == 1:
                    ages.add(now - delivery.copy.arrived_ns)

        return received

    def _completed(self, name: str) -> Listener:
        seen, width_ns = self.subscribers[name], self.width_ns

        def completed(now: int, delivery: Delivery) -> None:
            copy = delivery.copy
            if copy.completions == 1:
                seen.done[min(now // width_ns, BUCKETS - 1)] += 1
                seen.processings[1, ""] += 1
            else:
                again = QUEUE_REDELIVERY if delivery.attempt > 1 else CONSUMER_RETRY
                seen.again(copy, REPLICA if copy.ghost else again)

        return completed
