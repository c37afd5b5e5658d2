"""Kinesis streams as components: they take records, answer reads, and forget what all have read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Message
from msgsim.services.kinesis.limits import THROTTLED, KinesisError
from msgsim.services.kinesis.record_log import StoredRecord
from msgsim.services.kinesis.shards import PutEntry, PutResult, StreamState

UNAVAILABLE = "ServiceUnavailable"
Start = Literal["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]
_SWEEPS = 1_000  # per retention period; what a reader gets never depends on it, only the memory


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
        self._read_to: dict[str, dict[int, int]] = {}
        self._sweeper = sim.timer(self._sweep)

    @property
    def shard_count(self) -> int:
        """How many shards there are."""
        return len(self.state.shards)

    @property
    def retention_ns(self) -> int:
        """How long records are kept."""
        return self.state.retention_ns

    def start(self) -> None:
        """Wait for the first moment at which a record can be too old."""
        self._sweeper.arm(self.sim.now + self.retention_ns)

    def oldest_ns(self) -> int | None:
        """Return when the oldest record kept arrived, read or not; None without records."""
        return self.state.oldest_ns()

    def holds(self) -> Iterable[tuple[str, Any]]:
        """Yield nothing: a stream keeps records for its readers, and each accounts for its own.

        A record that one consumer has finished still waits for another, so that it has a state
        only as seen by a consumer (see `unread`).
        """
        return ()

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
        if not result.ok and self.on_throttled is not None:
            self.on_throttled(now, "PutRecord", 1)
        return self._tell(now, message, result)

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
        refused = sum(not result.ok for result in results)
        if refused and self.on_throttled is not None:
            self.on_throttled(now, "PutRecords", refused)
        return [
            self._tell(now, message, result)
            for message, result in zip(messages, results, strict=True)
        ]

    def _tell(self, now: int, message: Message, result: PutResult) -> str | None:
        if result.ok:
            if self.on_stored is not None:
                self.on_stored(now, result.shard_index, message)
            return None
        if self.on_shard_throttled is not None:
            self.on_shard_throttled(now, result.shard_index, message)
        return result.error

    def shard_of(self, message: Message) -> int:
        """Return the index of the shard that the message's partition key belongs to."""
        return self.state.shard_for(message.key.name).index

    # Shards --------------------------------------------------------------------------------

    def parents(self, shard: int) -> Sequence[int]:
        """Return the shards from which a shard came: none, their number is fixed."""
        return ()

    def children(self, shard: int) -> Sequence[int]:
        """Return the shards that came from a shard: none, their number is fixed."""
        return ()

    def beginnings(self, where: str, timestamp_ns: int | None = None) -> tuple[list[int], set[int]]:
        """Return the shards with which a reader begins, and those before its starting position."""
        return list(range(self.shard_count)), set()

    def at_end(self, shard: int, position: int) -> bool:
        """Say whether nothing can follow at a position: never, shards stay open."""
        return False

    # Reading -------------------------------------------------------------------------------

    def register(self, consumer: str) -> None:
        """Keep records until this consumer has passed them, too."""
        self._passed[consumer] = [0] * self.shard_count

    def position(
        self,
        shard: int,
        where: Start,
        consumer: str | None = None,
        timestamp_ns: int | None = None,
    ) -> int:
        """GetShardIterator: return the position of a starting point; `AT_TIMESTAMP` takes a time.

        A consumer that gives its name here and to `read` begins there, and what it has not read
        is announced as trimmed when it expires, not only when the consumer comes to read it.
        """
        found = self.state.position_for(self.sim.now, shard, where, timestamp_ns=timestamp_ns)
        self._announce_missed(shard)
        if consumer is not None:
            self._read_to.setdefault(consumer, {})[shard] = found
        return found

    def read(
        self, shard: int, position: int, limit: int, consumer: str | None = None
    ) -> tuple[list[StoredRecord], int, str | None]:
        """GetRecords: return records, the next position, and an error code or None."""
        if self.down:
            return [], position, UNAVAILABLE
        now = self.sim.env._now
        found = self.state.get_records(now, shard, position, limit)
        self._announce_missed(shard)
        if found.error is not None:
            if found.error == THROTTLED and self.on_read_throttled is not None:
                self.on_read_throttled(now, shard)
            return [], position, found.error
        following = position if found.next_position is None else found.next_position
        if consumer is not None:
            self._read_to[consumer][shard] = following
        return found.records, following, None

    def passed(self, consumer: str, shard: int, position: int) -> None:
        """Note that a consumer needs nothing before `position`, and forget what nobody needs."""
        passed = self._passed[consumer]
        if position <= passed[shard]:
            return
        passed[shard] = position
        needed = min(each[shard] for each in self._passed.values())
        self.state.release_before(shard, needed)

    def _sweep(self) -> None:
        """Drop what is too old, even where nobody reads."""
        self.state.expire(self.sim.now)
        for shard in range(self.shard_count):
            self._announce_missed(shard)
        self._sweeper.arm(self.sim.now + self.retention_ns // _SWEEPS)

    def _announce_missed(self, shard: int) -> None:
        first = self.state.shards[shard].log.first
        for consumer, read_to in self._read_to.items():
            missed = first - read_to.get(shard, first)
            if missed > 0:
                read_to[shard] = first
                if self.on_trimmed is not None:
                    self.on_trimmed(self.sim.now, shard, missed, consumer)

    def unread(self, shard: int, position: int) -> Iterator[Message]:
        """Yield the messages from `position` on: a consumer's backlog, taking no quota."""
        for record in self.state.shards[shard].log.read_from(position):
            yield record.payload
