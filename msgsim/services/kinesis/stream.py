"""Kinesis streams as components: they take records, answer reads, and forget what all have read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Message
from msgsim.services.kinesis.limits import THROTTLED, KinesisError
from msgsim.services.kinesis.record_log import StoredRecord
from msgsim.services.kinesis.shards import PutEntry, PutResult, StreamState

UNAVAILABLE = "ServiceUnavailable"
Start = Literal["TRIM_HORIZON", "LATEST"]


class Stream(Component):
    """A Kinesis stream: parallel tapes that many readers read, each at its own pace.

    Writing is a loss system (a shard without tokens refuses the record); reading takes nothing
    away. Records are forgotten when every registered consumer has passed them, or at the end of
    retention.
    """

    kind = "kinesis.stream"
    signals = (
        facts.STORED,
        facts.SHARD_THROTTLED,
        facts.THROTTLED,
        facts.READ_THROTTLED,
        facts.TRIMMED,
    )
    fifo = False

    def __init__(self, sim: Simulation, name: str, state: StreamState) -> None:
        super().__init__(sim, name)
        self.state = state
        self._passed: dict[str, list[int]] = {}

    @property
    def shard_count(self) -> int:
        """How many shards there are."""
        return len(self.state.shards)

    @property
    def retention_ns(self) -> int:
        """How long records are kept."""
        return self.state.retention_ns

    # Writing -------------------------------------------------------------------------------

    def accept(self, message: Message) -> str | None:
        """Take one record (PutRecord)."""
        if self.down:
            return UNAVAILABLE
        now = self.sim.env._now
        try:
            result = self.state.put_record(now, message.key.name, message.size_bytes, message)
        except KinesisError as error:
            return error.code
        return self._tell(now, "PutRecord", message, result)

    def accept_batch(self, messages: Sequence[Message]) -> list[str | None]:
        """Take several records in one call (PutRecords); each is stored or refused on its own."""
        if self.down:
            return [UNAVAILABLE] * len(messages)
        now = self.sim.env._now
        entries = [PutEntry(one.key.name, one.size_bytes, one) for one in messages]
        try:
            results = self.state.put_records(now, entries)
        except KinesisError as error:
            return [error.code] * len(messages)
        return [
            self._tell(now, "PutRecords", message, result)
            for message, result in zip(messages, results, strict=True)
        ]

    def _tell(self, now: int, action: str, message: Message, result: PutResult) -> str | None:
        if result.ok:
            if self.on_stored is not None:
                self.on_stored(now, result.shard_index, message)
            return None
        if self.on_shard_throttled is not None:
            self.on_shard_throttled(now, result.shard_index, message)
        if self.on_throttled is not None:
            self.on_throttled(now, action, 1)
        return result.error

    def shard_of(self, message: Message) -> int:
        """Return the index of the shard that the message's partition key belongs to."""
        return self.state.shard_for(message.key.name).index

    # Reading -------------------------------------------------------------------------------

    def register(self, consumer: str) -> None:
        """Keep records until this consumer has passed them, too."""
        self._passed[consumer] = [0] * self.shard_count

    def position(self, shard: int, where: Start) -> int:
        """GetShardIterator: return where `TRIM_HORIZON` or `LATEST` is now."""
        return self.state.position_for(self.sim.now, shard, where)

    def read(
        self, shard: int, position: int, limit: int
    ) -> tuple[list[StoredRecord], int, str | None]:
        """GetRecords: return records, the next position, and an error code or None."""
        if self.down:
            return [], position, UNAVAILABLE
        now = self.sim.env._now
        found = self.state.get_records(now, shard, position, limit)
        if found.error is not None:
            if found.error == THROTTLED and self.on_read_throttled is not None:
                self.on_read_throttled(now, shard)
            return [], position, found.error
        if found.expired and self.on_trimmed is not None:
            self.on_trimmed(now, shard, found.expired)
        following = found.next_position
        return found.records, position if following is None else following, None

    def passed(self, consumer: str, shard: int, position: int) -> None:
        """Note that a consumer needs nothing before `position`, and forget what nobody needs."""
        passed = self._passed[consumer]
        if position <= passed[shard]:
            return
        passed[shard] = position
        needed = min(each[shard] for each in self._passed.values())
        self.state.release_before(shard, needed)

    def unread(self, shard: int, position: int) -> Iterator[Message]:
        """Yield the messages from `position` on: a consumer's backlog, taking no quota."""
        for record in self.state.shards[shard].log.read_from(position):
            yield record.payload
