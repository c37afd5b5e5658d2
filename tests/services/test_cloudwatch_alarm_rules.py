"""The rule of an alarm: M out of N, missing data, comparisons and statistics."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.services.cloudwatch_alarm.evaluation import (
    ALARM,
    COMPARISONS,
    INSUFFICIENT_DATA,
    OK,
    TREATMENTS,
    Rule,
)
from msgsim.services.cloudwatch_alarm.readings import Sample, merged

RETAIN = None


def points(text: str) -> list[float | None]:
    """`0 - X`: a datapoint within the threshold of 10, a missing one, one beyond it."""
    return [{"0": 0.0, "-": None, "X": 20.0}[word] for word in text.split()]


def state(text: str, m: int, treat: str) -> str | None:
    return Rule(10, "GreaterThanThreshold", 3, m, treat).state(points(text))


@pytest.mark.parametrize(
    ("text", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", OK, OK, OK, OK),
        ("0 - - - -", OK, OK, OK, OK),
        ("- - - - -", INSUFFICIENT_DATA, RETAIN, ALARM, OK),
        ("0 X X - X", ALARM, ALARM, ALARM, ALARM),
        ("- - - - X", INSUFFICIENT_DATA, RETAIN, ALARM, OK),
        ("X - - - -", ALARM, RETAIN, ALARM, OK),
    ],
)
def test_three_out_of_three(
    text: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    """The first table of the CloudWatch User Guide, alarms-and-missing-data: 3 out of 3, five
    datapoints fetched.
    """
    found = [state(text, 3, treat) for treat in TREATMENTS]
    assert found == [missing, ignore, breaching, not_breaching]


@pytest.mark.parametrize(
    ("text", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", ALARM, ALARM, ALARM, ALARM),
        ("0 0 X 0 X", ALARM, ALARM, ALARM, ALARM),
        ("0 - X - -", OK, OK, ALARM, OK),
        ("- - - - 0", OK, OK, ALARM, OK),
        ("- - - - X", INSUFFICIENT_DATA, RETAIN, ALARM, OK),
    ],
)
def test_two_out_of_three(
    text: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    """The second table there: 2 out of 3."""
    found = [state(text, 2, treat) for treat in TREATMENTS]
    assert found == [missing, ignore, breaching, not_breaching]


DATAPOINT = st.one_of(st.none(), st.floats(-100, 100))


@given(st.lists(DATAPOINT, min_size=5, max_size=5), st.integers(1, 3), st.sampled_from(TREATMENTS))
@settings(max_examples=200, deadline=None)
def test_more_breaches_never_calm_an_alarm(found: list[Any], m: int, treat: str) -> None:
    """Replacing a datapoint within the threshold by one beyond it never ends an alarm."""
    rule = Rule(10, "GreaterThanThreshold", 3, m, treat)
    worse = [None if point is None else 20.0 for point in found]
    if rule.state(found) == ALARM:
        assert rule.state(worse) == ALARM
    assert rule.state(worse) != OK or treat == "notBreaching"


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_each_comparison_has_its_opposite(value: float, limit: float) -> None:
    holds = {name: test(value, limit) for name, (_, test) in COMPARISONS.items()}
    assert holds["GreaterThanThreshold"] != holds["LessThanOrEqualToThreshold"]
    assert holds["LessThanThreshold"] != holds["GreaterThanOrEqualToThreshold"]


def test_statistics_of_several_minutes() -> None:
    """Statistic sets add up: the average is that of all values, not of the minutes' averages."""
    found = merged([Sample(1, 4.0, 4.0, 4.0), None, Sample(3, 6.0, 1.0, 3.0)])
    assert found is not None
    names = ("Average", "Sum", "Minimum", "Maximum", "SampleCount")
    assert [found.statistic(name) for name in names] == [2.5, 10.0, 1.0, 4.0, 4.0]
    assert merged([None, None]) is None
