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

    def extend(self, times: NDArray[np.int64], deltas: NDArray[np.int64], until: int) -> None:
        """Apply changes in order of time, and let the last value last until `until`."""
        last, width = self.settled_ns, self.width_ns
        if until <= last and not times.size:
            return
        edges = np.arange((last // width + 1) * width, until, width, dtype=np.int64)
        edges = edges[: len(self._areas)]
        if edges.size:
            places = np.searchsorted(times, edges) + np.arange(edges.size)
            kept = np.ones(times.size + edges.size, dtype=bool)
            kept[places] = False
            all_times, all_deltas = np.empty_like(kept, np.int64), np.zeros(kept.size, np.int64)
            all_times[places], all_times[kept] = edges, times
            all_deltas[kept] = deltas
            times, deltas = all_times, all_deltas
        steps = np.concatenate(([self.value], deltas)).cumsum()
        begins = np.concatenate(([last], times))
        spans = np.concatenate((times, [until])) - begins
        self.value = int(steps[-1])
        self.settled_ns = until
        lasting = spans > 0
        if lasting.any():
            self._integrate(steps[lasting], begins[lasting], spans[lasting])

    def _integrate(
        self, steps: NDArray[np.int64], begins: NDArray[np.int64], spans: NDArray[np.int64]
    ) -> None:
        high, low = int(steps.max()), int(steps.min())
        if high > self.maximum:
            self.maximum = high
            self.maximum_ns = int(begins[int(steps.argmax())])
        if self.minimum is None or low < self.minimum:
            self.minimum = low
        index = np.minimum(begins // self.width_ns, len(self._areas) - 1)
        firsts = np.flatnonzero(np.concatenate(([True], index[1:] != index[:-1])))
        safe = max(abs(high), abs(low), 1) * int(spans.sum()) < _SAFE
        areas: Any = steps * spans if safe else steps.astype(object) * spans.astype(object)
        sums = np.add.reduceat(areas, firsts).tolist()
        highs = np.maximum.reduceat(steps, firsts).tolist()
        lengths = np.add.reduceat(spans, firsts).tolist()
        for bucket, area, top, span in zip(
            index[firsts].tolist(), sums, highs, lengths, strict=True
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
