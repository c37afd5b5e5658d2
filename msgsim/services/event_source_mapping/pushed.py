"""The mapping of a registered consumer of a Kinesis stream: shards are pushed, not polled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from msgsim.model.streams import Record
from msgsim.services.event_source_mapping.kinesis import StreamMapping
from msgsim.services.event_source_mapping.reading import Reader


class PushedMapping(StreamMapping):
    """The mapping of a stream with enhanced fan-out: lanes, retries and rules as with polling.

    A subscription for each shard brings events as they come; while a shard's buffer is full, its
    subscription gets no room for another one, and the stream holds back. With tumbling windows a
    reader looks once per period whether time has passed without records.

    Attributes:
        registered: the consumer in whose name it subscribes.
    """

    registered: Any

    def _begin(self, reader: Reader) -> None:
        """Subscribe to the shard."""
        reader.timer = self.sim.timer(partial(self._look, reader))
        reader.subscription = self.registered.subscribe(
            self.name,
            reader.shard,
            reader.progress.read_to,
            partial(self._pushed, reader),
            1,
        )
        reader.subscription.wake()
        if self._windows:
            reader.timer.arm(self.sim.now + self._reading.period_ns)

    def _pushed(self, reader: Reader, records: Sequence[Record], after: int, ended: bool) -> None:
        """Take an event; one that comes during an outage waits."""
        if self._handing_over is not None:
            return
        now = self.sim.now
        if self.down:
            again = (reader, records, after, ended)
            self.sim.after(self._reading.period_ns, self._pushed, *again)
            return
        self._got(now, reader, records, after)
        reader.owed += 1
        self._poll_again(reader)

    def _poll_again(self, reader: Reader) -> None:
        """Make room for the next event, unless enough is buffered."""
        if self._end_of_shard(reader) or not reader.owed or not self._hungry(reader):
            return
        owed, reader.owed = reader.owed, 0
        reader.subscription.take_more(owed)

    def _look(self, reader: Reader) -> None:
        """Let windows end although nothing comes, once everything stored has come."""
        if reader.ended:
            return
        now, read_to = self.sim.now, reader.progress.read_to
        if read_to >= self.stream.position(reader.shard, "LATEST"):
            self._arrive(reader, [], now)
        reader.timer.arm(now + self._reading.period_ns)
