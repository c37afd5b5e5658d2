"""Closed forms against numbers from elsewhere: tables, Markov chains solved by brute force,
numerical integrals, and recursions run for long."""

from __future__ import annotations

from math import exp, inf, nan

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

import msgsim
from msgsim.experiment import theory

RATES = st.floats(0.01, 100)


def rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def steady_state(births: list[float], deaths: list[float]) -> np.ndarray:
    """Solve pi·Q = 0 of a birth-death chain by linear algebra, not by products of ratios."""
    size = len(births) + 1
    rates = np.zeros((size, size))
    for n, (up, down) in enumerate(zip(births, deaths, strict=True)):
        rates[n, n + 1], rates[n + 1, n] = up, down
    return solved(rates)


def solved(rates: np.ndarray) -> np.ndarray:
    size = len(rates)
    generator = rates - np.diag(rates.sum(axis=1))
    generator[:, 0] = 1.0
    return np.linalg.solve(generator.T, np.eye(size)[0])


def waits(gaps: np.ndarray, services: np.ndarray, servers: int = 1) -> np.ndarray:
    """Kiefer and Wolfowitz's recursion: waiting times, first come first served."""
    free = np.zeros(servers)
    found = np.empty(len(gaps))
    now = 0.0
    for index, (gap, service) in enumerate(zip(gaps, services, strict=True)):
        now += gap
        first = int(free.argmin())
        begin = max(now, free[first])
        found[index] = begin - now
        free[first] = begin + service
    return found


def interval(values: np.ndarray, batches: int = 20) -> tuple[float, float]:
    """Return the 99.9 % interval of a mean by batch means."""
    means = values[: len(values) // batches * batches].reshape(batches, -1).mean(axis=1)
    half = stats.t.ppf(0.9995, batches - 1) * means.std(ddof=1) / batches**0.5
    return means.mean() - half, means.mean() + half


# Stations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "servers", "blocked"),
    [(1, 1, 0.5), (1, 2, 0.2), (3, 5, 0.1101), (8, 10, 0.1217), (10, 10, 0.2146), (2, 5, 0.0367)],
)
def test_erlang_b_as_in_the_tables(load, servers, blocked):
    """Erlang B tables, such as in Kleinrock I, or Cooper, "Introduction to Queueing Theory"."""
    assert theory.erlang_b(load, servers) == pytest.approx(blocked, abs=5e-5)


@pytest.mark.parametrize(
    ("load", "servers", "late"), [(1, 2, 1 / 3), (2, 3, 4 / 9), (8, 10, 0.4092), (4, 5, 0.5541)]
)
def test_erlang_c_as_in_the_tables(load, servers, late):
    """M/M/2 at rho 0.5: 1/3; M/M/3 at load 2: 4/9 (by hand); the others from Erlang C tables."""
    assert theory.erlang_c(load, servers) == pytest.approx(late, abs=5e-5)


@given(RATES, RATES, st.integers(1, 12))
def test_erlang_b_is_a_markov_chain_cut_off_at_the_last_server(arrivals, service, servers):
    births, deaths = [arrivals] * servers, [service * n for n in range(1, servers + 1)]
    expected = steady_state(births, deaths)[-1]
    found = theory.erlang_b(arrivals / service, servers)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(st.floats(0.05, 0.82), st.integers(1, 10), st.floats(0.1, 10))
@settings(max_examples=40)
def test_mmc_is_the_markov_chain_cut_off_far_away(rho, servers, service):
    arrivals = rho * servers * service
    births, deaths = [arrivals] * 160, [service * min(n, servers) for n in range(1, 161)]
    state = steady_state(births, deaths)
    number = float(state @ np.arange(161))
    found = theory.mmc(arrival_rate=arrivals, service_rate=service, servers=servers)
    assert found.number_in_system == pytest.approx(number, rel=1e-6)
    assert found.delay_probability == pytest.approx(state[servers:].sum(), rel=1e-6, abs=1e-12)
    assert found.utilisation == pytest.approx(rho)


def test_the_example_of_the_readme():
    """lambda 50/s, mu 10/s, 8 servers: by hand, B = 0.07005, C = 0.16725, W = 0.1 + C / 30."""
    found = theory.mmc(arrival_rate=50, service_rate=10, servers=8)
    assert theory.erlang_b(5, 8) == pytest.approx(0.0700, abs=1e-4)
    assert found.sojourn_time == pytest.approx(0.1 + 0.1673 / 30, abs=1e-5)


