"""Statistics against closed forms, worked examples, and against theory over many experiments."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from msgsim.experiment import statistics as st
from msgsim.kernel.distributions import Exponential
from msgsim.kernel.simulation import Simulation

NS = 1_000_000_000


def test_the_mean_interval_is_students() -> None:
    """As scipy computes it, from ten values."""
    values = np.random.default_rng(1).normal(5, 2, 10)
    expected = stats.t.interval(0.95, 9, values.mean(), stats.sem(values))
    found = st.mean_interval(values)
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.half == pytest.approx((expected[1] - expected[0]) / 2)


def test_equal_values_have_an_interval_without_width() -> None:
    """Rounding must not make noise of what never differed."""
    found = st.mean_interval([0.1] * 7)
    assert (found.low, found.estimate, found.high) == (0.1, 0.1, 0.1)
    assert not found.excludes(0.1)
    assert found.excludes(0.0)


def test_one_value_has_no_interval() -> None:
    found = st.mean_interval([3.0])
    assert (found.estimate, found.low, found.high, found.half) == (3.0, None, None, None)
    assert not found.excludes(100.0)


def test_a_quantile_is_bounded_by_order_statistics() -> None:
    """Hahn & Meeker: 95 % for the median of 20 values lies between the 6th and the 15th."""
    found = st.quantile_interval(range(1, 21), 0.5)
    assert (found.low, found.high) == (6, 15)
    assert st.quantile_interval(range(10), 0.99).low is None


def test_fieller_for_a_ratio_agrees_with_doing_the_pairs_by_hand() -> None:
    """Fieller's interval holds exactly the ratios r for which mean(now - r was) may be 0."""
    rng = np.random.default_rng(3)
    was = rng.normal(10, 1, 12)
    now = 1.3 * was + rng.normal(0, 0.5, 12)
    found = st.ratio_of_means(was, now)
    assert found is not None and found.low is not None and found.high is not None
    for end in (found.low, found.high):
        edge = st.mean_interval(now - end * was)
        assert edge.low is not None and edge.high is not None
        assert min(abs(edge.low), abs(edge.high)) == pytest.approx(0, abs=1e-9)
    assert st.ratio_of_means([0, 0], [1, 2]) is None
    assert st.ratio_of_means([-1.0, 1.2, -1.1, 1.3], [1, 2, 3, 4]).low is None


def test_welch_agrees_with_scipy() -> None:
    rng = np.random.default_rng(4)
    was, now = rng.normal(5, 1, 8), rng.normal(6, 3, 15)
    expected = stats.ttest_ind(now, was, equal_var=False).confidence_interval(0.95)
    found = st.independent_difference(was, now)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_holm_on_his_own_kind_of_example() -> None:
    """Smallest times 4, next times 3, and never falling; worked by hand."""
    assert st.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert st.holm([0.9, 0.8]) == [1.0, 1.0]
    assert st.bonferroni(0.95, 5) == pytest.approx(0.99)


def test_holm_calls_none_of_many_equal_designs_different() -> None:
    """400 lists of 20 comparisons without any difference: at most about 5 % have a false alarm."""
    rng = np.random.default_rng(5)
    alarms = plain = 0
    for _ in range(400):
        found = [stats.ttest_1samp(rng.normal(size=10), 0).pvalue for _ in range(20)]
        plain += min(found) < 0.05
        alarms += min(st.holm(found)) < 0.05
    assert alarms <= stats.binom.ppf(0.999, 400, 0.05)
    assert plain > 200  # without correction more than half of the lists cry wolf


def test_mser5_finds_where_a_transient_ends() -> None:
    """A level of 10 after 300 values that come down to it; none in noise around one level."""
    rng = np.random.default_rng(6)
    noise = rng.normal(10, 1, 3_000)
    transient = noise.copy()
    transient[:300] += np.linspace(60, 0, 300)
    cut = st.mser5(transient)
    assert cut is not None and 200 <= cut <= 400
    level = st.mser5(noise)
    assert level is not None and level <= 300
    assert st.mser5(np.arange(1_000.0)) is None  # never settles
    assert st.mser5([1.0] * 20) is None  # too short


