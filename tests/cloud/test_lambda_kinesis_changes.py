"""A Kinesis mapping in ms.Cloud that is changed, paused or deleted, or loses its stream or function
(API Reference, UpdateEventSourceMapping, DeleteEventSourceMapping).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.stream_room import Room, raises_at


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_disabled_mapping_goes_on_where_it_stopped(room):
    """ "Pause invocation and resume later from the same location". Source: API Reference,
    UpdateEventSourceMapping.
    """
    room.function()
    uuid = room.map(StartingPosition="LATEST")
    room.put("a")
    room.cloud.advance(2)
    room.lam.update_event_source_mapping(UUID=uuid, Enabled=False)
    room.put("b")
    room.cloud.advance(60)
    assert room.batches == [["a"]]
    assert room.lam.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    room.lam.update_event_source_mapping(UUID=uuid, Enabled=True)
    room.cloud.advance(2)
    assert room.batches == [["a"], ["b"]]


def test_a_change_waits_for_the_batch_in_progress(room):
    """No record is in two hands: the changed mapping begins when the function has returned."""
    running: list[int] = [0, 0]

    def code(event: Any, texts: list[str]) -> None:
        running[0] += 1
        running[1] = max(running)
        room.cloud.sleep(5)
        running[0] -= 1

    room.function(code)
    uuid = room.map(BatchSize=1)
    room.put(*"abcd")
    room.cloud.advance(2)
    room.lam.update_event_source_mapping(UUID=uuid, BatchSize=2)
    room.lam.update_event_source_mapping(UUID=uuid, BatchSize=3)
    room.cloud.advance(60)
    assert room.batches == [["a"], ["b", "c", "d"]] and running == [0, 1]


def test_a_handler_may_change_the_mapping_that_invokes_it(room):
    uuids: list[str] = []

    def code(event: Any, texts: list[str]) -> None:
        if texts == ["a"]:
            room.lam.update_event_source_mapping(UUID=uuids[0], BatchSize=10)

    room.function(code)
    uuids.append(room.map(BatchSize=1))
    room.put(*"abc")
    room.cloud.advance(10)
    assert room.batches == [["a"], ["b", "c"]]


def test_a_batch_that_failed_before_a_change_comes_again_after_it(room):
    room.function(lambda event, texts: raises_at("a")(event, texts) if len(room.seen) < 4 else None)
    uuid = room.map(BatchSize=1)
    room.put("a", "b")
    room.cloud.advance(1.1)
    room.lam.update_event_source_mapping(UUID=uuid, ParallelizationFactor=2)
    room.cloud.advance(60)
    assert room.texts.count("b") == 1 and room.batches[-1] == ["b"]
    assert set(map(tuple, room.batches[:-1])) == {("a",)}


def test_a_change_during_the_last_batch_of_a_closed_shard(room):
    """Its children are read by the changed mapping alone, and once."""
    room.function(lambda event, texts: room.cloud.sleep(40))
    uuid = room.map()
    room.put("parent")
    room.cloud.advance(2)
    room.kinesis.split_shard(
        StreamName="clicks", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
    )
    room.cloud.advance(35)
    room.put("left", ExplicitHashKey="0")
    room.put("right", ExplicitHashKey=str(2**127))
    room.lam.update_event_source_mapping(UUID=uuid, BatchSize=10)
    room.cloud.advance("5m")
    assert room.batches[0] == ["parent"]
    assert sorted(room.batches[1:]) == [["left"], ["right"]]
    assert [life.facts for life in room.cloud.history()] == [["taken", "completed"]] * 3


def test_a_change_when_one_of_two_merged_shards_is_finished():
    """What was finished before the change counts: the child begins after the other parent."""
    room = Room(shards=2)

    def code(event: Any, texts: list[str]) -> None:
        if texts == ["slow"] and room.batches.count(texts) == 1:
            room.cloud.sleep(50)
            raise ValueError

    room.function(code)
    uuid = room.map()
    room.put("quick", ExplicitHashKey="0")
    room.put("slow", ExplicitHashKey=str(2**127))
    room.cloud.advance(2)
    room.kinesis.merge_shards(
        StreamName="clicks",
        ShardToMerge="shardId-000000000000",
        AdjacentShardToMerge="shardId-000000000001",
    )
    room.cloud.advance(35)
    room.put("child")
    room.lam.update_event_source_mapping(UUID=uuid, BatchSize=10)
    room.cloud.advance("5m")
    assert sorted(room.batches[:2]) == [["quick"], ["slow"]]
    assert room.batches[2:] == [["slow"], ["child"]]


def test_a_deleted_mapping_reads_no_more(room):
    room.function()
    uuid = room.map()
    room.put("a")
    room.cloud.advance(2)
    assert room.lam.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    room.put("b")
    room.cloud.advance(10)
    assert room.batches == [["a"]]
    room.map()  # the pair is free again
    room.cloud.advance(2)
    assert room.batches == [["a"], ["a", "b"]]


def test_what_a_mapping_has_processed_can_still_be_read(room):
    """Reading takes nothing away; records stay for the retention period. Source: key-concepts."""
    room.function()
    room.map()
    room.put("a")
    room.cloud.advance(5)
    iterator = room.kinesis.get_shard_iterator(
        StreamName="clicks", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = room.kinesis.get_records(ShardIterator=iterator)["Records"]
    assert [record["Data"] for record in records] == [b"a"]


def test_two_functions_read_the_same_stream_each_for_itself(room):
    room.function()
    room.function(raises_at("a"), name="other")
    room.map(BatchSize=1)
    room.map("other", BatchSize=1)
    room.put("a", "b")
    room.cloud.advance(60)
    assert room.texts.count("b") == 1 and room.texts.count("a") > 2


def test_a_deleted_stream_gives_nothing_more(room):
    room.function()
    room.map()
    room.put("a")
    room.cloud.advance(2)
    room.put("b")
    room.kinesis.delete_stream(StreamName="clicks")
    room.cloud.advance(10)
    assert room.batches == [["a"]]


def test_a_deleted_function_holds_its_records_back(room):
    """A mapping stays when its function is deleted, tries again and again as after a throttle, and
    invokes what has the name later: DeleteFunction leaves mappings alone, and they go by the ARN.
    Source: API Reference, DeleteFunction, DeleteEventSourceMapping.
    """
    room.function()
    room.map(MaximumRetryAttempts=0)
    room.lam.delete_function(FunctionName="fn")
    room.put("a")
    room.cloud.advance(30)
    assert room.batches == []
    room.function()
    room.cloud.advance(60)
    assert room.batches == [["a"]]
