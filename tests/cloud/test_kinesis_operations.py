"""The Kinesis client of ms.Cloud: names, shapes, error codes, virtual time.

Sources: Kinesis API reference, service model of 2026-11-17.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest

import msgsim as ms
from msgsim.cloud.errors import validation_error_class
from tests.cloud.hands import refused

HALF = str(1 << 127)


class Stream:
    """A cloud with one stream, and calls in few words."""

    def __init__(self, shards: int | None = 1, **options: Any) -> None:
        self.cloud = ms.Cloud()
        self.api = self.cloud.client("kinesis")
        if shards is not None:
            options["ShardCount"] = shards
        self.api.create_stream(StreamName="clicks", **options)

    def put(self, data: str, key: str = "k", **more: Any) -> dict[str, Any]:
        """Put one record."""
        return self.api.put_record(
            StreamName="clicks", Data=data.encode(), PartitionKey=key, **more
        )

    def iterator(self, shard: int = 0, kind: str = "TRIM_HORIZON", **more: Any) -> str:
        """Return a shard iterator."""
        return self.api.get_shard_iterator(
            StreamName="clicks", ShardId=f"shardId-{shard:012d}", ShardIteratorType=kind, **more
        )["ShardIterator"]

    def read(self, iterator: str, **more: Any) -> dict[str, Any]:
        """Read at an iterator."""
        return self.api.get_records(ShardIterator=iterator, **more)

    def data(self, shard: int = 0, kind: str = "TRIM_HORIZON", **more: Any) -> list[str]:
        """Return what one read of a shard gives."""
        records = self.read(self.iterator(shard, kind, **more))["Records"]
        return [record["Data"].decode() for record in records]

    def summary(self) -> dict[str, Any]:
        """Return the summary."""
        return self.api.describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]

    def shards(self, kind: str, **more: Any) -> list[int]:
        """Return the indexes of the shards that a filter lists."""
        found = self.api.list_shards(StreamName="clicks", ShardFilter={"Type": kind, **more})
        return [int(shard["ShardId"][-12:]) for shard in found["Shards"]]


def test_a_stream_from_creation_to_deletion() -> None:
    """CreateStream, DescribeStream, ListStreams, DeleteStream."""
    clicks = Stream(2)
    described = clicks.api.describe_stream(StreamName="clicks")["StreamDescription"]
    assert described["StreamStatus"] == "ACTIVE"
    assert described["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert described["RetentionPeriodHours"] == 24
    assert [s["HashKeyRange"]["StartingHashKey"] for s in described["Shards"]] == ["0", HALF]
    assert all("EndingSequenceNumber" not in s["SequenceNumberRange"] for s in described["Shards"])
    assert clicks.api.list_streams()["StreamNames"] == ["clicks"]
    with refused("ResourceInUseException"):
        clicks.api.create_stream(StreamName="clicks", ShardCount=1)
    arn = described["StreamARN"]
    assert clicks.api.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]
    clicks.api.delete_stream(StreamName="clicks")
    with refused("ResourceNotFoundException", "clicks"):
        clicks.put("x")


def test_a_stream_without_shard_count_is_on_demand() -> None:
    """OD1, OD9, OD12: four shards; no resharding by hand; warm throughput after some minutes."""
    clicks = Stream(None)
    assert clicks.summary()["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert clicks.summary()["OpenShardCount"] == 4
    with refused("ValidationException"):
        clicks.api.update_shard_count(
            StreamName="clicks", TargetShardCount=8, ScalingType="UNIFORM_SCALING"
        )
    clicks.api.update_stream_warm_throughput(StreamName="clicks", WarmThroughputMiBps=16)
    assert clicks.summary()["StreamStatus"] == "UPDATING"
    clicks.cloud.advance("5m")
    assert clicks.summary()["OpenShardCount"] == 16
    clicks.api.update_stream_mode(
        StreamName="clicks", StreamModeDetails={"StreamMode": "PROVISIONED"}
    )
    clicks.cloud.advance("5m")
    assert clicks.summary()["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert clicks.summary()["OpenShardCount"] == 16


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"ShardCount": 0}, "ValidationException"),
        ({"StreamModeDetails": {"StreamMode": "PROVISIONED"}}, "ValidationException"),
        ({"ShardCount": 1, "WarmThroughputMiBps": 5}, "ValidationException"),
        ({"ShardCount": 1, "MaxRecordSizeInKiB": 512}, "ValidationException"),
        ({"ShardCount": 1, "RecordDistributionStrategy": "AUTO"}, "InvalidArgumentException"),
        ({"StreamName": "no spaces", "ShardCount": 1}, "ValidationException"),
        ({"ShardCount": 20_001}, "ValidationException"),
    ],
)
def test_streams_that_cannot_be_created(parameters: dict[str, Any], code: str) -> None:
    """CreateStream's own refusals."""
    with refused(code):
        ms.Cloud().client("kinesis").create_stream(**{"StreamName": "s", **parameters})


