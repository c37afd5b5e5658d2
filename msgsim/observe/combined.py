"""Combined: one measure made of the same measure at several subscribers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgsim.observe.histogram import Durations
from msgsim.observe.measure import Counter, Distribution, Measure, Number


def combined(measures: Sequence[Measure], largest: bool = False) -> Measure | None:
    """Return the sum of counters or numbers, or the union of distributions; else None.

    Args:
        measures: of one metric, each at another target.
        largest: numbers are not added; the largest is taken.
    """
    first = measures[0]
    if isinstance(first, Counter):
        return _counters([each for each in measures if isinstance(each, Counter)])
    if isinstance(first, Distribution):
        reads = [each.read for each in measures if isinstance(each, Distribution)]
        return Distribution(lambda: union(reads), first.dimension)
    if isinstance(first, Number):
        numbers = [each.read for each in measures if isinstance(each, Number)]
        return Number(lambda: _together(numbers, largest), first.dimension)
    return None


def _counters(counters: list[Counter]) -> Counter:
    bases = [each.base for each in counters if each.base is not None]
    known = [each.known for each in counters if each.known is not None]
    return Counter(
        lambda: sum(each.read() for each in counters),
        (lambda: sum(base() for base in bases)) if bases else None,
        (lambda: any(each() for each in known)) if known else None,
    )


def union(reads: Sequence[Callable[[], Durations]]) -> Durations:
    """Return everything that several collections hold."""
    merged = Durations()
    for read in reads:
        merged.merge(read())
    return merged


def _together(reads: Sequence[Callable[[], float | None]], largest: bool) -> float | None:
    found = [value for value in (read() for read in reads) if value is not None]
    if not found:
        return None
    return max(found) if largest else sum(found)
