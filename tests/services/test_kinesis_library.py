"""The Kinesis Producer Library as a workload's client: aggregation, collection, limits, retries.

Sources: Kinesis Producer Library 1.0.7 (default_config.properties), Streams Developer Guide
(kinesis-producer-adv-retries-rate-limiting, kinesis-record-processor-duplicates).
"""

from __future__ import annotations

from typing import Any

import pytest

import msgsim
from msgsim.experiment.result import to_plain


def outcome(text: str) -> dict[str, Any]:
    """Run a scenario given as text; return its only run as plain data."""
    return to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]


def sent(workload: str, shards: int = 1, duration: str = "30s") -> dict[str, Any]:
    """Run a workload into a stream with one reader."""
    return outcome(
        f"""
    duration: {duration}
    resources:
      Clicks: {{type: kinesis.stream, ShardCount: {shards}}}
      R: {{type: kinesis.consumer, StreamARN: Clicks, poll: 200ms, handler: {{time: 1ms}}}}
    workload: [{{name: Web, to: Clicks, {workload}}}]
    """
    )


def test_aggregation_lifts_the_limit_of_records() -> None:
    """5,000 messages/s of 100 B: a shard refuses four fifths of single puts, none of aggregates."""
    plain = sent("rate: 5000/s, size: 100B, keys: 50, retry: none")
    packed = sent("rate: 5000/s, size: 100B, keys: 50, kpl: true")
    assert plain["ledger"]["R"]["refused"] > 0.7 * 150_000
    row = packed["ledger"]["R"]
    assert (row["refused"], row["published"]) == (0, 150_000)
    assert row["done"] + row["waiting"] + row["in_transit"] + row["in_flight"] == 150_000
    assert row["sums"]
    assert packed["order"]["R"]["order_inversions"] == 0


def test_buffering_costs_up_to_a_tenth_of_a_second() -> None:
    """RecordMaxBufferedTime 100 ms: on average half of it for a message that arrives at random."""
    text = "arrivals: {poisson: 50/s}, size: 100B, keys: 50, "
    without, library = sent(text + "batch: 1"), sent(text + "kpl: true")
    more = (
        library["latency"]["R"]["end_to_end"]["mean_s"]
        - without["latency"]["R"]["end_to_end"]["mean_s"]
    )
    assert 0.03 <= more <= 0.1


def test_collection_puts_records_of_several_shards_in_one_call() -> None:
    """20 records per 100 ms over 8 shards, each waiting 100 ms at most: ten calls per second."""
    settings = "kpl: {AggregationEnabled: false}"
    run = sent(f"rate: 200/s, size: 100B, keys: 400, {settings}", shards=8)
    assert 270 <= run["workloads"]["Web"]["calls"] <= 310
    assert run["ledger"]["R"]["sums"]


def test_without_aggregation_every_message_is_a_record() -> None:
    """AggregationEnabled false: 1,000 records/s again; the rate limit keeps 1.5 times of it off."""
    run = sent(
        "rate: 3000/s, size: 100B, keys: 50, "
        "kpl: {AggregationEnabled: false, RecordTtl: 2s, RateLimit: 150}"
    )
    shard = run["streams"]["streams"]["Clicks"]["by_shard"]["0"]
    assert 30_000 <= shard["stored"] <= 31_000
    assert shard["throttled"] == pytest.approx(0.5 * 1_000 * 30, rel=0.2)
    row = run["ledger"]["R"]
    assert row["refused"] > 0.5 * 90_000
    assert row["sums"]
    assert set(run["workloads"]["Web"]["refused"]) == {"RecordTtl"}


def test_a_lost_answer_stores_the_whole_aggregate_again() -> None:
    """U2, RequestTimeout 6 s: every message of the record exists twice, and the books balance."""
    run = sent(
        "rate: 100/s, size: 100B, keys: 5, until: 20s, response_lost: 5%, kpl: true",
        duration="60s",
    )
    row = run["ledger"]["R"]
    assert row["extra_copies"] > 20
    assert row["done"] == row["published"] + row["extra_copies"]
    assert row["sums"]


