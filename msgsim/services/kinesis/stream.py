"""Kinesis streams as components: they take records, answer reads, and forget what all have read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.distributions import Distribution
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.aggregate import Aggregate
from msgsim.model.message import Message
from msgsim.services.kinesis.control import PROVISIONED, Control, ControlRules
from msgsim.services.kinesis.fan_out import Deliver, FanOut, PushRules, Subscription, no_delay
from msgsim.services.kinesis.limits import (
    HOUR_NS,
    INTERNAL,
    INVALID_ARGUMENT,
    THROTTLED,
    KinesisError,
)
from msgsim.services.kinesis.on_demand import Scaler
from msgsim.services.kinesis.readers import Readers
from msgsim.services.kinesis.record_log import StoredRecord
from msgsim.services.kinesis.shards import (
    IteratorType,
    PutEntry,
    PutResult,
    Shard,
    StreamState,
    check_retention,
)

UNAVAILABLE = "ServiceUnavailable"
MOST_WARM_MIBPS = 10_240
_SWEEPS = 1_000  # per retention period; what a reader gets never depends on it, only the memory


class Stream(Component):
    """A Kinesis stream: parallel tapes that many readers read, each at its own pace.

    Writing is a loss system (a shard without tokens refuses the record); reading takes nothing
    away. Records are forgotten when every registered consumer has passed them, or at the end of
    retention.
    """

    kind = "kinesis.stream"
    signals = (
        facts.REQUESTED,
        facts.STORED,
        facts.AGGREGATED,
        facts.SHARD_THROTTLED,
        facts.THROTTLED,
        facts.READ_THROTTLED,
        facts.TRIMMED,
        facts.RESHARDED,
    )
    fifo = False

    def __init__(
        self,
        sim: Simulation,
        name: str,
        state: StreamState,
        *,
        rules: Callable[[], ControlRules] = ControlRules,
        mode: str = PROVISIONED,
        account: list[StreamState] | None = None,
        push_delay: Callable[[], Distribution] = no_delay,
        push_rules: Callable[[], PushRules] = PushRules,
    ) -> None:
        super().__init__(sim, name)
        self.scaler: Scaler | None = None
        self.make_scaler: Callable[[Stream], Scaler] | None = None
        self._fan_out = FanOut(sim, name, push_delay, push_rules)
        self.state = state
        own = [state] if account is None else account
        self.control = Control(sim, state, rules, mode, own, self._resharded)
        self._readers = Readers(state)
        self._sweeper = sim.timer(self._sweep)

    @property
    def shard_count(self) -> int:
        """How many shards there have ever been; each keeps its index."""
        return len(self.state.shards)

    @property
    def open_count(self) -> int:
        """How many shards take records now."""
        return len(self.state.open_shards)

    @property
    def on_demand(self) -> bool:
        """Whether its capacity follows its load now, and is not paid for by the shard."""
        return self.control.mode != PROVISIONED

    def shard_ns(self, now: int) -> int:
        """Return for how long shards have been open until `now`, all shards together."""
        return sum(
            (now if shard.closed_ns is None else shard.closed_ns) - shard.opened_ns
            for shard in self.state.shards
        )

    @property
    def retention_ns(self) -> int:
        """How long records are kept."""
        return self.state.retention_ns

    def start(self) -> None:
        """Wait for the first moment at which a record can be too old."""
        self._sweeper.arm(self.sim.now + self.retention_ns)
        if self.scaler is not None:
            self.scaler.start()

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
        now = self.sim.env._now
        code = UNAVAILABLE if self.down else self._put(now, message)
        if self.on_requested is not None:
            self.on_requested(now, "PutRecord", (message,), code)
        return code

    def _put(self, now: int, message: Message) -> str | None:
        try:
            result = self.state.put_record(
                now, message.key.name, message.size_bytes, message, message.explicit_hash_key
            )
        except KinesisError as error:
            return error.code
        if not result.ok and self.on_throttled is not None:
            self.on_throttled(now, "PutRecord", 1)
        return self._tell(now, message, result)

    def accept_batch(self, messages: Sequence[Message]) -> list[str | None]:
        """Take several records in one call (PutRecords); each is stored or refused on its own."""
        now = self.sim.env._now
        entries = [
            PutEntry(one.key.name, one.size_bytes, one, one.explicit_hash_key) for one in messages
        ]
        code: str | None = UNAVAILABLE if self.down else None
        results: list[PutResult] = []
        if code is None:
            try:
                results = self.state.put_records(now, entries)
            except KinesisError as error:
                code = error.code
        if self.on_requested is not None:
            self.on_requested(now, "PutRecords", messages, code)
        if code is not None:
            return [code] * len(messages)
        refused = sum(not result.ok for result in results)
        if refused and self.on_throttled is not None:
            self.on_throttled(now, "PutRecords", refused)
        return [
            self._tell(now, message, result)
            for message, result in zip(messages, results, strict=True)
        ]

    def _tell(self, now: int, message: Message, result: PutResult) -> str | None:
        """Announce what became of a record; one that was stored wakes who is pushed to."""
        if message.__class__ is Aggregate:
            self._tell_parts(now, message, result)
        elif result.ok:
            if self.on_stored is not None:
                self.on_stored(now, result.shard_index, message)
        elif self.on_shard_throttled is not None:
            self.on_shard_throttled(now, result.shard_index, message)
        if result.ok:
            for wake in self.state.shards[result.shard_index].subscriptions:
                wake()
        return result.error

    def _tell_parts(self, now: int, record: Any, result: PutResult) -> None:
        """Announce what became of a record with several messages in it, for each of them."""
        told = self.on_stored if result.ok else self.on_shard_throttled
        if told is not None:
            for part in record.parts:
                told(now, result.shard_index, part)
        if result.ok and self.on_aggregated is not None:
            self.on_aggregated(now, result.shard_index, len(record.parts), record)

    def put(self, entries: Sequence[PutEntry], single: bool = False) -> list[PutResult]:
        """PutRecord (one entry) or PutRecords with all their parameters.

        Raises:
            KinesisError: the call is refused as a whole.
        """
        if self.down:
            raise KinesisError(INTERNAL, "the service is not available")
        now = self.sim.now
        if single:
            key, size, payload, explicit = entries[0]
            results = [self.state.put_record(now, key, size, payload, explicit)]
        else:
            results = self.state.put_records(now, entries)
        for entry, result in zip(entries, results, strict=True):
            self._tell(now, entry.payload, result)
        return results

    def shard_of(self, message: Message) -> int:
        """Return the index of the shard that the message's key, or its hash key, belongs to."""
        return self.state.shard_for(message.key.name, message.explicit_hash_key).index

    # Shards --------------------------------------------------------------------------------

    def parents(self, shard: int) -> Sequence[int]:
        """Return the shards from which a shard came by a split or a merge."""
        return self.state.shards[shard].parents

    def children(self, shard: int) -> Sequence[int]:
        """Return the shards that came from a shard."""
        return self.state.shards[shard].children

    def beginnings(self, where: str, timestamp_ns: int | None = None) -> tuple[list[int], set[int]]:
        """Return the shards with which a reader begins, and those before its starting position."""
        return self.state.beginnings(self.sim.now, where, timestamp_ns)

    def at_end(self, shard: int, position: int) -> bool:
        """Say whether nothing can follow at a position: the shard is closed, and read so far."""
        found = self.state.shards[shard]
        return not found.open and position >= found.log.end

    def _resharded(self, parents: tuple[int, ...], children: list[Shard]) -> None:
        """Let every consumer wait for the new shards, from their beginning."""
        self._readers.add_shards([child.index for child in children])
        if self.on_resharded is not None:
            self.on_resharded(self.sim.now, parents, tuple(child.index for child in children))
        for parent in parents:
            for notify in tuple(self.state.shards[parent].subscriptions):
                notify()

    # Settings ------------------------------------------------------------------------------

    def update_mode(self, mode: str) -> None:
        """UpdateStreamMode; the number of shards stays what it is.

        Raises:
            KinesisError: AWS refuses the call.
        """
        self.control.update_mode(mode)
        if self.scaler is None and self.make_scaler is not None:
            self.scaler = self.make_scaler(self)
            self.scaler.start()

    def update_warm_throughput(self, mibps: int) -> None:
        """UpdateStreamWarmThroughput: have that write capacity ready, or what there is already.

        Raises:
            KinesisError: AWS refuses the call.
        """
        if not 0 <= mibps <= MOST_WARM_MIBPS:
            message = f"WarmThroughputMiBps must be 0 to {MOST_WARM_MIBPS:,}, got {mibps}"
            raise KinesisError(INVALID_ARGUMENT, message)
        self.control.warm(mibps)

    def update_retention(self, hours: int) -> None:
        """Increase- or DecreaseStreamRetentionPeriod: longer takes minutes, shorter none.

        Raises:
            KinesisError: AWS refuses the call.
        """
        kept_ns = hours * HOUR_NS
        check_retention(kept_ns)
        self.control.check_active("the retention period")
        if kept_ns < self.retention_ns:
            self.state.retention_ns = kept_ns
            self._sweep()
        else:
            self.control.settle_later(lambda: setattr(self.state, "retention_ns", kept_ns))

    # Reading -------------------------------------------------------------------------------

    def register(self, consumer: str) -> None:
        """Keep records until this consumer has passed them, too."""
        self._readers.register(consumer)

    def forget(self, consumer: str) -> None:
        """Keep nothing for a consumer any more, registered for fan-out or not."""
        self._readers.forget(consumer)
        self._fan_out.forget(consumer)

    def begin_at(self, shard: int, position: int, consumer: str) -> None:
        """Note that a consumer begins at a position, where another one stopped."""
        self._readers.begin(consumer, shard, position)

    def position(
        self,
        shard: int,
        where: IteratorType,
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
            self._readers.begin(consumer, shard, found)
        return found

    def read(
        self, shard: int, position: int, limit: int, consumer: str | None = None
    ) -> tuple[list[StoredRecord], int, str | None]:
        """GetRecords: return records, the next position, and an error code or None."""
        now = self.sim.env._now
        if self.down:
            if self.on_requested is not None:
                self.on_requested(now, "GetRecords", (), UNAVAILABLE)
            return [], position, UNAVAILABLE
        found = self.state.get_records(now, shard, position, limit)
        self._announce_missed(shard)
        if self.on_requested is not None:
            self.on_requested(now, "GetRecords", found.records, found.error)
        if found.error is not None:
            if found.error == THROTTLED and self.on_read_throttled is not None:
                self.on_read_throttled(now, shard)
            return [], position, found.error
        following = found.next_position
        if following is None:
            following = self.state.shards[shard].log.end
        if consumer is not None:
            self._readers.has_read(consumer, shard, following)
        return found.records, following, None

    def subscribe(
        self,
        consumer: str,
        shard: int,
        position: int,
        deliver: Deliver,
        room: int,
    ) -> Subscription:
        """SubscribeToShard: push a shard to a registered consumer from a position on."""

        def noted(records: list[StoredRecord], following: int, ended: bool) -> None:
            self._readers.has_read(consumer, shard, following)
            deliver(records, following, ended)

        found = self.state.shards[shard]
        found.log.expire(self.sim.now - self.retention_ns)
        self._announce_missed(shard)
        return self._fan_out.subscribe(
            consumer, found, position, noted, lambda: not self.down, room
        )

    def register_fan_out(self, consumer: str) -> None:
        """RegisterStreamConsumer: give a consumer its own 2 MiB/s of every shard."""
        self._fan_out.register(consumer)

    def passed(self, consumer: str, shard: int, position: int) -> None:
        """Note that a consumer needs nothing before `position`, and forget what nobody needs."""
        self._readers.passed(consumer, shard, position)

    def _sweep(self) -> None:
        """Drop what is too old, even where nobody reads."""
        self.state.expire(self.sim.now)
        for shard in range(self.shard_count):
            self._announce_missed(shard)
        self._sweeper.arm(self.sim.now + self.retention_ns // _SWEEPS)

    def _announce_missed(self, shard: int) -> None:
        for consumer, missed in self._readers.missed(shard):
            if self.on_trimmed is not None:
                self.on_trimmed(self.sim.now, shard, missed, consumer)

    def unread(self, shard: int, position: int) -> Iterator[Message]:
        """Yield the messages from `position` on: a consumer's backlog, taking no quota."""
        for record in self.state.shards[shard].log.read_from(position):
            yield record.payload
