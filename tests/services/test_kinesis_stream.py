"""Kinesis streams and polling consumers as components, in small scenarios."""

from __future__ import annotations

from typing import Any

import pytest

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Key, Message
from msgsim.services.kinesis.shards import StreamState
from msgsim.services.kinesis.stream import Stream
from tests.services.by_hand import ns

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


def test_q15_loads_follow_from_the_md5_of_the_keys() -> None:
    """Question Q15: shard loads 100, 100, 0, 0, 1800, 1700, 0, 300 of 4,000 records/s."""
    clicks = stream(Simulation(), 8)
    loads = [0.0] * 8
    for key, percent in REGIONS.items():
        loads[clicks.shard_of(record(0, key))] += percent * 40

    assert loads == [100, 100, 0, 0, 1_800, 1_700, 0, 300]


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
        ("", "E230"),
        (", StreamModeDetails: {StreamMode: ON_DEMAND}", "E301"),
        (", ShardCount: 0", "E201"),
        (", ShardCount: 2, RetentionPeriodHours: 12", "E201"),
    ],
)
def test_streams_that_are_refused(properties: str, code: str) -> None:
    """What CreateStream refuses, or what is not modelled yet, is said before the run."""
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
