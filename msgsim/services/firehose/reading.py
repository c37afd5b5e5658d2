"""Reading a Kinesis stream for a delivery stream: one reader per shard, from LATEST on.

Source: Firehose Developer Guide, writing-with-kinesis-streams.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Timer
from msgsim.model.message import Copy, Message
from msgsim.services.firehose.buffer import Progress, Record


class Stream(Protocol):
    """The source: shards of records by position."""

    name: str
    shard_count: int

    def position(self, shard: int, where: Any, consumer: str | None = None) -> int:
        """Return the position `LATEST`."""

    def read(
        self, shard: int, position: int, limit: int, consumer: str | None = None
    ) -> tuple[Sequence[Any], int, str | None]:
        """Read from a position now (GetRecords): records, the next position, an error code."""

    def register(self, consumer: str) -> None:
        """Make a consumer known, so that the stream keeps what it has not passed."""

    def passed(self, consumer: str, shard: int, position: int) -> None:
        """Let the stream know that a consumer needs nothing before `position`."""

    def unread(self, shard: int, position: int) -> Iterable[Message]:
        """Yield the messages from `position` on, taking no quota."""


class _Reader:
    """One shard: how far it is read, and how much of it is held."""

    __slots__ = ("held_bytes", "progress", "shard", "timer")

    def __init__(self, shard: int, position: int) -> None:
        self.shard = shard
        self.progress = Progress(position)
        self.held_bytes = 0
        self.timer: Timer


class Source:
    """Polls every shard at a fixed period and hands records to the delivery stream.

    Reading a shard pauses while more of it is held than `hold_bytes`, as when the destination is
    down; the records then wait in the stream, whose retention holds.

    Args:
        owner: the delivery stream.
        stream: the source.
        period_ns: between two reads of a shard.
        limit: most records of a read.
        hold_bytes: most data of a shard that is held before reading pauses.
        offset: time from zero to a shard's first read.
        take: takes a record.
    """

    def __init__(
        self,
        owner: Component,
        stream: Stream,
        period_ns: int,
        limit: int,
        hold_bytes: int,
        offset: Sampler[int],
        take: Callable[[Record], Any],
    ) -> None:
        self._owner = owner
        self._sim = owner.sim
        self.stream = stream
        self._period_ns = period_ns
        self._limit = limit
        self._hold_bytes = hold_bytes
        self._offset = offset
        self._take = take
        self._readers: dict[int, _Reader] = {}
        stream.register(owner.name)

    def start(self) -> None:
        """Take the position LATEST in every shard, and begin to read."""
        for shard in range(self.stream.shard_count):
            reader = _Reader(shard, self.stream.position(shard, "LATEST", self._owner.name))
            reader.timer = self._sim.timer(partial(self._read, reader))
            reader.timer.arm(self._sim.now + self._offset.at(shard))
            self._readers[shard] = reader

    def _read(self, reader: _Reader) -> None:
        now = self._sim.now
        reader.timer.arm(now + self._period_ns)
        if self._owner.down or reader.held_bytes >= self._hold_bytes:
            return
        progress = reader.progress
        records, following, error = self.stream.read(
            reader.shard, progress.read_to, self._limit, self._owner.name
        )
        if error is not None:
            return
        position = following - len(records)
        progress.read_to = following
        for stored in records:
            copy = Copy(stored.message, stored.arrived_ns)
            record = Record(copy, now, reader.shard, position)
            progress.add(record)
            reader.held_bytes += stored.message.size_bytes
            position += 1
            self._take(record)

    def finished(self, record: Record) -> None:
        """Note that a record needs the source no more."""
        self._readers[record.shard].held_bytes -= record.copy.message.size_bytes

    def advance(self, shards: Iterable[int]) -> None:
        """Move the checkpoints of these shards as far as records are finished."""
        for shard in shards:
            reader = self._readers[shard]
            if reader.progress.advance():
                self.stream.passed(self._owner.name, shard, reader.progress.checkpoint)

    def unread(self) -> Iterable[Message]:
        """Yield what the stream still has for this reader."""
        for reader in self._readers.values():
            yield from self.stream.unread(reader.shard, reader.progress.read_to)
