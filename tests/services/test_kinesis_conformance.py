"""Conformance cases of Kinesis streams, their producers and their consumers (C1 to C10).

Each case is a fact of AWS's documentation in the form *given, when, then*; C11 and C12 are about
event source mappings (`test_stream_mapping_conformance.py`), C13 is about Firehose. Only long-run
rates are compared (60 s and more), because AWS says "per second" and publishes no window.
"""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

import msgsim
import msgsim as ms
from msgsim.experiment.result import to_plain
from msgsim.services.kinesis.hash_keys import hash_of
from msgsim.services.kinesis.limits import THROTTLED
from tests.cloud.hands import refused

NAME = "clicks"
CASES = range(1, 11)


class Hands:
    """A cloud with one stream."""

    def __init__(self, shards: int = 1, **more: Any) -> None:
        self.cloud = ms.Cloud()
        self.api = self.cloud.client("kinesis")
        self.api.create_stream(StreamName=NAME, ShardCount=shards, **more)

    def put(self, data: bytes, key: str = "k", **more: Any) -> dict[str, Any]:
        """Put one record."""
        return self.api.put_record(StreamName=NAME, Data=data, PartitionKey=key, **more)

    def iterator(self, shard: str = "shardId-000000000000", kind: str = "TRIM_HORIZON") -> str:
        """Return a shard iterator."""
        return self.api.get_shard_iterator(StreamName=NAME, ShardId=shard, ShardIteratorType=kind)[
            "ShardIterator"
        ]

    def drain(self, shard: str = "shardId-000000000000") -> tuple[list[bytes], dict[str, Any]]:
        """Read a shard to its end or tip; return the data and the last answer."""
        iterator, data = self.iterator(shard), []
        while True:
            self.cloud.advance(1)
            answer = self.api.get_records(ShardIterator=iterator)
            data += [record["Data"] for record in answer["Records"]]
            if "NextShardIterator" not in answer or not answer["Records"]:
                return data, answer
            iterator = answer["NextShardIterator"]


def outcome(text: str) -> dict[str, Any]:
    """Run a scenario given as text; return its only run as plain data."""
    return to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]


@pytest.mark.conformance("Kinesis C1")
def test_c1_the_md5_of_a_key_picks_the_shard() -> None:
    """K8: four equal ranges; keys `test`, `user-2`, `b`, `user-1` go to shards 0, 0, 2, 3."""
    values = {
        "test": (12707736894140473154801792860916528374, 0),
        "user-2": (81544010656874607678696621737415172275, 0),
        "b": (195289424170611159128911017612795795343, 2),
        "user-1": (285573413173782752570879317399258818820, 3),
    }
    hands = Hands(4)
    for key, (value, shard) in values.items():
        assert hash_of(key) == value
        assert hands.put(b"x", key)["ShardId"] == f"shardId-{shard:012d}"


@pytest.mark.conformance("Kinesis C2")
def test_c2_a_shard_takes_a_thousand_records_per_second() -> None:
    """K1, §8: 1,500/s of 200 B for 60 s: 60,000 accepted (+1,000), the rest throttled."""
    run = outcome(
        """
    duration: 60s
    resources: {Clicks: {type: kinesis.stream, ShardCount: 1}}
    workload: [{to: Clicks, rate: 1500/s, keys: 1, size: 200B, retry: none}]
    expect:
      - Clicks.IncomingRecords in 60000..61000
      - Clicks.IncomingRecords + Clicks.WriteProvisionedThroughputExceeded == 90000
    """
    )
    shard = run["streams"]["streams"]["Clicks"]["by_shard"]["0"]
    assert 60_000 <= shard["stored"] <= 61_000
    assert shard["stored"] + shard["throttled"] == 90_000


