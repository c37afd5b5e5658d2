"""Statistics: what replications, or one long run, allow to be said, and how surely.

Every interval is two-sided and has the level asked for (95 % unless said otherwise). Replications
are independent by construction, so Student's t applies to their means; observations within one run
are not, so that a single run is cut into batches first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
BATCHES = 20
MOST_CORRELATED = 0.2
"""Batch means whose lag-1 correlation is above this are not independent enough to be trusted."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with how far it may be off.

    Attributes:
        estimate: the value.
        low, high: the ends; equal to None when there are too few values to say.
        values: from how many values it is known.
        level: share of such intervals that hold the true value.
    """

    estimate: float
    low: float | None
    high: float | None
    values: int
    level: float = LEVEL

    @property
    def half(self) -> float | None:
        """Half its width; None when it has none."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2

    @property
    def relative(self) -> float | None:
        """Half its width as a share of the estimate; None when it has none, or around zero."""
        half = self.half
        if half is None or (self.estimate == 0 and half > 0):
            return None
        return half / abs(self.estimate) if half else 0.0

    def excludes(self, value: float) -> bool:
        """Say whether a value lies outside; an interval without ends excludes nothing."""
        if self.low is None or self.high is None:
            return False
        return not self.low <= value <= self.high


def t_quantile(level: float, degrees: float) -> float:
    """Return how many standard errors lie on either side of the mean at this level."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + level / 2))


def mean_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the mean of independent values with Student's t interval.

    Raises:
        ValueError: there is no value.
    """
    found = np.asarray(values, dtype=float)
    if not found.size:
        raise ValueError("no values, no mean")
    mean = _mean(found)
    if found.size < 2:
        return Interval(mean, None, None, found.size, level)
    half = t_quantile(level, found.size - 1) * _standard_error(found)
    return Interval(mean, mean - half, mean + half, found.size, level)


def _mean(values: Floats) -> float:
    """Return the mean; of equal values exactly that value, which rounding would miss."""
    first = float(values[0])
    return first if bool(np.all(values == first)) else math.fsum(values.tolist()) / values.size


def _standard_error(values: Floats) -> float:
    if bool(np.all(values == values[0])):
        return 0.0
    return float(values.std(ddof=1)) / math.sqrt(values.size)


def quantile_interval(values: ArrayLike, share: float, level: float = LEVEL) -> Interval:
    """Return a quantile of independent values with the interval of order statistics.

    No distribution is assumed: the number of values below the true quantile is binomial. The ends
    are None where so few values cannot bound it at this level.

    Raises:
        ValueError: there is no value, or the share is not within 0 … 1.
    """
    found = np.sort(np.asarray(values, dtype=float))
    if not found.size or not 0 < share < 1:
        raise ValueError("a quantile needs values, and a share between 0 and 1")
    from scipy.stats import binom

    count = found.size
    estimate = float(found[max(1, math.ceil(share * count)) - 1])
    tail = (1 - level) / 2
    low = int(binom.ppf(tail, count, share)) - 1
    high = int(binom.isf(tail, count, share))
    if low < 0 or high >= count:
        return Interval(estimate, None, None, count, level)
    return Interval(estimate, float(found[low]), float(found[high]), count, level)


@dataclass(frozen=True, slots=True)
class BatchMeans:
    """What one long run says about a mean.

    Attributes:
        interval: the mean with its interval.
        batches: how many batches there were.
        correlation: between neighbouring batch means.
    """

    interval: Interval
    batches: int
    correlation: float

    @property
    def trusted(self) -> bool:
        """Whether neighbouring batches hardly depend on each other."""
        return self.correlation <= MOST_CORRELATED


def batch_means(
    totals: ArrayLike, counts: ArrayLike | None = None, *, batches: int = BATCHES,
    level: float = LEVEL,
) -> BatchMeans | None:  # fmt: skip
    """Return the mean of one run's observations from means of batches; None for too short a run.

    The observations are summed up in short stretches of the run; each batch is a whole number of
    stretches, and what does not fill a batch is left out at the start, where the run is least like
    the rest. Batches that hold different numbers of observations are weighed by them (a ratio
    estimate).

    Args:
        totals: sum of the observations of each stretch, or single observations.
        counts: number of observations of each stretch; one each if None.
        batches: how many batches to make.
        level: of the interval.
    """
    sums = np.asarray(totals, dtype=float)
    many = np.ones_like(sums) if counts is None else np.asarray(counts, dtype=float)
    length = sums.size // batches
    if not length:
        return None
    sums = sums[sums.size - length * batches :].reshape(batches, length).sum(axis=1)
    many = many[many.size - length * batches :].reshape(batches, length).sum(axis=1)
    if not many.all():
        return None
    mean = float(sums.sum() / many.sum())
    residuals = (sums - mean * many) / many.mean()
    error = math.sqrt(float((residuals**2).sum()) / (batches - 1) / batches)
    half = t_quantile(level, batches - 1) * error
    means = sums / many
    return BatchMeans(
        Interval(mean, mean - half, mean + half, batches, level), batches, _lag_one(means)
    )


