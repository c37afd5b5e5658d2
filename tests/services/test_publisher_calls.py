"""Publishers: what the client does – retries, lost answers, time-outs, batches, deduplication
ids.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from msgsim.model.message import NUMBERS_PER_WORKLOAD
from msgsim.services.publisher.retry import RetryPolicy
from tests.services.publisher_bench import MS, Bench, S, sent


def test_throttled_calls_are_tried_again_and_nothing_is_lost():
    """Back-off without jitter: 100 ms after the first failure, 200 ms after the second."""
    bench = Bench()
    bench.publisher(rate="1/s", count=1, retry={"jitter": "none"})
    bench.target.answers = ["RequestThrottled", "ServiceUnavailable"]
    target = bench.run()
    assert target.times == [300 * MS]
    assert target.messages[0].tries == 3 and target.messages[0].born_ns == 0
    assert bench.recorder.count("retried") == 2 and bench.recorder.count("called") == 3
    assert bench.recorder.count("refused") == 0


def test_three_attempts_then_refused():
    """AWS SDKs' standard mode makes three attempts (SDKs and Tools Reference Guide)."""
    bench = Bench()
    bench.publisher(rate="1/s", count=1)
    bench.target.answers = ["RequestThrottled"] * 9
    assert bench.run().messages == []
    refused = [facts for name, facts in bench.recorder.facts if name == "refused"]
    assert len(refused) == 1 and refused[0][2] == "RequestThrottled"
    assert bench.recorder.count("called") == 3


def test_retry_none_gives_up_at_once_and_other_errors_are_final():
    for spec, code in (({"retry": "none"}, "RequestThrottled"), ({}, "InvalidParameterValue")):
        bench = Bench()
        bench.publisher(rate="1/s", count=1, **spec)
        bench.target.answers = [code]
        bench.run()
        assert bench.recorder.count("refused") == 1 and bench.recorder.count("retried") == 0


