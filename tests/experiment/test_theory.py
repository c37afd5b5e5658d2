"""Closed forms against numbers from elsewhere: stations, by tables, Markov chains solved by
brute force, and recursions run for long.
"""

from __future__ import annotations

from math import exp

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate

from msgsim.experiment import theory
from tests.experiment.by_brute_force import RATES, interval, rng, solved, waits


def steady_state(births: list[float], deaths: list[float]) -> np.ndarray:
    """Solve pi·Q = 0 of a birth-death chain by linear algebra, not by products of ratios."""
    size = len(births) + 1
    rates = np.zeros((size, size))
    for n, (up, down) in enumerate(zip(births, deaths, strict=True)):
        rates[n, n + 1], rates[n + 1, n] = up, down
    return solved(rates)


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


@given(st.floats(0.05, 0.95), st.integers(1, 20))
def test_more_servers_of_the_same_total_speed_wait_less_but_serve_longer(rho, servers):
    """Pooling: one fast server has the shorter sojourn, many slow ones the shorter line."""
    assume(servers > 1)
    fast = theory.mm1(arrival_rate=rho, service_rate=1)
    slow = theory.mmc(arrival_rate=rho, service_rate=1 / servers, servers=servers)
    assert slow.waiting_time <= fast.waiting_time
    assert slow.sojourn_time >= fast.sojourn_time
