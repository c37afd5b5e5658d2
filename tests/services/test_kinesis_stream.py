"""Kinesis streams and polling consumers as components, in small scenarios."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Key, Message
from msgsim.services.kinesis.shards import StreamState
from msgsim.services.kinesis.stream import Stream
from tests.services.by_hand import Recorder, ns

REGIONS = {"us-east": 40, "eu-west": 40} | dict.fromkeys(
    ("ap-south", "sa-east", "us-west", "ca-central", "eu-north", "af-south", "me-south", "ap-east"),
    2.5,
)


def outcome(text: str) -> dict[str, Any]:
    """Run a scenario given as text; return its only run as plain data."""
    return to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]


def stream(sim: Simulation, shards: int = 2) -> Stream:
    """Return a stream built by hand."""
    return Stream(sim, "Clicks", StreamState(shards))


def record(number: int, key: str) -> Message:
    """Return a small record."""
    return Message(number, Key(key), 0, 0, size_bytes=200)


def drive(sim: Simulation, clicks: Stream, keys: Iterator[Key], seconds: int) -> None:
    """Send 4,000 records of 200 B per second, evenly spaced."""
    for number in range(seconds * 4_000):
        sim.run(number * 250_000)
        clicks.accept(Message(number, next(keys), 0, sim.now, size_bytes=200))


def test_q15_loads_follow_from_the_md5_of_the_keys() -> None:
    """Question Q15: shard loads 100, 100, 0, 0, 1800, 1700, 0, 300 of 4,000 records/s."""
    clicks = stream(Simulation(), 8)
    loads = [0.0] * 8
    for key, percent in REGIONS.items():
        loads[clicks.shard_of(record(0, key))] += percent * 40

    assert loads == [100, 100, 0, 0, 1_800, 1_700, 0, 300]


def test_q15_refuses_a_third_although_half_the_capacity_is_idle() -> None:
    """Question Q15: 60 s of 4,000 steady records/s; shards of 1,800 and 1,700 take 1,000 each.

    1,500 of 4,000 a second are refused (37.5 %), less the two full buckets of 1,000 at the start;
    a cycle of the keys takes 10 ms, so that each bucket may end with up to 10 tokens.
    """
    sim = Simulation()
    clicks, recorder = stream(sim, 8), Recorder()
    clicks.bind([recorder])
    cycle = [name for name, percent in REGIONS.items() for _ in range(round(percent * 0.4))]
    random.Random(15).shuffle(cycle)
    drive(sim, clicks, itertools.cycle(map(Key, cycle)), seconds=60)
    refused = [fact[3] for fact in recorder.facts if fact[1] == "shard_throttled"]
    stored = {fact[3] for fact in recorder.facts if fact[1] == "stored"}

    assert 0.36 <= len(refused) / 240_000 <= 0.39
    assert abs(len(refused) - (60 * 1_500 - 2 * 1_000)) <= 2 * 10
    assert set(refused) == {4, 5}
    assert stored == {0, 1, 4, 5, 7}, "three of the eight shards are idle"


def test_q15_many_keys_spread_the_same_load() -> None:
    """Question Q15: device-0 … device-3999, one record/s each: 481 to 553 a shard, 0 refused."""
    sim = Simulation()
    clicks, recorder = stream(sim, 8), Recorder()
    clicks.bind([recorder])
    devices = [Key(f"device-{number}") for number in range(4_000)]
    loads = Counter(clicks.shard_of(record(0, key.name)) for key in devices)
    drive(sim, clicks, itertools.cycle(devices), seconds=5)

    assert (min(loads.values()), max(loads.values())) == (481, 553)
    assert recorder.count("shard_throttled") == 0
    assert recorder.count("stored") == 20_000


def test_what_a_shard_refuses_depends_on_its_own_load() -> None:
    """1,000 records/s and a full bucket of 1,000: of 1,500/s for 10 s, 4,000 ± 1 are refused."""
    text = """
    duration: 10s
    resources: {Clicks: {type: kinesis.stream, ShardCount: 1}}
    workload: [{to: Clicks, rate: 1500/s, keys: 1, retry: none, size: 100B}]
    """
    shard = outcome(text)["streams"]["streams"]["Clicks"]["by_shard"]["0"]

    assert abs(shard["throttled"] - (15_000 - 1_000 - 10_000)) <= 1
    assert shard["stored"] + shard["throttled"] == 15_000


def test_put_records_fails_in_part() -> None:
    """K13: one call, two shards, one of them out of tokens: only its entries fail."""
    sim = Simulation()
    clicks = stream(sim)
    keys = {clicks.shard_of(record(0, name)): name for name in map(str, range(50))}
    for number in range(1_000):
        assert clicks.accept(record(number, keys[0])) is None
    codes = clicks.accept_batch([record(1_001, keys[0]), record(1_002, keys[1])])

    assert codes == ["ProvisionedThroughputExceededException", None]


def test_a_throttled_call_is_announced_once_with_its_records() -> None:
    """PutRecords with two refused entries is one call; PutRecord counts for itself."""
    sim = Simulation()
    clicks, recorder = stream(sim, 1), Recorder()
    clicks.bind([recorder])
    for number in range(999):
        clicks.accept(record(number, "k"))
    clicks.accept_batch([record(number, "k") for number in range(999, 1_002)])
    clicks.accept(record(1_002, "k"))

    told = [fact[3:] for fact in recorder.facts if fact[1] == "throttled"]
    assert told == [("PutRecords", 2), ("PutRecord", 1)]
    assert recorder.count("shard_throttled") == 3


def test_a_stream_holds_records_for_its_readers_only() -> None:
    """It knows the age of its oldest record; who still needs what is the consumers' account."""
    sim = Simulation()
    clicks = stream(sim, 1)
    assert clicks.oldest_ns() is None
    sim.run(ns("3s"))
    clicks.accept(record(0, "k"))
    assert clicks.oldest_ns() == ns("3s")
    assert list(clicks.holds()) == []
    assert [message.number for message in clicks.unread(0, 0)] == [0]


