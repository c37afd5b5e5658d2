"""Publishers: when messages are born – rates, counts, Poisson, bursts, profiles and days."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.services.publisher.rates import Daily, Profile
from tests.services.publisher_bench import MS, Bench, S, sent


def test_a_rate_is_steady_and_exact():
    """50/s for 8 minutes is 24,000 messages, 20 ms apart, the first at once."""
    times = sent(rate="50/s", keys=120, from_="0s", until="8m").times
    assert times == [k * 20 * MS for k in range(24_000)]


def test_a_message_every_70_seconds():
    """Question 3's heartbeat: 26 sends at 0, 70, … 1,750 s in 30 minutes."""
    times = sent(duration=1_800 * S, arrivals={"burst": 1, "every": "70s"}).times
    assert times == [k * 70 * S for k in range(26)]


def test_thirds_do_not_drift():
    """3/s: message 3k is at exactly k seconds, however long the run."""
    times = sent(rate="3/s", from_="10s").times
    assert times[::3] == [(10 + k) * S for k in range(590)]


def test_nothing_is_born_at_the_very_end():
    """A run of 10 s at 1/s has 10 messages: the end is not part of the run's arrivals."""
    assert len(sent(duration=10 * S, rate="1/s").times) == 10


def test_count_stops_a_workload():
    assert len(sent(arrivals={"burst": 100, "every": "10s"}, count=250).times) == 250
    assert len(sent(rate="50/s", count=7).times) == 7


def test_poisson_has_the_mean_and_variance_of_poisson():
    """Counts per second have mean and variance 50 (6-sigma bounds over 600 s)."""
    times = sent(arrivals={"poisson": "50/s"}).times
    counts = Counter(time // S for time in times)
    per_second = [counts[second] for second in range(600)]
    mean = sum(per_second) / 600
    variance = sum((count - mean) ** 2 for count in per_second) / 599
    assert abs(mean - 50) < 6 * (50 / 600) ** 0.5
    assert abs(variance - 50) < 6 * 50 * (2 / 599) ** 0.5


def test_bursts():
    """`{burst: 100, every: 10s}` is 100 at one instant; without `every`, once."""
    times = sent(duration=30 * S, arrivals={"burst": 100, "every": "10s"}).times
    assert Counter(times) == {0: 100, 10 * S: 100, 20 * S: 100}
    assert Counter(sent(arrivals={"burst": 5}, from_="3s").times) == {3 * S: 5}


def test_a_burst_is_one_event():
    bench = Bench()
    bench.publisher(arrivals={"burst": 1_000})
    bench.run()
    assert bench.sim.events_handled == 1


@pytest.mark.parametrize(
    ("shape", "first", "second"), [("steps", 600, 6_000), ("linear", 3_300, 6_000)]
)
def test_a_profile_sends_the_integral_of_its_rate(shape, first, second):
    """10/s then 100/s after a minute: the area under the curve, minute by minute."""
    profile = [["0s", "10/s"], ["60s", "100/s"]]
    arrivals = {"profile": profile, "shape": shape, "spacing": "even"}
    times = sent(duration=120 * S, arrivals=arrivals).times
    assert sum(time < 60 * S for time in times) == first
    assert sum(time >= 60 * S for time in times) == second


def test_a_random_profile_is_poisson_around_it():
    profile = [["0s", "10/s"], ["60s", "100/s"]]
    times = sent(duration=120 * S, arrivals={"profile": profile}).times
    early = sum(time < 60 * S for time in times)
    assert abs(early - 600) < 6 * 600**0.5
    assert abs(len(times) - early - 6_000) < 6 * 6_000**0.5


def test_a_profile_may_pause_and_end():
    """Rate 0 sends nothing; a last rate of 0 ends the workload."""
    profile = [["10s", "1/s"], ["20s", "0/s"], ["30s", "1/s"], ["40s", "0/s"]]
    times = sent(arrivals={"profile": profile, "spacing": "even"}).times
    assert times == [(10 + k) * S for k in range(10)] + [(30 + k) * S for k in range(10)]


def test_a_day_squeezed_into_ten_minutes():
    """The mean of a sine is its middle; the busiest minute surrounds the peak."""
    daily = {"low": "10/s", "high": "100/s", "day": "10m", "peak_at": "5m"}
    times = sent(arrivals={"daily": daily, "spacing": "even"}).times
    assert len(times) == pytest.approx(55 * 600, abs=1)
    per_minute = Counter(time // (60 * S) for time in times)
    assert {4, 5} == {minute for minute, _ in per_minute.most_common(2)}
    assert per_minute[0] == pytest.approx(per_minute[9], abs=2)


points = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 20)), min_size=1, max_size=6)


@settings(max_examples=60)
@given(points, st.booleans(), st.floats(0.01, 0.99))
def test_inverting_a_profile_gives_back_the_time(steps, linear, share):
    """cumulative(inverse(x)) == x, wherever the rate is not zero for ever."""
    time, listed = 0, []
    for gap, rate in steps:
        listed.append((float(time), float(rate)))
        time += gap
    profile = Profile(listed, linear)
    total = profile.cumulative(float(time))
    if total > 0:
        assert profile.cumulative(profile.inverse(share * total)) == pytest.approx(share * total)


@settings(max_examples=60)
@given(st.floats(0, 50), st.floats(0.1, 50), st.floats(0, 100), st.floats(0, 5_000))
def test_inverting_a_day_gives_back_the_time(low, swing, peak, arrivals):
    curve = Daily(low, low + swing, peak, day_s=100.0, start_s=7.0)
    assert curve.cumulative(curve.inverse(arrivals)) == pytest.approx(arrivals, abs=1e-6)