def test_batch_means_of_stretches_weigh_them_by_their_counts() -> None:
    """Sums and counts of unequal stretches give the mean of all observations."""
    rng = np.random.default_rng(7)
    counts = rng.integers(5, 40, 200)
    sums = [rng.normal(3, 1, count).sum() for count in counts]
    found = st.batch_means(sums, counts)
    assert found is not None
    assert found.interval.estimate == pytest.approx(sum(sums) / counts.sum())
    assert found.trusted
    assert st.batch_means([1.0] * 10) is None


def test_batches_that_depend_on_each_other_are_not_trusted() -> None:
    """A random walk: neighbouring batches are all but equal."""
    walk = np.cumsum(np.random.default_rng(8).normal(size=2_000))
    found = st.batch_means(walk)
    assert found is not None and not found.trusted


# Coverage ----------------------------------------------------------------------------------

ARRIVALS_PER_S, SERVICES_PER_S = 5.0, 10.0
SOJOURN_S = 1 / (SERVICES_PER_S - ARRIVALS_PER_S)
"""Mean time in an M/M/1 system (Kleinrock 1975, eq. 3.26)."""
EXPERIMENTS = 200
WARM_UP = 200


def mm1(customers: int, seed: int, replication: int = 0) -> list[int]:
    """Return sojourn times (ns) of an M/M/1 queue on the kernel, the warm-up left out."""
    sim = Simulation(seed, replication)
    gaps = sim.sampler("Queue", "gap", Exponential(NS / ARRIVALS_PER_S))
    services = sim.sampler("Queue", "service", Exponential(NS / SERVICES_PER_S))
    waiting: list[int] = []
    times: list[int] = []
    total = customers + WARM_UP

    def arrive() -> None:
        waiting.append(sim.now)
        if len(waiting) == 1:
            sim.after(round(services.draw()), leave)
        if len(times) + len(waiting) < total:
            sim.after(round(gaps.draw()), arrive)

    def leave() -> None:
        times.append(sim.now - waiting.pop(0))
        if waiting:
            sim.after(round(services.draw()), leave)

    sim.after(round(gaps.draw()), arrive)
    sim.run(10**18)
    return times[WARM_UP:]


def inside(hits: int) -> bool:
    """Say whether so many of 200 intervals of 95 % may hold the truth (99.9 % of such lists)."""
    low, high = stats.binom.interval(0.999, EXPERIMENTS, 0.95)
    return bool(low <= hits <= high)


@pytest.mark.slow
def test_intervals_over_replications_hold_the_truth_as_often_as_they_say() -> None:
    """200 experiments of 10 replications of M/M/1, each its own seed, against theory."""
    hits = 0
    for experiment in range(EXPERIMENTS):
        means = [np.mean(mm1(400, 1_000 + experiment, r)) / NS for r in range(10)]
        hits += not st.mean_interval(means).excludes(SOJOURN_S)
    assert inside(hits), hits


@pytest.mark.slow
def test_batch_means_hold_the_truth_as_often_as_they_say() -> None:
    """200 experiments of one long run each."""
    hits = 0
    for experiment in range(EXPERIMENTS):
        times = np.array(mm1(6_000, 5_000 + experiment)) / NS
        found = st.batch_means(times)
        assert found is not None
        hits += not found.interval.excludes(SOJOURN_S)
    assert inside(hits), hits


def test_ignoring_dependence_within_a_run_would_be_seen_by_this_test() -> None:
    """The mutant: treating the customers of one run as independent misses far more often."""
    hits = 0
    for experiment in range(60):
        times = np.array(mm1(600, 9_000 + experiment)) / NS
        hits += not st.mean_interval(times).excludes(SOJOURN_S)
    assert hits < stats.binom.ppf(0.0005, 60, 0.95)


def test_relative_width() -> None:
    assert st.Interval(10, 9, 11, 5).relative == pytest.approx(0.1)
    assert st.Interval(0, -1, 1, 5).relative is None
    assert st.Interval(0, 0, 0, 5).relative == 0
    assert math.isclose(st.t_quantile(0.95, 9), 2.262157, rel_tol=1e-6)
