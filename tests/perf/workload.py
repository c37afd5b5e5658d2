"""Workload F, which every contender simulates, and the outputs that every contender keeps.

A Poisson publisher → one topic → three queues → three pools of five workers. Service is
exponential, the load of a pool is 0.8, one delivery in a hundred fails and comes back after the
visibility timeout, the third failure of a message ends in the dead-letter queue. A message takes
one random hop from the topic to each queue; receive and delete take no time.

Each contender draws from generators of its own, but in the same order, so that they simulate the
same history: their outputs are equal, only the way there differs. Each keeps, for every queue, what
msgsim's default observers tell of it: the ledger, latency end to end and by stage, inversions at
first receive and at completion, duplicates by cause, attempts, depth and in flight over time with
their means and maxima, and the age of the oldest. What msgsim observes besides (servers, topics,
Little's law) has no counterpart here.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
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

    __slots__ = ("arrived", "completions", "deleted", "message", "received", "receives")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.arrived = 0.0
        self.received = 0.0
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


class Order:
    """How many pairs come in the opposite order to their numbers."""

    def __init__(self) -> None:
        self.inversions = self.reordered = 0
        self._seen: list[int] = []

    def came(self, number: int) -> None:
        later = len(self._seen) - bisect_right(self._seen, number)
        if later:
            self.inversions += later
            self.reordered += 1
            insort(self._seen, number)
        else:
            self._seen.append(number)


class Outputs:
    """What is kept of one queue: ledger, latencies, order, duplicates, gauges and their course."""

    def __init__(self) -> None:
        self.sent = self.starts = self.done = self.failed = self.dead_lettered = 0
        self.latencies: list[float] = []
        self.transits: list[float] = []
        self.waits: list[float] = []
        self.services: list[float] = []
        self.receives = Order()
        self.completions = Order()
        self.duplicates: Counter[str] = Counter()
        self.attempts: Counter[int] = Counter()
        self.oldest = 0.0
        self.visible = self.in_flight = self.most_visible = self.most_in_flight = 0
        self.course: dict[int, tuple[int, int]] = {}
        self._since = self._visible_time = self._in_flight_time = 0.0

    def arrived(self, now: float, copy: Copy) -> None:
        self._gauge(now, 1, 0)
        self.sent += 1
        copy.arrived = now

    def received(self, now: float, copy: Copy) -> None:
        self._gauge(now, -1, 1)
        self.starts += 1
        copy.received = now
        if copy.receives == 1:
            self.receives.came(copy.message.number)

    def returned(self, now: float) -> None:
        self._gauge(now, 1, -1)

    def moved(self, now: float, copy: Copy) -> None:
        self._gauge(now, -1, 0)
        self.dead_lettered += 1
        self._left(now, copy)

    def completed(self, now: float, copy: Copy) -> None:
        self._gauge(now, 0, -1)
        message = copy.message
        copy.completions += 1
        if copy.completions > 1:
            self.duplicates["redelivery" if copy.receives > 1 else "consumer"] += 1
            return
        self.done += 1
        self.latencies.append(now - message.published)
        self.transits.append(copy.arrived - message.published)
        self.waits.append(copy.received - copy.arrived)
        self.services.append(now - copy.received)
        self.completions.came(message.number)
        self._left(now, copy)

    def _left(self, now: float, copy: Copy) -> None:
        self.attempts[copy.receives] += 1
        self.oldest = max(self.oldest, now - copy.arrived)

    def _gauge(self, now: float, visible: int, in_flight: int) -> None:
        passed = now - self._since
        self._since = now
        self._visible_time += passed * self.visible
        self._in_flight_time += passed * self.in_flight
        self.visible += visible
        self.in_flight += in_flight
        self.most_visible = max(self.most_visible, self.visible)
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.course[int(now)] = (self.visible, self.in_flight)

    def summary(self) -> dict[str, Any]:
        return {
            "sent": self.sent,
            "starts": self.starts,
            "done": self.done,
            "failed": self.failed,
            "dead_lettered": self.dead_lettered,
            "left": self.visible + self.in_flight,
            "latency": _spread(self.latencies),
            "transit": _spread(self.transits),
            "wait": _spread(self.waits),
            "service": _spread(self.services),
            "received_out_of_order": self.receives.inversions,
            "inversions": self.completions.inversions,
            "reordered": self.completions.reordered,
            "duplicates": self.duplicates.total(),
            "attempts": dict(self.attempts),
            "oldest": self.oldest,
            "until": self._since,
            "most_visible": self.most_visible,
            "most_in_flight": self.most_in_flight,
            "mean_visible": self._visible_time / self._since,
            "mean_in_flight": self._in_flight_time / self._since,
            "course": self.course,
        }


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    marks = {f"p{share:g}": ordered[int(len(ordered) * share / 100)] for share in (50, 90, 99)}
    return {"mean": sum(ordered) / len(ordered), "max": ordered[-1], **marks}
