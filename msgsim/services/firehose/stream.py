"""A delivery stream as a component: it takes records, buffers, transforms and delivers them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Copy, Delivery, Message
from msgsim.services.firehose.buffer import WAITING, Record
from msgsim.services.firehose.lines import Lines, Partitions
from msgsim.services.firehose.partitions import LIMIT_EXCEEDED, NO_KEY, PartitionOf
from msgsim.services.firehose.quota import PutQuota
from msgsim.services.firehose.reading import Source
from msgsim.services.firehose.sending import Writer
from msgsim.services.firehose.transforming import Transformer

UNAVAILABLE = "ServiceUnavailable"
THROTTLED = "ServiceUnavailableException"
INVALID_ARGUMENT = "InvalidArgumentException"
INVALID_SOURCE = "InvalidSourceException"


@dataclass(frozen=True, slots=True)
class PutLimits:
    """How large a call may be. Source: Firehose API Reference, PutRecordBatch; limits.html.

    Attributes:
        record_bytes: one record, before base64.
        entries: records of one PutRecordBatch.
        batch_bytes: the data of one PutRecordBatch.
    """

    record_bytes: int
    entries: int
    batch_bytes: int


class DeliveryStream(Component):
    """An Amazon Data Firehose stream: a bulk server with a size and a time-out.

    Records gather in a buffer per shard of the source (per partition with dynamic partitioning),
    and go to the destination together. A message is done when the destination has it; what cannot
    be transformed or delivered ends in the error output.

    Attributes:
        lines: the buffers, and what was cut from them.
        place: the sort of the destination, as metrics call it.
        delimiter_bytes: what `AppendDelimiterToRecord` adds to each record.
        errors: writes what failed into S3.
        copies: writes a copy of everything into S3's backup; None without one.
        transformer: the function in between, or None.
        source: the stream that is read, or None with Direct PUT.
        partition_of: the partition of a message; None without dynamic partitioning.
    """

    kind = "firehose.delivery_stream"
    fifo = False
    signals = (
        facts.INGESTED,
        facts.THROTTLED,
        facts.TAKEN,
        facts.COMPLETED,
        facts.TRANSFORMED,
        facts.BATCH_DELIVERED,
        facts.DELIVERY_FAILED,
        facts.ERROR_OUTPUT,
        facts.FILTERED,
        facts.EXPIRED,
        facts.PARTITIONS,
    )

    lines: Lines
    errors: Writer

    def __init__(self, sim: Simulation, name: str, quota: PutQuota, limits: PutLimits) -> None:
        super().__init__(sim, name)
        self.quota = quota
        self.limits = limits
        self.place = ""
        self.delimiter_bytes = 0
        self.copies: Writer | None = None
        self.transformer: Transformer | None = None
        self.source: Source | None = None
        self.partition_of: PartitionOf | None = None
        self._held: dict[Record, None] = {}

    def start(self) -> None:
        """Begin to read the source, if there is one."""
        if self.source is not None:
            self.source.start()

    def oldest_ns(self) -> int | None:
        """Return when the oldest record in Firehose came in; None without records."""
        return min((record.taken_ns for record in self._held), default=None)

    def oldest_copy_ns(self) -> int | None:
        """Return when the oldest record came in that the backup lacks; None without such."""
        return self.copies.oldest_ns() if self.copies is not None else None

    def holds(self) -> Iterable[tuple[str, Any]]:
        """Yield every record that is not finished, and what the source still has."""
        for record in self._held:
            yield record.state, record.copy
        if self.source is not None:
            yield from ((WAITING, message) for message in self.source.unread())

    # Putting -------------------------------------------------------------------------------

    def accept(self, message: Message) -> str | None:
        """Take one record (PutRecord)."""
        refusal = self._refusal(message)
        if refusal is not None:
            return refusal
        now = self.sim.env._now
        quota = self.quota
        if quota.take_request(now) and quota.take_record(now, message.size_bytes):
            self._put(now, message)
            return None
        if self.on_throttled is not None:
            self.on_throttled(now, "PutRecord", 1)
        return THROTTLED

    def accept_batch(self, messages: Sequence[Message]) -> list[str | None]:
        """Take several records in one call (PutRecordBatch); each is taken or refused alone."""
        refusal = self._refusal_of_all(messages)
        if refusal is not None:
            return [refusal] * len(messages)
        now = self.sim.env._now
        quota = self.quota
        if not quota.take_request(now):
            codes: list[str | None] = [THROTTLED] * len(messages)
        else:
            codes = [
                None if quota.take_record(now, message.size_bytes) else THROTTLED
                for message in messages
            ]
        for message, code in zip(messages, codes, strict=True):
            if code is None:
                self._put(now, message)
        throttled = sum(code is not None for code in codes)
        if throttled and self.on_throttled is not None:
            self.on_throttled(now, "PutRecordBatch", throttled)
        return codes

    def _refusal(self, message: Message) -> str | None:
        if self.down:
            return UNAVAILABLE
        if self.source is not None:
            return INVALID_SOURCE
        return INVALID_ARGUMENT if message.size_bytes > self.limits.record_bytes else None

    def _refusal_of_all(self, messages: Sequence[Message]) -> str | None:
        limits = self.limits
        if len(messages) > limits.entries or (
            sum(message.size_bytes for message in messages) > limits.batch_bytes
        ):
            return UNAVAILABLE if self.down else INVALID_ARGUMENT
        refusals = (self._refusal(message) for message in messages)
        return next((refusal for refusal in refusals if refusal is not None), None)

    def _put(self, now: int, message: Message) -> None:
        self.take(Record(Copy(message, now), now))

    # On the way ----------------------------------------------------------------------------

    def take(self, record: Record) -> None:
        """Begin with a record, from a call or from the source."""
        self._held[record] = None
        if self.on_ingested is not None:
            self.on_ingested(self.sim.env._now, record.copy)
        if self.copies is not None:
            self.copies.put(record)
        record.size_bytes += self.delimiter_bytes
        if self.transformer is not None:
            self.transformer.add(record)
        else:
            self.gather(record)

    def gather(self, record: Record) -> None:
        """Put a record into its buffer."""
        lines = self.lines
        if self.partition_of is None:
            lines.add(record.shard, record)
            return
        assert isinstance(lines, Partitions)
        partition = self.partition_of(record.copy.message)
        if partition is None:
            self.give_up([record], NO_KEY)
        elif lines.admits(partition):
            lines.add(partition, record)
        else:
            self.give_up([record], LIMIT_EXCEEDED)

    def give_up(self, records: Iterable[Record], reason: str) -> None:
        """Send records to the error output; each is over when it is there."""
        for record in records:
            record.reason = reason
            record.state = WAITING
            self.errors.put(record)

    # The end -------------------------------------------------------------------------------

    def taken(self, deliveries: list[Delivery]) -> None:
        """Announce that records leave the buffer for the destination."""
        if self.on_taken is not None:
            self.on_taken(self.sim.now, deliveries)

    def kept(self, deliveries: list[Delivery]) -> None:
        """The destination has the data, whether Firehose hears of it or not."""
        now = self.sim.now
        heard = self.on_completed
        for delivery in deliveries:
            copy = delivery.copy
            if not copy.gone:
                copy.completions += 1
                if heard is not None:
                    heard(now, delivery)

    def failed(self, records: list[Record]) -> None:
        """The error output has these records."""
        now = self.sim.now
        for record in records:
            record.copy.gone = True
            if self.on_error_output is not None:
                self.on_error_output(now, record.copy, record.reason)
        self.finish(records)

    def drop(self, records: list[Record]) -> None:
        """The transformation wants nothing more of these records."""
        now = self.sim.now
        for record in records:
            record.copy.gone = True
            if self.on_filtered is not None:
                self.on_filtered(now, record.copy.message)
        self.finish(records)

    def expire(self, record: Record) -> None:
        """A record cannot be held any longer, and is lost."""
        record.copy.gone = True
        if self.on_expired is not None:
            self.on_expired(self.sim.now, record.copy)

    def finish(self, records: Iterable[Record]) -> None:
        """Let go of records."""
        shards: dict[int, None] = {}
        source = self.source
        for record in records:
            if self._held.pop(record, self) is None:
                record.done = True
                if source is not None:
                    source.finished(record)
                    shards[record.shard] = None
        if source is not None:
            source.advance(shards)
