"""A polling consumer of a stream: one worker for each shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Copy, Delivery, Message


class Record(Protocol):
    """A record as the stream hands it out."""

    message: Message
    arrived_ns: int


class Stream(Protocol):
    """What a consumer reads: shards of records by position."""

    name: str
    shard_count: int

    def register(self, consumer: str) -> None:
        """Make the consumer known."""

    def position(self, shard: int, where: Any, consumer: str | None = None) -> int:
        """Return a starting position; a consumer that gives its name begins there."""

    def read(
        self, shard: int, position: int, limit: int, consumer: str | None = None
    ) -> tuple[Any, int, str | None]:
        """Read from a position now."""

    def passed(self, consumer: str, shard: int, position: int) -> None:
        """Let the stream forget what is before `position`."""

    def unread(self, shard: int, position: int) -> Iterator[Message]:
        """Yield the messages from `position` on."""


class _Reader:
    """The worker of one shard: where it reads next, and the batch it works on."""

    __slots__ = ("batch", "called_ns", "position", "shard")

    def __init__(self, shard: int, position: int) -> None:
        self.shard = shard
        self.position = position
        self.called_ns = 0
        self.batch: list[Delivery] = []


class Consumer(Component):
    """A Kinesis consumer application: one server per shard, which fetches its own batches.

    Args:
        start_at: `TRIM_HORIZON` or `LATEST`.
        limit: most records of one read.
        poll_ns: time between reads of a shard that is caught up.
        retry: pause after a refused read (ns); random, or consumers would shut each other out.
        call_time: how long a poll takes to reach the shard (ns); a consumer that is behind reads
            at once, as if it had fetched ahead.
        time: how long a batch takes, whatever its size (ns).
        time_per_record: what each record adds (ns); None for nothing.
    """

    kind = "kinesis.consumer"
    signals = (facts.TAKEN, facts.COMPLETED, facts.STARTED, facts.ENDED, facts.ITERATOR_AGE)
    stream: Stream

    def __init__(
        self,
        sim: Simulation,
        name: str,
        *,
        start_at: str,
        limit: int,
        poll_ns: int,
        retry: Sampler[int],
        call_time: Sampler[int],
        time: Sampler[int],
        time_per_record: Sampler[int] | None,
    ) -> None:
        super().__init__(sim, name)
        self._start_at = start_at
        self._limit = limit
        self._poll_ns = poll_ns
        self._retry = retry
        self._call_time = call_time
        self._time = time
        self._time_per_record = time_per_record
        self._readers: list[_Reader] = []

    @property
    def concurrency_limit(self) -> int:
        """How many batches can be worked on at once: one for each shard."""
        return self.stream.shard_count

    def follow(self, stream: Stream) -> None:
        """Say which stream it reads."""
        self.stream = stream
        stream.register(self.name)

    def start(self) -> None:
        """Take a position in every shard, and begin to read."""
        for shard in range(self.stream.shard_count):
            reader = _Reader(shard, self.stream.position(shard, self._start_at, self.name))
            self._readers.append(reader)
            self._read_at(self.sim.now, reader)

    def _read_at(self, time_ns: int, reader: _Reader) -> None:
        """Call then; the shard answers when the call has reached it."""
        reader.called_ns = time_ns
        self.sim.at(time_ns + self._call_time.draw(), self._read, reader)

    def _read(self, reader: _Reader) -> None:
        now = self.sim.env._now
        if self.down:
            self._read_at(now + self._poll_ns, reader)
            return
        records, following, error = self.stream.read(
            reader.shard, reader.position, self._limit, self.name
        )
        if error is not None:
            self._read_at(now + self._retry.draw(), reader)
            return
        reader.position = following
        if records:
            self._begin(now, reader, records)
        else:
            self._read_at(max(now, reader.called_ns + self._poll_ns), reader)

    def _begin(self, now: int, reader: _Reader, records: Sequence[Record]) -> None:
        batch = []
        for record in records:
            copy = Copy(record.message, record.arrived_ns)
            copy.receives = 1
            copy.starts = 1
            copy.first_received_ns = now
            batch.append(Delivery(copy, 1, now))
        reader.batch = batch
        if self.on_taken is not None:
            self.on_taken(now, batch)
        if self.on_iterator_age is not None:
            self.on_iterator_age(now, reader.shard, now - records[-1].arrived_ns)
        if self.on_started is not None:
            self.on_started(now, len(batch), False)
        base = self._slowed(self._time.at(batch[0].message.number))
        if self._time_per_record is None:
            self.sim.after(base, self._finish, reader, now)
        else:
            self.sim.after(base, self._step, reader, 0, now)

    def _step(self, reader: _Reader, index: int, began: int) -> None:
        """Work the next record of a batch; it completes at its own moment."""
        assert self._time_per_record is not None
        if index == len(reader.batch):
            self._end(reader, began)
            return
        time = self._slowed(self._time_per_record.at(reader.batch[index].message.number))
        self.sim.after(time, self._stepped, reader, index, began)

    def _stepped(self, reader: _Reader, index: int, began: int) -> None:
        self._complete(reader.batch[index])
        self._step(reader, index + 1, began)

    def _finish(self, reader: _Reader, began: int) -> None:
        for delivery in reader.batch:
            self._complete(delivery)
        self._end(reader, began)

    def _complete(self, delivery: Delivery) -> None:
        delivery.copy.completions += 1
        if self.on_completed is not None:
            self.on_completed(self.sim.env._now, delivery)

    def _end(self, reader: _Reader, began: int) -> None:
        now = self.sim.env._now
        reader.batch = []
        self.stream.passed(self.name, reader.shard, reader.position)
        if self.on_ended is not None:
            self.on_ended(now, now - began, "ok")
        behind = self.stream.position(reader.shard, "LATEST") > reader.position
        if behind:
            reader.called_ns = now
            self.sim.at(now, self._read, reader)
        else:
            self._read_at(max(now, reader.called_ns + self._poll_ns), reader)

    def _slowed(self, time_ns: int) -> int:
        return time_ns if self.slowness == 1.0 else round(time_ns * self.slowness)

    def holds(self) -> Iterable[tuple[str, Any]]:
        """Yield what is being worked on, and the backlog of every shard."""
        for reader in self._readers:
            yield from (("in_flight", delivery.copy) for delivery in reader.batch)
            unread = self.stream.unread(reader.shard, reader.position)
            yield from (("waiting", message) for message in unread)