@given(st.integers(1, 40), st.floats(0, 1), st.sampled_from(["full", "equal", "none"]))
def test_back_off_stays_in_its_bounds(attempt, draw, jitter):
    """Full jitter: 0 to min(cap, base × 2^k); equal: its upper half; none: the ceiling."""
    policy = RetryPolicy(99, 100 * MS, 20 * S, jitter)
    ceiling = min(20 * S, 100 * MS * 2 ** (attempt - 1))
    low = {"full": 0, "equal": ceiling // 2, "none": ceiling}[jitter]
    assert low <= policy.wait_ns(attempt, lambda: draw) <= ceiling


def test_an_outage_is_bridged_by_retries():
    """Every message born in a 100 ms outage is stored later, once."""
    bench = Bench(duration_ns=60 * S)
    bench.publisher(rate="10/s", until="10s", retry={"attempts": 12, "jitter": "equal"})
    bench.sim.at(5 * S, bench.target.fail)
    bench.sim.at(8 * S, bench.target.recover)
    target = bench.run()
    assert sorted(message.number % NUMBERS_PER_WORKLOAD for message in target.messages) == list(
        range(100)
    )
    late = [message for message in target.messages if message.tries > 1]
    assert len(late) == 30


def test_a_lost_answer_stores_a_second_copy():
    """The service accepted the first try; the client, hearing nothing, sends again."""
    bench = Bench(duration_ns=60 * S)
    bench.publisher(rate="100/s", until="10s", response_lost="10%", timeout="1s")
    target = bench.run()
    copies = Counter(message.number for message in target.messages)
    assert len(copies) == 1_000
    extra = sum(copies.values()) - 1_000
    assert abs(extra - 110) < 6 * 110**0.5
    assert bench.recorder.count("retried") == extra
    assert bench.recorder.count("refused") == 0
    twice = next(m for m in target.messages if copies[m.number] == 2)
    times = [time for time, m in target.taken if m is twice]
    assert times[1] - times[0] >= 1 * S and twice.tries == 2


def test_a_lost_answer_is_at_the_target_not_in_transit():
    """What the service has is not counted a second time at the client."""
    bench = Bench(duration_ns=500 * MS)
    publisher = bench.publisher(rate="1/s", count=1, response_lost="100%", timeout="1s")
    bench.run()
    assert len(bench.target.taken) == 1 and list(publisher.holds()) == []


def test_a_retry_in_waiting_is_in_transit():
    bench = Bench(duration_ns=50 * MS)
    publisher = bench.publisher(rate="1/s", count=1, retry={"jitter": "none"})
    bench.target.answers = ["RequestThrottled"]
    bench.run()
    assert [state for state, _ in publisher.holds()] == ["in_transit"]


def test_call_time_is_half_before_and_half_after():
    """A failed call of 20 ms: there at 10 ms, back at 20 ms, again after 100 ms."""
    bench = Bench()
    bench.publisher(rate="1/s", count=1, call_time="20ms", retry={"jitter": "none"})
    bench.target.answers = ["RequestThrottled"]
    assert bench.run().times == [20 * MS + 100 * MS + 10 * MS]


def test_a_call_slower_than_the_time_out_stores_twice():
    bench = Bench()
    bench.publisher(
        rate="1/s", count=1, call_time="3s", timeout="1s", retry={"attempts": 2, "jitter": "none"}
    )
    assert bench.run().times == [1_500 * MS, 1_500 * MS + 100 * MS + 1_500 * MS]


def test_a_slow_client_takes_longer():
    """A slowdown multiplies the publisher's own time, the call."""
    bench = Bench()
    bench.publisher(rate="1/s", count=1, call_time="20ms").slowness = 5.0
    assert bench.run().times == [50 * MS]


def test_a_publisher_that_is_down_sends_nothing():
    bench = Bench(duration_ns=10 * S)
    publisher = bench.publisher(rate="1/s")
    bench.sim.at(2 * S + 1, publisher.fail)
    bench.sim.at(5 * S + 1, publisher.recover)
    assert [message.number % NUMBERS_PER_WORKLOAD for message in bench.run().messages] == [
        0,
        1,
        2,
        6,
        7,
        8,
        9,
    ]


def test_batches_fill_up():
    """500/s in batches of 10 is 50 calls/s (question 4b)."""
    bench = Bench(duration_ns=60 * S)
    bench.publisher(rate="500/s", batch=10)
    target = bench.run()
    assert target.calls == [10] * 3_000
    assert {time - message.born_ns for time, message in target.taken[:10]} == {
        k * 2 * MS for k in range(10)
    }


def test_a_batch_that_does_not_fill_goes_out_after_its_wait():
    """Default 200 ms, as the SDK for Java's buffering client (QueueBufferConfig)."""
    target = sent(duration=1 * S, rate="10/s", batch=10)
    assert target.calls == [2] * 5  # who is born as the wait ends begins the next batch
    assert target.times[0] == 200 * MS
    target = sent(rate="10/s", count=3, batch=10, batch_wait="1s")
    assert target.calls == [3] and set(target.times) == {1 * S}


def test_batch_wait_zero_groups_one_instant():
    target = sent(arrivals={"burst": 25, "every": "1s"}, count=50, batch=10, batch_wait="0s")
    assert target.calls == [10, 10, 5, 10, 10, 5]


def test_only_failed_entries_of_a_batch_are_sent_again():
    bench = Bench()
    bench.publisher(arrivals={"burst": 4}, batch=4)
    bench.target.answers = [None, "ThrottlingException", None, "InvalidParameterValue"]
    target = bench.run()
    assert target.calls == [4, 1]
    assert sorted(message.number % NUMBERS_PER_WORKLOAD for message in target.messages) == [0, 1, 2]
    assert bench.recorder.count("refused") == 1 and bench.recorder.count("retried") == 1


def test_published_once_whatever_happens():
    """published = stored + refused + in transit, under throttles, losses and batches."""
    bench = Bench(duration_ns=20 * S)
    publisher = bench.publisher(rate="50/s", batch=5, response_lost="20%", timeout="1s")
    bench.target.answers = ["RequestThrottled", None, None] * 500
    target = bench.run()
    stored = {message.number for message in target.messages}
    refused = [facts[1].number for name, facts in bench.recorder.facts if name == "refused"]
    waiting = [message.number for _, message in publisher.holds()]
    assert len(refused) == len(set(refused)) and len(waiting) == len(set(waiting))
    assert bench.recorder.count("published") == len(stored) + len(refused) + len(waiting)
    assert stored.isdisjoint(refused) and stored.isdisjoint(waiting)


def test_deduplication_ids_go_to_fifo_targets_only():
    """A retry and a resend repeat the id; standard targets get none."""
    bench = Bench(fifo=True)
    bench.publisher(rate="6/min", count=2, keys=1, resend="100%")
    ids = [message.deduplication_id for message in bench.run().messages]
    assert ids == ["Shop-0", "Shop-0", "Shop-1", "Shop-1"]
    assert {m.deduplication_id for m in sent(rate="1/s").messages} == {None}
    bench = Bench(fifo=True)
    bench.publisher(rate="1/s", count=2, keys=1, deduplication="key")
    assert {m.deduplication_id for m in bench.run().messages} == {"key-0"}


def test_resends_come_later_under_the_same_number():
    bench = Bench()
    bench.publisher(rate="100/s", resend={"share": "5%", "after": "6m"}, until="3m")
    target = bench.run()
    copies = Counter(message.number for message in target.messages)
    twice = [number for number, count in copies.items() if count == 2]
    assert len(copies) == 18_000 and abs(len(twice) - 900) < 6 * 900**0.5
    times = [time for time, message in target.taken if message.number == twice[0]]
    assert times[1] - times[0] == 360 * S


def test_only_assumptions_that_matter_are_asked_for():
    """A run lists the assumptions it used, so unused ones must not appear."""
    bench = Bench()
    bench.publisher(rate="1/s", retry="none", size="1KiB", call_time="0s")
    assert bench.asked == set()
