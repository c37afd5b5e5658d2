"""Arrival processes: when messages are born, as `(time_ns, how many)` in order of time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import count

from msgsim.services.publisher.rates import Curve, Flat

NS_PER_S = 1_000_000_000
Arrival = tuple[int, int]


def steady(rate: float, start_ns: int) -> Iterator[Arrival]:
    """Yield one message every 1/rate seconds, the first at `start_ns` (D in Kendall's notation).

    The k-th time is computed from k, so that rounding to nanoseconds never adds up.
    """
    if rate <= 0:
        return
    numerator, denominator = rate.as_integer_ratio()
    for k in count():
        yield start_ns + (k * NS_PER_S * denominator + numerator // 2) // numerator, 1


def bursts(size: int, every_ns: int | None, start_ns: int) -> Iterator[Arrival]:
    """Yield `size` messages at once, every `every_ns`, or a single time without it."""
    yield start_ns, size
    if every_ns is not None:
        for k in count(1):
            yield start_ns + k * every_ns, size


def poisson(curve: Curve, gap: Callable[[], float], start_ns: int) -> Iterator[Arrival]:
    """Yield a Poisson process with the rate of `curve`; `gap` draws exponentials of mean 1."""
    if isinstance(curve, Flat):
        yield from _poisson_at(curve.rate, gap, start_ns)
        return
    reached, latest, inverse = 0.0, 0, curve.inverse
    while True:
        reached += gap()
        time_s = inverse(reached)
        if math.isinf(time_s):
            return
        time_ns = round(time_s * NS_PER_S)
        if time_ns > latest:
            latest = time_ns
        yield start_ns + latest, 1


def _poisson_at(rate: float, gap: Callable[[], float], start_ns: int) -> Iterator[Arrival]:
    """Yield a Poisson process with one rate: the same times, without asking a curve for each."""
    reached = 0.0
    while rate > 0:
        reached += gap()
        yield start_ns + round(reached / rate * NS_PER_S), 1


def even(curve: Curve, start_ns: int) -> Iterator[Arrival]:
    """Yield message k when `curve` expects k: no chance, the rate of the curve."""
    latest = 0
    for k in count():
        time_s = curve.inverse(float(k))
        if math.isinf(time_s):
            return
        latest = max(latest, round(time_s * NS_PER_S))
        yield start_ns + latest, 1


def replayed(times_ns: list[int], start_ns: int) -> Iterator[Arrival]:
    """Yield recorded times, one message each."""
    for time_ns in times_ns:
        yield start_ns + time_ns, 1


def limited(arrivals: Iterator[Arrival], until_ns: int, most: int | None) -> Iterator[Arrival]:
    """Yield arrivals before `until_ns`, and at most `most` messages in total."""
    left = most
    for time_ns, size in arrivals:
        if time_ns >= until_ns:
            return
        if left is None:
            yield time_ns, size
            continue
        yield time_ns, min(size, left)
        left -= size
        if left <= 0:
            return