def test_the_shard_quota_of_the_account() -> None:
    """S9: 1,000 shards in a small Region; a deleted stream gives its shards back."""
    api = ms.Cloud(region="eu-north-1").client("kinesis")
    api.create_stream(StreamName="a", ShardCount=900)
    with refused("LimitExceededException"):
        api.create_stream(StreamName="b", ShardCount=101)
    api.delete_stream(StreamName="a")
    api.create_stream(StreamName="b", ShardCount=101)


def test_records_go_where_hash_keys_say() -> None:
    """K8, K9: the key's MD5, or the explicit hash key; the partition key is kept either way."""
    clicks = Stream(2)
    assert clicks.put("a", "test")["ShardId"] == "shardId-000000000000"
    stored = clicks.put("b", "test", ExplicitHashKey=HALF)
    assert stored["ShardId"] == "shardId-000000000001"
    (record,) = clicks.read(clicks.iterator(1))["Records"]
    assert (record["Data"], record["PartitionKey"]) == (b"b", "test")
    assert record["SequenceNumber"] == stored["SequenceNumber"]
    for wrong in (str(1 << 128), "-1", "x"):
        with refused("InvalidArgumentException"):
            clicks.put("c", ExplicitHashKey=wrong)


def test_records_that_are_refused() -> None:
    """K4, K7, K11: sizes, keys, entries."""
    clicks = Stream()
    with refused("InvalidArgumentException"):
        clicks.put("x" * (1024 * 1024))
    for key in ("", "k" * 257):
        with refused("ValidationException"):
            clicks.put("x", key)
    entry = {"Data": b"x", "PartitionKey": "k"}
    for entries in ([], [entry] * 501):
        with refused("ValidationException"):
            clicks.api.put_records(StreamName="clicks", Records=entries)
    assert clicks.data() == []
    with pytest.raises(validation_error_class()):
        clicks.api.put_record(StreamName="clicks", PartitionKey="k")


def test_iterator_types() -> None:
    """R9: all five, and what they need."""
    clicks = Stream()
    numbers = []
    for second in range(4):
        numbers.append(clicks.put(str(second))["SequenceNumber"])
        clicks.cloud.advance(1)
    kinds = {
        "TRIM_HORIZON": {},
        "AT_SEQUENCE_NUMBER": {"StartingSequenceNumber": numbers[1]},
        "AFTER_SEQUENCE_NUMBER": {"StartingSequenceNumber": numbers[1]},
        "AT_TIMESTAMP": {"Timestamp": 1_767_225_600 + 2.5},
        "LATEST": {},
    }
    got = {}
    for kind, more in kinds.items():
        clicks.cloud.advance(1)
        got[kind] = "".join(clicks.data(0, kind, **more))
    assert list(got.values()) == ["0123", "123", "23", "3", ""]
    clicks.cloud.advance(2)
    for kind in ("AT_SEQUENCE_NUMBER", "AT_TIMESTAMP"):
        with refused("InvalidArgumentException"):
            clicks.iterator(0, kind)
    clicks.cloud.advance(2)
    with refused("InvalidArgumentException"):
        clicks.iterator(0, "AT_SEQUENCE_NUMBER", StartingSequenceNumber="12")
    with refused("InvalidArgumentException"):
        clicks.iterator(0, "AT_TIMESTAMP", Timestamp=1_767_225_600 + 1e6)
    with refused("ResourceNotFoundException"):
        clicks.iterator(7)


