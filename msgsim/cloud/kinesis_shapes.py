"""The parameters of the Kinesis operations, and the codes of its errors; Kinesis API Reference."""

from __future__ import annotations

from datetime import datetime

from msgsim.cloud.shapes import BLOB, INTEGER, STRING, STRING_MAP, ListOf, Members, Plain, Shape

TIMESTAMP = Plain((datetime, int, float))

_STREAM: dict[str, Shape] = {"StreamName": STRING, "StreamARN": STRING, "StreamId": STRING}
_MODE = Members(StreamMode=STRING).needs("StreamMode")
_ENTRY = Members(Data=BLOB, ExplicitHashKey=STRING, PartitionKey=STRING).needs("Data")
_FILTER = Members(Type=STRING, ShardId=STRING, Timestamp=TIMESTAMP).needs("Type")
_POSITION = Members(Type=STRING, SequenceNumber=STRING, Timestamp=TIMESTAMP).needs("Type")
_CONSUMER: dict[str, Shape] = {
    "StreamARN": STRING,
    "ConsumerName": STRING,
    "ConsumerARN": STRING,
}

KINESIS_SHAPES: dict[str, Members] = {
    "create_stream": Members(
        StreamName=STRING,
        ShardCount=INTEGER,
        StreamModeDetails=_MODE,
        Tags=STRING_MAP,
        WarmThroughputMiBps=INTEGER,
        MaxRecordSizeInKiB=INTEGER,
        RecordDistributionStrategy=STRING,
    ).needs("StreamName"),
    "delete_stream": Members(**_STREAM, EnforceConsumerDeletion=Plain((bool,))),
    "describe_stream": Members(**_STREAM, Limit=INTEGER, ExclusiveStartShardId=STRING),
    "describe_stream_summary": Members(**_STREAM),
    "list_streams": Members(Limit=INTEGER, ExclusiveStartStreamName=STRING, NextToken=STRING),
    "list_shards": Members(
        **_STREAM,
        NextToken=STRING,
        ExclusiveStartShardId=STRING,
        MaxResults=INTEGER,
        StreamCreationTimestamp=TIMESTAMP,
        ShardFilter=_FILTER,
    ),
    "put_record": Members(
        **_STREAM,
        Data=BLOB,
        PartitionKey=STRING,
        ExplicitHashKey=STRING,
        SequenceNumberForOrdering=STRING,
    ).needs("Data"),
    "put_records": Members(**_STREAM, Records=ListOf(_ENTRY)).needs("Records"),
    "get_shard_iterator": Members(
        **_STREAM,
        ShardId=STRING,
        ShardIteratorType=STRING,
        StartingSequenceNumber=STRING,
        Timestamp=TIMESTAMP,
    ).needs("ShardId", "ShardIteratorType"),
    "get_records": Members(ShardIterator=STRING, Limit=INTEGER, StreamARN=STRING).needs(
        "ShardIterator"
    ),
    "split_shard": Members(**_STREAM, ShardToSplit=STRING, NewStartingHashKey=STRING).needs(
        "ShardToSplit", "NewStartingHashKey"
    ),
    "merge_shards": Members(**_STREAM, ShardToMerge=STRING, AdjacentShardToMerge=STRING).needs(
        "ShardToMerge", "AdjacentShardToMerge"
    ),
    "update_shard_count": Members(**_STREAM, TargetShardCount=INTEGER, ScalingType=STRING).needs(
        "TargetShardCount", "ScalingType"
    ),
    "update_stream_mode": Members(
        **_STREAM, StreamModeDetails=_MODE, WarmThroughputMiBps=INTEGER
    ).needs("StreamModeDetails"),
    "update_stream_warm_throughput": Members(**_STREAM, WarmThroughputMiBps=INTEGER).needs(
        "WarmThroughputMiBps"
    ),
    "increase_stream_retention_period": Members(**_STREAM, RetentionPeriodHours=INTEGER).needs(
        "RetentionPeriodHours"
    ),
    "decrease_stream_retention_period": Members(**_STREAM, RetentionPeriodHours=INTEGER).needs(
        "RetentionPeriodHours"
    ),
    "register_stream_consumer": Members(
        StreamARN=STRING, ConsumerName=STRING, StreamId=STRING, Tags=STRING_MAP
    ).needs("StreamARN", "ConsumerName"),
    "deregister_stream_consumer": Members(**_CONSUMER),
    "describe_stream_consumer": Members(**_CONSUMER),
    "list_stream_consumers": Members(
        StreamARN=STRING,
        NextToken=STRING,
        MaxResults=INTEGER,
        StreamCreationTimestamp=TIMESTAMP,
    ).needs("StreamARN"),
    "subscribe_to_shard": Members(
        ConsumerARN=STRING, ShardId=STRING, StartingPosition=_POSITION
    ).needs("ConsumerARN", "ShardId", "StartingPosition"),
}

KINESIS_ERRORS = {
    name: name
    for name in (
        "ExpiredIteratorException",
        "ExpiredNextTokenException",
        "InvalidArgumentException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "ResourceInUseException",
        "ResourceNotFoundException",
        "ValidationException",
    )
}
KINESIS_STATUSES = {"InternalFailure": 500}
