"""dynamodb.stream: what Lambda reads of a table, and how often."""

from __future__ import annotations

import json
from statistics import mean
from typing import Any

import pytest

import msgsim
from msgsim.services.dynamodb import SERVICE
from tests.services import hand_built
from tests.services.hand_built import HandBuilt, codes
from tests.services.lambda_built import built, function, mapping

hand_built.KINDS[SERVICE.kind] = SERVICE
S = 10**9


def table(partitions: int = 1, fn: dict[str, Any] | None = None, **mapped: Any) -> HandBuilt:
    return built(
        {
            "Orders": {"type": "dynamodb.stream", "partitions": partitions},
            "Lost": {"type": "sqs.queue"},
            "Fn": fn or function("10ms"),
            "Map": mapping("Orders", **{"StartingPosition": "TRIM_HORIZON", **mapped}),
        }
    )


def completed(system: HandBuilt) -> list[int]:
    return [fact[1].message.number for fact in system.log.of("Map", "completed")]


def test_a_shard_is_polled_four_times_a_second() -> None:
    """So a change waits 125 ms on average. Source: Lambda developer guide, with-ddb.html."""
    system = table()
    golden = 0.618033988749895
    for number in range(500):
        system.send_at(f"{number * 1_000 + round(number * golden % 1 * 250)}ms", "Orders")
    system.run("501s")
    waits = [
        fact[0] - fact[1].message.born_ns / S - 0.01 for fact in system.log.of("Map", "completed")
    ]
    assert len(waits) == 500
    assert mean(waits) == pytest.approx(0.125, abs=0.0125)
    assert max(waits) <= 0.25 + 1e-6


def test_a_read_brings_1000_records_or_1_mb() -> None:
    """Source: API GetRecords."""
    system = table(BatchSize=10_000)
    for size in (100, 100_000):
        for _ in range(1_500):
            system.send("Orders", size_bytes=size)
    stream = system["Orders"]
    records, following, _ = stream.read(0, 0, 10_000, "Map")
    assert len(records) == following == 1_000
    records, _, _ = stream.read(0, 1_500, 10_000, "Map")
    assert len(records) == 10


def test_changes_of_an_item_stay_in_order() -> None:
    system = table(4, ParallelizationFactor=3)
    for number in range(400):
        system.sim.at(number * S // 50, lambda n=number: system.send("Orders", f"item-{n % 23}"))
    system.run("1m")
    ranks: dict[str, list[int]] = {}
    for fact in system.log.of("Map", "completed"):
        ranks.setdefault(fact[1].message.key.name, []).append(fact[1].message.rank)
    assert sum(map(len, ranks.values())) == 400
    assert all(order == sorted(order) for order in ranks.values())
    assert {fact[1] for fact in system.log.of("Orders", "stored")} == {0, 1, 2, 3}


def test_a_poison_record_blocks_for_a_day_at_most() -> None:
    """Retention is fixed at 24 h. Source: DynamoDB developer guide, Streams.html."""
    system = table(fn=function("10ms", handler__fails_if={"bad": "1"}), BatchSize=1)
    system.send("Orders", attributes={"bad": "1"})
    system.send_at("2h", "Orders")
    system.run("86300s")
    assert completed(system) == []
    system.run("86500s")
    assert completed(system) == [1]


def test_documents_are_about_a_dynamodb_batch() -> None:
    """DDBStreamBatchInfo in place of KinesisBatchInfo. Source: with-ddb.html."""
    system = table(
        fn=function("10ms", handler__fails="100%"),
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "Lost"}},
    )
    system.send("Orders")
    system.run("1m")
    ((_, copy),) = system.log.of("Lost", "sent")
    document = json.loads(copy.message.body)
    assert document["DDBStreamBatchInfo"]["batchSize"] == 1
    assert "KinesisBatchInfo" not in document


def test_a_third_reader_is_throttled() -> None:
    """At most two at once per shard. Source: with-ddb.html."""
    resources: dict[str, Any] = {"Orders": {"type": "dynamodb.stream"}, "Fn": function("10ms")}
    for number in range(3):
        resources[f"Fn{number}"] = function("10ms")
        resources[f"Map{number}"] = {
            **mapping("Orders", StartingPosition="TRIM_HORIZON"),
            "FunctionName": f"Fn{number}",
        }
    assert "W267" in codes(resources)
    system = built(resources)
    system.run("60s")
    assert len(system.log.of("Orders", "read_throttled")) > 100
    del resources["Map2"]
    system = built(resources)
    system.run("60s")
    assert system.log.of("Orders", "read_throttled") == []


def test_items_above_400_kb_are_refused() -> None:
    system = table()
    assert system.send("Orders", size_bytes=400 * 1_024) is None
    assert system.send("Orders", size_bytes=400 * 1_024 + 1) == "ValidationException"
    many = [system.message() for _ in range(26)]
    assert set(system["Orders"].accept_batch(many)) == {"ValidationException"}


def test_at_timestamp_is_not_offered() -> None:
    """Source: API CreateEventSourceMapping."""
    resources = {
        "Orders": {"type": "dynamodb.stream"},
        "Fn": function(),
        "Map": mapping(
            "Orders",
            StartingPosition="AT_TIMESTAMP",
            StartingPositionTimestamp="0s",
        ),
    }
    assert codes(resources) == ["E222"]


def test_the_books_balance() -> None:
    text = """
msgsim: 1
duration: 2m
resources:
  Orders: {type: dynamodb.stream, partitions: 3, StreamViewType: NEW_AND_OLD_IMAGES}
  Fn: {type: lambda.function, handler: {time: 50ms, fails: 5%}}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Orders, FunctionName: Fn,
        StartingPosition: LATEST, MaximumRetryAttempts: 0}
workload:
  - {to: Orders, rate: 50/s, keys: 200, batch: 25}
"""
    run = msgsim.run(msgsim.load_text(text)).runs[0]
    assert run.observers.violations == []
    row = run.observers.ledger.account("Map")
    assert row["done"] > 5_000 and row["discarded"] > 0
    assert run.observers.metrics.value("Orders", None, "shards") == 3
