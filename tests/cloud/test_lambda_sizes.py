"""What an invocation by a stream's mapping can carry: 6 MB, with everything that the event says.

Source: Lambda developer guide, gettingstarted-limits.html (6 MB per synchronous invocation) and
invocation-eventsourcemapping.html (a batch goes when its payload reaches 6 MB); Kinesis Data
Streams, large records (up to 10 MiB a record).
"""

from __future__ import annotations

import json
from math import ceil
from typing import Any

import pytest

from tests.cloud.stream_room import Room

LIMIT = 6 * 1024 * 1024
MB = 1_000_000


def compact(event: Any) -> str:
    return json.dumps(event, separators=(",", ":"))


@pytest.mark.parametrize("size", [200, 5_000, 200_000])
def test_an_event_is_as_large_as_an_invocation_may_be_and_no_larger(size):
    """Data counts in base64, and so does what the event says around each record (about 0.5 KB).
    One more record would not fit; 3 % are what a name or a role may be shorter than assumed.
    """
    room = Room()
    events: list[Any] = []
    room.function(lambda event, texts: events.append(event))
    each = size * 4 / 3 + 560
    at_once = min(500, 400_000 // size)  # what a shard takes in a second
    for _ in range(ceil(1.2 * LIMIT / each / at_once)):
        room.put(*["x" * size] * at_once)
        room.cloud.advance(1)
    room.map(BatchSize=10_000, MaximumBatchingWindowInSeconds=30)
    room.cloud.advance(90)
    first = len(compact(events[0]))
    assert first <= LIMIT
    assert first + each > LIMIT * (1 - 0.03)
    assert len(events) > 1


def test_a_record_that_no_invocation_can_carry_reaches_its_destination_only():
    """5 MB are 6.7 MB in base64. What is before and after it comes as if it were not there, once
    its retries are over.
    """
    room = Room()
    room.kinesis.create_stream(StreamName="large", ShardCount=1, MaxRecordSizeInKiB=10_240)
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/large"
    lost = room.queue("lost")
    target = room.sqs.get_queue_attributes(QueueUrl=lost, AttributeNames=["QueueArn"])
    room.function()
    room.map(
        source=arn,
        MaximumRetryAttempts=2,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": target["Attributes"]["QueueArn"]}},
    )
    for data in (b"before", b"x" * 5 * MB, b"after"):
        room.kinesis.put_record(StreamName="large", Data=data, PartitionKey="k")
    room.cloud.advance(30)
    assert room.batches == [["before"], ["after"]]
    (document,) = room.documents(lost)
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert document["KinesisBatchInfo"]["batchSize"] == 1
    assert "responseContext" not in document  # no invocation has answered


def test_a_record_just_below_the_limit_is_carried():
    """4.4 MB are 5.9 MB in base64."""
    room = Room()
    room.kinesis.create_stream(StreamName="large", ShardCount=1, MaxRecordSizeInKiB=10_240)
    room.function()
    room.map(source="arn:aws:kinesis:us-east-1:123456789012:stream/large")
    room.kinesis.put_record(StreamName="large", Data=b"x" * 4_400_000, PartitionKey="k")
    room.cloud.advance(10)
    assert [len(text) for text in room.texts] == [4_400_000]