def test_a_mapping_gets_the_messages_one_by_one() -> None:
    """De-aggregated before the function: each message done once, in order of its key."""
    run = outcome(
        """
    duration: 60s
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 2}
      Fn: {type: lambda.function, Timeout: 5, handler: {time: 50ms}}
      R: {type: lambda.event_source_mapping, EventSourceArn: Clicks, FunctionName: Fn,
          StartingPosition: TRIM_HORIZON, BatchSize: 100}
    workload: [{to: Clicks, rate: 300/s, size: 100B, keys: 40, until: 50s, kpl: true}]
    """
    )
    row = run["ledger"]["R"]
    assert row["done"] == row["published"] == 15_000
    assert row["sums"]
    assert run["order"]["R"]["order_inversions"] == 0


@pytest.mark.parametrize(
    ("workload", "code"),
    [
        ("to: Q, rate: 1/s, kpl: true", "E134"),
        ("to: Clicks, rate: 1/s, keys: 1, kpl: true, batch: 10", "E134"),
        ("to: Clicks, rate: 1/s, keys: 1, kpl: {CollectionMaxCount: 501}", "E201"),
        ("to: Clicks, rate: 1/s, keys: 1, kpl: {RecordTTL: 1s}", "E103"),
    ],
)
def test_settings_that_are_refused(workload: str, code: str) -> None:
    """Other targets, options that contradict the library, unknown or impossible settings."""
    text = f"""
    duration: 1s
    resources: {{Clicks: {{type: kinesis.stream, ShardCount: 1}}, Q: {{type: sqs.queue}}}}
    workload: [{{{workload}}}]
    """
    with pytest.raises(msgsim.ProblemError) as refused:
        msgsim.load_text(text)
    codes = [problem.code for problem in refused.value.problems]
    assert [found for found in codes if found.startswith("E")] == [code]


LANES = """
duration: 1m
resources:
  Clicks: {type: kinesis.stream, ShardCount: 1}
  Fast: {type: kinesis.stream_consumer, StreamARN: Clicks, ConsumerName: fast}
  Fn: {type: lambda.function, Timeout: 5, handler: {time: 50ms}}
  R: {type: lambda.event_source_mapping, EventSourceArn: SOURCE, FunctionName: Fn,
      StartingPosition: TRIM_HORIZON, ParallelizationFactor: LANES}
workload: [{to: Clicks, rate: 300/s, size: 100B, WORKLOAD}]
"""


@pytest.mark.parametrize(
    ("source", "lanes", "workload", "said"),
    [
        ("Clicks", 2, "keys: 40, kpl: true", "keeps the order of records by their key"),
        ("Fast", 2, "keys: 40, kpl: true", "drops messages whose key does not fit"),
        ("Clicks", 1, "keys: 40, kpl: true", None),
        ("Clicks", 2, "keys: 1, kpl: true", None),
        ("Clicks", 2, "keys: 40", None),
        ("Clicks", 2, "keys: 40, kpl: {AggregationEnabled: false}", None),
        ("Clicks", 2, "keys: 40, kpl: {AggregationMaxCount: 1}", None),
    ],
)
def test_parallel_lanes_behind_aggregated_records_are_advised_against(
    source: str, lanes: int, workload: str, said: str | None
) -> None:
    """L7: order is kept per key of the record; with enhanced fan-out other keys are dropped.

    Source: Lambda Developer Guide, with-kinesis.
    """
    text = LANES.replace("SOURCE", source).replace("LANES", str(lanes))
    scenario = msgsim.load_text(text.replace("WORKLOAD", workload))
    found = [problem.message for problem in scenario.warnings if problem.code == "W385"]
    assert len(found) == (said is not None)
    assert said is None or said in found[0]
