"""How a shard's records reach their processor: polled, sharing the shard, or pushed to it alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.model.streams import PushingStream, Record
from msgsim.services.kinesis_consumer.reading import Processor

Work = Callable[[Processor, Sequence[Record], int], None]
"""Called with an idle processor, its next records and the position behind them; perhaps none."""


class Fetching(Protocol):
    """Brings records to processors."""

    def begin(self, stream: PushingStream, processor: Processor) -> None:
        """Begin at the processor's position."""

    def more(self, stream: PushingStream, processor: Processor) -> None:
        """Bring the next records: the processor is idle."""

    def resume(self, stream: PushingStream, processor: Processor) -> None:
        """Go on after an outage of the consumer."""

    def stop(self, processor: Processor) -> None:
        """Bring nothing more."""


class Polling:
    """GetRecords in a loop; all consumers that poll share a shard's five calls per second.

    Args:
        consumer: whose processors these are; while it is down nothing is read.
        work: takes what was read.
        limit: most records of one read.
        poll_ns: time between reads of a shard that is caught up.
        retry: pause after a refused read (ns); random, or consumers would shut each other out.
        call_time: how long a poll takes to reach the shard (ns); a consumer that is behind reads
            at once, as if it had fetched ahead.
    """

    def __init__(
        self,
        consumer: Component,
        work: Work,
        limit: int,
        poll_ns: int,
        retry: Sampler[int],
        call_time: Sampler[int],
    ) -> None:
        self._consumer = consumer
        self._sim = consumer.sim
        self._work = work
        self._limit = limit
        self._poll_ns = poll_ns
        self._retry = retry
        self._call_time = call_time

    def begin(self, stream: PushingStream, processor: Processor) -> None:
        """Read as soon as a call takes."""
        self._read_at(self._sim.now, stream, processor)

    def more(self, stream: PushingStream, processor: Processor) -> None:
        """Read at once while records are waiting, else when `poll_ns` have passed."""
        now = self._sim.env._now
        if stream.position(processor.lease.shard, "LATEST") > processor.position:
            processor.called_ns = now
            self._sim.at(now, self._read, stream, processor)
        else:
            self._read_at(max(now, processor.called_ns + self._poll_ns), stream, processor)

    def resume(self, stream: PushingStream, processor: Processor) -> None:
        """Do nothing: it polled all the time."""

    def stop(self, processor: Processor) -> None:
        """Do nothing: a processor that is not alive is not read for."""

    def _read_at(self, time_ns: int, stream: PushingStream, processor: Processor) -> None:
        """Call then; the shard answers when the call has reached it."""
        processor.called_ns = time_ns
        self._sim.at(time_ns + self._call_time.draw(), self._read, stream, processor)

    def _read(self, stream: PushingStream, processor: Processor) -> None:
        if not processor.alive:
            return
        now = self._sim.env._now
        if self._consumer.down:
            self._read_at(now + self._poll_ns, stream, processor)
            return
        records, following, error = stream.read(
            processor.lease.shard, processor.position, self._limit, self._consumer.name
        )
        if error is not None:
            self._read_at(now + self._retry.draw(), stream, processor)
        elif records or stream.at_end(processor.lease.shard, following):
            self._work(processor, records, following)
        else:
            processor.position = following
            self._read_at(max(now, processor.called_ns + self._poll_ns), stream, processor)


class FanOut:
    """SubscribeToShard: events are pushed, and a few may wait at the client.

    Args:
        consumer: whose processors these are.
        work: takes what was pushed.
        limit: most records that are worked together.
        room: events that may wait for a busy processor.
        lifetime_ns: how long a subscription lasts before it is renewed.
        call_time: how long that takes (ns).
    """

    def __init__(
        self,
        consumer: Component,
        work: Work,
        limit: int,
        room: int,
        lifetime_ns: int,
        call_time: Sampler[int],
    ) -> None:
        self._consumer = consumer
        self._sim = consumer.sim
        self._work = work
        self._limit = limit
        self._room = room
        self._lifetime_ns = lifetime_ns
        self._call_time = call_time

    def begin(self, stream: PushingStream, processor: Processor) -> None:
        """Subscribe as soon as a call takes."""
        self._sim.after(self._call_time.draw(), self._subscribe, stream, processor, None)

    def more(self, stream: PushingStream, processor: Processor) -> None:
        """Work the events that wait, or wait for the next one."""
        if processor.inbox and not self._consumer.down:
            records, following = self._from_inbox(processor)
            self._work(processor, records, following)

    def resume(self, stream: PushingStream, processor: Processor) -> None:
        """Go on after an outage."""
        if processor.idle:
            self.more(stream, processor)

    def stop(self, processor: Processor) -> None:
        """End the subscription; what waits is forgotten, as with a worker that dies."""
        processor.inbox.clear()
        if processor.subscription is not None:
            processor.subscription.close()

    def _from_inbox(self, processor: Processor) -> tuple[list[Record], int]:
        """Take waiting events together, as far as `limit` allows, and make room for as many."""
        records, following = processor.inbox.popleft()
        found = list(records)
        taken = 1
        while processor.inbox and len(found) + len(processor.inbox[0][0]) <= self._limit:
            records, following = processor.inbox.popleft()
            found.extend(records)
            taken += 1
        assert processor.subscription is not None
        processor.subscription.take_more(taken)
        return found, following

    def _subscribe(
        self, stream: PushingStream, processor: Processor, from_position: int | None
    ) -> None:
        if not processor.alive:
            return
        position = processor.position if from_position is None else from_position

        shard, consumer = processor.lease.shard, self._consumer

        def deliver(records: Any, following: int, ended: bool) -> None:
            if consumer.on_pushed is not None:
                size = sum([record.message.size_bytes for record in records])
                consumer.on_pushed(self._sim.now, shard, len(records), size)
            processor.inbox.append((records, following))
            if processor.idle:
                self.more(stream, processor)

        room = max(1, self._room - len(processor.inbox))
        processor.subscription = stream.subscribe(
            self._consumer.name, shard, position, deliver, room
        )
        processor.subscription.wake()
        self._sim.after(self._lifetime_ns, self._renew, stream, processor)

    def _renew(self, stream: PushingStream, processor: Processor) -> None:
        if not processor.alive or processor.lease.ended:
            return
        assert processor.subscription is not None
        processor.subscription.close()
        at = processor.subscription.position
        self._sim.after(self._call_time.draw(), self._subscribe, stream, processor, at)
