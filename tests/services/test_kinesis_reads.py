"""Reading a Kinesis shard: order, rations, positions, retention.

Sources: Kinesis API reference (GetRecords, GetShardIterator), developer guide page
service-sizes-and-limits.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.services.kinesis.limits import HOUR_NS, MIB, SECOND_NS, THROTTLED
from msgsim.services.kinesis.record_log import RecordLog, StoredRecord
from msgsim.services.kinesis.shards import KinesisError, StreamState

MS = 1_000_000


def test_every_reader_sees_sequence_order() -> None:
    """Sequence numbers of a shard grow; consumers are independent and read the same."""
    stream = StreamState(3)
    numbers = [stream.put_record(n * MS, f"k{n % 7}", 10, n).sequence_number for n in range(900)]
    assert None not in numbers
    for shard in stream.shards:
        first = stream.get_records(SECOND_NS, shard.index, 0).records
        again = stream.get_records(2 * SECOND_NS, shard.index, 0).records
        assert first == again
        sequence = [record.sequence_number for record in first]
        assert all(a < b for a, b in pairwise(sequence))
        assert [r.payload for r in first] == sorted(r.payload for r in first)
    assert sum(len(shard.log) for shard in stream.shards) == 900


def test_two_pollers_share_five_calls_per_second() -> None:
    """Two apps at 4 calls/s, 60 s: about 300 succeed and 180 are throttled (case C6)."""
    stream = StreamState(1)
    stream.put_record(0, "k", 100)
    calls = [stream.get_records(n * 125 * MS, 0, 0) for n in range(480)]
    assert 300 <= sum(call.error is None for call in calls) <= 305
    refused = next(call for call in calls if call.error)
    assert refused.error == THROTTLED
    assert refused.records == []
    assert refused.next_position == 0


def test_a_call_that_returned_10_mib_closes_the_shard_for_5_s() -> None:
    """Calls at t+1, t+3 and t+4.9 s fail, the one at t+5.1 s succeeds (case C7)."""
    stream = StreamState(1, max_record_size_kib=10_240)
    for second in range(4):
        stream.put_record(second * 5 * SECOND_NS, "k", 5 * MIB - 1)
    start = 20 * SECOND_NS
    first = stream.get_records(start, 0, 0)
    assert [record.size_bytes for record in first.records] == [5 * MIB, 5 * MIB]
    position = first.next_position
    assert position == 2
    for late in (1000, 3000, 4900):
        assert stream.get_records(start + late * MS, 0, position).error == THROTTLED
    assert len(stream.get_records(start + 5100 * MS, 0, position).records) == 2


def test_small_reads_of_one_instant_all_pass() -> None:
    """Only 5 calls/s and 2 MiB/s bound a shard: five small reads at once break neither."""
    stream = StreamState(1)
    stream.put_record(0, "k", 100)
    assert [stream.get_records(0, 0, 0).error for _ in range(6)] == [None] * 5 + [THROTTLED]


def test_three_pollers_share_two_mib_per_second() -> None:
    """1 MiB/s in, three apps that want it all: they get 2 MiB/s together (case C8)."""
    stream = StreamState(1)
    positions, read = [0, 0, 0], 0
    for tick in range(3000):
        now = tick * 200 * MS
        stream.put_record(now, "k", MIB // 5 - 1)
        result = stream.get_records(now, 0, positions[tick % 3])
        positions[tick % 3] = result.next_position or 0
        read += sum(record.size_bytes for record in result.records)
    assert 0.95 * 1200 * MIB <= read <= 1210 * MIB


def test_limit_and_empty_reads() -> None:
    """Limit 1 to 10,000; a read at the tip is empty, keeps its place and is 0 ms behind."""
    stream = StreamState(1)
    for _ in range(10):
        stream.put_record(0, "k", 10)
    part = stream.get_records(250 * MS, 0, 0, limit=4)
    assert (len(part.records), part.next_position, part.millis_behind) == (4, 4, 250)
    rest = stream.get_records(250 * MS, 0, 4)
    assert (len(rest.records), rest.next_position, rest.millis_behind) == (6, 10, 0)
    empty = stream.get_records(SECOND_NS, 0, 10)
    assert (empty.records, empty.next_position, empty.error) == ([], 10, None)
    for limit in (0, 10_001):
        with pytest.raises(KinesisError) as caught:
            stream.get_records(0, 0, 0, limit)
        assert caught.value.code == "InvalidArgumentException"


def test_a_closed_shard_ends() -> None:
    """NextShardIterator is null only when a closed shard has been read to its end."""
    stream = StreamState(1)
    stream.put_record(0, "k", 10)
    stream.put_record(0, "k", 10)
    stream.shards[0].open = False
    assert stream.get_records(0, 0, 0, limit=1).next_position == 1
    assert stream.get_records(0, 0, 1).next_position is None


def test_iterator_types() -> None:
    """Where each ShardIteratorType starts; a time before the trim horizon gives the oldest."""
    stream = StreamState(1)
    numbers = [stream.put_record(n * SECOND_NS, "k", 10).sequence_number for n in range(5)]
    now = 10 * SECOND_NS
    assert stream.position_for(now, 0, "TRIM_HORIZON") == 0
    assert stream.position_for(now, 0, "LATEST") == 5
    assert stream.position_for(now, 0, "AT_SEQUENCE_NUMBER", sequence_number=numbers[2]) == 2
    assert stream.position_for(now, 0, "AFTER_SEQUENCE_NUMBER", sequence_number=numbers[2]) == 3
    for timestamp, position in ((-1, 0), (2 * SECOND_NS, 2), (2 * SECOND_NS + 1, 3)):
        assert stream.position_for(now, 0, "AT_TIMESTAMP", timestamp_ns=timestamp) == position
    for iterator_type in ("AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        with pytest.raises(KinesisError) as caught:
            stream.position_for(now, 0, iterator_type)
        assert caught.value.code == "InvalidArgumentException"


def test_retention_is_by_age_whatever_was_read() -> None:
    """Records live 24 h; a reader behind the trim horizon goes on with the oldest one kept."""
    stream = StreamState(1)
    for hour in range(30):
        stream.put_record(hour * HOUR_NS, "k", 10, hour)
    now = 30 * HOUR_NS
    result = stream.get_records(now, 0, 3)
    assert [record.payload for record in result.records] == list(range(7, 30))
    assert (result.expired, result.next_position) == (4, 30)
    assert stream.position_for(now, 0, "TRIM_HORIZON") == 7


def test_released_records_keep_the_positions_of_the_others() -> None:
    """Releasing what nobody can ask for any more saves memory and changes no later read."""
    stream = StreamState(1)
    for number in range(900):
        stream.put_record(0, "k", 10, number)
    assert stream.release_before(0, 600) == 600
    assert stream.release_before(0, 600) == 0
    assert stream.get_records(0, 0, 600).records[0].payload == 600
    assert stream.position_for(0, 0, "LATEST") == 900


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 1500)),
        st.tuples(st.just("expire"), st.integers(0, 4000)),
        st.tuples(st.just("release"), st.integers(0, 4000)),
        st.tuples(st.just("read"), st.integers(0, 4000)),
    ),
    max_size=12,
)


@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_log_against_a_naive_model(steps: list[tuple[str, int]]) -> None:
    """Positions survive trimming: the log is a list of which a prefix was forgotten."""
    log, everything, first = RecordLog(), 0, 0
    for step, number in steps:
        if step == "append":
            for position in range(everything, everything + number):
                log.append(StoredRecord(2 * position, position, 1, "k", position))
            everything += number
        elif step == "read":
            start = max(number, first)
            expected = list(range(everything))[start : start + 50]
            assert [record.payload for record in log.read(number, 50, 10_000)[0]] == expected
        else:
            wanted = min(number + 1 if step == "expire" else number, everything)
            dropped = log.expire(number) if step == "expire" else log.release_before(number)
            assert dropped == max(0, wanted - first)
            first = max(first, wanted)
        assert (log.first, log.end, len(log)) == (first, everything, everything - first)
        assert log.at_sequence(2 * first) == log.at_time(first) == first


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=8), limit=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_a_read_ends_with_the_last_record_that_fits_but_has_one(
    sizes: list[int], limit: int
) -> None:
    """Also one that is larger than the limit, and alone: a large record gets to its readers."""
    log = RecordLog()
    for number, size in enumerate(sizes):
        log.append(StoredRecord(number, number, size, "k", number))
    records, total = log.read(0, 50, limit)
    count = len(records)
    assert total == sum(sizes[:count])
    assert total <= limit or count == 1
    assert count == len(sizes) or total + sizes[count] > limit
