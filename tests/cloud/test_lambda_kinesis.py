"""Kinesis mappings in ms.Cloud: AWS's events, and what shares a batch (with-kinesis.html)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cloud.stream_room import Room


@pytest.fixture
def room() -> Room:
    return Room()


# Events -----------------------------------------------------------------------------------------


def test_an_event_has_the_shape_of_aws(room):
    """Names, order and values of members. Source: LocalStack's snapshot of AWS (2024-10-12), test
    test_create_kinesis_event_source_mapping; Lambda developer guide, with-kinesis.html.
    """
    events: list[Any] = []
    room.function(lambda event, texts: events.append(event))
    room.map()
    (number,) = room.put("hello", key="test_0")
    room.cloud.advance(2)
    (record,) = events[0]["Records"]
    assert list(events[0]) == ["Records"]
    assert list(record) == [
        "kinesis", "eventSource", "eventVersion", "eventID", "eventName", "invokeIdentityArn",
        "awsRegion", "eventSourceARN",
    ]  # fmt: skip
    assert record["kinesis"] == {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "test_0",
        "sequenceNumber": number,
        "data": "aGVsbG8=",
        "approximateArrivalTimestamp": datetime(2026, 1, 1, tzinfo=UTC).timestamp(),
    }
    assert record["eventID"] == f"shardId-000000000000:{number}"
    assert (record["eventSource"], record["eventName"]) == ("aws:kinesis", "aws:kinesis:record")
    assert record["eventVersion"] == "1.0" and record["awsRegion"] == "us-east-1"
    assert record["invokeIdentityArn"].startswith("arn:aws:iam::123456789012:role/")
    assert record["eventSourceARN"] == room.stream_arn


def test_the_role_of_the_function_is_the_identity_that_invokes(room):
    events: list[Any] = []
    role = "arn:aws:iam::123456789012:role/clicks-role"
    room.function(lambda event, texts: events.append(event), Role=role)
    room.map()
    room.put("a")
    room.cloud.advance(2)
    assert events[0]["Records"][0]["invokeIdentityArn"] == role


def test_data_need_not_be_text(room):
    events: list[Any] = []
    room.lam.create_function(
        FunctionName="fn", Code={"callable": lambda event, context: events.append(event)}
    )
    room.map()
    room.kinesis.put_record(StreamName="clicks", Data=b"\xff\x00", PartitionKey="k")
    room.cloud.advance(2)
    assert base64.b64decode(events[0]["Records"][0]["kinesis"]["data"]) == b"\xff\x00"


def test_a_record_has_a_biography_once_a_mapping_has_read_it(room):
    room.function()
    room.map()
    (number,) = room.put("a")
    room.cloud.advance(2)
    (life,) = room.cloud.history(f"shardId-000000000000:{number}")
    assert life.facts == ["taken", "completed"] and life.body == "a"


# Batches ----------------------------------------------------------------------------------------


def test_one_batch_of_a_shard_is_in_progress_at_a_time(room):
    """The next batch begins when the function has returned, in the order of the shard. Source:
    with-kinesis.html; LocalStack's AWS test test_…with_async_invocation: a function that sleeps 5 s
    gets its second batch more than 5 s after the first.
    """
    room.function(lambda event, texts: room.cloud.sleep(5))
    room.map(BatchSize=10)
    room.put(*(f"{n}" for n in range(20)))
    room.cloud.advance(30)
    assert room.batches == [[f"{n}" for n in range(10)], [f"{n}" for n in range(10, 20)]]
    assert room.seen[1][0] - room.seen[0][0] >= 5


def test_a_batch_holds_records_of_one_shard(room):
    room = Room(shards=2)
    shards: list[set[str]] = []
    room.function(
        lambda event, texts: shards.append({r["eventID"].split(":")[0] for r in event["Records"]})
    )
    room.map()
    for hash_key in ("0", str(2**127)):
        room.put("a", "b", ExplicitHashKey=hash_key)
    room.cloud.advance(2)
    assert sorted(shards, key=min) == [{"shardId-000000000000"}, {"shardId-000000000001"}]


def test_a_window_gathers_until_it_ends_or_the_batch_is_full(room):
    """`MaximumBatchingWindowInSeconds`. Source: invocation-eventsourcemapping.html."""
    room.function()
    room.map(BatchSize=3, MaximumBatchingWindowInSeconds=30)
    room.put("a")
    room.cloud.advance(10)
    assert room.batches == []
    room.put("b", "c")
    room.cloud.advance(2)
    assert room.batches == [["a", "b", "c"]]
    room.put("d")
    room.cloud.advance(33)
    assert room.batches[1:] == [["d"]]


def test_parallelization_keeps_the_order_of_each_key(room):
    """Up to n batches of a shard at once; a key's records stay in order. Source: with-kinesis.html,
    ParallelizationFactor.
    """
    running, most = [0], [0]
    order: dict[str, list[int]] = {}

    def code(event: Any, texts: list[str]) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        room.cloud.sleep(1)
        for text in texts:
            key, _, number = text.partition("/")
            order.setdefault(key, []).append(int(number))
        running[0] -= 1

    room.function(code)
    room.map(BatchSize=1, ParallelizationFactor=4)
    for number in range(4):
        for key in range(12):
            room.put(f"{key}/{number}", key=str(key))
    room.cloud.advance(60)
    assert 1 < most[0] <= 4
    assert order == {str(key): [0, 1, 2, 3] for key in range(12)}


def test_filters_leave_records_out(room):
    """The pattern's key for Kinesis is `data`, decoded; data that is no JSON does not match a
    pattern for JSON. Source: invocation-eventfiltering.html, with-kinesis-filtering.html.
    """
    room.function()
    room.map(FilterCriteria={"Filters": [{"Pattern": '{"data": {"kind": ["a"]}}'}]})
    room.put('{"kind": "a"}', '{"kind": "b"}', "kind a", '{"kind": "a", "n": 2}')
    room.cloud.advance(2)
    assert room.batches == [['{"kind": "a"}', '{"kind": "a", "n": 2}']]
