"""Figures of long runs: thinning keeps spikes, hours, bodies and tails."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.report.figures import (
    depth_and_age,
)
from msgsim.report.figures.data import (
    QueueData,
)
from msgsim.report.figures.thin import MOST_POINTS, cumulative, quantile, thinned, thinned_curve
from tests.report.figures_made import HERE, course, line


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 19_999), st.integers(0, 19_999))
def test_thinning_keeps_every_spike_of_every_series(up, down):
    first, second = np.zeros(20_000), np.zeros(20_000)
    first[up], second[down] = 7.0, -7.0
    kept = thinned(first, second)
    assert len(kept) <= MOST_POINTS
    assert {0, up, down, 19_999} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all()


def test_a_two_day_queue_keeps_its_spike_and_its_hours():
    values = np.ones(172_800)
    values[100_000] = 5_000
    busy = course(values, values)
    figure = depth_and_age({"": QueueData("Q", busy, busy, busy, 172_800.0)}, HERE)
    x, y = line(figure.axes[0], "visible")
    assert len(x) <= MOST_POINTS + 1 and y.max() == 5_000
    assert figure.axes[1].get_xlabel() == "simulated time (h)"


def test_a_thinned_distribution_keeps_body_and_tail():
    values, shares = cumulative(np.random.default_rng(1).lognormal(0, 2, 100_000), None)
    kept = thinned_curve(values, shares)
    assert len(kept) <= MOST_POINTS
    assert values[kept][[0, -1]].tolist() == values[[0, -1]].tolist()
    for share in (0.01, 0.5, 0.99, 0.999):
        exact = quantile(values, shares, share)
        assert quantile(values[kept], shares[kept], share) == pytest.approx(exact, rel=0.1)