def test_retention_drops_records_nobody_reads_and_says_so_once() -> None:
    """T3: expiry is by age alone. 24 h on, what a consumer has not read is announced as trimmed."""
    sim = Simulation()
    clicks, recorder = stream(sim, 1), Recorder()
    clicks.bind([recorder])
    clicks.register("R")
    clicks.start()
    for number in range(5):
        clicks.accept(record(number, "k"))
    begin = clicks.position(0, "TRIM_HORIZON", "R")
    _, following, _ = clicks.read(0, begin, 2, "R")
    sim.run(ns("25h"))
    records, last, error = clicks.read(0, following, 10, "R")

    assert (records, last, error) == ([], 5, None)
    assert [fact[3:] for fact in recorder.facts if fact[1] == "trimmed"] == [(0, 3, "R")]
    assert clicks.oldest_ns() is None


def test_records_are_forgotten_when_every_consumer_has_passed() -> None:
    """Two consumers: memory is freed behind the slower one."""
    sim = Simulation()
    clicks = stream(sim, 1)
    for name in ("fast", "slow"):
        clicks.register(name)
    for number in range(10):
        clicks.accept(record(number, "k"))
    clicks.passed("fast", 0, 10)
    assert len(clicks.state.shards[0].log) == 10
    clicks.passed("slow", 0, 4)
    assert len(clicks.state.shards[0].log) == 6


def test_an_outage_refuses_reads_and_writes() -> None:
    """While down, both answer a server error; afterwards all is there."""
    sim = Simulation()
    clicks = stream(sim, 1)
    clicks.accept(record(0, "k"))
    clicks.fail()
    assert clicks.accept(record(1, "k")) == "ServiceUnavailable"
    assert clicks.read(0, 0, 10) == ([], 0, "ServiceUnavailable")
    clicks.recover()
    sim.run(ns("1s"))
    records, following, error = clicks.read(0, 0, 10)
    assert (len(records), following, error) == (1, 1, None)


@pytest.mark.parametrize(("consumers", "mean_ms"), [(1, 100), (5, 500)])
def test_consumers_share_the_five_reads_of_a_shard(consumers: int, mean_ms: int) -> None:
    """Sharing 5 calls/s, k consumers wait k × 200 ms between reads: half of it on average (P1, P2).

    Each polls as often as it may; a record that arrives at random waits half an interval.
    """
    resources = "".join(
        f"\n      R{n}: {{type: kinesis.consumer, StreamARN: Clicks, "
        f"poll: {consumers * 200}ms, handler: {{time: 0s}}}}"
        for n in range(consumers)
    )
    text = f"""
    duration: 200s
    resources:
      Clicks: {{type: kinesis.stream, ShardCount: 1}}{resources}
    workload: [{{to: Clicks, arrivals: {{poisson: 5/s}}, keys: 5}}]
    """
    run = outcome(text)
    for name, latency in run["latency"].items():
        assert name.startswith("R")
        assert latency["end_to_end"]["mean_s"] * 1_000 == pytest.approx(mean_ms, rel=0.35)