@pytest.mark.conformance("Kinesis C3")
def test_c3_put_records_fails_in_part() -> None:
    """K13: two tokens left, four entries: 200, two failures, in the order of the request."""
    hands = Hands()
    entry = {"Data": b"x" * 200, "PartitionKey": "k"}
    for size in (500, 498):
        answer = hands.api.put_records(StreamName=NAME, Records=[entry] * size)
        assert answer["FailedRecordCount"] == 0
    answer = hands.api.put_records(
        StreamName=NAME,
        Records=[{"Data": f"r{n}".encode(), "PartitionKey": "k"} for n in (1, 2, 3, 4)],
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["FailedRecordCount"] == 2
    assert ["SequenceNumber" in each for each in answer["Records"]] == [True, True, False, False]
    assert {each["ErrorCode"] for each in answer["Records"][2:]} == {THROTTLED}
    assert "shardId-000000000000" in answer["Records"][2]["ErrorMessage"]
    assert hands.drain()[0][-2:] == [b"r1", b"r2"], "nothing is rolled back"


@pytest.mark.conformance("Kinesis C4")
def test_c4_a_retried_entry_lands_behind_its_successors() -> None:
    """O4, O5: of [a, b, c] only b finds too few bytes; re-sent, every consumer reads a, c, b."""
    hands = Hands()
    hands.put(b"x" * (900 * 1024 - 1))
    answer = hands.api.put_records(
        StreamName=NAME,
        Records=[{"Data": data, "PartitionKey": "k"} for data in (b"a", b"b" * 200 * 1024, b"c")],
    )
    assert ["ErrorCode" in each for each in answer["Records"]] == [False, True, False]
    hands.cloud.advance(1)
    hands.put(b"b" * 200 * 1024)
    for _ in range(2):
        assert [data[:1] for data in hands.drain()[0][1:]] == [b"a", b"c", b"b"]


@pytest.mark.conformance("Kinesis C5")
def test_c5_one_put_after_the_other_keeps_order() -> None:
    """O3: PutRecord in sequence with SequenceNumberForOrdering: read order is put order."""
    hands, draw = Hands(), random.Random(5)
    numbers: list[str] = []
    for number in range(1_000):
        hands.cloud.advance(draw.uniform(0.001, 0.05))
        more = {"SequenceNumberForOrdering": numbers[-1]} if numbers else {}
        numbers.append(hands.put(str(number).encode(), **more)["SequenceNumber"])
    assert hands.drain()[0] == [str(number).encode() for number in range(1_000)]
    assert numbers == sorted(numbers, key=int)
    assert len(set(numbers)) == 1_000


@pytest.mark.conformance("Kinesis C6")
def test_c6_pollers_share_five_calls_and_fan_out_does_not() -> None:
    """R1, E1: two apps at 4 calls/s for 60 s: about 300 succeed, 180 are throttled; a third
    application with enhanced fan-out loses nothing."""
    hands = Hands()
    arn = hands.api.describe_stream_summary(StreamName=NAME)["StreamDescriptionSummary"][
        "StreamARN"
    ]
    consumer = hands.api.register_stream_consumer(StreamARN=arn, ConsumerName="fast")["Consumer"]
    hands.cloud.advance(10)
    events = hands.api.subscribe_to_shard(
        ConsumerARN=consumer["ConsumerARN"],
        ShardId="shardId-000000000000",
        StartingPosition={"Type": "LATEST"},
    )["EventStream"]
    iterator = hands.iterator()
    outcomes: list[bool] = []
    for tick in range(480):
        if tick % 8 == 0:
            hands.put(str(tick).encode())
        try:
            hands.api.get_records(ShardIterator=iterator)
        except hands.api.exceptions.ProvisionedThroughputExceededException:
            outcomes.append(False)
        else:
            outcomes.append(True)
        hands.cloud.advance(0.125)
    hands.cloud.advance(1)
    assert 300 <= sum(outcomes) <= 305
    assert 175 <= outcomes.count(False) <= 180
    pushed = [r for event in events.poll() for r in event["SubscribeToShardEvent"]["Records"]]
    assert len(pushed) == 60


@pytest.mark.conformance("Kinesis C7")
def test_c7_a_read_of_ten_mib_closes_the_shard_for_five_seconds() -> None:
    """R4: calls 1, 3 and 4.9 s later are throttled, the one after 5.1 s succeeds."""
    hands = Hands(MaxRecordSizeInKiB=10_240)
    for _ in range(2):
        hands.put(b"x" * (5 * 1024 * 1024 - 1))
        hands.cloud.advance(10)
    hands.put(b"y")
    first = hands.api.get_records(ShardIterator=hands.iterator())
    assert sum(len(record["Data"]) + 1 for record in first["Records"]) == 10 * 1024 * 1024
    start = hands.cloud.now
    for late in (1, 3, 4.9):
        hands.cloud.advance_to(start + late)
        with refused(THROTTLED):
            hands.api.get_records(ShardIterator=first["NextShardIterator"])
    hands.cloud.advance_to(start + 5.1)
    rest = hands.api.get_records(ShardIterator=first["NextShardIterator"])
    assert [record["Data"] for record in rest["Records"]] == [b"y"]


THREE_APPS = """
    duration: 10m
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 1}
      A: {type: kinesis.consumer, StreamARN: Clicks%s, handler: {time: 0s}}
      B: {type: kinesis.consumer, StreamARN: Clicks%s, handler: {time: 0s}}
      C: {type: kinesis.consumer, StreamARN: Clicks%s, handler: {time: 0s}}
    workload: [{to: Clicks, rate: 10/s, size: 100KiB, keys: 20}]
"""


@pytest.mark.conformance("Kinesis C8")
def test_c8_three_pollers_fall_behind_together() -> None:
    """R2, E1: about 1 MiB/s into one shard, three apps that want it all: together at most 2 MiB/s,
    about two thirds of it each, so that each falls behind by about 20 s per minute; with enhanced
    fan-out every one stays less than a second behind."""
    polling = outcome(THREE_APPS % ("", "", ""))
    rows = polling["ledger"]
    behind = [age["all"]["max_s"] for age in polling["streams"]["iterator_age"].values()]
    assert len(behind) == 3
    assert sum(behind) / 3 == pytest.approx(10 * 20, rel=0.1)
    done = [row["done"] for row in rows.values()]
    mib = sum(done) * 100 / 1024
    assert mib <= 2 * 600 + 10, "two MiB/s, and the read that is still being paid for"
    assert mib == pytest.approx(2 * 600, rel=0.02)
    assert min(done) >= 0.8 * max(done)

    names = (", ConsumerName: a", ", ConsumerName: b", ", ConsumerName: c")
    run = outcome(THREE_APPS % names)
    for age in run["streams"]["iterator_age"].values():
        assert age["all"]["max_s"] < 1
    assert all(row["waiting"] <= 2 for row in run["ledger"].values())


@pytest.mark.conformance("Kinesis C9")
def test_c9_a_split_shard_is_drained_and_names_its_children() -> None:
    """S5, S6, R7: NextShardIterator is absent at the end, with two ChildShards; the parent takes
    no puts after the split; parent then children is the order of each key."""
    hands = Hands()
    keys = [f"key-{number}" for number in range(8)]
    sent: dict[str, list[bytes]] = {key: [] for key in keys}

    def put(first: int) -> set[str]:
        shards = set()
        for number in range(first, first + 80):
            key, data = keys[number % 8], str(number).encode()
            shards.add(hands.put(data, key)["ShardId"])
            sent[key].append(data)
        return shards

    put(0)
    parent = "shardId-000000000000"
    hands.api.split_shard(StreamName=NAME, ShardToSplit=parent, NewStartingHashKey=str(1 << 127))
    hands.cloud.advance("1m")
    assert put(80) == {"shardId-000000000001", "shardId-000000000002"}
    read, last = hands.drain(parent)
    assert "NextShardIterator" not in last
    children = [child["ShardId"] for child in last["ChildShards"]]
    assert len(children) == 2
    assert read == [str(number).encode() for number in range(80)]
    for child in children:
        read += hands.drain(child)[0]
    for key, data in sent.items():
        wanted = set(data)
        assert [each for each in read if each in wanted] == data, key


@pytest.mark.conformance("Kinesis C10")
def test_c10_an_iterator_is_good_for_five_minutes() -> None:
    """R10: fine after 299 s, ExpiredIteratorException after 301 s."""
    hands = Hands()
    iterator = hands.iterator()
    hands.cloud.advance(299)
    hands.api.get_records(ShardIterator=iterator)
    hands.cloud.advance(2)
    with refused("ExpiredIteratorException"):
        hands.api.get_records(ShardIterator=iterator)


def test_every_case_is_here() -> None:
    """No case about streams, producers or consumers is missing, and each has one test."""
    text = Path(__file__).read_text("utf-8")
    found = re.findall(r"^def test_c(\d+)_", text, re.MULTILINE)
    assert [int(number) for number in found] == list(CASES)
