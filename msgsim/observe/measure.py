"""Measure: what a metric is made of, so that one look-up can answer any statistic about it.

Four kinds: a *counter* only grows; a *distribution* has quantiles; a *gauge* is a step function of
time; a *number* is known at the end, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from msgsim.observe.gauges import NS_PER_S, Gauge
from msgsim.observe.histogram import Durations, Snapshot

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the run between two snapshots of one measure."""

    before: Any
    after: Any
    length_ns: int


class Measure(Protocol):
    """One metric of one target."""

    @property
    def dimension(self) -> str:
        """`time` (in seconds when answered) or `number`."""

    @property
    def stats(self) -> tuple[str, ...]:
        """The statistics it answers."""

    @property
    def window_stats(self) -> tuple[str, ...]:
        """Those it answers about a window of time; the usual one is the first."""

    @property
    def default(self) -> str:
        """The usual one, meant when none is named."""

    def value(self, stat: str, elapsed_ns: int) -> float | None:
        """Return a statistic over the whole run so far, in base units; None without data."""

    def snapshot(self) -> Any:
        """Return what is known now, in constant size."""

    def at(self, snapshot: Any) -> float | None:
        """Return the value at the moment of a snapshot."""

    def between(self, window: Window, stat: str) -> float | None:
        """Return a statistic over a window; `stat` is empty for the usual one."""


def _scaled(value: float | None, dimension: str) -> float | None:
    if value is None:
        return None
    return value / NS_PER_S if dimension == "time" else float(value)


@dataclass(frozen=True, slots=True)
class Counter:
    """Something that is counted.

    Attributes:
        read: returns the count so far.
        base: returns what it is a share of.
        known: says whether there was anything to count among; without it 0 is an answer.
    """

    read: Callable[[], int]
    base: Callable[[], int] | None = None
    known: Callable[[], bool] | None = None
    dimension: str = "number"
    default: str = "count"

    @property
    def stats(self) -> tuple[str, ...]:
        """`share` only where there is something to be a share of."""
        return ("count", "end", "rate") + (("share",) if self.base is not None else ())

    @property
    def window_stats(self) -> tuple[str, ...]:
        """What was added in the window, per second, or as a share."""
        return ("count", "rate") + (("share",) if self.base is not None else ())

    def value(self, stat: str, elapsed_ns: int) -> float | None:
        if self.known is not None and not self.known():
            return None
        if stat == "rate":
            return self.read() * NS_PER_S / elapsed_ns if elapsed_ns else None
        if stat == "share":
            return _share(self.read(), self.base() if self.base is not None else 0)
        return float(self.read())

    def snapshot(self) -> tuple[int, int]:
        return self.read(), self.base() if self.base is not None else 0

    def at(self, snapshot: tuple[int, int]) -> float | None:
        return float(snapshot[0])

    def between(self, window: Window, stat: str) -> float | None:
        count = window.after[0] - window.before[0]
        if stat == "rate":
            return count * NS_PER_S / window.length_ns if window.length_ns else None
        if stat == "share":
            return _share(count, window.after[1] - window.before[1])
        return float(count)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True, slots=True)
class Distribution:
    """Something that every message, batch or call has one value of.

    Attributes:
        read: returns the collection.
        end: returns the latest value, for metrics where that means something.
    """

    read: Callable[[], Durations]
    dimension: str = "time"
    end: Callable[[], float | None] | None = None
    default: str = "mean"

    @property
    def stats(self) -> tuple[str, ...]:
        """Quantiles, mean, extremes, count; `end` where there is a latest value."""
        return (*QUANTILES, "mean", "min", "max", "count") + (
            ("end",) if self.end is not None else ()
        )

    @property
    def window_stats(self) -> tuple[str, ...]:
        """All but `end`: a window has no latest value."""
        return ("mean", *QUANTILES, "min", "max", "count")

    def value(self, stat: str, elapsed_ns: int) -> float | None:
        if stat == "end":
            return _scaled(self.end() if self.end is not None else None, self.dimension)
        return self._of(self.read(), stat)

    def _of(self, durations: Durations, stat: str) -> float | None:
        if stat == "count":
            return float(durations.count)
        if stat in QUANTILES:
            return _scaled(durations.quantile(QUANTILES[stat]), self.dimension)
        return _scaled(getattr(durations, stat or self.default), self.dimension)

    def snapshot(self) -> Snapshot:
        return self.read().snapshot()

    def at(self, snapshot: Snapshot) -> float | None:
        return _scaled(snapshot.total / snapshot.count if snapshot.count else None, self.dimension)

    def between(self, window: Window, stat: str) -> float | None:
        return self._of(window.after.since(window.before), stat)


@dataclass(frozen=True, slots=True)
class Level:
    """Something that has a value at every moment."""

    gauge: Gauge
    dimension: str = "number"
    default: str = "mean"
    stats: tuple[str, ...] = ("mean", "min", "max", "end")
    window_stats: tuple[str, ...] = ("mean",)

    def value(self, stat: str, elapsed_ns: int) -> float | None:
        gauge = self.gauge
        found = {
            "mean": gauge.mean,
            "min": gauge.minimum,
            "max": gauge.maximum,
            "end": gauge.value,
        }[stat]
        return None if found is None else float(found)

    def snapshot(self) -> tuple[int, int]:
        return self.gauge.value, self.gauge.area

    def at(self, snapshot: tuple[int, int]) -> float | None:
        return float(snapshot[0])

    def between(self, window: Window, stat: str) -> float | None:
        area = window.after[1] - window.before[1]
        return area / window.length_ns if window.length_ns else None


@dataclass(frozen=True, slots=True)
class Number:
    """Something with one value, known when the run ends (or so far)."""

    read: Callable[[], float | None]
    dimension: str = "number"
    default: str = ""
    stats: tuple[str, ...] = ("max", "end")

    @property
    def window_stats(self) -> tuple[str, ...]:
        """A count grows by so much in a window; a time such as a longest stall does not."""
        return ("end",) if self.dimension == "number" else ()

    def value(self, stat: str, elapsed_ns: int) -> float | None:
        return _scaled(self.read(), self.dimension)

    def snapshot(self) -> float | None:
        return self.read()

    def at(self, snapshot: float | None) -> float | None:
        return _scaled(snapshot, self.dimension)

    def between(self, window: Window, stat: str) -> float | None:
        if window.after is None or window.before is None:
            return None
        return _scaled(window.after - window.before, self.dimension)


def counter(
    read: Callable[[], int],
    base: Callable[[], int] | None = None,
    known: Callable[[], bool] | None = None,
) -> Measure:
    """Return a counter, with what it is a share of, and whether there is data at all."""
    return Counter(read, base, known)


def distribution(
    dimension: str,
    read: Callable[[], Durations],
    end: Callable[[], float | None] | None = None,
) -> Measure:
    """Return a distribution of times (read in ns) or of plain numbers."""
    return Distribution(read, dimension, end)


def level(gauge: Gauge) -> Measure:
    """Return the measure of a gauge."""
    return Level(gauge)


def number(read: Callable[[], float | None], dimension: str = "number") -> Measure:
    """Return a single value; times are read in ns."""
    return Number(read, dimension)


def dimension_of(measure: Measure, stat: str) -> str:
    """Return the dimension of a statistic: `rate`, `share`, `number`, or the measure's own."""
    if stat in {"rate", "share"}:
        return stat
    return "number" if stat == "count" else measure.dimension