@pytest.mark.parametrize(
    "text",
    ["", "MQ==", "é", '["clicks", 0, 0, 0]', '["clicks", 0, 5, 0, 0]', '[1, 0, 0, 0, 0]',
     '["clicks", 0, 0, -1, 0]', '["clicks", 0, 0, 0, "x"]', '["clicks", 0, -1, 0, 0]', "[" * 9_000],
)  # fmt: skip
def test_what_is_no_iterator_is_refused(text: str) -> None:
    """GetRecords: InvalidArgumentException, whatever an iterator is made of."""
    clicks = Stream()
    clicks.put("a")
    given = base64.b64encode(text.encode()).decode() if text[:1] == "[" else text
    with refused("InvalidArgumentException"):
        clicks.read(given)


def test_how_far_behind_a_read_is() -> None:
    """R8: the age of the last record returned while more follow, else 0."""
    clicks = Stream()
    for second in range(4):
        clicks.put(str(second))
        clicks.cloud.advance(1)
    first = clicks.read(clicks.iterator(), Limit=1)
    assert first["MillisBehindLatest"] == 4_000
    rest = clicks.read(first["NextShardIterator"])
    assert rest["MillisBehindLatest"] == 0
    assert len(rest["Records"]) == 3
    with refused("InvalidArgumentException"):
        clicks.read(rest["NextShardIterator"], Limit=10_001)


def test_five_iterators_per_second_and_shard() -> None:
    """R11."""
    clicks = Stream()
    for _ in range(5):
        clicks.iterator()
    with refused("ProvisionedThroughputExceededException"):
        clicks.iterator()
    clicks.cloud.advance("0.2s")
    clicks.iterator()


def test_split_merge_and_filters() -> None:
    """S1, S2, S4, S7, S8: shards come and go, and every filter lists what it says."""
    clicks = Stream(1)
    clicks.cloud.advance("10s")
    clicks.api.split_shard(
        StreamName="clicks", ShardToSplit="shardId-000000000000", NewStartingHashKey=HALF
    )
    with refused("ResourceInUseException"):
        clicks.api.split_shard(
            StreamName="clicks", ShardToSplit="shardId-000000000000", NewStartingHashKey=HALF
        )
    clicks.cloud.advance("50s")
    clicks.api.merge_shards(
        StreamName="clicks",
        ShardToMerge="shardId-000000000001",
        AdjacentShardToMerge="shardId-000000000002",
    )
    clicks.cloud.advance("60s")
    assert clicks.shards("FROM_TRIM_HORIZON") == [0, 1, 2, 3]
    assert clicks.shards("AT_TRIM_HORIZON") == [0]
    assert clicks.shards("AT_LATEST") == [3]
    assert clicks.shards("AT_TIMESTAMP", Timestamp=1_767_225_600 + 50) == [1, 2]
    assert clicks.shards("FROM_TIMESTAMP", Timestamp=1_767_225_600 + 50) == [1, 2, 3]
    assert clicks.shards("AFTER_SHARD_ID", ShardId="shardId-000000000001") == [2, 3]
    merged = clicks.api.list_shards(StreamName="clicks")["Shards"][3]
    assert merged["ParentShardId"] == "shardId-000000000001"
    assert merged["AdjacentParentShardId"] == "shardId-000000000002"
    clicks.cloud.advance("25h")
    assert clicks.shards("FROM_TRIM_HORIZON") == [3], "closed shards expire with their records"
    with refused("ResourceNotFoundException"):
        clicks.iterator(0)


