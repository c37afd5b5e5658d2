"""A consumer application: a record processor for each shard, parents before children."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.failing import Fails
from msgsim.model.lineage import ParentsFirst
from msgsim.model.message import Copy, Delivery
from msgsim.model.streams import PushingStream, Record
from msgsim.services.kinesis_consumer.fetching import Fetching
from msgsim.services.kinesis_consumer.reading import Lease, Processor

SKIPPED = "the batch was skipped: its processor raised"
EXPIRED = "expired in the stream"


@dataclass(frozen=True, slots=True)
class Handling:
    """How batches are worked.

    Attributes:
        time: how long a batch takes, whatever its size (ns).
        time_per_record: what each record adds (ns); None for nothing.
        fails: which attempts at a record raise; None when none ever does.
        checkpoint_ns: least time between two checkpoints; 0 for one after every batch.
    """

    time: Sampler[int]
    time_per_record: Sampler[int] | None
    fails: Fails | None = None
    checkpoint_ns: int = 0


class Consumer(Component):
    """A Kinesis consumer application: one server per shard, which fetches its own batches.

    Without `workers` every shard has a worker that never dies. With them, workers hold
    the shards, and a processor begins where the last checkpoint of its shard is.

    Args:
        start_at: `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`.
        timestamp_ns: for the latter.
        registered: whether it is a registered consumer, to which shards are pushed.
        from_ns: when it begins to read.
        handling: how batches are worked.

    Attributes:
        fetching: how records come.
        workers: the workers and their lease table, where there are any (see `leases`).
        keeps: whether copies are kept until they are checkpointed, because workers can die.
    """

    kind = "kinesis.consumer"
    signals = (
        facts.FILTERED,
        facts.TAKEN,
        facts.COMPLETED,
        facts.FAILED,
        facts.DROPPED,
        facts.STARTED,
        facts.ENDED,
        facts.CRASHED,
        facts.ITERATOR_AGE,
        facts.PUSHED,
    )
    stream: PushingStream
    fetching: Fetching

    def __init__(
        self,
        sim: Simulation,
        name: str,
        *,
        start_at: str,
        timestamp_ns: int | None,
        handling: Handling,
        registered: bool = False,
        from_ns: int = 0,
    ) -> None:
        super().__init__(sim, name)
        self.leases: list[Lease] = []
        self.keeps = False
        self.workers: Any = None
        self.on_lease: Callable[[Lease], Any] = self.begin
        self._start_at = start_at
        self._timestamp_ns = timestamp_ns
        self._handling = handling
        self._registered = registered
        self._from_ns = from_ns
        self._order: ParentsFirst | None = None

    @property
    def concurrency_limit(self) -> int:
        """How many batches can be worked on at once: one for each open shard."""
        return self.stream.open_count

    @property
    def fan_out(self) -> bool:
        """Whether it is registered, and records are pushed to it (enhanced fan-out)."""
        return self._registered

    def follow(self, stream: PushingStream) -> None:
        """Say which stream it reads."""
        self.stream = stream
        stream.register(self.name)
        if self._registered:
            stream.register_fan_out(self.name)

    def start(self) -> None:
        """Begin to read, now or later; what expires until then is announced for it, too."""
        if self._from_ns <= self.sim.now:
            self._start_reading()
            return
        for shard in self.stream.beginnings("TRIM_HORIZON")[0]:
            self.stream.position(shard, "TRIM_HORIZON", self.name)
        self.sim.at(self._from_ns, self._start_reading)

    def _start_reading(self) -> None:
        """Take a position in every shard to begin with."""
        stream = self.stream
        begun, skipped = stream.beginnings(self._start_at, self._timestamp_ns)
        self._order = ParentsFirst(stream, begun, skipped)
        for shard in sorted(skipped):
            self._pass_over(shard, stream.position(shard, "LATEST"))
        for shard in begun:
            where, timestamp_ns = self._start_at, self._timestamp_ns
            self._pass_over(shard, stream.position(shard, where, None, timestamp_ns))
            self._lease(shard, where, timestamp_ns)

    def _pass_over(self, shard: int, position: int) -> None:
        """Say that what lies before the starting position was not meant for this consumer."""
        count = position - self.stream.position(shard, "TRIM_HORIZON")
        for message in islice(self.stream.unread(shard, 0), max(0, count)):
            if self.on_filtered is not None:
                self.on_filtered(self.sim.now, message)

    def recover(self) -> None:
        """Go on after an outage."""
        super().recover()
        for lease in self.leases:
            if lease.processor is not None:
                self.fetching.resume(self.stream, lease.processor)

    def _lease(self, shard: int, where: str, timestamp_ns: int | None = None) -> None:
        position = self.stream.position(shard, where, self.name, timestamp_ns)
        lease = Lease(shard, position, self.sim.now)
        self.leases.append(lease)
        self.on_lease(lease)

    # Holding a shard -----------------------------------------------------------------------

    def begin(self, lease: Lease) -> None:
        """Process a shard from its checkpoint on."""
        processor = lease.processor = Processor(lease)
        self.fetching.begin(self.stream, processor)

    def abandon(self, lease: Lease) -> list[Delivery]:
        """Lose a shard at once, as when its worker dies; return what was in hand."""
        processor, lease.processor = lease.processor, None
        if processor is None:
            return []
        processor.alive = False
        self.fetching.stop(processor)
        in_hand, processor.batch = processor.batch, []
        if in_hand and self.on_ended is not None:
            now = self.sim.now
            self.on_ended(now, now - processor.began_ns, "crashed")
        return in_hand

    def hand_over(
        self, lease: Lease, then: Callable[[], None], within_ns: int | None = None
    ) -> None:
        """Give a shard up in good order: finish the batch, checkpoint, and go on with `then`.

        A batch that takes longer than `within_ns` is cut short, and nothing of it is checkpointed.
        """
        processor = lease.processor

        def leave() -> None:
            if processor is not None:
                self._checkpoint(self.sim.now, processor)
                self.abandon(lease)
            then()

        if processor is None or processor.idle:
            leave()
        else:
            processor.leaving = leave
            if within_ns is not None:
                self.sim.after(within_ns, self._cut_short, processor, then)

    def _cut_short(self, processor: Processor, then: Callable[[], None]) -> None:
        if processor.alive:
            self.abandon(processor.lease)
            then()

    # Batches -------------------------------------------------------------------------------

    def work(self, processor: Processor, records: Sequence[Record], following: int) -> None:
        """Begin a batch; without records, the shard has come to its end."""
        now = self.sim.env._now
        lease = processor.lease
        first = following - len(records)
        batch = processor.batch = [
            self._hand_out(now, lease, first + place, record)
            for place, record in enumerate(records)
        ]
        processor.position = following
        lease.read_to = max(lease.read_to, following)
        processor.idle = False
        processor.began_ns = now
        if not batch:
            self._after_batch(now, processor)
            return
        fresh = batch if not self.keeps else [each for each in batch if each.attempt == 1]
        if fresh and self.on_taken is not None:
            self.on_taken(now, fresh)
        if self.on_iterator_age is not None:
            self.on_iterator_age(now, lease.shard, now - records[-1].arrived_ns)
        if self.on_started is not None:
            self.on_started(now, len(batch), False)
        base = self._slowed(self._handling.time.at(batch[0].message.number))
        if self._handling.time_per_record is None:
            self.sim.after(base, self._finish, processor, now)
        else:
            self.sim.after(base, self._step, processor, 0, now)

    def _hand_out(self, now: int, lease: Lease, position: int, record: Record) -> Delivery:
        """Return a delivery: of a new copy, or of one that another worker has read before."""
        if position < lease.read_to:
            copy = lease.copies.get(position)
            if copy is not None:
                copy.receives += 1
                copy.starts += 1
                return Delivery(copy, copy.receives, now)
        copy = Copy(record.message, record.arrived_ns)
        copy.receives = 1
        copy.starts = 1
        copy.first_received_ns = now
        if self.keeps:
            lease.copies[position] = copy
        return Delivery(copy, 1, now)

    def _step(self, processor: Processor, index: int, began: int) -> None:
        """Work the next record of a batch; it completes at its own moment."""
        if not processor.alive:
            return
        if index == len(processor.batch):
            self._end(processor, began, "ok")
            return
        assert self._handling.time_per_record is not None
        number = processor.batch[index].message.number
        time = self._slowed(self._handling.time_per_record.at(number))
        self.sim.after(time, self._stepped, processor, index, began)

    def _stepped(self, processor: Processor, index: int, began: int) -> None:
        if not processor.alive:
            return
        if self._complete(processor.batch[index]):
            self._step(processor, index + 1, began)
        else:
            self._skip(processor, index, began)

    def _finish(self, processor: Processor, began: int) -> None:
        if not processor.alive:
            return
        for index, delivery in enumerate(processor.batch):
            if not self._complete(delivery):
                self._skip(processor, index, began)
                return
        self._end(processor, began, "ok")

    def _complete(self, delivery: Delivery) -> bool:
        """Process one record; say whether that went well."""
        fails = self._handling.fails
        if fails is not None and fails(delivery.message, delivery.attempt):
            if self.on_failed is not None:
                self.on_failed(self.sim.env._now, delivery, "error")
            return False
        delivery.copy.completions += 1
        if self.on_completed is not None:
            self.on_completed(self.sim.env._now, delivery)
        return True

    def _skip(self, processor: Processor, index: int, began: int) -> None:
        """Swallow an exception as the KCL does: the rest of the batch is never processed."""
        now = self.sim.env._now
        for delivery in processor.batch[index:]:
            copy = delivery.copy
            if not copy.completions and not copy.gone:
                copy.gone = True
                if self.on_dropped is not None:
                    self.on_dropped(now, copy, SKIPPED)
        self._end(processor, began, "error")

    def _end(self, processor: Processor, began: int, status: str) -> None:
        now = self.sim.env._now
        processor.batch = []
        if self.on_ended is not None:
            self.on_ended(now, now - began, status)
        self._after_batch(now, processor)

    def _after_batch(self, now: int, processor: Processor) -> None:
        lease = processor.lease
        if now - lease.checkpointed_ns >= self._handling.checkpoint_ns:
            self._checkpoint(now, processor)
        processor.idle = True
        if self.stream.at_end(lease.shard, processor.position):
            self._end_of_shard(now, processor)
        elif processor.leaving is not None:
            processor.leaving()
        else:
            self.fetching.more(self.stream, processor)

    def _checkpoint(self, now: int, processor: Processor) -> None:
        """Write down how far the shard is processed; nobody processes what lies before again."""
        lease = processor.lease
        lease.checkpoint = max(lease.checkpoint, processor.position)
        lease.checkpointed_ns = now
        for position in tuple(lease.copies):
            if position >= lease.checkpoint:
                break
            self._give_up_expired(now, lease.copies.pop(position))
        self.stream.passed(self.name, lease.shard, lease.checkpoint)

    def _give_up_expired(self, now: int, copy: Copy) -> None:
        """Account for a record that a dead worker had in hand and no other could read again."""
        if not copy.completions and not copy.gone:
            copy.gone = True
            if self.on_dropped is not None:
                self.on_dropped(now, copy, EXPIRED)

    def _end_of_shard(self, now: int, processor: Processor) -> None:
        """Checkpoint SHARD_END, and turn to the children whose parents are all done."""
        lease = processor.lease
        self._checkpoint(now, processor)
        lease.ended = True
        self.abandon(lease)
        lease.owner = None
        assert self._order is not None
        for child in self._order.finish(lease.shard):
            self._lease(child, "TRIM_HORIZON")

    def _slowed(self, time_ns: int) -> int:
        return time_ns if self.slowness == 1.0 else round(time_ns * self.slowness)

    def holds(self) -> Iterable[tuple[str, Any]]:
        """Yield what is being worked on, and the backlog of every shard."""
        for lease in self.leases:
            in_hand = [d.copy for d in lease.processor.batch] if lease.processor is not None else []
            if self.keeps:
                busy = set(map(id, in_hand))
                for copy in lease.copies.values():
                    yield ("in_flight" if id(copy) in busy else "waiting"), copy
            else:
                yield from (("in_flight", copy) for copy in in_hand)
            for message in self.stream.unread(lease.shard, lease.read_to):
                yield "waiting", message
        left = range(self.stream.shard_count) if self._order is None else self._order.to_come()
        for shard in left:
            yield from (("waiting", message) for message in self.stream.unread(shard, 0))
