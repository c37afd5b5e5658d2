"""What a Kinesis stream knows: shards, their records, and how much each still takes and gives.

Time is an argument (integer nanoseconds). A shard is a pair of token buckets in front of a log: a
put that finds too few tokens is lost to the producer (throttle = loss system), the rest is kept
for the retention period whoever reads it. Rules: Kinesis API reference and the developer guide's
pages key-concepts, service-sizes-and-limits, troubleshooting-producers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from msgsim.model.aggregate import Aggregate
from msgsim.services.kinesis.hash_keys import HashRange, equal_ranges, explicit_hash, hash_of
from msgsim.services.kinesis.limits import (
    DEFAULT_LIMITS,
    HOUR_NS,
    INVALID,
    INVALID_ARGUMENT,
    KIB,
    MIB,
    KinesisError,
    ShardLimits,
)
from msgsim.services.kinesis.record_log import StoredRecord
from msgsim.services.kinesis.resharding import check_merge, check_split
from msgsim.services.kinesis.shard import GetResult, PutResult, Shard

__all__ = [
    "GetResult",
    "HashRange",
    "IteratorType",
    "KinesisError",
    "PutEntry",
    "PutResult",
    "Shard",
    "ShardLimits",
    "StoredRecord",
    "StreamState",
]

DAY_NS = 24 * HOUR_NS
_MAX_ROUTES = 1 << 16

IteratorType = Literal[
    "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"
]


class PutEntry(NamedTuple):
    """One entry of a PutRecords call; `size_bytes` is the data without the partition key."""

    partition_key: str
    size_bytes: int
    payload: Any = None
    explicit_hash_key: str | None = None


class StreamState:
    """What a stream in provisioned mode knows: its shards and which one a key belongs to.

    `size_bytes` arguments are the data alone; the partition key's bytes are added, as AWS does.

    Args:
        shard_count: open shards at the start, with equal hash ranges (ShardCount).
        max_record_size_kib: largest data plus key (MaxRecordSizeInKiB), 1,024 to 10,240.
        retention_ns: how long records are kept, 24 h to 8,760 h (RetentionPeriodHours).
        limits: what a shard takes and gives.
        now: when the stream is created; every bucket is full then.
        spread: whether records go to the shards in turn, whatever their keys
            (RecordDistributionStrategy AUTO).

    Raises:
        KinesisError: an argument is outside what CreateStream takes.
    """

    def __init__(
        self,
        shard_count: int,
        *,
        max_record_size_kib: int = 1024,
        retention_ns: int = DAY_NS,
        limits: ShardLimits = DEFAULT_LIMITS,
        now: int = 0,
        spread: bool = False,
    ) -> None:
        _check_stream(shard_count, max_record_size_kib, retention_ns)
        self.limits = limits
        self.retention_ns = retention_ns
        self.max_record_size_kib = max_record_size_kib
        ordinary = max(MIB, round(limits.write_bytes_per_s * limits.write_window))
        burst = limits.large_burst_bytes if max_record_size_kib > KIB else ordinary
        self.shards = [
            Shard(index, hash_range, limits, burst, now)
            for index, hash_range in enumerate(equal_ranges(shard_count))
        ]
        self._burst = burst
        self.spread = spread
        self._turn = 0
        self._sequence = 0
        self._open: list[Shard] = []
        self._starts: list[int] = []
        self._routes: dict[str, tuple[Shard, int]] = {}
        self._index_open_shards()

    def beginnings(
        self, now: int, where: str, timestamp_ns: int | None = None
    ) -> tuple[list[int], set[int]]:
        """Return the shards with which a reader begins, and those before its starting position.

        With `LATEST` it begins with the open shards, with `AT_TIMESTAMP` with those that were open
        then, with `TRIM_HORIZON` with the oldest ones that can still hold a record.
        """
        shards = self.shards
        if where == "LATEST":
            before = {s.index for s in shards if not s.open}
        elif where == "AT_TIMESTAMP":
            assert timestamp_ns is not None
            horizon = max(timestamp_ns, now - self.retention_ns)
            before = {s.index for s in shards if s.closed_ns is not None and s.closed_ns <= horizon}
        else:
            before = {s.index for s in shards if s.expired(now, self.retention_ns)}
        begun = [s.index for s in shards if s.index not in before and before.issuperset(s.parents)]
        return begun, before

    def shard_for(self, partition_key: str, explicit_hash_key: str | None = None) -> Shard:
        """Return the open shard whose range holds the key's MD5, or the explicit hash key.

        Raises:
            KinesisError: the key or the hash key is not one.
        """
        return self._route(partition_key, explicit_hash_key)[0]

    def put_record(
        self,
        now: int,
        partition_key: str,
        size_bytes: int,
        payload: Any = None,
        explicit_hash_key: str | None = None,
    ) -> PutResult:
        """PutRecord: store one record or say that its shard is throttled.

        Its bytes are charged rounded up to whole KiB.

        Raises:
            KinesisError: the key or the size is not allowed.
        """
        shard, key_bytes = self._route(partition_key, explicit_hash_key)
        size = size_bytes + key_bytes
        if size > self.max_record_size_kib * KIB:
            raise self._too_large(size)
        if not shard.take_write(now, -(-size // KIB) * KIB):
            return shard.throttled
        return self._store(now, shard, partition_key, size, payload)

    def put_records(self, now: int, entries: Sequence[PutEntry]) -> list[PutResult]:
        """PutRecords: try each entry in turn; one that is throttled does not stop the next.

        The bytes of the call are charged rounded up once per shard, not once per record.

        Raises:
            KinesisError: an entry or the call is not allowed; nothing was written.
        """
        routed = self._check_call(entries)
        accepted_bytes: dict[int, int] = {}
        results = []
        for entry, shard, size in routed:
            before = accepted_bytes.get(shard.index, 0)
            charged = (-(-(before + size) // KIB) + -before // KIB) * KIB
            if shard.take_write(now, charged):
                accepted_bytes[shard.index] = before + size
                stored = self._store(now, shard, entry.partition_key, size, entry.payload)
                results.append(stored)
            else:
                results.append(shard.throttled)
        return results

    def get_records(
        self, now: int, shard_index: int, position: int, limit: int | None = None
    ) -> GetResult:
        """GetRecords of a consumer that shares the shard's read rations with the others.

        Raises:
            KinesisError: the limit is outside 1 to 10,000.
        """
        most = self.limits.get_records
        if limit is None:
            limit = most
        if not 1 <= limit <= most:
            raise KinesisError(INVALID_ARGUMENT, f"Limit must be 1 to {most}, got {limit}")
        shard = self.shards[shard_index]
        shard.log.expire(now - self.retention_ns)
        return shard.read(now, position, limit)

    def position_for(
        self,
        now: int,
        shard_index: int,
        iterator_type: IteratorType,
        *,
        sequence_number: int | None = None,
        timestamp_ns: int | None = None,
    ) -> int:
        """GetShardIterator: return the position an iterator of this type starts at.

        Raises:
            KinesisError: the type is unknown, or its companion argument is missing.
        """
        log = self.shards[shard_index].log
        log.expire(now - self.retention_ns)
        match iterator_type:
            case "TRIM_HORIZON":
                return log.first
            case "LATEST":
                return log.end
            case "AT_TIMESTAMP":
                return log.at_time(_companion("Timestamp", timestamp_ns))
            case "AT_SEQUENCE_NUMBER":
                return log.at_sequence(_companion("StartingSequenceNumber", sequence_number))
            case "AFTER_SEQUENCE_NUMBER":
                return log.after_sequence(_companion("StartingSequenceNumber", sequence_number))
        raise KinesisError(INVALID, f"unknown ShardIteratorType {iterator_type!r}")

    # Resharding ------------------------------------------------------------------------------

    @property
    def open_shards(self) -> list[Shard]:
        """The shards that take records, by hash range."""
        return self._open

    def split(self, now: int, index: int, new_starting_hash_key: int) -> list[Shard]:
        """Close a shard; two children share its range: [start, key - 1] and [key, end].

        Raises:
            KinesisError: there is no such open shard, or the key is not inside its range.
        """
        check_split(self, index, new_starting_hash_key)
        start, end = self.shards[index].hash_range
        halves = HashRange(start, new_starting_hash_key - 1), HashRange(new_starting_hash_key, end)
        return self._replace(now, (index,), halves)

    def merge(self, now: int, index: int, adjacent_index: int) -> Shard:
        """Close two adjacent shards; one child has the range of both.

        Raises:
            KinesisError: one is not an open shard, or they are not adjacent.
        """
        check_merge(self, index, adjacent_index)
        ranges = [self.shards[each].hash_range for each in (index, adjacent_index)]
        whole = HashRange(min(r.start for r in ranges), max(r.end for r in ranges))
        return self._replace(now, (index, adjacent_index), (whole,))[0]

    def _replace(
        self, now: int, parents: tuple[int, ...], ranges: Sequence[HashRange]
    ) -> list[Shard]:
        self._sequence += 1
        ended = self._sequence
        self._sequence += 1
        first = len(self.shards)
        children = [
            Shard(first + place, each, self.limits, self._burst, now, parents, self._sequence)
            for place, each in enumerate(ranges)
        ]
        self.shards.extend(children)
        for parent in parents:
            self.shards[parent].close(now, ended, [child.index for child in children])
        self._index_open_shards()
        return children

    def expire(self, now: int) -> None:
        """Drop what retention has ended for; reading a shard does so, too, writing does not."""
        for shard in self.shards:
            shard.log.expire(now - self.retention_ns)

    def oldest_ns(self) -> int | None:
        """Return when the oldest record kept arrived, or None when there is none."""
        return min((shard.log.oldest_ns for shard in self.shards if len(shard.log)), default=None)

    def release_before(self, shard_index: int, position: int) -> int:
        """Forget records that every consumer has passed and none can replay; return how many.

        Kinesis keeps them until retention; this only saves memory, so the caller vouches that no
        reader will ask for an earlier position.
        """
        return self.shards[shard_index].log.release_before(position)

    def _index_open_shards(self) -> None:
        self._open = sorted(
            (shard for shard in self.shards if shard.open), key=lambda shard: shard.hash_range
        )
        self._starts = [shard.hash_range.start for shard in self._open]
        self._routes.clear()

    def _route(self, partition_key: str, explicit_hash_key: str | None) -> tuple[Shard, int]:
        """Return the shard and the key's length in bytes; known keys are looked up."""
        route = self._routes.get(partition_key)
        if route is None:
            route = self._new_route(partition_key)
        if self.spread:
            self._turn += 1
            return self._open[self._turn % len(self._open)], route[1]
        if explicit_hash_key is None:
            return route
        return self._shard_at(explicit_hash(explicit_hash_key)), route[1]

    def _new_route(self, partition_key: str) -> tuple[Shard, int]:
        longest = self.limits.key_characters
        if not 1 <= len(partition_key) <= longest:
            raise KinesisError(
                INVALID, f"a partition key has 1 to {longest} characters, got {len(partition_key)}"
            )
        if len(self._routes) >= _MAX_ROUTES:
            self._routes.clear()
        key_bytes = len(partition_key.encode(errors="surrogatepass"))
        route = self._shard_at(hash_of(partition_key)), key_bytes
        self._routes[partition_key] = route
        return route

    def _shard_at(self, hash_key: int) -> Shard:
        return self._open[bisect_right(self._starts, hash_key) - 1]

    def _store(
        self, now: int, shard: Shard, partition_key: str, size: int, payload: Any
    ) -> PutResult:
        self._sequence = sequence = self._sequence + 1
        if payload.__class__ is Aggregate:
            for part in payload.parts:
                length = part.size_bytes + len(part.key.name.encode())
                shard.log.append(StoredRecord(sequence, now, length, part.key.name, part))
        else:
            shard.log.append(StoredRecord(sequence, now, size, partition_key, payload))
        shard.bytes_in += size
        shard.records_in += 1
        return PutResult(True, shard.index, sequence, None)

    def _check_call(self, entries: Sequence[PutEntry]) -> list[tuple[PutEntry, Shard, int]]:
        most = self.limits.put_entries
        if not 1 <= len(entries) <= most:
            raise KinesisError(INVALID, f"PutRecords takes 1 to {most} records, got {len(entries)}")
        routed, total = [], 0
        for entry in entries:
            shard, key_bytes = self._route(entry.partition_key, entry.explicit_hash_key)
            size = entry.size_bytes + key_bytes
            if size > self.max_record_size_kib * KIB:
                raise self._too_large(size)
            routed.append((entry, shard, size))
            total += size
        if total > self.limits.put_bytes:
            raise KinesisError(
                INVALID_ARGUMENT,
                f"records and keys of a PutRecords call come to {total} bytes, "
                f"the limit is {self.limits.put_bytes}",
            )
        return routed

    def _too_large(self, size: int) -> KinesisError:
        return KinesisError(
            INVALID_ARGUMENT,
            f"data and partition key come to {size} bytes, the stream takes "
            f"{self.max_record_size_kib * KIB} (MaxRecordSizeInKiB)",
        )


def _companion(name: str, value: int | None) -> int:
    if value is None:
        raise KinesisError(INVALID_ARGUMENT, f"this ShardIteratorType needs {name}")
    return value


def _check_stream(shard_count: int, max_record_size_kib: int, retention_ns: int) -> None:
    if shard_count < 1:
        raise KinesisError(INVALID, f"ShardCount must be at least 1, got {shard_count}")
    if not 1024 <= max_record_size_kib <= 10_240:
        raise KinesisError(
            INVALID, f"MaxRecordSizeInKiB must be 1024 to 10240, got {max_record_size_kib}"
        )
    check_retention(retention_ns)


def check_retention(retention_ns: int) -> None:
    """Refuse a retention period that AWS would refuse.

    Raises:
        KinesisError: it is not 24 to 8,760 hours.
    """
    if not DAY_NS <= retention_ns <= 8760 * HOUR_NS:
        raise KinesisError(
            INVALID_ARGUMENT,
            f"RetentionPeriodHours must be 24 to 8760, got {retention_ns / HOUR_NS:g}",
        )