def test_lists_of_shards_in_pages() -> None:
    """MaxResults and NextToken; a token excludes a name."""
    clicks = Stream(5)
    first = clicks.api.list_shards(StreamName="clicks", MaxResults=3)
    second = clicks.api.list_shards(NextToken=first["NextToken"], MaxResults=3)
    assert [len(first["Shards"]), len(second["Shards"])] == [3, 2]
    assert "NextToken" not in second
    with refused("InvalidArgumentException"):
        clicks.api.list_shards(StreamName="clicks", NextToken=first["NextToken"])
    with refused("ExpiredNextTokenException"):
        clicks.api.list_shards(NextToken="nonsense/3")


def test_update_shard_count() -> None:
    """S3: the answer at once, the shards in time; limits by their error codes."""
    clicks = Stream(2)
    answer = clicks.api.update_shard_count(
        StreamName="clicks", TargetShardCount=4, ScalingType="UNIFORM_SCALING"
    )
    assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (2, 4)
    clicks.cloud.advance("2m")
    assert clicks.summary()["OpenShardCount"] == 4
    for target, code in ((9, "InvalidArgumentException"), (10_001, "LimitExceededException")):
        with refused(code):
            clicks.api.update_shard_count(
                StreamName="clicks", TargetShardCount=target, ScalingType="UNIFORM_SCALING"
            )


def test_retention_can_change() -> None:
    """T1, T2: longer after some minutes, shorter at once; what has expired stays lost."""
    clicks = Stream()
    clicks.put("old")
    clicks.api.increase_stream_retention_period(StreamName="clicks", RetentionPeriodHours=48)
    assert clicks.summary()["RetentionPeriodHours"] == 24
    clicks.cloud.advance("30h")
    assert clicks.summary()["RetentionPeriodHours"] == 48
    assert clicks.data() == ["old"]
    clicks.api.decrease_stream_retention_period(StreamName="clicks", RetentionPeriodHours=24)
    assert clicks.data() == []
    clicks.api.increase_stream_retention_period(StreamName="clicks", RetentionPeriodHours=48)
    clicks.cloud.advance("1h")
    assert clicks.data() == []
    for hours in (8_761, 24):
        with refused("InvalidArgumentException"):
            clicks.api.increase_stream_retention_period(
                StreamName="clicks", RetentionPeriodHours=hours
            )


# Registered consumers -----------------------------------------------------------------------


def registered(clicks: Stream, name: str = "app") -> str:
    """Register a consumer, wait until it is ACTIVE, and return its ARN."""
    arn = clicks.summary()["StreamARN"]
    made = clicks.api.register_stream_consumer(StreamARN=arn, ConsumerName=name)["Consumer"]
    assert made["ConsumerStatus"] == "CREATING"
    clicks.cloud.advance("10s")
    return made["ConsumerARN"]


def subscribe(clicks: Stream, arn: str, kind: str = "TRIM_HORIZON", **more: Any) -> Any:
    """Subscribe to the first shard."""
    return clicks.api.subscribe_to_shard(
        ConsumerARN=arn, ShardId="shardId-000000000000", StartingPosition={"Type": kind, **more}
    )["EventStream"]


def test_a_subscription_pushes_and_ends_after_five_minutes() -> None:
    """E4, E7: events come by themselves; the checkpoint resumes; five minutes later it ends."""
    clicks = Stream()
    arn = registered(clicks)
    events = subscribe(clicks, arn)
    clicks.put("a")
    event = next(events)["SubscribeToShardEvent"]
    assert [record["Data"] for record in event["Records"]] == [b"a"]
    assert 10 < clicks.cloud.now < 10.3, "push delay: tens of milliseconds"
    assert list(events) == []
    assert clicks.cloud.now == pytest.approx(310)
    clicks.put("b")
    again = subscribe(
        clicks, arn, "AFTER_SEQUENCE_NUMBER", SequenceNumber=event["ContinuationSequenceNumber"]
    )
    clicks.cloud.advance(1)
    (more,) = again.poll()
    assert [record["Data"] for record in more["SubscribeToShardEvent"]["Records"]] == [b"b"]