def test_every_consumer_sees_every_record_in_order() -> None:
    """Reading takes nothing away: both read all, and no key out of order."""
    text = """
    duration: 60s
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 4}
      A: {type: kinesis.consumer, StreamARN: Clicks, handler: {time: 5ms, time_per_record: 1ms}}
      B: {type: kinesis.consumer, StreamARN: Clicks, handler: {time: 50ms}}
    workload: [{to: Clicks, arrivals: {poisson: 100/s}, keys: 20, until: 50s}]
    """
    run = outcome(text)
    for name in "AB":
        row = run["ledger"][name]
        assert row["done"] == row["published"]
        assert run["order"][name]["order_inversions"] == 0
        assert row["sums"]


def test_a_consumer_that_is_too_slow_falls_behind() -> None:
    """500 records/s of 4 ms each, in sequence: 250/s are worked, the rest waits."""
    text = """
    duration: 60s
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 1}
      Reader: {type: kinesis.consumer, StreamARN: Clicks, Limit: 100,
               handler: {time: 0s, time_per_record: 4ms}}
    workload: [{to: Clicks, rate: 500/s, keys: 10}]
    """
    row = outcome(text)["ledger"]["Reader"]
    assert row["done"] == pytest.approx(250 * 60, rel=0.05)
    assert row["waiting"] == pytest.approx(250 * 60, rel=0.05)
    assert row["sums"]


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        (", ShardCount: 2, StreamModeDetails: {StreamMode: ON_DEMAND}", "E233"),
        (", ShardCount: 2, WarmThroughputMiBps: 10", "E233"),
        (", ShardCount: 2, RecordDistributionStrategy: AUTO", "E233"),
        (", RecordDistributionStrategy: auto", "E204"),
        (", StreamModeDetails: {StreamMode: PROVISIONED}", "E230"),
        (", ShardCount: 2, StreamModeDetails: {StreamMode: provisioned}", "E204"),
        (", ShardCount: 2, MaxRecordSizeInKiB: 512", "E201"),
        (", ShardCount: 0", "E201"),
        (", ShardCount: 2, RetentionPeriodHours: 12", "E201"),
    ],
)
def test_streams_that_are_refused(properties: str, code: str) -> None:
    """What CreateStream refuses is said before the run."""
    text = f"""
duration: 1s
resources: {{Clicks: {{type: kinesis.stream{properties}}}}}
workload: [{{to: Clicks, rate: 1/s, keys: 1}}]
"""
    with pytest.raises(msgsim.ProblemError) as refused:
        msgsim.load_text(text)
    assert [problem.code for problem in refused.value.problems] == [code]


def test_q16_a_mapping_that_is_too_slow_falls_behind_and_the_books_balance() -> None:
    """Question Q16: 500 records/s against 250/s: age grows 0.5 s per second; nothing is lost."""
    text = """
    duration: 120s
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 1}
      Fn: {type: lambda.function, Timeout: 5, handler: {time: 400ms}}
      Map: {type: lambda.event_source_mapping, EventSourceArn: Clicks, FunctionName: Fn,
            StartingPosition: TRIM_HORIZON, BatchSize: 100}
    workload: [{to: Clicks, rate: 500/s, keys: 1000}]
    expect: [Map.IteratorAge.end in 54s..66s, Map.order_inversions == 0]
    """
    results = msgsim.run(msgsim.load_text(text))
    row = to_plain(results)["runs"][0]["ledger"]["Map"]

    assert all(verdict.passed for verdict in results.verdicts)
    assert row["done"] == pytest.approx(250 * 120, rel=0.05)
    assert row["sums"]


@pytest.mark.parametrize(
    ("client", "orderly"), [("batch: 50", False), ("batch: 50, retry: none", True)]
)
def test_retrying_refused_entries_costs_the_order_of_their_keys(client: str, orderly: bool) -> None:
    """K13, O4: of 1,100/s a shard refuses some entries of a call; re-sent, they land behind their
    successors. Without retries there are gaps, but no inversions."""
    text = f"""
    duration: 30s
    resources:
      Clicks: {{type: kinesis.stream, ShardCount: 1}}
      R: {{type: kinesis.consumer, StreamARN: Clicks, handler: {{time: 1ms}}}}
    workload: [{{to: Clicks, rate: 1100/s, size: 100B, keys: 20, {client}}}]
    """
    run = outcome(text)
    shard = run["streams"]["streams"]["Clicks"]["by_shard"]["0"]
    assert shard["throttled"] > 500
    assert (run["order"]["R"]["order_inversions"] == 0) is orderly
    assert run["ledger"]["R"]["sums"]
