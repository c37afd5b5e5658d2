"""Workload F, which every contender simulates, and the outputs that every contender keeps.

A Poisson publisher → one topic → three queues → three pools of five workers. Service is
exponential, the load of a pool is 0.8, one delivery in a hundred fails and comes back after the
visibility timeout, the third failure of a message ends in the dead-letter queue. A message takes
one random hop from the topic to each queue; receive and delete take no time.

Each contender draws from generators of its own, but in the same order, so that they simulate the
same history: their outputs are equal, only the way there differs.
"""

from __future__ import annotations

from random import Random
from typing import Any

QUEUES = 3
WORKERS = 5
MEAN_SERVICE_S = 0.1
LOAD = 0.8
ARRIVALS_PER_S = LOAD * WORKERS / MEAN_SERVICE_S
MEAN_HOP_S = 0.02
FAILURES = 0.01
VISIBILITY_S = 30.0
MAX_RECEIVES = 3


class Message:
    """A published message."""

    __slots__ = ("number", "published")

    def __init__(self, number: int, published: float) -> None:
        self.number = number
        self.published = published


class Copy:
    """The copy of a message in one queue: what SQS knows of it."""

    __slots__ = ("completions", "deleted", "message", "receives")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.receives = 0
        self.completions = 0
        self.deleted = False


class Chance:
    """The draws of one contender: arrivals and hops in order of publication, work per queue."""

    def __init__(self, seed: int) -> None:
        self.arrivals = Random(f"{seed} arrivals")
        self.hops = Random(f"{seed} hops")
        self.work = [Random(f"{seed} work {queue}") for queue in range(QUEUES)]

    def gap(self) -> float:
        return self.arrivals.expovariate(ARRIVALS_PER_S)

    def hop(self) -> float:
        return self.hops.expovariate(1 / MEAN_HOP_S)

    def service(self, queue: int) -> float:
        return self.work[queue].expovariate(1 / MEAN_SERVICE_S)

    def fails(self, queue: int) -> bool:
        return self.work[queue].random() < FAILURES


class Outputs:
    """What is kept of one queue: ledger, latencies, order, duplicates and two gauges."""

    def __init__(self) -> None:
        self.sent = self.starts = self.done = self.failed = self.dead_lettered = 0
        self.latencies: list[float] = []
        self.reordered = self.duplicates = 0
        self.visible = self.in_flight = self.most_visible = self.most_in_flight = 0
        self._newest = -1
        self._since = self._visible_time = self._in_flight_time = 0.0

    def arrived(self, now: float) -> None:
        self._gauge(now, 1, 0)
        self.sent += 1

    def received(self, now: float) -> None:
        self._gauge(now, -1, 1)
        self.starts += 1

    def returned(self, now: float) -> None:
        self._gauge(now, 1, -1)

    def moved(self, now: float) -> None:
        self._gauge(now, -1, 0)
        self.dead_lettered += 1

    def completed(self, now: float, copy: Copy) -> None:
        self._gauge(now, 0, -1)
        message = copy.message
        copy.completions += 1
        if copy.completions > 1:
            self.duplicates += 1
            return
        self.done += 1
        self.latencies.append(now - message.published)
        if message.number < self._newest:
            self.reordered += 1
        else:
            self._newest = message.number

    def _gauge(self, now: float, visible: int, in_flight: int) -> None:
        passed = now - self._since
        self._since = now
        self._visible_time += passed * self.visible
        self._in_flight_time += passed * self.in_flight
        self.visible += visible
        self.in_flight += in_flight
        self.most_visible = max(self.most_visible, self.visible)
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def summary(self) -> dict[str, Any]:
        ordered = sorted(self.latencies)
        return {
            "sent": self.sent,
            "starts": self.starts,
            "done": self.done,
            "failed": self.failed,
            "dead_lettered": self.dead_lettered,
            "left": self.visible + self.in_flight,
            "mean": sum(ordered) / len(ordered),
            "p50": ordered[len(ordered) // 2],
            "p99": ordered[len(ordered) * 99 // 100],
            "reordered": self.reordered,
            "duplicates": self.duplicates,
            "until": self._since,
            "most_visible": self.most_visible,
            "most_in_flight": self.most_in_flight,
            "mean_visible": self._visible_time / self._since,
            "mean_in_flight": self._in_flight_time / self._since,
        }
