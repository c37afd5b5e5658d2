"""Enhanced fan-out: push delay, a throughput of one's own, back-pressure, limits.

Sources: Kinesis API reference (RegisterStreamConsumer, SubscribeToShard), Streams Developer Guide
(building-consumers).
"""

from __future__ import annotations

from typing import Any

import pytest

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.kernel.distributions import Constant
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.services.kinesis.fan_out import PushRules, Subscription
from msgsim.services.kinesis.limits import MIB
from msgsim.services.kinesis.shards import StreamState
from tests.services.by_hand import ns


def outcome(text: str) -> dict[str, Any]:
    """Run a scenario given as text; return its only run as plain data."""
    return to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]


def pushed(consumers: int, size: str, rate: str, duration: str = "2m") -> dict[str, Any]:
    """Run registered consumers R0, R1 … on one shard."""
    readers = "".join(
        f"\n      R{n}: {{type: kinesis.consumer, StreamARN: Clicks, ConsumerName: app-{n}, "
        "handler: {time: 0s}}"
        for n in range(consumers)
    )
    return outcome(
        f"""
    duration: {duration}
    resources:
      Clicks: {{type: kinesis.stream, ShardCount: 1}}{readers}
    workload: [{{to: Clicks, rate: {rate}, size: {size}, keys: 5}}]
    """
    )


@pytest.mark.parametrize("consumers", [1, 5])
def test_records_arrive_in_about_70_ms_however_many_consumers_there_are(consumers: int) -> None:
    """P1, E1: typically 70 ms with one consumer or five; the assumed median is 50 ms."""
    run = pushed(consumers, "200B", "5/s")
    assert len(run["latency"]) == consumers
    for latency in run["latency"].values():
        assert 0.04 <= latency["end_to_end"]["p50_s"] <= 0.07
        assert latency["end_to_end"]["p99_s"] < 0.15


def test_a_consumer_has_two_mib_per_second_of_a_shard() -> None:
    """E1: a backlog of 8 MiB is pushed in about 4 s, one event of 1 MiB every half second."""
    sim = Simulation()
    state = StreamState(1)
    for number in range(16):
        state.put_record(ns(f"{number}s"), "k", MIB // 2 - 1, number)
    sim.run(ns("20s"))
    got: list[tuple[int, int]] = []
    delay = Sampler(Constant(0), 1, 0, "delay", integer=True)
    subscription = Subscription(
        sim,
        state.shards[0],
        0,
        delay,
        PushRules(),
        lambda records, following, ended: got.append((sim.now - ns("20s"), following)),
        lambda: True,
        room=100,
    )
    subscription.wake()
    sim.run(ns("30s"))
    assert got == [(ns("500ms") * event, 2 * event + 2) for event in range(8)]


def test_a_busy_consumer_holds_the_stream_back() -> None:
    """E8: eleven events wait at most; then nothing is pushed until some are worked off."""
    sim = Simulation()
    state = StreamState(1)
    got: list[int] = []
    delay = Sampler(Constant(0), 1, 0, "delay", integer=True)
    subscription = Subscription(
        sim,
        state.shards[0],
        0,
        delay,
        PushRules(),
        lambda records, following, ended: got.append(following),
        lambda: True,
        room=11,
    )
    for number in range(30):
        sim.run(ns(f"{number}s"))
        state.put_record(sim.now, "k", 10, number)
        subscription.wake()
    sim.run(ns("60s"))
    assert len(got) == 11
    subscription.take_more(2)
    sim.run(ns("61s"))
    assert (len(got), got[-1]) == (12, 30), "what waited comes in one event"


def test_fan_out_takes_no_reads_from_those_who_poll() -> None:
    """R12, E1: three registered consumers beside one that polls: no read is refused."""
    text = """
    duration: 2m
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 1}
      P: {type: kinesis.consumer, StreamARN: Clicks, poll: 250ms, handler: {time: 0s}}
      A: {type: kinesis.consumer, StreamARN: Clicks, ConsumerName: a, handler: {time: 0s}}
      B: {type: kinesis.consumer, StreamARN: Clicks, ConsumerName: b, handler: {time: 0s}}
      C: {type: kinesis.consumer, StreamARN: Clicks, ConsumerName: c, handler: {time: 0s}}
    workload: [{to: Clicks, rate: 40/s, size: 10KiB, keys: 9}]
    """
    run = outcome(text)
    shard = run["streams"]["streams"]["Clicks"]["by_shard"]["0"]
    assert shard["reads_throttled"] == 0
    assert all(row["sums"] and row["lost"] == 0 for row in run["ledger"].values())


def test_outages_and_renewals_lose_nothing() -> None:
    """E4, E7: subscriptions end every five minutes and go on where they were; so after outages."""
    text = """
    duration: 22m
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 2}
      R: {type: kinesis.consumer, StreamARN: Clicks, ConsumerName: r, handler: {time: 5ms}}
    workload: [{to: Clicks, rate: 20/s, keys: 9, until: 20m, retry: {attempts: 50}}]
    faults:
      - {at: 3m, for: 20s, down: Clicks}
      - {at: 6m, for: 30s, down: R}
    """
    row = outcome(text)["ledger"]["R"]
    assert row["done"] == row["published"] == 24_000
    assert row["sums"]


def test_registered_consumers_that_are_refused() -> None:
    """E2, E3: a name twice, and the 21st consumer; 50 where On-demand Advantage is on."""

    def codes(count: int, stream: str, name: str = "app-{n}") -> set[str]:
        readers = "".join(
            f"\n      R{n}: {{type: kinesis.consumer, StreamARN: Clicks, "
            f"ConsumerName: {name.format(n=n)}, handler: {{time: 0s}}}}"
            for n in range(count)
        )
        text = f"""
    duration: 1s
    resources:
      Clicks: {{type: kinesis.stream{stream}}}{readers}
    workload: [{{to: Clicks, rate: 1/s, keys: 1}}]
    """
        try:
            msgsim.load_text(text)
        except msgsim.ProblemError as error:
            return {problem.code for problem in error.problems}
        return set()

    assert codes(20, ", ShardCount: 1") == set()
    assert codes(21, ", ShardCount: 1") == {"E234"}
    assert codes(50, ", WarmThroughputMiBps: 10") == set()
    assert codes(2, ", ShardCount: 1", "same") == {"E235"}


def test_a_record_larger_than_an_event_is_pushed_by_itself() -> None:
    """LR: records of up to 10 MiB reach registered consumers too, at 2 MiB/s of the shard."""
    run = outcome(
        """
    duration: 2m
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 1, MaxRecordSizeInKiB: 10240}
      R: {type: kinesis.consumer, StreamARN: Clicks, ConsumerName: app, handler: {time: 0s}}
    workload: [{to: Clicks, arrivals: {burst: 1, every: 30s}, count: 3, size: 8MiB, keys: 5}]
    """
    )
    assert run["ledger"]["R"]["done"] == 3
