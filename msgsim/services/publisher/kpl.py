"""A publisher with the Kinesis Producer Library: aggregation, collection, its own rate limit.

Messages for one shard are put together in one record (aggregation), records for all shards in one
PutRecords call (collection). What is throttled is sent again without back-off until it is too old.
In queueing words: batch service in two stages, in front of a loss system that is retried.
Sources: Kinesis Producer Library 1.0.7, default_config.properties and its aggregation format;
Streams Developer Guide, kinesis-producer-adv-retries-rate-limiting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from msgsim.kernel.simulation import Simulation
from msgsim.kernel.waiting import TokenBucket
from msgsim.model.aggregate import Aggregate
from msgsim.model.message import Message
from msgsim.services.publisher.arrivals import Arrival
from msgsim.services.publisher.minting import Mint
from msgsim.services.publisher.publisher import Client, Publisher, _Call
from msgsim.services.publisher.retry import RETRYABLE

EXPIRED = "RecordTtl"


@dataclass(frozen=True, slots=True)
class LibraryRules:
    """The library's configuration.

    Attributes:
        buffered_ns: RecordMaxBufferedTime, how long a message waits for others.
        ttl_ns: RecordTtl, how old one may become before it is given up.
        aggregate_bytes, aggregate_count: most in one record; a count of 1 turns aggregation off.
        collect_bytes, collect_count: most in one PutRecords call.
        records_per_s, bytes_per_s: the library's own limit for each shard (RateLimit).
        drain_ns: how often what waits for that limit is looked at.
        header_bytes, part_bytes: what aggregation adds to a record, and to each message in it.
    """

    buffered_ns: int
    ttl_ns: int
    aggregate_bytes: int
    aggregate_count: int
    collect_bytes: int
    collect_count: int
    records_per_s: int
    bytes_per_s: int
    drain_ns: int
    header_bytes: int
    part_bytes: int


class LibraryPublisher(Publisher):
    """A workload whose client is the Kinesis Producer Library.

    Args:
        rules: its configuration; the others are those of a publisher.

    Attributes:
        aggregates: its messages travel as parts of records, which are announced by themselves.
    """

    def __init__(
        self,
        sim: Simulation,
        name: str,
        arrivals: Iterator[Arrival],
        mint: Mint,
        client: Client,
        notes: tuple[str, ...],
        rules: LibraryRules,
    ) -> None:
        super().__init__(sim, name, arrivals, mint, client, notes)
        self.aggregates = True
        self._rules = rules
        self._filling: dict[int, Aggregate] = {}
        self._ready: list[Aggregate] = []
        self._held: dict[int, deque[Aggregate]] = {}
        self._drain_alarm = sim.timer(self._drain)
        self._limits: dict[int, tuple[TokenBucket, TokenBucket]] = {}

    # Aggregation ---------------------------------------------------------------------------

    def _collect(self, now: int, message: Message) -> None:
        """Put a message into the record that is being filled for its shard."""
        target: Any = self.target
        shard = target.shard_of(message)
        rules = self._rules
        adds = message.size_bytes + len(message.key.name.encode()) + rules.part_bytes
        filling = self._filling.get(shard)
        if filling is not None and filling.size_bytes + adds > rules.aggregate_bytes:
            self._ready.append(self._filling.pop(shard))
            filling = None
        deadline_ns = now + rules.buffered_ns
        if filling is not None:
            filling.add(message, adds)
        elif rules.aggregate_count == 1 or adds > rules.aggregate_bytes:
            self._ready.append(Aggregate([message], shard, message.size_bytes, deadline_ns))
        else:
            filling = Aggregate([message], shard, rules.header_bytes + adds, deadline_ns)
            self._filling[shard] = filling
        if filling is not None and len(filling.parts) >= rules.aggregate_count:
            self._ready.append(self._filling.pop(shard))
        if len(self._ready) >= rules.collect_count:
            self._send_open()
        else:
            self._arm(deadline_ns)

    def _arm(self, deadline_ns: int) -> None:
        due = self._batch_alarm.due
        if due is None or deadline_ns < due:
            self._batch_alarm.arm(deadline_ns)

    # Collection ----------------------------------------------------------------------------

    def _send_open(self) -> None:
        """Send what has to go, with all that is ready beside it; the limit holds some back."""
        now = self.sim.now
        self._batch_alarm.cancel()
        for shard in [s for s, each in self._filling.items() if each.deadline_ns <= now]:
            self._ready.append(self._filling.pop(shard))
        ready, self._ready = self._ready, []
        passed = []
        for record in ready:
            held = self._held.get(record.shard)
            if held or not self._within_limit(now, record):
                self._hold(record)
            else:
                passed.append(record)
        if self._filling:
            self._arm(min(each.deadline_ns for each in self._filling.values()))
        self._send(passed)

    def _hold(self, record: Aggregate) -> None:
        """Let a record wait for the library's own limit."""
        self._held.setdefault(record.shard, deque()).append(record)
        if self._drain_alarm.due is None:
            self._drain_alarm.arm(self.sim.now + self._rules.drain_ns)

    def _drain(self) -> None:
        """Send what the limit allows now, and give up what has become too old."""
        now, ttl_ns = self.sim.now, self._rules.ttl_ns
        passed = []
        for held in self._held.values():
            while held:
                if now - held[0].born_ns >= ttl_ns:
                    self._give_up(now, held.popleft(), EXPIRED)
                elif self._within_limit(now, held[0]):
                    passed.append(held.popleft())
                else:
                    break
        if any(self._held.values()):
            self._drain_alarm.arm(now + self._rules.drain_ns)
        self._send(passed)

    def _send(self, records: list[Aggregate]) -> None:
        """Send records in as few calls as their number and size allow."""
        rules = self._rules
        batch: list[Message] = []
        size = 0
        for record in records:
            full = len(batch) == rules.collect_count
            if full or (batch and size + record.size_bytes > rules.collect_bytes):
                self._begin(_Call(batch))
                batch, size = [], 0
            batch.append(record)
            size += record.size_bytes
        if batch:
            self._begin(_Call(batch))

    def _within_limit(self, now: int, record: Aggregate) -> bool:
        """Take the library's own tokens for a shard, or none of them."""
        rules = self._rules
        buckets = self._limits.get(record.shard)
        if buckets is None:
            buckets = (
                TokenBucket(rules.records_per_s, rules.records_per_s, now),
                TokenBucket(rules.bytes_per_s, rules.bytes_per_s, now),
            )
            self._limits[record.shard] = buckets
        records, size = buckets
        if not records.take(now):
            return False
        if size.take(now, record.size_bytes):
            return True
        records.put_back()
        return False

    # Answers -------------------------------------------------------------------------------

    def _placed(self, call: _Call, codes: list[str | None]) -> None:
        for record, code in zip(_records(call.messages), codes, strict=True):
            record.kept = record.kept or code is None

    def _settle(self, call: _Call, codes: list[str | None]) -> None:
        """Send again what was throttled or not answered, without back-off."""
        now, rules = self.sim.now, self._rules
        self._calls.pop(call, None)
        for record, code in zip(_records(call.messages), codes, strict=True):
            if code is None:
                continue
            left_ns = record.born_ns + rules.ttl_ns - now
            if code not in RETRYABLE:
                self._give_up(now, record, code)
            elif left_ns <= 0:
                self._give_up(now, record, EXPIRED)
            else:
                record.deadline_ns = now + min(rules.buffered_ns // 2, left_ns)
                self._tell_retried([record])
                self._ready.append(record)
                self._arm(record.deadline_ns)

    def _tell_retried(self, messages: list[Message]) -> None:
        now = self.sim.now
        for record in _records(messages):
            record.tries += 1
            for part in record.parts:
                part.tries += 1
                if self.on_retried is not None:
                    self.on_retried(now, part)

    def _give_up(self, now: int, record: Aggregate, code: str) -> None:
        if self.on_refused is not None and not record.kept:
            for part in record.parts:
                self.on_refused(now, part, code)

    def holds(self) -> Iterable[tuple[str, Any]]:
        """Yield the messages that wait in the library, or for an answer."""
        waiting = [*self._filling.values(), *self._ready]
        for held in self._held.values():
            waiting += held
        for call in self._calls:
            waiting += _records(call.messages)
        for record in waiting:
            if not record.kept:
                yield from (("in_transit", part) for part in record.parts)


def _records(messages: Sequence[Message]) -> list[Aggregate]:
    """Return the messages of a call as what they are here."""
    return [message for message in messages if isinstance(message, Aggregate)]
