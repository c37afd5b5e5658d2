"""Gauge: a number that changes at moments, integrated exactly; nobody polls it.

The area under it is kept in whole units × nanoseconds, and its course in at most 600 equal buckets.
Only what lasted counts: a value that is passed through within one instant (a message that arrives
while a poll waits for it) is neither a maximum nor a minimum.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NS_PER_S = 1_000_000_000
MOST_BUCKETS = 600
_NICE = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 14_400)
_SAFE = 1 << 62

Column = NDArray[np.int64]


def nice_width_ns(duration_ns: int, most: int = MOST_BUCKETS) -> int:
    """Return the smallest round bucket width that covers a run with at most `most` buckets.

    Round means 1, 2 or 5 × 10ⁿ up to a second, then what a clock shows, then whole days.
    """
    decimals = (factor * 10**power for power in range(9) for factor in (1, 2, 5))
    for width in (*decimals, *(seconds * NS_PER_S for seconds in _NICE)):
        if width * most >= duration_ns:
            return width
    day = 86_400 * NS_PER_S
    for hours in (6, 12):
        if hours * 3_600 * NS_PER_S * most >= duration_ns:
            return hours * 3_600 * NS_PER_S
    return day * max(1, -(-duration_ns // (day * most)))


class Course:
    """Spans of time between changes, cut at the edges of buckets.

    Attributes:
        until: where the last span ends (ns).
        lasting: which spans are longer than nothing; what follows is about these.
        begins, spans: when they begin and how long they last; `total_ns` is their sum.
        firsts, buckets, lengths: the first span of each bucket, its number, its time in all.
    """

    def __init__(self, times: Column, last: int, until: int, width: int, buckets: int) -> None:
        edges = np.arange((last // width + 1) * width, until, width, dtype=np.int64)[:buckets]
        self._places = np.searchsorted(times, edges) + np.arange(edges.size)
        self._kept: Any = slice(None)
        if edges.size:
            self._kept = np.ones(times.size + edges.size, dtype=bool)
            self._kept[self._places] = False
            merged = np.empty(self._kept.size, dtype=np.int64)
            merged[self._places], merged[self._kept] = edges, times
            times = merged
        self._size = times.size
        self.until = until
        begins = np.concatenate(([last], times))
        spans = np.concatenate((times, [until])) - begins
        self.lasting = spans > 0
        self.begins, self.spans = begins[self.lasting], spans[self.lasting]
        self.total_ns = int(self.spans.sum())
        index = np.minimum(self.begins // width, buckets - 1)
        self.firsts = np.flatnonzero(np.concatenate(([True], index[1:] != index[:-1])))
        self.firsts = self.firsts[: index.size]
        self.buckets: list[int] = index[self.firsts].tolist()
        self.lengths: list[int] = []
        if index.size:
            self.lengths = np.add.reduceat(self.spans, self.firsts).tolist()

    def values(self, value: int, deltas: Column) -> Column:
        """Return the value in every span, given the one at the beginning and the changes."""
        steps = np.zeros(self._size + 1, dtype=np.int64)
        steps[0] = value
        steps[1:][self._kept] = deltas
        return steps.cumsum()


class Gauge:
    """A step function of time: value, area, extremes and a course in buckets.

    Listeners append to `times` and `deltas` (or call `add`); `settle` works them off.

    Args:
        duration_ns: how long the run lasts; it fixes the buckets.
        most: at most so many buckets.

    Attributes:
        value: the value after everything settled.
        area: its integral so far (units × ns), exact.
        maximum: the largest value that lasted, and `maximum_ns`, when it was first reached.
        minimum: the smallest value that lasted.
        settled_ns: up to when all this is known.
    """

    def __init__(self, duration_ns: int, most: int = MOST_BUCKETS) -> None:
        self.width_ns = nice_width_ns(max(1, duration_ns), most)
        buckets = max(1, -(-duration_ns // self.width_ns))
        self.times = array("q")
        self.deltas = array("q")
        self.value = 0
        self.area = 0
        self.maximum = 0
        self.maximum_ns = 0
        self.minimum: int | None = None
        self.settled_ns = 0
        self._forgotten_area = 0
        self._forgotten_ns = 0
        self._areas = [0] * buckets
        self._highs = [0] * buckets
        self._spans = [0] * buckets

    def add(self, now: int, delta: int) -> None:
        """Change the value by `delta` at `now` (ns, never before an earlier call)."""
        self.times.append(now)
        self.deltas.append(delta)

    def settle(self, now: int) -> None:
        """Work off what was added, and let the present value last until `now`."""
        times = np.array(self.times, dtype=np.int64)
        deltas = np.array(self.deltas, dtype=np.int64)
        del self.times[:], self.deltas[:]
        self.extend(times, deltas, now)

    def extend(self, times: Column, deltas: Column, until: int) -> None:
        """Apply changes in order of time, and let the last value last until `until`."""
        self.apply(self.course(times, until), deltas)

    def course(self, times: Column, until: int) -> Course:
        """Return how changes at these times divide what has passed until `until`.

        Gauges of one duration that are always settled together may share it.
        """
        return Course(times, self.settled_ns, until, self.width_ns, len(self._areas))

    def apply(self, course: Course, deltas: Column) -> None:
        """Apply the changes of a course."""
        if not course.until > self.settled_ns and not deltas.size:
            return
        steps = course.values(self.value, deltas)
        self.value = int(steps[-1])
        self.settled_ns = course.until
        steps = steps[course.lasting]
        if steps.size:
            self._integrate(steps, course)

    def _integrate(self, steps: Column, course: Course) -> None:
        high, low = int(steps.max()), int(steps.min())
        if high > self.maximum:
            self.maximum = high
            self.maximum_ns = int(course.begins[int(steps.argmax())])
        if self.minimum is None or low < self.minimum:
            self.minimum = low
        safe = max(abs(high), abs(low), 1) * course.total_ns < _SAFE
        spans: Any = course.spans
        areas: Any = steps * spans if safe else steps.astype(object) * spans.astype(object)
        sums = np.add.reduceat(areas, course.firsts).tolist()
        highs = np.maximum.reduceat(steps, course.firsts).tolist()
        for bucket, area, top, span in zip(
            course.buckets, sums, highs, course.lengths, strict=True
        ):
            self.area += area
            self._areas[bucket] += area
            self._highs[bucket] = max(self._highs[bucket], top)
            self._spans[bucket] += span

    def finish(self, now: int) -> None:
        """End the run: the value at the very end counts as one that lasts."""
        self.settle(now)
        if self.value > self.maximum:
            self.maximum, self.maximum_ns = self.value, now

    @property
    def mean(self) -> float | None:
        """The time average so far, or since `forget`; None before any time has passed."""
        span = self.settled_ns - self._forgotten_ns
        return (self.area - self._forgotten_area) / span if span else None

    def forget(self) -> None:
        """Leave what was before out of mean and extremes; area and course keep it."""
        self._forgotten_area = self.area
        self._forgotten_ns = self.settled_ns
        self.maximum = self.minimum = self.value
        self.maximum_ns = self.settled_ns

    def series(self) -> dict[str, Sequence[float]]:
        """Return the course: `time_s` (begin of each bucket), `mean` and `max`."""
        seen = [bucket for bucket, span in enumerate(self._spans) if span]
        return {
            "time_s": [bucket * self.width_ns / NS_PER_S for bucket in seen],
            "mean": [self._areas[bucket] / self._spans[bucket] for bucket in seen],
            "max": [self._highs[bucket] for bucket in seen],
        }

    def to_json(self) -> dict[str, Any]:
        """Return the gauge as plain data, times in seconds."""
        return {
            "end": self.value,
            "mean": self.mean,
            "max": self.maximum,
            "max_at_s": self.maximum_ns / NS_PER_S,
            "bucket_s": self.width_ns / NS_PER_S,
            "course": self.series(),
        }
