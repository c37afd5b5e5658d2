"""Gauges: area, extremes and course of a step function, exact to the nanosecond."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.observe.gauges import Gauge, nice_width_ns

S = 1_000_000_000


def test_a_hand_worked_example() -> None:
    """2 from 1 s, 5 from 3 s, 4 from 3.5 s on: 0 + 4 + 2.5 + 2 unit-seconds by 4 s."""
    gauge = Gauge(4 * S, most=4)
    for moment, delta in ((1, 2), (3, 3), (3.5, -1)):
        gauge.add(round(moment * S), delta)
    gauge.finish(4 * S)
    assert gauge.area == 8.5 * S
    assert (gauge.value, gauge.maximum, gauge.maximum_ns, gauge.minimum) == (4, 5, 3 * S, 0)
    assert gauge.mean == 8.5 / 4
    assert gauge.series() == {
        "time_s": [0, 1, 2, 3],
        "mean": [0, 2, 2, 4.5],
        "max": [0, 2, 2, 5],
    }


def test_what_lasts_no_time_is_no_maximum() -> None:
    """A message that arrives while a poll waits for it was never visible for any time."""
    gauge = Gauge(10 * S)
    gauge.add(1 * S, 1)
    gauge.add(1 * S, -1)
    gauge.finish(10 * S)
    assert gauge.maximum == 0 and gauge.area == 0


def test_the_value_at_the_end_lasts() -> None:
    gauge = Gauge(10 * S)
    gauge.add(10 * S, 3)
    gauge.finish(10 * S)
    assert (gauge.value, gauge.maximum, gauge.maximum_ns) == (3, 3, 10 * S)


def test_buckets_are_round_and_few() -> None:
    assert nice_width_ns(600 * S) == 1 * S
    assert nice_width_ns(2 * S) == 5_000_000
    assert nice_width_ns(48 * 3600 * S) == 300 * S
    assert nice_width_ns(86_400 * 36_500 * S) == 61 * 86_400 * S


changes = st.lists(st.tuples(st.integers(0, 40), st.integers(-5, 5)), max_size=30).map(
    lambda found: sorted(found, key=lambda change: change[0])
)


@given(changes=changes, cuts=st.sets(st.integers(0, 40)))
@settings(max_examples=100)
def test_against_a_naive_walk(changes: list[tuple[int, int]], cuts: set[int]) -> None:
    """One unit of time after another; and it does not matter when `settle` is called."""
    end = 41
    gauge = Gauge(end, most=7)
    places = sorted({*cuts, end})
    left = list(changes)
    for cut in places:
        while left and left[0][0] <= cut:
            gauge.add(*left.pop(0))
        gauge.settle(cut)
    values = [sum(d for at, d in changes if at <= moment) for moment in range(end)]
    assert gauge.area == sum(values)
    assert gauge.maximum == max(0, *values)
    assert gauge.minimum == min(values)
    if gauge.maximum:
        assert gauge.maximum_ns == values.index(gauge.maximum)
    assert gauge.width_ns == 10
    course = gauge.series()
    chunks = [values[at : at + 10] for at in range(0, end, 10)]
    assert course["mean"] == [sum(chunk) / len(chunk) for chunk in chunks]
    assert course["max"] == [max(0, *chunk) for chunk in chunks]


def test_areas_beyond_64_bits() -> None:
    century = 36_500 * 86_400 * S
    gauge = Gauge(century)
    gauge.add(0, 10_000_000)
    gauge.finish(century)
    assert gauge.area == 10_000_000 * century