def test_mm1_sojourn_is_exponential():
    """W = 1 / (mu - lambda); its p-quantile is -ln(1 - p)·W."""
    found = theory.mm1(arrival_rate=8, service_rate=10)
    assert found.sojourn_time == pytest.approx(0.5)
    assert found.sojourn_time_percentile(0.99) == pytest.approx(-0.5 * np.log(0.01))
    assert found.waiting_time_percentile(0.1) == 0.0


@pytest.mark.parametrize(("arrivals", "servers"), [(7, 8), (50, 8), (70, 8), (9, 1), (10, 2)])
def test_percentiles_are_those_of_the_integrated_distribution(arrivals, servers):
    """P(W + S > t) by numerical convolution of the wait with an exponential service."""
    found = theory.mmc(arrival_rate=arrivals, service_rate=10, servers=servers)
    for p in (0.5, 0.9, 0.99):
        t = found.sojourn_time_percentile(p)

        def both(s: float, t: float = t) -> float:
            return found.waiting_time_tail(t - s) * 10 * exp(-10 * s)

        late = integrate.quad(both, 0, t)[0]
        assert late + exp(-10 * t) == pytest.approx(1 - p, rel=1e-6)
        wait = found.waiting_time_percentile(p)
        assert wait == 0 or found.waiting_time_tail(wait) == pytest.approx(1 - p)
    mean = integrate.quad(found.sojourn_time_tail, 0, 60, limit=500)[0]
    assert mean == pytest.approx(found.sojourn_time, rel=1e-6)


# Other distributions -----------------------------------------------------------------------


def test_pollaczek_khinchine_by_hand():
    """lambda 0.5, S 1, cv² 2: 0.5·1·3 / (2·0.5) = 1.5; constant: 0.5; exponential: M/M/1's 1."""
    assert theory.mg1(
        arrival_rate=0.5, service_time=1, service_cv=2**0.5
    ).waiting_time == pytest.approx(1.5)
    assert theory.md1(arrival_rate=0.5, service_time=1).waiting_time == pytest.approx(0.5)


@given(st.floats(0.05, 0.95), st.floats(0.01, 10))
def test_mg1_with_exponential_service_is_mm1(rho, service):
    one = theory.mg1(arrival_rate=rho / service, service_time=service, service_cv=1)
    other = theory.mm1(arrival_rate=rho / service, service_rate=1 / service)
    assert one.sojourn_time == pytest.approx(other.sojourn_time)


@pytest.mark.parametrize("shape", [0.5, 4.0])
def test_mg1_with_gamma_service_by_recursion(shape):
    random = rng(11)
    services = random.gamma(shape, 1 / shape, 200_000)
    low, high = interval(waits(random.exponential(1 / 0.7, 200_000), services))
    found = theory.mg1(arrival_rate=0.7, service_time=1, service_cv=shape**-0.5)
    assert low < found.waiting_time < high


@pytest.mark.parametrize(("shape_a", "shape_s"), [(0.5, 4.0), (4.0, 0.5), (9.0, 9.0)])
def test_gg1_bounds_hold(shape_a, shape_s):
    random = rng(12)
    gaps = random.gamma(shape_a, 1 / 0.8 / shape_a, 100_000)
    low, high = interval(waits(gaps, random.gamma(shape_s, 1 / shape_s, 100_000)))
    found = theory.gg1(
        arrival_rate=0.8, arrival_cv=shape_a**-0.5, service_time=1, service_cv=shape_s**-0.5
    )
    assert found.low <= high
    assert low <= found.high
    assert found.low <= found.guess <= found.high


@given(st.floats(0.05, 0.95), st.floats(0, 3))
def test_gg1_guess_is_exact_for_poisson_arrivals_and_its_bounds_enclose_it(rho, cv):
    found = theory.gg1(arrival_rate=rho, arrival_cv=1, service_time=1, service_cv=cv)
    exact = theory.mg1(arrival_rate=rho, service_time=1, service_cv=cv).waiting_time
    assert found.guess == pytest.approx(exact)
    assert found.low <= exact * (1 + 1e-12) <= found.high * (1 + 1e-9)


