"""What the closed forms are not asked: values outside their range are refused with the reason."""

from __future__ import annotations

from math import inf, nan

import pytest

from msgsim.experiment import theory


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
