"""Sending batches to a place: tries, time-outs, pauses, giving up, and the hold of Firehose."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Delivery
from msgsim.services.firehose.buffer import IN_FLIGHT, Batch, Buffer, Record
from msgsim.services.firehose.destination import Destination

TIMED_OUT = "Timeout"
REJECTED = "400"
Then = Callable[[Batch, str | None], Any]


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How long a batch is tried again.

    Attributes:
        duration_ns: `RetryOptions.DurationInSeconds`; None for as long as records may be held.
        from_first_attempt: whether the duration includes the first attempt (OpenSearch, Redshift)
            or counts pauses after the first failure only, without the waits for an acknowledgment
            (Splunk, HTTP endpoints).
        timeout_ns: how long an answer is waited for.
        first_pause_ns: pause after the first failure; it doubles.
        longest_pause_ns: where doubling ends.
    """

    duration_ns: int | None
    from_first_attempt: bool
    timeout_ns: int
    first_pause_ns: int
    longest_pause_ns: int

    def pause_ns(self, now: int, batch: Batch) -> int | None:
        """Return how long to wait before the next try of a batch, or None to give it up."""
        pause = min(self.first_pause_ns << min(batch.attempts - 1, 40), self.longest_pause_ns)
        if self.duration_ns is None:
            return pause
        spent = now - batch.tried_ns if self.from_first_attempt else batch.spent_ns
        if spent + pause > self.duration_ns:
            return None
        batch.spent_ns += pause
        return pause


class Owner(Protocol):
    """The delivery stream, as those who send for it see it."""

    sim: Simulation
    down: bool
    slowness: float
    on_batch_delivered: Callable[..., Any] | None
    on_batch_failed: Callable[..., Any] | None

    def kept(self, deliveries: list[Delivery]) -> None:
        """The destination has the data."""

    def taken(self, deliveries: list[Delivery]) -> None:
        """Records leave the buffer for the destination."""

    def finish(self, records: Iterable[Record]) -> None:
        """Nothing more will be done with these records."""

    def expire(self, record: Record) -> None:
        """A record cannot be held any longer."""


