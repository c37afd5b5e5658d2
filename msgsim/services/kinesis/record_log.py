"""The records of one shard: an append-only log, read by position, trimmed from the front."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import Any

_COMPACT_AT = 1024
_size = attrgetter("size_bytes")
_sequence = attrgetter("sequence_number")
_arrival = attrgetter("arrival_ns")


class StoredRecord:
    """A record as its shard keeps it: it can neither be changed nor moved.

    Attributes:
        sequence_number: grows within a shard, with gaps; not comparable across shards.
        arrival_ns: ApproximateArrivalTimestamp, exact here.
        size_bytes: data plus partition key.
        partition_key: kept even where an ExplicitHashKey chose the shard.
        payload: what the producer put, by reference.
    """

    __slots__ = ("arrival_ns", "partition_key", "payload", "sequence_number", "size_bytes")

    def __init__(
        self,
        sequence_number: int,
        arrival_ns: int,
        size_bytes: int,
        partition_key: str,
        payload: Any,
    ) -> None:
        self.sequence_number = sequence_number
        self.arrival_ns = arrival_ns
        self.size_bytes = size_bytes
        self.partition_key = partition_key
        self.payload = payload

    @property
    def message(self) -> Any:
        """The message put, as consumers call it."""
        return self.payload

    @property
    def arrived_ns(self) -> int:
        """When it was stored, as consumers call it."""
        return self.arrival_ns

    @property
    def sequence(self) -> int:
        """The sequence number, as consumers call it."""
        return self.sequence_number

    def __repr__(self) -> str:
        return f"<StoredRecord {self.sequence_number} key={self.partition_key}>"


class RecordLog:
    """Records by position: 0 is the first ever stored, and trimming renumbers nothing.

    Storing, trimming and releasing cost amortised constant time.
    """

    __slots__ = ("_base", "_head", "_records")

    def __init__(self) -> None:
        self._records: list[StoredRecord] = []
        self._base = 0
        self._head = 0

    def __len__(self) -> int:
        return len(self._records) - self._head

    @property
    def first(self) -> int:
        """Position of the oldest record kept (the trim horizon)."""
        return self._base + self._head

    @property
    def end(self) -> int:
        """Position of the next record to be stored (the tip)."""
        return self._base + len(self._records)

    @property
    def oldest_ns(self) -> int:
        """When the oldest record kept arrived; the log must not be empty."""
        return self._records[self._head].arrival_ns

    def at_position(self, position: int) -> StoredRecord:
        """Return the record at a position, or the oldest kept; there must be one."""
        return self._records[max(position - self._base, self._head)]

    def append(self, record: StoredRecord) -> None:
        """Store a record at the tip."""
        self._records.append(record)

    def expire(self, cutoff_ns: int) -> int:
        """Drop what arrived at `cutoff_ns` or before; return how many records that were."""
        records, head = self._records, self._head
        count = len(records)
        if head == count or records[head].arrival_ns > cutoff_ns:
            return 0
        new_head = head + 1
        while new_head < count and records[new_head].arrival_ns <= cutoff_ns:
            new_head += 1
        self._trim(new_head)
        return new_head - head

    def release_before(self, position: int) -> int:
        """Drop the records before `position`; return how many were dropped."""
        new_head = min(position - self._base, len(self._records))
        dropped = new_head - self._head
        if dropped <= 0:
            return 0
        self._trim(new_head)
        return dropped

    def _trim(self, new_head: int) -> None:
        self._head = new_head
        if new_head >= _COMPACT_AT and 2 * new_head >= len(self._records):
            del self._records[:new_head]
            self._base += new_head
            self._head = 0

    def read(self, position: int, limit: int, limit_bytes: int) -> tuple[list[StoredRecord], int]:
        """Return the records from `position` (or the oldest kept) on, and their bytes.

        At most `limit` records and `limit_bytes`, but one record where there is one.
        """
        start = max(position - self._base, self._head)
        found = self._records[start : start + limit]
        size = sum(map(_size, found))
        if size <= limit_bytes:
            return found, size
        return _within(found, limit_bytes)

    def read_from(self, position: int) -> list[StoredRecord]:
        """Return every record from `position` (or the oldest kept) on."""
        return self._records[max(position - self._base, self._head) :]

    def at_sequence(self, sequence_number: int) -> int:
        """Return the position of that sequence number, or of the next one stored."""
        return self._base + bisect_left(
            self._records, sequence_number, lo=self._head, key=_sequence
        )

    def after_sequence(self, sequence_number: int) -> int:
        """Return the position behind that sequence number."""
        return self._base + bisect_right(
            self._records, sequence_number, lo=self._head, key=_sequence
        )

    def at_time(self, timestamp_ns: int) -> int:
        """Return the position of the first record kept that arrived then or later."""
        return self._base + bisect_left(self._records, timestamp_ns, lo=self._head, key=_arrival)


def _within(found: list[StoredRecord], limit_bytes: int) -> tuple[list[StoredRecord], int]:
    size = found[0].size_bytes
    count = 1
    while count < len(found) and size + found[count].size_bytes <= limit_bytes:
        size += found[count].size_bytes
        count += 1
    return found[:count], size
