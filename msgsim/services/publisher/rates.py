"""Arrival rates over time, as cumulative rates that can be inverted.

Let L(t) be the expected number of arrivals by time t. If G1, G2, … are the arrival times of a
Poisson process of rate 1, then the inverse of L at G1, G2, … is a Poisson process with L's rate
(Çinlar 1975, Introduction to Stochastic Processes, ch. 4.7): exact, with one draw per arrival.
The inverse at 0, 1, 2, … gives the evenly spaced version of the same curve. Times are in seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

DAY_S = 86_400.0
_STEPS = 200
_CLOSE_S = 1e-9


class Curve(Protocol):
    """A rate over time."""

    def cumulative(self, time_s: float) -> float:
        """Return the expected number of arrivals from 0 to `time_s`."""

    def inverse(self, arrivals: float) -> float:
        """Return the first time (s) by which `arrivals` are expected; infinite if never."""


@dataclass(frozen=True, slots=True)
class Flat:
    """The same rate all the time."""

    rate: float

    def cumulative(self, time_s: float) -> float:
        """Return the expected number of arrivals from 0 to `time_s`."""
        return self.rate * time_s

    def inverse(self, arrivals: float) -> float:
        """Return the time (s) by which `arrivals` are expected."""
        return arrivals / self.rate if self.rate > 0 else math.inf


class Profile:
    """A piecewise rate: constant from point to point (`steps`), or a line between them.

    Nothing arrives before the first point; the last rate holds for ever.

    Args:
        points: (seconds, rate per second), with times that increase.
        linear: whether rates change along lines instead of in steps.
    """

    def __init__(self, points: Sequence[tuple[float, float]], linear: bool = False) -> None:
        self._times = [time for time, _ in points]
        self._rates = [rate for _, rate in points]
        self._slopes = [0.0] * len(points)
        self._reached = [0.0]
        for index, (time, rate) in enumerate(points[:-1]):
            after, next_rate = points[index + 1]
            width = after - time
            end_rate = next_rate if linear else rate
            self._slopes[index] = (end_rate - rate) / width
            self._reached.append(self._reached[-1] + width * (rate + end_rate) / 2)

    def cumulative(self, time_s: float) -> float:
        """Return the expected number of arrivals from 0 to `time_s`."""
        index = bisect_right(self._times, time_s) - 1
        if index < 0:
            return 0.0
        past = time_s - self._times[index]
        rate, slope = self._rates[index], self._slopes[index]
        return self._reached[index] + rate * past + slope * past * past / 2

    def inverse(self, arrivals: float) -> float:
        """Return the time (s) by which `arrivals` are expected; infinite if never."""
        index = bisect_right(self._reached, arrivals) - 1
        rate, slope = self._rates[index], self._slopes[index]
        rest = arrivals - self._reached[index]
        if rest <= 0 and (rate > 0 or slope > 0):
            return self._times[index]
        # The root of rate·t + slope·t²/2 = rest in the form that does not cancel.
        root = math.sqrt(max(0.0, rate * rate + 2 * slope * rest))
        return self._times[index] + 2 * rest / (rate + root) if rate + root > 0 else math.inf


class Daily:
    """A day curve: a sine between `low` and `high` with its maximum at `peak_s`.

    Args:
        low: rate at the quietest moment, per second.
        high: rate at the busiest moment, per second.
        peak_s: when the busiest moment comes, in seconds after the day's start.
        day_s: length of a day in seconds.
        start_s: time of day at which the curve is entered.
    """

    def __init__(
        self, low: float, high: float, peak_s: float, day_s: float = DAY_S, start_s: float = 0.0
    ) -> None:
        self._middle = (low + high) / 2
        self._turn = 2 * math.pi / day_s
        self._swing = (high - low) / 2 / self._turn
        self._phase = self._turn * (start_s - peak_s)
        self._offset = self._swing * math.sin(self._phase)

    def cumulative(self, time_s: float) -> float:
        """Return the expected number of arrivals from 0 to `time_s`."""
        wave = self._swing * math.sin(self._turn * time_s + self._phase)
        return self._middle * time_s + wave - self._offset

    def _rate(self, time_s: float) -> float:
        slope = self._swing * self._turn
        return self._middle + slope * math.cos(self._turn * time_s + self._phase)

    def inverse(self, arrivals: float) -> float:
        """Return the time (s) by which `arrivals` are expected (Newton, kept inside a bracket)."""
        if self._middle <= 0:
            return math.inf
        low = max(0.0, (arrivals - 2 * self._swing) / self._middle)
        high = (arrivals + 2 * self._swing) / self._middle
        time = min(max(arrivals / self._middle, low), high)
        for _ in range(_STEPS):
            excess = self.cumulative(time) - arrivals
            if excess > 0:
                high = time
            else:
                low = time
            rate = self._rate(time)
            following = time - excess / rate if rate > 0 else -1.0
            if not low <= following <= high:
                following = (low + high) / 2
            if abs(following - time) <= _CLOSE_S:
                return following
            time = following
        return time