class Sender:
    """Brings batches to one place.

    Args:
        owner: the delivery stream.
        place: the place's name in metrics: `S3`, `Redshift`, `Backup` …
        destination: the receiver.
        rule: how long it tries.
        hold_ns: the age at which a record cannot be held any longer.
        judged: whether arriving there is what the message was meant for.
        owns: whether records end here when they are held too long; copies for a backup do not.
        least_ns_per_byte: the highest throughput of one partition, as time per byte.

    Attributes:
        aside: told how records ended that the destination rejected while it took the rest of
            their batch; they are tried again without holding the next batch up.
    """

    def __init__(
        self,
        owner: Owner,
        place: str,
        destination: Destination,
        rule: RetryRule,
        hold_ns: int,
        *,
        judged: bool,
        owns: bool = True,
        least_ns_per_byte: float = 0.0,
    ) -> None:
        self._owner = owner
        self._sim = owner.sim
        self.place = place
        self._destination = destination
        self._rule = rule
        self._hold_ns = hold_ns
        self._judged = judged
        self._owns = owns
        self._least = least_ns_per_byte
        self.aside: Then = _ignored

    def send(self, batch: Batch, then: Then) -> None:
        """Try a batch now; `then(batch, code)` follows, with None when nothing is left of it."""
        now = self._sim.now
        self._drop_old(now, batch)
        if not batch.records:
            then(batch, None)
            return
        if self._owner.down:
            self._sim.after(self._rule.longest_pause_ns, self.send, batch, then)
            return
        batch.attempts += 1
        if batch.tried_ns < 0:
            batch.tried_ns = now
        self._try(now, batch, then)

    def _try(self, now: int, batch: Batch, then: Then) -> None:
        number, size = batch.records[0].copy.message.number, batch.size_bytes
        answer = self._destination.request(number, batch.attempts, size)
        time_ns = answer.time_ns
        if time_ns is not None:
            time_ns = round(max(time_ns * self._owner.slowness, size * self._least))
        rejects = self._destination.rejects
        rejected = [one for one in batch.records if rejects(one.copy.message.number)]
        deliveries = self._hand_over(now, batch, rejected) if self._judged else []
        if time_ns is not None and answer.code is None and deliveries:
            self._sim.after(time_ns, self._owner.kept, deliveries)
        timeout_ns = self._rule.timeout_ns
        if time_ns is None or not answer.acknowledged or time_ns > timeout_ns:
            self._sim.after(timeout_ns, self._failed, batch, then, TIMED_OUT)
        elif answer.code is not None:
            self._sim.after(time_ns, self._failed, batch, then, answer.code)
        else:
            self._sim.after(time_ns, self._arrived, batch, then, rejected)

    def _hand_over(self, now: int, batch: Batch, rejected: list[Record]) -> list[Delivery]:
        deliveries = []
        for record in batch.records:
            copy = record.copy
            copy.starts += 1
            copy.receives += 1
            if copy.first_received_ns < 0:
                copy.first_received_ns = now
            deliveries.append(Delivery(copy, batch.attempts, now))
        if batch.attempts == 1:
            self._owner.taken(deliveries)
        if not rejected:
            return deliveries
        never = {id(record.copy) for record in rejected}
        return [delivery for delivery in deliveries if id(delivery.copy) not in never]

    def _drop_old(self, now: int, batch: Batch) -> None:
        old = [one for one in batch.records if now - one.copy.arrived_ns >= self._hold_ns]
        if not old:
            return
        gone = set(map(id, old))
        batch.records = [one for one in batch.records if id(one) not in gone]
        if self._owns:
            for record in old:
                self._owner.expire(record)
            self._owner.finish(old)

    def _arrived(self, batch: Batch, then: Then, rejected: list[Record]) -> None:
        owner = self._owner
        never = set(map(id, rejected))
        arrived = [one for one in batch.records if id(one) not in never] if never else batch.records
        if arrived:
            if owner.on_batch_delivered is not None:
                size = sum(one.size_bytes for one in arrived)
                oldest_ns = min(one.taken_ns for one in arrived)
                owner.on_batch_delivered(self._sim.now, self.place, len(arrived), size, oldest_ns)
            if self._judged:
                owner.finish(arrived)
        if rejected:
            rest = Batch(rejected)
            rest.attempts, rest.tried_ns = batch.attempts, batch.tried_ns
            rest.spent_ns = batch.spent_ns
            self._failed(rest, self.aside, REJECTED)
        then(batch, None)

    def _failed(self, batch: Batch, then: Then, code: str) -> None:
        now = self._sim.now
        if self._owner.on_batch_failed is not None:
            self._owner.on_batch_failed(now, self.place, code)
        pause = self._rule.pause_ns(now, batch)
        if pause is None:
            then(batch, code)
        else:
            self._sim.after(pause, self.send, batch, then)


def _ignored(batch: Batch, code: str | None) -> None:
    """Nobody asked how rejected records end."""


class Writer:
    """Gathers records for an S3 prefix of their own (errors, backups) and writes them there.

    Args:
        sender: brings the objects to the bucket.
        size_bytes: `SizeInMBs` of the prefix.
        interval_ns: its `IntervalInSeconds`.
        written: called with the records of each object that has arrived.
        owns: whether the records end here, or are copies for a backup.
    """

    def __init__(
        self,
        sender: Sender,
        sim: Simulation,
        size_bytes: int,
        interval_ns: int,
        written: Callable[[list[Record]], Any],
        owns: bool = True,
    ) -> None:
        self._owns = owns
        self._sender = sender
        self._sim = sim
        self._size_bytes = size_bytes
        self._interval_ns = interval_ns
        self._written = written
        self._buffer = Buffer()
        self._sending: dict[Batch, None] = {}
        self._timer = sim.timer(self._time_out)

    def oldest_ns(self) -> int | None:
        """Return when the oldest record came to Firehose that is not written yet; None for none."""
        waiting = [record for batch in self._sending for record in batch.records]
        waiting += self._buffer.records
        return min((record.taken_ns for record in waiting), default=None)

    def put(self, record: Record) -> None:
        """Add a record."""
        now = self._sim.now
        for records in self._buffer.add(now, record, self._size_bytes):
            self._write(records)
        if len(self._buffer):
            self._timer.arm(self._buffer.began_ns + self._interval_ns)
        else:
            self._timer.cancel()

    def _time_out(self) -> None:
        self._write(self._buffer.take())

    def _write(self, records: list[Record]) -> None:
        if self._owns:
            for record in records:
                record.state = IN_FLIGHT
        batch = Batch(records)
        self._sending[batch] = None
        self._sender.send(batch, partial(self._sent, records))

    def _sent(self, records: list[Record], batch: Batch, code: str | None) -> None:
        del self._sending[batch]
        self._written([record for record in records if not record.done])
