"""Durations: exact while small, within 1 % afterwards, whenever the buffer is worked off."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.observe import histogram
from msgsim.observe.histogram import EXACT_LIMIT, Durations

VALUES = st.lists(st.integers(0, 10**15), min_size=1, max_size=60)
SHARES = st.sampled_from([0.0, 0.01, 0.07, 0.5, 0.9, 0.99, 0.999, 1.0])


def of(values: list[int]) -> Durations:
    found = Durations()
    for value in values:
        found.add(value)
    return found


def nearest_rank(values: list[int], percent: int) -> int:
    """The definition, in whole numbers: position ⌈p · n / 100⌉ of the sorted values."""
    return sorted(values)[max(1, -(-percent * len(values) // 100)) - 1]


def test_a_hand_worked_example() -> None:
    """Nearest rank: of 15, 20, 35, 40, 50 the 40th percentile is the second, 20."""
    found = of([35, 20, 15, 50, 40])
    assert [found.quantile(p) for p in (0.05, 0.3, 0.4, 0.5, 1.0)] == [15, 20, 20, 35, 50]
    assert (found.count, found.mean, found.min, found.max) == (5, 32.0, 15, 50)


def test_nothing_has_no_answers() -> None:
    found = Durations()
    assert found.count == 0
    assert found.mean is found.min is found.max is found.quantile(0.5) is None
    assert found.to_json() == {"count": 0}


def test_a_share_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        of([1]).quantile(99)


@given(values=VALUES, percent=st.sampled_from([1, 7, 50, 90, 99, 100]))
def test_quantiles_are_nearest_ranks(values: list[int], percent: int) -> None:
    assert of(values).quantile(percent / 100) == nearest_rank(values, percent)


@given(values=VALUES, percent=st.sampled_from([1, 50, 99]))
@settings(max_examples=50)
def test_binned_quantiles_are_within_one_percent(values: list[int], percent: int) -> None:
    found = of(values)
    found.compact()
    found._give_up_exactness()
    true, answer = nearest_rank(values, percent), found.quantile(percent / 100)
    assert answer is not None and abs(answer - true) <= 0.01 * true
    assert found.total == sum(values)


@given(values=VALUES, cuts=st.sets(st.integers(0, 60)), limit=st.integers(1, 70))
@settings(max_examples=60)
def test_the_moment_of_compaction_changes_nothing(
    values: list[int], cuts: set[int], limit: int
) -> None:
    before = histogram.EXACT_LIMIT
    histogram.EXACT_LIMIT = limit
    try:
        at_once, bit_by_bit = of(values), Durations()
        for place, value in enumerate(values):
            bit_by_bit.add(value)
            if place in cuts:
                bit_by_bit.compact()
        assert at_once.to_json() == bit_by_bit.to_json()
        assert at_once.exact == bit_by_bit.exact == (len(values) <= limit)
    finally:
        histogram.EXACT_LIMIT = before


@given(left=VALUES, right=VALUES)
@settings(max_examples=50)
def test_merging_is_having_seen_both(left: list[int], right: list[int]) -> None:
    merged = of(left)
    merged.merge(of(right))
    assert merged.to_json() == of(left + right).to_json()


def test_merging_what_is_binned_with_what_is_exact() -> None:
    many, few = Durations(), of([7])
    many.extend(np.arange(EXACT_LIMIT + 1))
    few.merge(many)
    assert few.count == EXACT_LIMIT + 2 and not few.exact
    assert few.total == 7 + EXACT_LIMIT * (EXACT_LIMIT + 1) // 2


@given(before=VALUES, after=VALUES)
@settings(max_examples=50)
def test_a_window_between_snapshots(before: list[int], after: list[int]) -> None:
    found = of(before)
    first = found.snapshot()
    for value in after:
        found.add(value)
    window = found.snapshot().since(first)
    assert (window.count, window.total) == (len(after), sum(after))
    true, answer = nearest_rank(after, 50), window.quantile(0.5)
    assert answer is not None and abs(answer - true) <= 0.01 * true


def test_memory_does_not_grow_with_the_number_of_values() -> None:
    found = Durations()
    for start in range(0, 1_000_000, 50_000):
        found.extend(np.arange(start, start + 50_000))
    assert not found.exact and found._exact is None
    assert found._counts is not None and found._counts.nbytes < 32_768
    middle = found.quantile(0.5)
    assert middle is not None and math.isclose(middle, 500_000, rel_tol=0.01)


def test_exact_sums_beyond_64_bits() -> None:
    found = Durations()
    found.extend([1 << 61] * 9)
    assert found.total == 9 << 61