def test_a_subscription_to_a_split_shard_ends_with_its_children() -> None:
    """E7: ChildShards at the end of the shard."""
    clicks = Stream()
    events = subscribe(clicks, registered(clicks))
    clicks.api.split_shard(
        StreamName="clicks", ShardToSplit="shardId-000000000000", NewStartingHashKey=HALF
    )
    (last,) = list(events)
    children = last["SubscribeToShardEvent"]["ChildShards"]
    assert [child["ShardId"][-1] for child in children] == ["1", "2"]
    assert children[0]["ParentShards"] == ["shardId-000000000000"]


def test_a_second_subscription_takes_over_after_five_seconds() -> None:
    """E5, E6: one call per second; in use for five seconds; then the first one ends."""
    clicks = Stream()
    arn = registered(clicks)
    first = subscribe(clicks, arn)
    with refused("LimitExceededException"):
        subscribe(clicks, arn)
    clicks.cloud.advance(2)
    with refused("ResourceInUseException"):
        subscribe(clicks, arn)
    clicks.cloud.advance(3)
    second = subscribe(clicks, arn)
    clicks.put("x")
    clicks.cloud.advance(1)
    assert (first.poll(), len(second.poll())) == ([], 1)


def test_registering_consumers() -> None:
    """E2, E3: unique names, five in CREATING, twenty in all; not before it is ACTIVE."""
    clicks = Stream()
    stream_arn = clicks.summary()["StreamARN"]
    made = clicks.api.register_stream_consumer(StreamARN=stream_arn, ConsumerName="c0")
    with refused("ResourceInUseException"):
        subscribe(clicks, made["Consumer"]["ConsumerARN"])
    with refused("ResourceInUseException"):
        clicks.api.register_stream_consumer(StreamARN=stream_arn, ConsumerName="c0")
    clicks.cloud.advance(1)
    for number in range(1, 5):
        clicks.api.register_stream_consumer(StreamARN=stream_arn, ConsumerName=f"c{number}")
    clicks.cloud.advance(2)
    with refused("LimitExceededException"):
        clicks.api.register_stream_consumer(StreamARN=stream_arn, ConsumerName="c5")
    for number in range(5, 20):
        clicks.cloud.advance(11)
        clicks.api.register_stream_consumer(StreamARN=stream_arn, ConsumerName=f"c{number}")
    clicks.cloud.advance(11)
    with refused("LimitExceededException"):
        clicks.api.register_stream_consumer(StreamARN=stream_arn, ConsumerName="c20")
    clicks.api.deregister_stream_consumer(StreamARN=stream_arn, ConsumerName="c3")
    listed = clicks.api.list_stream_consumers(StreamARN=stream_arn)["Consumers"]
    assert len(listed) == 19
    with refused("ResourceNotFoundException"):
        clicks.api.describe_stream_consumer(StreamARN=stream_arn, ConsumerName="c3")
    found = clicks.api.describe_stream_consumer(StreamARN=stream_arn, ConsumerName="c4")
    assert found["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE"
    with refused("ResourceInUseException"):
        clicks.api.delete_stream(StreamName="clicks")
    clicks.api.delete_stream(StreamName="clicks", EnforceConsumerDeletion=True)


def test_an_outage_refuses_records() -> None:
    """cloud.outage reaches streams, too."""
    clicks = Stream()
    clicks.cloud.outage("clicks", "5s")
    with refused("InternalFailure"):
        clicks.put("x")
    clicks.cloud.advance("5s")
    clicks.put("x")


def test_timestamps_are_moments_of_virtual_time() -> None:
    """ApproximateArrivalTimestamp is a datetime, and can be read from."""
    clicks = Stream()
    clicks.cloud.advance("90s")
    clicks.put("x")
    (record,) = clicks.read(clicks.iterator())["Records"]
    at = record["ApproximateArrivalTimestamp"]
    assert at.isoformat() == "2026-01-01T00:01:30+00:00"
    clicks.cloud.advance("5s")
    assert clicks.data(0, "AT_TIMESTAMP", Timestamp=at) == ["x"]
    assert clicks.data(0, "AT_TIMESTAMP", Timestamp=at + timedelta(seconds=1)) == []
