"""Reading a Kinesis stream for a delivery stream: one reader per shard, from LATEST on.

Source: Firehose Developer Guide, writing-with-kinesis-streams.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Timer
from msgsim.model.lineage import ParentsFirst
from msgsim.model.message import Copy, Message
from msgsim.model.streams import Progress, Stream
from msgsim.services.firehose.buffer import Record


class _Reader:
    """One shard: how far it is read, how much of it is held, whether it has ended."""

    __slots__ = ("ended", "held_bytes", "progress", "shard", "timer")

    def __init__(self, shard: int, position: int) -> None:
        self.shard = shard
        self.progress: Progress[Record] = Progress(position)
        self.held_bytes = 0
        self.ended = False
        self.timer: Timer


class Source:
    """Polls every shard at a fixed period and hands records to the delivery stream.

    The children of a shard that was split or merged are read when it has been read to its end.
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
        self._order = ParentsFirst(stream, ())
        stream.register(owner.name)

    def start(self) -> None:
        """Take the position LATEST in every open shard, and begin to read."""
        begun, skipped = self.stream.beginnings("LATEST")
        self._order = ParentsFirst(self.stream, begun, skipped)
        for shard in begun:
            self._follow(shard, "LATEST")

    def _follow(self, shard: int, where: str) -> None:
        reader = _Reader(shard, self.stream.position(shard, where, self._owner.name))
        reader.timer = self._sim.timer(partial(self._read, reader))
        reader.timer.arm(self._sim.now + self._offset.at(shard))
        self._readers[shard] = reader

    def _end_of_shard(self, reader: _Reader) -> bool:
        """Turn to the children of a closed shard that has been read to its end."""
        if not self.stream.at_end(reader.shard, reader.progress.read_to):
            return False
        if not reader.ended:
            reader.ended = True
            for child in self._order.finish(reader.shard):
                self._follow(child, "TRIM_HORIZON")
        return True

    def _read(self, reader: _Reader) -> None:
        now = self._sim.now
        if self._end_of_shard(reader):
            return
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
        self._end_of_shard(reader)

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
        for shard in self._order.to_come():
            yield from self.stream.unread(shard, 0)
