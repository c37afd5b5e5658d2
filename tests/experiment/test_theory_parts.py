"""Closed forms against numbers from elsewhere: networks, batches and token buckets, by Markov
chains, brute force and long simulations.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import msgsim
from msgsim.experiment import theory
from tests.experiment.by_brute_force import RATES, interval, rng, solved, waits

# Networks ----------------------------------------------------------------------------------


def test_a_tandem_is_its_stations_one_after_the_other():
    """lambda 2: M/M/1 with mu 3 takes 1 s, with mu 4 0.5 s."""
    found = theory.tandem(arrival_rate=2, stations=[(3, 1), (4, 1)])
    assert found.sojourn_time == pytest.approx(1.5)
    assert found.number_in_system == pytest.approx(3.0)


def test_fork_join_of_two_is_flattos_and_hahns_and_simulation_agrees():
    found = theory.fork_join(arrival_rate=0.6, service_rate=1, branches=2)
    assert found.guess == pytest.approx((12 - 0.6) / 8 * 2.5)
    assert found.low < found.guess < found.high
    random = rng(14)
    gaps = random.exponential(1 / 0.6, 200_000)
    done = []
    for _ in range(2):
        services = random.exponential(1, 200_000)
        done.append(waits(gaps, services) + services)
    low, high = interval(np.maximum(*done))
    assert low < found.guess < high


@pytest.mark.parametrize("rho", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("branches", [1, 3, 8])
def test_fork_join_lies_between_its_bounds(rho, branches):
    found = theory.fork_join(arrival_rate=rho, service_rate=1, branches=branches)
    random = rng(15)
    gaps = random.exponential(1 / rho, 60_000)
    last = np.zeros(60_000)
    for _ in range(branches):
        services = random.exponential(1, 60_000)
        last = np.maximum(last, waits(gaps, services) + services)
    low, high = interval(last)
    assert found.low <= high
    assert low <= found.high
    assert found.guess == pytest.approx((low + high) / 2, rel=0.1)


@given(RATES, RATES)
def test_little_gives_the_third(rate, time):
    number = theory.little(arrival_rate=rate, sojourn_time=time)
    assert theory.little(number=number, sojourn_time=time) == pytest.approx(rate)
    assert theory.little(number=number, arrival_rate=rate) == pytest.approx(time)


# Batches -----------------------------------------------------------------------------------


@pytest.mark.parametrize("largest", [1, 2, 10])
@pytest.mark.parametrize("load", [0.3, 0.9])
def test_bulk_service_is_the_markov_chain_of_busy_and_line(largest, load):
    """States: idle, or busy with n in line; solved by linear algebra with 1,200 places."""
    arrivals, places = load * largest, 1_200
    rates = np.zeros((places + 2, places + 2))  # 0 idle, 1 + n busy with n in line
    rates[0, 1] = arrivals
    for n in range(places + 1):
        if n < places:
            rates[1 + n, 2 + n] = arrivals
        rates[1 + n, 1 + max(0, n - largest) if n else 0] += 1.0
    np.fill_diagonal(rates, 0.0)
    state = solved(rates)
    found = theory.bulk_service(arrival_rate=arrivals, service_time=1, largest=largest)
    assert found.utilisation == pytest.approx(1 - state[0], rel=1e-6)
    line = float(state[1:] @ np.arange(places + 1))
    assert found.waiting_time == pytest.approx(line / arrivals, rel=1e-5)


def test_bulk_service_of_one_is_mm1():
    one = theory.bulk_service(arrival_rate=0.8, service_time=1, largest=1)
    assert one.sojourn_time == pytest.approx(
        theory.mm1(arrival_rate=0.8, service_rate=1).sojourn_time
    )
    assert one.batch_size == pytest.approx(1)


@pytest.mark.parametrize(
    ("rate", "size", "time"), [(5, 10, 1.0), (50, 10, 1.0), (2, 3, 0.4), (1, 1, 5.0), (3, 2, 2.0)]
)
def test_size_or_time_by_brute_force(rate, size, time):
    """Collect batches from Poisson arrivals by hand, and average."""
    random = rng(16)
    arrivals = np.cumsum(random.exponential(1 / rate, 100_000))
    sizes, waited, full, index = [], 0.0, 0, 0
    while index + size < len(arrivals):
        closes = arrivals[index] + time
        batch = arrivals[index : index + size]
        if batch[-1] <= closes:
            closes, full = batch[-1], full + 1
        else:
            batch = batch[batch <= closes]
        waited += float((closes - batch).sum())
        sizes.append(len(batch))
        index += len(batch)
    found = theory.size_or_time(arrival_rate=rate, size=size, time=time)
    assert found.batch_size == pytest.approx(np.mean(sizes), rel=0.01)
    assert found.waiting_time == pytest.approx(waited / sum(sizes), rel=0.02, abs=1e-12)
    assert found.full_share == pytest.approx(full / len(sizes), abs=0.01)
    assert found.batch_rate * found.batch_size == pytest.approx(rate)


# Token buckets -----------------------------------------------------------------------------


def bucket_by_hand(rho: float, capacity: int, calls: int = 100_000) -> tuple[float, float]:
    """Return the share refused, and the mean wait if calls wait, at one token per second."""
    gaps = rng(17).exponential(1 / rho, calls)
    tokens, refused, missing, waited = float(capacity), 0, 0.0, 0.0
    for gap in gaps.tolist():
        tokens = min(capacity, tokens + gap)
        if tokens >= 1:
            tokens -= 1
        else:
            refused += 1
        missing = max(0.0, missing - gap)
        waited += max(0.0, missing - (capacity - 1))
        missing += 1
    return refused / calls, waited / calls


@pytest.mark.parametrize(("rho", "capacity"), [(0.8, 1), (0.8, 5), (1.5, 5), (0.95, 30), (3.0, 2)])
def test_a_token_bucket_by_brute_force(rho, capacity):
    refused, waited = bucket_by_hand(rho, capacity)
    found = theory.token_bucket_loss(arrival_rate=rho, rate=1, capacity=capacity)
    assert found.refused_share == pytest.approx(refused, abs=0.006)
    assert found.passed_rate == pytest.approx(rho * (1 - found.refused_share))
    if rho < 0.9:
        delay = theory.token_bucket_delay(arrival_rate=rho, rate=1, capacity=capacity)
        assert delay == pytest.approx(waited, rel=0.1, abs=0.002)


def test_a_bucket_of_one_token_is_erlangs_loss_system_and_md1():
    loss = theory.token_bucket_loss(arrival_rate=30, rate=20, capacity=1)
    assert loss.refused_share == pytest.approx(theory.erlang_b(1.5, 1))
    delay = theory.token_bucket_delay(arrival_rate=15, rate=20, capacity=1)
    expected = theory.md1(arrival_rate=15, service_time=1 / 20).waiting_time
    assert delay == pytest.approx(expected)


@given(st.floats(0.1, 3), st.integers(1, 40))
def test_a_larger_bucket_refuses_less_and_never_more_than_the_rate_passes(rho, capacity):
    small = theory.token_bucket_loss(arrival_rate=rho, rate=1, capacity=capacity)
    large = theory.token_bucket_loss(arrival_rate=rho, rate=1, capacity=capacity + 1)
    assert large.refused_share <= small.refused_share + 1e-12
    assert 0 <= small.refused_share < 1
    assert small.passed_rate <= min(1, rho) + 1e-12


def test_a_large_bucket_keeps_its_digits():
    """At rho 0.5 hardly anything is refused by 300 tokens; at rho 2 half of everything is."""
    rare = theory.token_bucket_loss(arrival_rate=0.5, rate=1, capacity=300).refused_share
    often = theory.token_bucket_loss(arrival_rate=2, rate=1, capacity=300).refused_share
    assert rare == pytest.approx(0, abs=1e-12)
    assert often == pytest.approx(0.5, abs=1e-9)


# The simulator's own parts ------------------------------------------------------------------


@pytest.mark.parametrize(("rho", "capacity"), [(0.9, 10), (1.3, 4)])
def test_the_kernels_token_bucket_refuses_what_the_formula_says(rho, capacity):
    """20 stretches of 10,000 Poisson calls at a quota of 100 per second: inside the interval."""
    from msgsim.kernel.waiting import TokenBucket

    bucket = TokenBucket(capacity, 100)
    times = np.cumsum(rng(18).exponential(1e9 / (100 * rho), 200_000)).round()
    refused = np.array([not bucket.take(int(now)) for now in times.tolist()], dtype=float)
    low, high = interval(refused)
    found = theory.token_bucket_loss(arrival_rate=100 * rho, rate=100, capacity=capacity)
    assert low < found.refused_share < high


def test_a_workloads_batches_have_the_size_and_wait_the_formula_says():
    """`batch: 10` with `batch_wait: 200ms`, Poisson arrivals of 20 per second; calls take no time.

    20 minutes are 24,000 messages: the mean size is known to 1 %, the mean wait as well.
    """
    text = """
duration: 20m
workload: [{name: Shop, to: Q, arrivals: {poisson: 20/s}, batch: 10, batch_wait: 200ms}]
resources:
  Q: {type: sqs.queue}
  Workers: {type: worker.fleet, queue: Q, workers: 20, handler: {time: 1ms}}
"""
    metrics = msgsim.run(msgsim.load_text(text)).runs[0].observers.metrics
    published, calls = (metrics.value("Shop", None, name) for name in ("published", "calls"))
    found = theory.size_or_time(arrival_rate=20, size=10, time=0.2)
    assert published / calls == pytest.approx(found.batch_size, rel=0.02)
    assert metrics.value("Q", None, "transit", "mean") == pytest.approx(
        found.waiting_time, rel=0.02
    )
