"""A Kinesis mapping in ms.Cloud whose function fails: retries in place, bisecting, documents of
what is given up (kinesis-on-failure-destination.html).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.stream_room import Room, raises_at


@pytest.fixture
def room() -> Room:
    return Room()


def test_an_error_blocks_its_shard_and_no_other():
    """The whole batch is tried again in place until it succeeds; nothing overtakes it. Source:
    kinesis-on-failure-destination.html; the pauses (0.25 s, doubling) are a labelled assumption.
    """
    room = Room(shards=2)
    attempts: list[float] = []

    def code(event: Any, texts: list[str]) -> None:
        if "poison" in texts:
            attempts.append(room.cloud.now)
            if len(attempts) < 4:
                raise ValueError

    room.function(code)
    room.map(BatchSize=2)
    room.put("poison", "after", "later", ExplicitHashKey="0")
    room.put("other", ExplicitHashKey=str(2**127))
    room.cloud.advance(20)
    blocked = [batch for batch in room.batches if batch != ["other"]]
    assert blocked == [["poison", "after"]] * 4 + [["later"]]
    assert [round(at - attempts[0], 3) for at in attempts] == [0, 0.25, 0.75, 1.75]
    assert room.batches.count(["other"]) == 1
    (other_at,) = [at for at, batch in room.seen if batch == ["other"]]
    assert other_at <= 1


def test_without_limits_a_batch_blocks_until_it_expires_in_the_stream(room):
    """MaximumRetryAttempts and MaximumRecordAgeInSeconds are -1 by default: what always fails stays
    until the retention period ends, here 24 h. Source: kinesis-on-failure-destination.html.
    """
    room.function(raises_at("poison"))
    room.map(BatchSize=1)
    room.put("poison", "after")
    room.cloud.advance("23h")
    assert ["after"] not in room.batches and len(room.batches) > 1000
    room.cloud.advance("2h")
    assert ["after"] not in room.batches  # it was as old, and expired with the poison
    room.put("fresh")
    room.cloud.advance("2m")
    assert room.batches[-1] == ["fresh"]


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_retries_are_limited_and_the_batch_is_documented(room, retries):
    """r retries are r + 1 invocations; then a document without the records' data goes to the
    queue, and the shard goes on. Source: kinesis-on-failure-destination.html; values as in
    LocalStack's AWS tests (approximateInvokeCount r + 1).
    """
    url = room.queue("lost")
    room.function(raises_at("b"))
    room.map(
        BatchSize=3,
        MaximumRetryAttempts=retries,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
    )
    numbers = room.put("a", "b", "c", "d")
    room.cloud.advance(30)
    assert room.batches == [["a", "b", "c"]] * (retries + 1) + [["d"]]
    (document,) = room.documents(url)
    assert list(document) == [
        "requestContext", "version", "timestamp", "KinesisBatchInfo", "responseContext",
    ]  # fmt: skip
    function_arn = room.lam.get_function(FunctionName="fn")["Configuration"]["FunctionArn"]
    context = document["requestContext"]
    assert len(context.pop("requestId")) == 36
    assert context == {
        "functionArn": function_arn,
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": retries + 1,
    }
    assert document["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert document["version"] == "1.0"
    assert document["timestamp"].startswith("2026-01-01T00:00:0")
    assert document["KinesisBatchInfo"] == {
        "shardId": "shardId-000000000000",
        "startSequenceNumber": numbers[0],
        "endSequenceNumber": numbers[2],
        "approximateArrivalOfFirstRecord": "2026-01-01T00:00:00.000Z",
        "approximateArrivalOfLastRecord": "2026-01-01T00:00:00.000Z",
        "batchSize": 3,
        "streamArn": room.stream_arn,
    }


def test_what_a_document_names_can_be_read_from_the_stream(room):
    """It holds no data: shard and sequence number are the way back. Source: same page."""
    url = room.queue("lost")
    room.function(raises_at("b"))
    room.map(
        BatchSize=1,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
    )
    room.put("a", "b", "c")
    room.cloud.advance(5)
    (document,) = room.documents(url)
    info = document["KinesisBatchInfo"]
    iterator = room.kinesis.get_shard_iterator(
        StreamName="clicks",
        ShardId=info["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=info["startSequenceNumber"],
    )["ShardIterator"]
    records = room.kinesis.get_records(ShardIterator=iterator, Limit=info["batchSize"])["Records"]
    assert [record["Data"] for record in records] == [b"b"]


def test_a_topic_can_take_the_documents(room):
    url, topic = room.queue("lost"), room.topic("alarms")
    room.subscribe(topic, url)
    room.function(raises_at("a"))
    room.map(MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": topic}})
    room.put("a")
    room.cloud.advance(5)
    (document,) = room.documents(url)
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_records_that_are_too_old_are_discarded_one_by_one(room):
    """A batch with one record that is too old and five fresh ones: the one is documented, without
    a responseContext and with one invocation, and the five are invoked together. Source:
    LocalStack's AWS test test_kinesis_maximum_record_age_exceeded_discard_records (2025-04-13).
    """
    url = room.queue("lost")
    room.put("old")
    room.cloud.advance(61)
    room.put(*"12345")
    room.function()
    room.map(
        BatchSize=10,
        MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
    )
    room.cloud.advance(5)
    assert room.batches == [["1", "2", "3", "4", "5"]]
    (document,) = room.documents(url)
    assert document["requestContext"]["condition"] == "RecordAgeExceeded"
    assert document["requestContext"]["approximateInvokeCount"] == 1
    assert "responseContext" not in document
    assert document["KinesisBatchInfo"]["batchSize"] == 1


def test_a_minute_of_retries_is_eight_invocations(room):
    """MaximumRecordAgeInSeconds 60, no limit of retries, a function that always fails: eight
    invocations on AWS. Source: LocalStack's AWS test test_kinesis_maximum_record_age_exceeded
    [expire-while-retrying] (2025-04-13); the pauses of the assumption were fitted to it.
    """
    url = room.queue("lost")
    room.function(raises_at("a"))
    room.map(
        BatchSize=1,
        MaximumBatchingWindowInSeconds=1,
        MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
    )
    room.put("a")
    room.cloud.advance("5m")
    assert room.batches == [["a"]] * 8
    (document,) = room.documents(url)
    assert document["requestContext"]["condition"] == "RecordAgeExceeded"
    assert "responseContext" not in document


def test_bisecting_isolates_the_bad_record(room):
    """A batch that fails is split in two, which uses up no retry. Source: with-kinesis.html,
    BisectBatchOnFunctionError.
    """
    url = room.queue("lost")
    room.function(raises_at("c"))
    room.map(
        BatchSize=4,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
    )
    numbers = room.put(*"abcd")
    room.cloud.advance(30)
    assert room.batches == [list("abcd"), list("ab"), list("cd"), ["c"], ["c"], ["d"]]
    (document,) = room.documents(url)
    assert document["KinesisBatchInfo"]["startSequenceNumber"] == numbers[2]
    assert document["KinesisBatchInfo"]["batchSize"] == 1
    assert document["requestContext"]["approximateInvokeCount"] == 2


def test_a_throttle_uses_up_no_retry(room):
    """What fails before the function runs does not count. Source: same, "Before invocation"."""
    room.function(time="10s")
    room.lam.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=1)
    room.cloud.start(room.lam.invoke, FunctionName="fn", Payload='{"Records": []}')
    room.map(MaximumRetryAttempts=0)
    room.put("a")
    room.cloud.advance(60)
    assert room.batches == [[], ["a"]]


def test_a_time_out_is_an_error(room):
    room.function(lambda event, texts: room.cloud.sleep(100) if len(room.seen) == 1 else None)
    room.map()
    room.put("a")
    room.cloud.advance(70)
    assert room.batches == [["a"], ["a"]]
    assert 60 <= room.seen[1][0] - room.seen[0][0] <= 61
