"""Thinning: fewer points for the same picture."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msgsim.report.figures.data import Floats

MOST_POINTS = 1_500


def thinned(*series: NDArray[Any], most: int = MOST_POINTS) -> NDArray[np.intp]:
    """Return which points to draw, at most `most`, so that no spike of any series is lost.

    The points are cut into equal runs; of each run the smallest and the largest value of each
    series stay, and the two ends of the whole.
    """
    size = len(series[0])
    if size <= most:
        return np.arange(size)
    runs = max(1, (most - 2) // (2 * len(series)))
    edges = np.linspace(0, size, runs + 1).astype(np.intp)
    kept = [0, size - 1]
    for begin, end in pairwise(edges.tolist()):
        for values in series:
            part = values[begin:end]
            kept += [int(begin + part.argmin()), int(begin + part.argmax())]
    return np.unique(np.array(kept, dtype=np.intp))


def cumulative(values: Floats, counts: NDArray[np.int64] | None) -> tuple[Floats, Floats]:
    """Return a cumulative distribution: sorted distinct values, and the share at or below each."""
    found, inverse = np.unique(values, return_inverse=True)
    numbers = np.bincount(inverse, weights=counts, minlength=len(found))
    return found, np.cumsum(numbers) / numbers.sum()


def thinned_curve(values: Floats, shares: Floats, most: int = MOST_POINTS) -> NDArray[np.intp]:
    """Return which points of a cumulative distribution to draw: even in share, and in value.

    Evenly spaced shares alone would starve the tail, evenly spaced values the body.
    """
    size = len(values)
    if size <= most:
        return np.arange(size)
    third = (most - 2) // 3
    by_share = np.searchsorted(shares, np.linspace(0, 1, third))
    by_value = np.searchsorted(values, np.linspace(values[0], values[-1], third))
    low = max(float(values[0]), float(values[-1]) * 1e-9)
    by_decade = np.searchsorted(values, np.geomspace(low, float(values[-1]), third))
    kept = np.concatenate((by_share, by_value, by_decade, [0, size - 1]))
    return np.unique(np.minimum(kept, size - 1).astype(np.intp))


def quantile(values: Floats, shares: Floats, share: float) -> float:
    """Return the smallest value that at least `share` of all do not exceed."""
    return float(values[min(int(np.searchsorted(shares, share - 1e-12)), len(values) - 1)])
