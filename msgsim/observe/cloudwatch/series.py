"""Series: one metric with its dimensions, a statistic set for each period; constant in size.

CloudWatch keeps count, sum, minimum and maximum of what is reported within a period, and for
percentiles a histogram whose buckets grow by a fixed factor. Nothing else is kept here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, inf, log
from typing import Any

from msgsim.observe.cloudwatch.catalog import Metric

_GROWTH = log(1.02)  # percentiles are off by 1 % at most
_REMEMBERED = 1_024
_UNKNOWN: Any = object()


@dataclass(slots=True)
class Point:
    """The statistic set of one period.

    Attributes:
        count: `SampleCount`.
        total: `Sum`.
        low: `Minimum`.
        high: `Maximum`.
        sketch: bucket → samples in it, where percentiles may be asked; the bucket of what is not
            positive is None.
    """

    count: int = 0
    total: float = 0.0
    low: float = inf
    high: float = -inf
    sketch: dict[int | None, int] | None = None

    def statistic(self, name: str) -> float | None:
        """Return `Average`, `Sum`, `Minimum`, `Maximum`, `SampleCount` or a percentile (`p99`).

        A percentile is None where the metric keeps none.
        """
        if name.startswith("p"):
            return self._percentile(float(name[1:]) / 100)
        return {
            "Average": self.total / self.count,
            "Sum": self.total,
            "Minimum": self.low,
            "Maximum": self.high,
            "SampleCount": float(self.count),
        }[name]

    def _percentile(self, share: float) -> float | None:
        if self.sketch is None:
            return None
        rank, passed = max(1, ceil(share * self.count)), 0
        for bucket in sorted(self.sketch, key=lambda one: -inf if one is None else one):
            passed += self.sketch[bucket]
            if passed >= rank:
                middle = 0.0 if bucket is None else 1.02 ** (bucket + 0.5)
                return min(max(middle, self.low), self.high)
        return self.high


class Series:
    """One metric of one resource.

    Most samples equal the one before: a message counts one, and messages of a workload are often
    of one size. So equal samples of a period are first counted as a run. A listener that hears
    every message may do in place what `add` begins with: lengthen the run.

    Args:
        metric: its entry in the catalogue.
        dimensions: name → value.
        period_ns: how long a period is.

    Attributes:
        begin, end: of the period of the run (ns).
        value: the sample that is repeated, `run` times.
    """

    __slots__ = ("_buckets", "_point", "_points", "begin", "dimensions", "end", "metric",
                 "period_ns", "run", "value")  # fmt: skip

    def __init__(self, metric: Metric, dimensions: dict[str, str], period_ns: int) -> None:
        self.metric = metric
        self.dimensions = dimensions
        self.period_ns = period_ns
        self._points: dict[int, Point] = {}
        self.begin = self.end = 0
        self.value = 0.0
        self.run = 0
        self._point = Point()
        self._buckets: dict[float, Any] = {}

    @property
    def points(self) -> dict[int, Point]:
        """Number of the period → its statistic set; periods without data are absent."""
        if self.run:
            self._settle()
        return self._points

    def add(self, now: int, value: float = 1.0) -> None:
        """Take one sample at a moment (ns), which may lie in an earlier period."""
        if value == self.value and self.begin <= now < self.end:
            self.run += 1
            return
        if self.run:
            self._settle()
        if not self.begin <= now < self.end:
            self._turn(now)
        self.value = value
        self.run = 1

    def _settle(self) -> None:
        """Put the run into the statistic set of its period."""
        point, value, run = self._point, self.value, self.run
        self.run = 0
        point.count += run
        if run == 1 or (float(value).is_integer() and point.total.is_integer()):
            point.total += value * run
        else:  # a product would be rounded otherwise than the sum
            for _ in range(run):
                point.total += value
        if value < point.low:
            point.low = value
        if value > point.high:
            point.high = value
        sketch = point.sketch
        if sketch is not None:
            bucket = self._buckets.get(value, _UNKNOWN)
            if bucket is _UNKNOWN:
                bucket = self._bucket(value)
            sketch[bucket] = sketch.get(bucket, 0) + run

    def _bucket(self, value: float) -> int | None:
        """Return a value's bucket, and remember it: sizes come again and again."""
        bucket = floor(log(value) / _GROWTH) if value > 0 else None
        if len(self._buckets) < _REMEMBERED:
            self._buckets[value] = bucket
        return bucket

    def tally(self, now: int, count: int) -> None:
        """Add a number to the sum, as one sample; negative takes back what was added too much."""
        self.add(now, float(count))

    def level(self, now: int, value: float) -> None:
        """Take a value that stands at the end of the period which ends `now`."""
        self.add(now - 1, value)

    def silent(self, now: int) -> None:
        """Report 0 for the period that ends `now` if nothing was reported."""
        if (now - 1) // self.period_ns not in self.points:
            self.add(now - 1, 0.0)

    def withdraw(self, now: int) -> None:
        """Leave out the period that ends `now`: nothing is reported for it."""
        self.points.pop((now - 1) // self.period_ns, None)
        self.begin = self.end = 0

    def _turn(self, now: int) -> None:
        number = now // self.period_ns
        self.begin = number * self.period_ns
        self.end = self.begin + self.period_ns
        point = self._points.get(number)
        if point is None:
            point = Point(sketch={} if self.metric.percentiles else None)
            self._points[number] = point
        self._point = point

    def __iter__(self) -> Iterator[tuple[int, Point]]:
        """Yield the begin of each period (ns) and its statistic set, in the order of time."""
        for number in sorted(self.points):
            yield number * self.period_ns, self.points[number]

    def total(self) -> float:
        """Return the sum over all periods."""
        return sum(point.total for point in self.points.values())
