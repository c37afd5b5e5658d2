"""Kinesis shards: which one a key belongs to, and what it takes.

Sources: Kinesis API reference (PutRecord, PutRecords), developer guide pages key-concepts,
service-sizes-and-limits and troubleshooting-producers.
"""

from __future__ import annotations

from collections import Counter
from hashlib import md5
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.services.kinesis.hash_keys import HASH_SPACE, equal_ranges, hash_of
from msgsim.services.kinesis.limits import HOUR_NS, KIB, MIB, SECOND_NS, THROTTLED
from msgsim.services.kinesis.shards import KinesisError, PutEntry, StreamState

MS = 1_000_000
DEVICES = [f"device-{number}" for number in range(4000)]
REGIONS = {"us-east": 1600, "eu-west": 1600} | dict.fromkeys(
    [
        "ap-south",
        "sa-east",
        "us-west",
        "ca-central",
        "eu-north",
        "af-south",
        "me-south",
        "ap-east",
    ],
    100,
)
"""Records per second of each key, 4,000 in all."""


# Which shard


@pytest.mark.parametrize(
    ("key", "hash_key", "shard"),
    [
        ("test", 12707736894140473154801792860916528374, 0),
        ("user-2", 81544010656874607678696621737415172275, 0),
        ("b", 195289424170611159128911017612795795343, 2),
        ("user-1", 285573413173782752570879317399258818820, 3),
    ],
)
def test_shard_choice_of_known_keys(key: str, hash_key: int, shard: int) -> None:
    """MD5 of the UTF-8 key, big-endian, against four equal ranges (conformance case C1)."""
    assert hash_of(key) == hash_key
    assert StreamState(4).shard_for(key).index == shard


