"""What a metric of CloudWatch is read from: one sample for each minute, or none.

A *gauge* asks the component at the end of the minute. A *tally*, a *spread* and a *peak* hear what
the component announces. They are parts of the model (`Component.attend`), so that an alarm never
depends on who observes the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal

Amount = Callable[..., float | None]
"""Carried values of a fact → what it adds to the metric; None to leave it out."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The values of a metric within a time, as CloudWatch keeps them: a statistic set."""

    count: int
    total: float
    low: float
    high: float

    def statistic(self, name: str) -> float:
        """Return `Average`, `Sum`, `Minimum`, `Maximum` or `SampleCount`."""
        found = {
            "Average": self.total / self.count,
            "Sum": self.total,
            "Minimum": self.low,
            "Maximum": self.high,
            "SampleCount": float(self.count),
        }
        return found[name]


STATISTICS = ("Average", "Sum", "Minimum", "Maximum", "SampleCount")
ZERO = Sample(1, 0.0, 0.0, 0.0)


def merged(samples: Iterable[Sample | None]) -> Sample | None:
    """Return several samples as one; None when all are missing."""
    real = [sample for sample in samples if sample is not None]
    if not real:
        return None
    return Sample(
        sum(sample.count for sample in real),
        sum(sample.total for sample in real),
        min(sample.low for sample in real),
        max(sample.high for sample in real),
    )


class Reading(Protocol):
    """One metric of one component."""

    def minute(self, now: int) -> Sample | None:
        """Return what the minute that ends `now` (ns) has to report; None for nothing."""


class Gauge:
    """A number that the component knows at any time, reported once a minute."""

    def __init__(self, read: Callable[[int], float | None]) -> None:
        self._read = read

    def minute(self, now: int) -> Sample | None:
        """Return the value at the end of the minute."""
        value = self._read(now)
        return None if value is None else Sample(1, value, value, value)


class Tally:
    """Values that facts carry, collected over a minute.

    Args:
        component: whose facts are heard.
        amounts: signal → what one fact adds.
        silent: what a minute without a fact reports: None for nothing.
    """

    def __init__(
        self, component: Component, amounts: Mapping[str, Amount], silent: Sample | None = ZERO
    ) -> None:
        self._amounts = amounts
        self._silent = silent
        self._values: list[float] = []
        component.attend(self)

    def listener(self, component: Any, signal: Signal) -> Listener | None:
        """Hear the facts that count."""
        amount = self._amounts.get(signal.name)
        if amount is None:
            return None
        values = self._values

        def heard(now: int, *carried: Any) -> None:
            found = amount(*carried)
            if found is not None:
                values.append(found)

        return heard

    def minute(self, now: int) -> Sample | None:
        """Return the minute's values, and begin the next minute."""
        values = self._values
        if not values:
            return self._silent
        found = Sample(len(values), sum(values), min(values), max(values))
        values.clear()
        return found


class Peak:
    """The largest number of batches in progress at once within each minute."""

    def __init__(self, component: Component) -> None:
        self._running = 0
        self._high = 0
        component.attend(self)

    def listener(self, component: Any, signal: Signal) -> Listener | None:
        """Hear batches begin and end."""
        return {"started": self._started, "ended": self._ended}.get(signal.name)

    def _started(self, now: int, *carried: Any) -> None:
        self._running += 1
        self._high = max(self._high, self._running)

    def _ended(self, now: int, *carried: Any) -> None:
        self._running -= 1

    def minute(self, now: int) -> Sample | None:
        """Return the peak; nothing when nothing ran."""
        high, self._high = self._high, self._running
        return Sample(1, high, high, high) if high else None


class Activity:
    """When a queue reports at all: while it is active, and not at once when it becomes so again.

    Active is a queue that holds a message or was accessed lately (SQS Developer Guide, monitoring).

    Args:
        queue: the queue.
        reading: the metric itself.
        idle_ns: how long after the last access it stays active.
        wake_ns: how long until an active queue that had not been reports again.
    """

    def __init__(self, queue: Any, reading: Reading, idle_ns: int, wake_ns: int) -> None:
        self._queue = queue
        self._reading = reading
        self._idle_ns = idle_ns
        self._wake_ns = wake_ns
        self._accessed_ns = 0
        self._reports_from_ns: int | None = 0
        queue.attend(self)

    def listener(self, component: Any, signal: Signal) -> Listener | None:
        """Hear every access."""
        names = {"sent", "received", "empty", "deleted", "deduplicated"}
        return self._accessed if signal.name in names else None

    def _accessed(self, now: int, *carried: Any) -> None:
        self._accessed_ns = now

    def minute(self, now: int) -> Sample | None:
        """Return the metric's sample, unless the queue does not report."""
        found = self._reading.minute(now)
        if not any(self._queue.counters()) and now - self._accessed_ns > self._idle_ns:
            self._reports_from_ns = None
            return None
        if self._reports_from_ns is None:
            self._reports_from_ns = now + self._wake_ns
        return found if now >= self._reports_from_ns else None