def _lag_one(values: Floats) -> float:
    centred = values - values.mean()
    below = float((centred**2).sum())
    return float((centred[1:] * centred[:-1]).sum()) / below if below else 0.0


def mser5(series: ArrayLike) -> int | None:
    """Return how many of the first values belong to the warm-up (MSER-5).

    The rule cuts where the standard error of the mean of what remains is smallest, looking at means
    of five values (K. P. White, "An effective truncation heuristic for bias reduction in simulation
    output", Simulation 69(6), 1997). None when the best cut lies in the second half: then the run
    is too short to say.
    """
    values = np.asarray(series, dtype=float)
    blocks = values[: values.size // 5 * 5].reshape(-1, 5).mean(axis=1)
    if blocks.size < 10:
        return None
    best, at = math.inf, 0
    for cut in range(blocks.size - 4):
        rest = blocks[cut:]
        score = float(((rest - rest.mean()) ** 2).sum()) / rest.size**2
        if score < best:
            best, at = score, cut
    return None if at > blocks.size // 2 else 5 * at


def paired_difference(was: ArrayLike, now: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the mean of `now - was` over pairs that share their random numbers.

    Raises:
        ValueError: the two are not of one length, or empty.
    """
    before, after = np.asarray(was, dtype=float), np.asarray(now, dtype=float)
    if before.shape != after.shape:
        raise ValueError("pairs need as many values on either side")
    return mean_interval(after - before, level)


def independent_difference(was: ArrayLike, now: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the difference of means of runs that share nothing (Welch's interval)."""
    before, after = np.asarray(was, dtype=float), np.asarray(now, dtype=float)
    difference = _mean(after) - _mean(before)
    if before.size < 2 or after.size < 2:
        return Interval(difference, None, None, min(before.size, after.size), level)
    errors = [_standard_error(before) ** 2, _standard_error(after) ** 2]
    if not sum(errors):
        return Interval(difference, difference, difference, min(before.size, after.size), level)
    below = errors[0] ** 2 / (before.size - 1) + errors[1] ** 2 / (after.size - 1)
    degrees = sum(errors) ** 2 / below
    half = t_quantile(level, degrees) * math.sqrt(sum(errors))
    few = min(before.size, after.size)
    return Interval(difference, difference - half, difference + half, few, level)


def ratio_of_means(
    was: ArrayLike, now: ArrayLike, level: float = LEVEL, *, paired: bool = True
) -> Interval | None:
    """Return the mean of `now` over the mean of `was`, with Fieller's interval.

    None where the mean of `was` is 0. Without ends where it cannot be told from 0, because then any
    ratio is possible.
    """
    before, after = np.asarray(was, dtype=float), np.asarray(now, dtype=float)
    below, above = _mean(before), _mean(after)
    if below == 0:
        return None
    ratio, few = above / below, min(before.size, after.size)
    if few < 2:
        return Interval(ratio, None, None, few, level)
    variances = _standard_error(before) ** 2, _standard_error(after) ** 2
    shared = 0.0
    if paired and max(variances) > 0:
        shared = float(np.cov(before, after)[0, 1]) / before.size
    t = t_quantile(level, few - 1)
    square = below**2 - t**2 * variances[0]
    if square <= 0:
        return Interval(ratio, None, None, few, level)
    middle = below * above - t**2 * shared
    root = middle**2 - square * (above**2 - t**2 * variances[1])
    half = math.sqrt(max(0.0, root))
    return Interval(ratio, (middle - half) / square, (middle + half) / square, few, level)


def p_value(was: ArrayLike, now: ArrayLike, *, paired: bool = True) -> float:
    """Return how likely so great a difference is where there is none (t test, Welch's if unpaired).

    1 where there are too few values to say, 0 where all pairs differ by the same amount.
    """
    before, after = np.asarray(was, dtype=float), np.asarray(now, dtype=float)
    if min(before.size, after.size) < 2:
        return 1.0
    if paired:
        differences = after - before
        if bool(np.all(differences == differences[0])):
            return 1.0 if differences[0] == 0 else 0.0
        from scipy.stats import ttest_rel

        return float(ttest_rel(after, before).pvalue)
    if _standard_error(before) == _standard_error(after) == 0:
        return 1.0 if before[0] == after[0] else 0.0
    from scipy.stats import ttest_ind

    return float(ttest_ind(after, before, equal_var=False).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for so many comparisons at once (Holm, step down).

    Whoever calls different what has an adjusted value below 5 % is wrong anywhere in the whole list
    in at most 5 % of such lists.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def bonferroni(level: float, comparisons: int) -> float:
    """Return the level for each of several intervals that are all to hold at `level`."""
    return 1 - (1 - level) / max(1, comparisons)
