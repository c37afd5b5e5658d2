"""Mappings of registered consumers: pushed, apart from everybody else, in order, nothing lost."""

from __future__ import annotations

import pytest

import msgsim
from msgsim.problems import ProblemError

HEAD = """
msgsim: 1
question: Does a pushed shard reach its function?
seed: 4
duration: 10m
resources:
  Clicks: {type: kinesis.stream, ShardCount: 2}
  Fast: {type: kinesis.stream_consumer, StreamARN: Clicks, ConsumerName: fast}
  Fn: {type: lambda.function, Timeout: 30, handler: {time: 20ms}}
  Map:
    type: lambda.event_source_mapping
    EventSourceArn: Fast
    FunctionName: Fn
    StartingPosition: TRIM_HORIZON
workload:
  - {to: Clicks, arrivals: {poisson: 20/s}, keys: 50, size: 1KiB, until: 9m}
expect:
  - Map.lost == 0
"""


def run(text: str = HEAD, **changes: str):
    scenario = msgsim.load_text(text)
    for path, value in changes.items():
        scenario = scenario.replace(path.replace("__", "."), value)
    return msgsim.run(scenario)


def test_a_record_waits_for_its_push_and_for_no_poll():
    """About 70 ms (AWS, building-consumers), measured 49 ms at the median; polls 0 to 1 s."""
    results = run(
        HEAD + "  - Map.waiting_time.p50 in 40ms..70ms\n  - Map.waiting_time.p99 < 150ms\n"
    )
    assert all(verdict.passed for verdict in results.verdicts)


READERS = "".join(
    f"  R{i}: {{type: kinesis.consumer, StreamARN: Clicks, poll: 200ms, handler: {{time: 1ms}}}}\n"
    for i in range(5)
)


def test_polling_consumers_take_nothing_away_from_it():
    """Five pollers use up the shards' five calls per second; what is pushed does not share them.

    Source: Kinesis developer guide, building-consumers: dedicated throughput.
    """
    rule = "  - Map.waiting_time.p99 < 150ms\n  - Clicks.reads_throttled > 100\n"
    text = HEAD.replace("workload:", READERS + "workload:") + rule
    assert all(verdict.passed for verdict in run(text).verdicts)


DISTURBED = (
    HEAD.replace("handler: {time: 20ms}", "handler: {time: 60ms, fails: 2%}").replace(
        "    StartingPosition",
        "    ParallelizationFactor: 2\n    BatchSize: 5\n    StartingPosition",
    )
    + """\
  - Map.order_inversions == 0
  - Map.waiting == 0
  - Map.discarded == 0
  - Map.expired == 0
actions:
  - {at: 2m, split: Clicks, shard: 0}
  - {at: 5m, merge: Clicks, shard: 2, and: 3}
faults:
  - {at: 3m, for: 20s, down: Fn}
  - {at: 4m, for: 20s, down: Map}
  - {at: 7m, for: 20s, down: Clicks}
"""
)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("ahead", [100_000, 7])
def test_order_and_every_record_survive_resharding_outages_and_back_pressure(seed, ahead):
    """Parents before children, retries in place: no record is lost and no key overtaken.

    With little room the stream holds back, and nothing changes but the time it takes.
    """
    more = f"assumptions: {{lambda.event_source_mapping: {{read_ahead: {ahead}}}}}\n"
    verdicts = run(DISTURBED.replace("seed: 4", f"seed: {seed}") + more).verdicts
    assert [v for v in verdicts if not v.passed] == []


def test_a_busy_function_holds_the_stream_back():
    """Of 40 KB/s nothing is lost when a function takes 2 s for each batch of 100."""
    text = HEAD.replace("time: 20ms", "time: 2s") + "  - Map.done == Map.published\n"
    more = "assumptions: {lambda.event_source_mapping: {read_ahead: 10}}\n"
    assert all(verdict.passed for verdict in run(text + more).verdicts)


def test_windows_close_although_nothing_more_comes():
    """A final invocation ends each tumbling window: at least one per shard and busy minute."""
    text = HEAD.replace("    Starting", "    TumblingWindowInSeconds: 60\n    Starting")
    text = text.replace("until: 9m", "until: 30s").replace("lost == 0", "done == Map.published")
    without = HEAD.replace("until: 9m", "until: 30s")
    found = run(text)
    assert all(verdict.passed for verdict in found.verdicts)
    first = [msgsim.run(msgsim.load_text(t)).runs[0] for t in (text, without)]
    invocations = [r.observers.metrics.value("Fn", None, "invocations") for r in first]
    assert invocations[0] == invocations[1] + 2


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (
            "  Again: {type: kinesis.stream_consumer, StreamARN: Clicks, ConsumerName: fast}\n",
            "E235",
        ),
        (
            "  App: {type: kinesis.consumer, StreamARN: Clicks, ConsumerName: fast, "
            "handler: {time: 1ms}}\n",
            "E235",
        ),
        (
            "".join(
                f"  C{i}: {{type: kinesis.stream_consumer, StreamARN: Clicks, "
                f"ConsumerName: c{i}}}\n"
                for i in range(20)
            ),
            "E234",
        ),
    ],
)
def test_names_are_unique_and_consumers_are_limited(more, code):
    """ResourceInUseException and LimitExceededException: API reference, RegisterStreamConsumer."""
    with pytest.raises(ProblemError) as caught:
        msgsim.load_text(HEAD.replace("workload:", more + "workload:"))
    assert [problem.code for problem in caught.value.problems] == [code]


SECOND = "  Other: {type: lambda.function, Timeout: 30, handler: {time: 20ms}}\n" + (
    "  OtherMap: {type: lambda.event_source_mapping, EventSourceArn: Fast, FunctionName: Other, "
    "StartingPosition: LATEST}\n"
)


def test_a_consumer_has_one_mapping():
    """One subscription for each consumer and shard: API reference, SubscribeToShard."""
    with pytest.raises(ProblemError) as caught:
        msgsim.load_text(HEAD.replace("workload:", SECOND + "workload:"))
    assert [problem.code for problem in caught.value.problems] == ["E270"]


def test_two_consumers_have_two_mappings():
    own = "  Own: {type: kinesis.stream_consumer, StreamARN: Clicks, ConsumerName: own}\n"
    second = own + SECOND.replace("EventSourceArn: Fast", "EventSourceArn: Own")
    assert msgsim.load_text(HEAD.replace("workload:", second + "workload:"))