@given(key=st.text(min_size=1, max_size=20), count=st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_shard_choice_against_hashlib(key: str, count: int) -> None:
    """With equal ranges the shard is the hash key's share of the space, computed another way."""
    hash_key = int(md5(key.encode()).hexdigest(), 16)
    shard = StreamState(count).shard_for(key)
    assert shard.hash_range.start <= hash_key <= shard.hash_range.end
    assert shard.index == hash_key * count // 2**128


@given(count=st.integers(1, 300))
@settings(max_examples=50, deadline=None)
def test_equal_ranges_cover_the_hash_space_once(count: int) -> None:
    """N contiguous ranges from 0 to 2^128 - 1 whose sizes differ by one at most."""
    ranges = equal_ranges(count)
    assert ranges[0].start == 0
    assert ranges[-1].end == HASH_SPACE - 1
    assert all(b.start == a.end + 1 for a, b in pairwise(ranges))
    sizes = {end - start for start, end in ranges}
    assert max(sizes) - min(sizes) <= 1


def test_explicit_hash_key_overrides_the_partition_key() -> None:
    """ExplicitHashKey replaces the MD5; the partition key is stored all the same."""
    stream = StreamState(4)
    last = str(2**128 - 1)
    result = stream.put_record(0, "test", 10, explicit_hash_key=last)
    assert result.shard_index == 3
    assert stream.get_records(0, 3, 0).records[0].partition_key == "test"
    assert stream.shard_for("test").index == 0
    assert stream.shard_for("test", "0").index == 0
    assert stream.shard_for("test", str(2**126)).index == 1


@pytest.mark.parametrize("text", [str(2**128), "-1", "", "x", "1.0", "01", "9" * 5000])
def test_a_bad_explicit_hash_key_is_refused(text: str) -> None:
    """Out of range: InvalidArgumentException."""
    with pytest.raises(KinesisError) as caught:
        StreamState(4).put_record(0, "k", 1, explicit_hash_key=text)
    assert caught.value.code == "InvalidArgumentException"


def test_few_keys_leave_shards_idle() -> None:
    """Ten keys over eight shards: 100, 100, 0, 0, 1,800, 1,700, 0, 300 records/s (real MD5)."""
    stream = StreamState(8)
    load: Counter[int] = Counter()
    for key, rate in REGIONS.items():
        load[stream.shard_for(key).index] += rate
    assert [load[index] for index in range(8)] == [100, 100, 0, 0, 1800, 1700, 0, 300]


def test_many_keys_spread_over_all_shards() -> None:
    """4,000 device keys: 481 to 553 per shard."""
    stream = StreamState(8)
    counts = Counter(stream.shard_for(key).index for key in DEVICES)
    assert len(counts) == 8
    assert min(counts.values()) == 481
    assert max(counts.values()) == 553


# What a shard takes


def test_two_hot_keys_lose_over_a_third_of_the_traffic() -> None:
    """800 + 700 of 4,000 records/s are above what their shards take: 37.5 % in the long run.

    The full bucket at the start lets 1,000 more through on each of the two shards.
    """
    stream = StreamState(8)
    second = [key for key, rate in REGIONS.items() for _ in range(rate // 100)]
    refused = 0
    for number in range(60 * 4000):
        result = stream.put_record(number * 250_000, second[number % 40], 200)
        refused += not result.ok
    assert 0.36 <= refused / 240_000 <= 0.39
    for index, kept in ((4, 61_000), (5, 61_000), (7, 18_000), (2, 0)):
        assert len(stream.shards[index].log) == pytest.approx(kept, abs=40)


def test_one_record_per_device_and_second_is_never_throttled() -> None:
    """The same 4,000 records/s over 4,000 keys stay below every shard's 1,000 records/s."""
    stream = StreamState(8)
    assert all(
        stream.put_record(number * 250_000, DEVICES[number % 4000], 200).ok
        for number in range(10 * 4000)
    )


def test_long_run_record_rate_is_1000_per_second() -> None:
    """1,500 PutRecord/s of 200 B for 60 s: 60,000 accepted, +1,000 (conformance case C2)."""
    stream = StreamState(1)
    results = [stream.put_record(n * SECOND_NS // 1500, "k", 200) for n in range(90_000)]
    accepted = sum(result.ok for result in results)
    assert 60_000 <= accepted <= 61_000
    assert {result.error for result in results if not result.ok} == {THROTTLED}
    assert len(stream.shards[0].log) == accepted


def test_long_run_byte_rate_is_one_mib_per_second() -> None:
    """100 records/s of 20 KiB, key included, ask for twice the 1 MiB/s a shard takes."""
    stream = StreamState(1)
    accepted = sum(stream.put_record(n * 10 * MS, "k", 20 * KIB - 1).ok for n in range(6000))
    assert 60 * MIB <= accepted * 20 * KIB <= 61 * MIB


def test_a_large_record_empties_the_tank() -> None:
    """With MaxRecordSizeInKiB above 1,024 a shard bursts to 10 MiB and refills at 1 MiB/s.

    Source: AWS Big Data blog of 2025-10-28.
    """
    stream = StreamState(1, max_record_size_kib=10_240)
    assert stream.put_record(0, "k", 10 * MIB - 1).ok
    assert stream.put_record(0, "k", 100).error == THROTTLED
    assert stream.put_record(SECOND_NS, "k", MIB - 1).ok
    assert not stream.put_record(SECOND_NS, "k", 100).ok
    ordinary = StreamState(1)
    assert ordinary.put_record(0, "k", MIB - 1).ok
    assert not ordinary.put_record(0, "k", 100).ok


def test_put_record_rounds_each_record_and_put_records_the_sum() -> None:
    """1.1 KB records cost 2 KB each alone, but 500 of them cost 550 KB in one PutRecords.

    Source: tip on the page troubleshooting-producers, its example brought below the 500 entries.
    """
    single = StreamState(1)
    accepted = sum(single.put_record(0, "k", 1126 - 1).ok for _ in range(1000))
    assert accepted == 1024 // 2
    batched = StreamState(1)
    results = batched.put_records(0, [PutEntry("k", 1126 - 1)] * 500)
    assert all(result.ok for result in results)
    left = batched.shards[0].byte_tokens.level(0)
    assert left == MIB - (500 * 1126 + KIB - 1) // KIB * KIB


def test_put_records_fails_in_part() -> None:
    """Two of four fit: HTTP 200, results in request order, nothing rolled back (case C3)."""
    stream = StreamState(1)
    for _ in range(998):
        stream.put_record(0, "k", 100)
    results = stream.put_records(0, [PutEntry("k", 100, name) for name in ("r1", "r2", "r3", "r4")])
    assert [result.ok for result in results] == [True, True, False, False]
    assert [result.error for result in results] == [None, None, THROTTLED, THROTTLED]
    assert results[0].sequence_number is not None
    assert results[2].sequence_number is None
    assert [r.payload for r in stream.get_records(0, 0, 998).records] == ["r1", "r2"]


def test_a_throttled_middle_entry_lands_after_its_successors() -> None:
    """PutRecords does not keep order: b is throttled, re-sent, and read last (case C4)."""
    stream = StreamState(1)
    stream.put_record(0, "k", 900 * KIB - 1)
    sizes = {"a": 10, "b": 500 * KIB, "c": 10}
    results = stream.put_records(0, [PutEntry("k", size, name) for name, size in sizes.items()])
    assert [result.ok for result in results] == [True, False, True]
    assert stream.put_record(SECOND_NS, "k", sizes["b"], "b").ok
    assert [r.payload for r in stream.get_records(SECOND_NS, 0, 1).records] == ["a", "c", "b"]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([PutEntry("k", 1)] * 501, "ValidationException"),
        ([], "ValidationException"),
        ([PutEntry("k", 1), PutEntry("", 1)], "ValidationException"),
        ([PutEntry("k", 1), PutEntry("x" * 257, 1)], "ValidationException"),
        ([PutEntry("k", 1), PutEntry("k", MIB)], "InvalidArgumentException"),
        ([PutEntry("k", 700 * KIB)] * 15, "InvalidArgumentException"),
    ],
)
def test_a_put_records_call_that_breaks_a_limit_writes_nothing(
    entries: list[PutEntry], code: str
) -> None:
    """1 to 500 entries, keys of 1 to 256 characters, 1 MiB a record, 10 MiB a call."""
    stream = StreamState(1)
    with pytest.raises(KinesisError) as caught:
        stream.put_records(0, entries)
    assert caught.value.code == code
    assert len(stream.shards[0].log) == 0


def test_record_size_counts_the_key_in_bytes() -> None:
    """Data plus partition key may reach MaxRecordSizeInKiB exactly; a key counts in UTF-8."""
    key = "é" * 256
    assert StreamState(1).put_record(0, key, MIB - 512).ok
    with pytest.raises(KinesisError, match="MaxRecordSizeInKiB"):
        StreamState(1).put_record(0, key, MIB - 511)


@pytest.mark.parametrize(
    "arguments",
    [
        {"shard_count": 0},
        {"shard_count": 1, "max_record_size_kib": 1023},
        {"shard_count": 1, "max_record_size_kib": 10_241},
        {"shard_count": 1, "retention_ns": 23 * HOUR_NS},
        {"shard_count": 1, "retention_ns": 8761 * HOUR_NS},
    ],
)
def test_a_stream_outside_its_limits_is_refused(arguments: dict[str, Any]) -> None:
    """CreateStream: MaxRecordSizeInKiB 1,024 to 10,240, retention 24 h to 8,760 h."""
    with pytest.raises(KinesisError):
        StreamState(**arguments)


@given(
    puts=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300 * KIB)), max_size=150),
)
@settings(max_examples=60, deadline=None)
def test_no_shard_ever_takes_more_than_bucket_plus_rate(puts: list[tuple[int, int]]) -> None:
    """Bytes taken in any run of puts stay within 1 MiB at once and 1 MiB/s after it."""
    stream = StreamState(1)
    now = taken = 0
    for gap_ms, size in puts:
        now += gap_ms * MS
        if stream.put_record(now, "k", size).ok:
            taken += size + 1
        assert taken * SECOND_NS <= MIB * SECOND_NS + MIB * now