def test_allen_cunneen_is_near_for_four_servers_and_exact_where_it_must_be():
    """Within 10 % of the recursion at rho 0.85; exact for M/M/c and M/G/1."""
    random = rng(13)
    gaps = random.gamma(2, 1 / 3.4 / 2, 200_000)
    low, high = interval(waits(gaps, random.gamma(2, 0.5, 200_000), 4))
    found = theory.ggc(
        arrival_rate=3.4, arrival_cv=0.5**0.5, service_time=1, service_cv=0.5**0.5, servers=4
    )
    assert low * 0.9 < found.waiting_time < high * 1.1
    markov = theory.ggc(arrival_rate=3, arrival_cv=1, service_time=1, service_cv=1, servers=4)
    assert markov.waiting_time == pytest.approx(
        theory.mmc(arrival_rate=3, service_rate=1, servers=4).waiting_time
    )


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


# What is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [0, -1, inf, nan])
@pytest.mark.parametrize(
    "ask",
    [
        lambda x: theory.mm1(arrival_rate=x, service_rate=1),
        lambda x: theory.mmc(arrival_rate=1, service_rate=x, servers=2),
        lambda x: theory.mg1(arrival_rate=0.5, service_time=x, service_cv=1),
        lambda x: theory.erlang_b(x, 3),
        lambda x: theory.fork_join(arrival_rate=x, service_rate=1, branches=2),
        lambda x: theory.bulk_service(arrival_rate=x, service_time=1, largest=5),
        lambda x: theory.size_or_time(arrival_rate=x, size=5, time=1),
        lambda x: theory.token_bucket_loss(arrival_rate=x, rate=1, capacity=1),
    ],
)
def test_rates_and_times_outside_their_range_are_refused(ask, bad):
    with pytest.raises(ValueError, match="must be a number above 0"):
        ask(bad)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: theory.mm1(arrival_rate=1, service_rate=1),
        lambda: theory.mmc(arrival_rate=20, service_rate=1, servers=8),
        lambda: theory.md1(arrival_rate=2, service_time=0.5),
        lambda: theory.gg1(arrival_rate=2, arrival_cv=1, service_time=1, service_cv=1),
        lambda: theory.bulk_service(arrival_rate=5, service_time=1, largest=5),
        lambda: theory.tandem(arrival_rate=2, stations=[(3, 1), (1, 1)]),
        lambda: theory.token_bucket_delay(arrival_rate=2, rate=1, capacity=9),
    ],
)
def test_a_station_that_never_comes_to_rest_is_refused(ask):
    with pytest.raises(ValueError, match="not stable"):
        ask()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: theory.mmc(arrival_rate=1, service_rate=2, servers=0), "servers must be a whole"),
        (lambda: theory.mmc(arrival_rate=1, service_rate=2, servers=1.5), "servers must be"),
        (lambda: theory.little(arrival_rate=1), "two of"),
        (lambda: theory.little(arrival_rate=0, number=1), "arrival_rate must be"),
        (lambda: theory.tandem(arrival_rate=1, stations=[]), "at least one station"),
        (lambda: theory.mm1(arrival_rate=1, service_rate=2).waiting_time_percentile(1), "below 1"),
        (lambda: theory.token_bucket_loss(arrival_rate=1, rate=1, capacity=2_000), "at most 1,000"),
        (lambda: theory.mg1(arrival_rate=0.5, service_time=1, service_cv=-1), "service_cv"),
    ],
)
def test_what_else_is_refused(ask, words):
    with pytest.raises(ValueError, match=words):
        ask()


@given(st.floats(0.05, 0.95), st.integers(1, 20))
def test_more_servers_of_the_same_total_speed_wait_less_but_serve_longer(rho, servers):
    """Pooling: one fast server has the shorter sojourn, many slow ones the shorter line."""
    assume(servers > 1)
    fast = theory.mm1(arrival_rate=rho, service_rate=1)
    slow = theory.mmc(arrival_rate=rho, service_rate=1 / servers, servers=servers)
    assert slow.waiting_time <= fast.waiting_time
    assert slow.sojourn_time >= fast.sojourn_time


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
