"""Where a Kinesis mapping in ms.Cloud begins: starting positions, children of shards, consumers
(API Reference, CreateEventSourceMapping).
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.cloud.hands import refused
from tests.cloud.stream_room import Room


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.mark.parametrize(
    ("start", "seen"),
    [
        ({"StartingPosition": "TRIM_HORIZON"}, ["a", "b", "c"]),
        ({"StartingPosition": "LATEST"}, ["c"]),
        (
            {
                "StartingPosition": "AT_TIMESTAMP",
                "StartingPositionTimestamp": datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC),
            },
            ["b", "c"],
        ),
    ],
)
def test_a_mapping_begins_where_it_is_told(room, start, seen):
    """Source: services-kinesis-parameters.html."""
    room.function()
    room.put("a")
    room.cloud.advance(60)
    room.put("b")
    room.cloud.advance(1)
    room.map(**start)
    room.put("c")
    room.cloud.advance(3)
    assert room.texts == seen


def test_with_latency_a_mapping_takes_minutes_to_begin():
    """So that LATEST can miss records. Source: services-kinesis-create.html; the two minutes are
    a labelled assumption.
    """
    room = Room(latency=True)
    room.function()
    room.map(StartingPosition="LATEST")
    room.put("missed")
    room.cloud.advance("3m")
    room.put("seen")
    room.cloud.advance(10)
    assert room.batches == [["seen"]]


def test_a_mapping_reads_parents_before_children(room):
    """A split in between changes no key's order. Source: Lambda developer guide, with-kinesis.html;
    Kinesis developer guide, kinesis-using-sdk-java-after-resharding.html.
    """
    room.function(lambda event, texts: room.cloud.sleep(1))
    room.map(BatchSize=2)
    room.put(*(f"before {n}" for n in range(20)))
    shard = room.kinesis.list_shards(StreamName="clicks")["Shards"][0]["ShardId"]
    room.kinesis.split_shard(
        StreamName="clicks", ShardToSplit=shard, NewStartingHashKey=str(2**127)
    )
    room.cloud.advance(1)
    while "UPDATING" in str(room.kinesis.describe_stream_summary(StreamName="clicks")):
        room.cloud.advance(1)
    room.put(*(f"after {n}" for n in range(4)))
    room.cloud.advance(60)
    texts = room.texts
    assert texts == [f"before {n}" for n in range(20)] + [f"after {n}" for n in range(4)]


def test_a_registered_consumer_is_pushed_to():
    """With a consumer's ARN records come as they are stored, without a poll. Source:
    with-kinesis.html, enhanced fan-out.
    """
    room = Room()
    arn = room.consumer()
    room.cloud.advance(60)
    room.function()
    uuid = room.map(source=arn)
    room.cloud.advance(10)
    sent = room.cloud.now
    room.put("a")
    room.cloud.advance(1)
    assert room.batches == [["a"]] and room.seen[0][0] - sent < 0.5
    assert room.lam.get_event_source_mapping(UUID=uuid)["EventSourceArn"] == arn


def test_a_consumer_that_is_being_registered_is_read_from_when_it_is_active(room):
    arn = room.consumer()
    room.function()
    room.map(source=arn)
    room.put("a")
    while "ACTIVE" not in str(room.kinesis.describe_stream_consumer(ConsumerARN=arn)):
        assert room.batches == []
        room.cloud.advance(1)
    room.cloud.advance(2)
    assert room.batches == [["a"]]


def test_two_mappings_of_one_consumer_are_refused(room):
    """Kinesis has one subscription for each consumer and shard; a later call ends the earlier one.
    Source: Kinesis API Reference, SubscribeToShard.
    """
    arn = room.consumer()
    for name in ("fn", "other"):
        room.function(name=name)
    room.map(source=arn)
    with refused("ResourceConflictException", "one subscription"):
        room.map("other", source=arn)
    with refused("ResourceConflictException", "already exists"):
        room.map(source=arn)
    room.map("other", source=room.consumer("second"))
