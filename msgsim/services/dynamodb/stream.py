"""A DynamoDB stream as a component: one tape per partition of the table, kept for 24 hours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import stable_hash
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Message

UNAVAILABLE = "ServiceUnavailable"
INVALID = "ValidationException"
THROTTLED = "LimitExceededException"
_SWEEPS = 1_000
_COMPACT_AT = 1_024


@dataclass(frozen=True, slots=True)
class ItemLimits:
    """What a table and its stream take and give.

    Attributes:
        item_bytes: largest item.
        batch_items: items of one BatchWriteItem.
        read_records, read_bytes: most of one GetRecords call.
        readers: processes that may read a shard at once.
        reader_window_ns: how long a reader counts as one after a read (assumption).
        retention_ns: how long records are kept.
        images: how many images of the item a record holds.
    """

    item_bytes: int
    batch_items: int
    read_records: int
    read_bytes: int
    readers: int
    reader_window_ns: int
    retention_ns: int
    images: int = 1


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """A change of an item."""

    message: Message
    arrived_ns: int
    sequence: int
    size_bytes: int


class _Shard:
    """The records of one partition by position, and who has read it lately."""

    __slots__ = ("base", "read_ns", "records", "stored")

    def __init__(self) -> None:
        self.base = 0
        self.records: list[ItemRecord] = []
        self.read_ns: dict[str, int] = {}
        self.stored = 0

    @property
    def end(self) -> int:
        """Position of the next record."""
        return self.base + len(self.records)

    def from_position(self, position: int) -> list[ItemRecord]:
        """Return what is kept from a position on."""
        return self.records[max(0, position - self.base) :]

    def drop(self, count: int) -> None:
        """Forget the oldest records."""
        del self.records[:count]
        self.base += count


class ItemStream(Component):
    """The stream of a DynamoDB table: parallel tapes, one per partition, read by position.

    A workload writes items (`PutItem`); the key of a message is that of the item, and an item's
    changes follow each other in one shard.
    """

    kind = "dynamodb.stream"
    fifo = False
    signals = (facts.STORED, facts.READ_THROTTLED, facts.TRIMMED)

    def __init__(self, sim: Simulation, name: str, partitions: int, limits: ItemLimits) -> None:
        super().__init__(sim, name)
        self._limits = limits
        self._shards = [_Shard() for _ in range(partitions)]
        self._shard_of: dict[str, int] = {}
        self._passed: dict[str, list[int]] = {}
        self._read_to: dict[str, dict[int, int]] = {}
        self._sweeper = sim.timer(self._sweep)

    @property
    def shard_count(self) -> int:
        """How many shards there are: one for each partition."""
        return len(self._shards)

    @property
    def retention_ns(self) -> int:
        """How long records are kept."""
        return self._limits.retention_ns

    def start(self) -> None:
        """Wait for the first moment at which a record can be too old."""
        self._sweeper.arm(self.sim.now + self.retention_ns)

    # Writing -------------------------------------------------------------------------------

    def accept(self, message: Message) -> str | None:
        """Write one item (PutItem)."""
        if self.down:
            return UNAVAILABLE
        if message.size_bytes > self._limits.item_bytes:
            return INVALID
        now = self.sim.env._now
        name = message.key.name
        index = self._shard_of.get(name)
        if index is None:
            index = self._shard_of[name] = stable_hash(name) % len(self._shards)
        shard = self._shards[index]
        size = message.size_bytes * self._limits.images
        shard.records.append(ItemRecord(message, now, shard.stored, size))
        shard.stored += 1
        if self.on_stored is not None:
            self.on_stored(now, index, message)
        return None

    def accept_batch(self, messages: Sequence[Message]) -> list[str | None]:
        """Write several items (BatchWriteItem)."""
        if len(messages) > self._limits.batch_items:
            return [INVALID] * len(messages)
        return [self.accept(message) for message in messages]

    # Shards --------------------------------------------------------------------------------

    def parents(self, shard: int) -> Sequence[int]:
        """Return the shards from which a shard came: none, partitions stay."""
        return ()

    def children(self, shard: int) -> Sequence[int]:
        """Return the shards that came from a shard: none, partitions stay."""
        return ()

    def beginnings(self, where: str, timestamp_ns: int | None = None) -> tuple[list[int], set[int]]:
        """Return the shards with which a reader begins: all."""
        return list(range(self.shard_count)), set()

    def at_end(self, shard: int, position: int) -> bool:
        """Say whether nothing can follow at a position: never."""
        return False

    # Reading -------------------------------------------------------------------------------

    def register(self, consumer: str) -> None:
        """Keep records until this consumer has passed them, too."""
        self._passed[consumer] = [0] * self.shard_count

    def position(
        self,
        shard: int,
        where: str,
        consumer: str | None = None,
        timestamp_ns: int | None = None,
    ) -> int:
        """GetShardIterator: return where `TRIM_HORIZON` or `LATEST` is now."""
        self._expire(shard)
        found = self._shards[shard]
        position = found.end if where == "LATEST" else found.base
        if consumer is not None:
            self._read_to.setdefault(consumer, {})[shard] = position
        return position

    def begin_at(self, shard: int, position: int, consumer: str) -> None:
        """Note that a consumer begins at a position, where another one stopped."""
        self._read_to.setdefault(consumer, {})[shard] = position

    def forget(self, consumer: str) -> None:
        """Keep nothing for a consumer any more."""
        self._passed.pop(consumer, None)
        self._read_to.pop(consumer, None)

    def read(
        self, shard: int, position: int, limit: int, consumer: str | None = None
    ) -> tuple[list[ItemRecord], int, str | None]:
        """GetRecords: return records, the next position, and an error code or None."""
        if self.down:
            return [], position, UNAVAILABLE
        self._expire(shard)
        found = self._shards[shard]
        if consumer is not None and not self._admits(found, consumer):
            if self.on_read_throttled is not None:
                self.on_read_throttled(self.sim.now, shard)
            return [], position, THROTTLED
        start = max(position, found.base)
        records = found.from_position(start)[: min(limit, self._limits.read_records)]
        size = 0
        for count, record in enumerate(records):
            size += record.size_bytes
            if size > self._limits.read_bytes and count:
                records = records[:count]
                break
        following = start + len(records)
        if consumer is not None:
            self._read_to[consumer][shard] = following
        return records, following, None

    def _admits(self, shard: _Shard, consumer: str) -> bool:
        """Say whether a shard serves this reader beside those that have read it lately."""
        now = self.sim.now
        since = now - self._limits.reader_window_ns
        others = sum(at > since for name, at in shard.read_ns.items() if name != consumer)
        if others >= self._limits.readers:
            return False
        shard.read_ns[consumer] = now
        return True

    def passed(self, consumer: str, shard: int, position: int) -> None:
        """Note that a consumer needs nothing before `position`, and forget what nobody needs."""
        passed = self._passed[consumer]
        passed[shard] = max(passed[shard], position)
        found = self._shards[shard]
        needless = min(each[shard] for each in self._passed.values()) - found.base
        if needless >= _COMPACT_AT or needless == len(found.records) > 0:
            found.drop(needless)

    def unread(self, shard: int, position: int) -> Iterator[Message]:
        """Yield the messages from `position` on."""
        for record in self._shards[shard].from_position(position):
            yield record.message

    def holds(self) -> Iterable[tuple[str, Any]]:
        """Yield nothing: each reader accounts for what it has not read."""
        return ()

    # Retention -----------------------------------------------------------------------------

    def _sweep(self) -> None:
        for shard in range(self.shard_count):
            self._expire(shard)
        self._sweeper.arm(self.sim.now + self.retention_ns // _SWEEPS)

    def _expire(self, shard: int) -> None:
        """Drop what is too old, and say whose reader has missed it."""
        found, cutoff_ns = self._shards[shard], self.sim.now - self.retention_ns
        count = 0
        for record in found.records:
            if record.arrived_ns > cutoff_ns:
                break
            count += 1
        if not count:
            return
        found.drop(count)
        for consumer, read_to in self._read_to.items():
            missed = found.base - read_to.get(shard, found.base)
            if missed > 0:
                read_to[shard] = found.base
                if self.on_trimmed is not None:
                    self.on_trimmed(self.sim.now, shard, missed, consumer)
