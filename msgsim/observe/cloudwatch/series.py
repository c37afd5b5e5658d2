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

    Args:
        metric: its entry in the catalogue.
        dimensions: name → value.
        period_ns: how long a period is.

    Attributes:
        points: number of the period → its statistic set; periods without data are absent.
    """

    def __init__(self, metric: Metric, dimensions: dict[str, str], period_ns: int) -> None:
        self.metric = metric
        self.dimensions = dimensions
        self.period_ns = period_ns
        self.points: dict[int, Point] = {}
        self._begin = self._end = 0
        self._point = Point()
        self._buckets: dict[float, Any] = {}

    def add(self, now: int, value: float = 1.0) -> None:
        """Take one sample at a moment (ns), which may lie in an earlier period."""
        if not self._begin <= now < self._end:
            self._turn(now)
        point = self._point
        point.count += 1
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
            sketch[bucket] = sketch.get(bucket, 0) + 1

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
        self._begin = self._end = 0

    def _turn(self, now: int) -> None:
        number = now // self.period_ns
        self._begin = number * self.period_ns
        self._end = self._begin + self.period_ns
        point = self.points.get(number)
        if point is None:
            point = Point(sketch={} if self.metric.percentiles else None)
            self.points[number] = point
        self._point = point

    def __iter__(self) -> Iterator[tuple[int, Point]]:
        """Yield the begin of each period (ns) and its statistic set, in the order of time."""
        for number in sorted(self.points):
            yield number * self.period_ns, self.points[number]

    def total(self) -> float:
        """Return the sum over all periods."""
        return sum(point.total for point in self.points.values())
