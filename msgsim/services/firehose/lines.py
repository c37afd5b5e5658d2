"""Buffers and their lines: what gathers per shard or partition, and the batches that wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgsim.kernel.simulation import Simulation, Timer
from msgsim.services.firehose.buffer import IN_FLIGHT, Batch, Buffer, Growth, Record
from msgsim.services.firehose.delivering import Delivery

SWEEPS_PER_INTERVAL = 2


@dataclass(frozen=True, slots=True)
class Hints:
    """When a buffer is delivered: `BufferingHints`, whichever comes first.

    Attributes:
        size_bytes: `SizeInMBs`.
        interval_ns: `IntervalInSeconds`.
        most_bytes: the largest size that the destination takes.
        parallel: batches of one buffer that are under way at once (assumption).
    """

    size_bytes: int
    interval_ns: int
    most_bytes: int
    parallel: int = 1


class _Line:
    """One buffer, and the batches cut from it that are not delivered yet."""

    __slots__ = ("buffer", "growth", "key", "sending", "timer", "waiting")

    def __init__(self, key: Hashable, hints: Hints) -> None:
        self.key = key
        self.buffer = Buffer()
        self.growth = Growth(hints.size_bytes, hints.most_bytes)
        self.waiting: deque[Batch] = deque()
        self.sending = 0
        self.timer: Timer


class Lines:
    """A line per shard of the source: batches leave it in order, one after the other.

    Args:
        sim: the clock.
        hints: when a buffer is delivered.
        delivery: the way to the destination.
    """

    def __init__(self, sim: Simulation, hints: Hints, delivery: Delivery) -> None:
        self._sim = sim
        self._hints = hints
        self._delivery = delivery
        self._lines: dict[Hashable, _Line] = {}

    def add(self, key: Hashable, record: Record) -> None:
        """Put a record into the buffer of its shard."""
        line = self._lines.get(key) or self._open(key)
        for records in line.buffer.add(self._sim.env._now, record, line.growth.limit_bytes):
            self._cut(line, records)
        self._watch(line)

    def _open(self, key: Hashable) -> _Line:
        line = self._lines[key] = _Line(key, self._hints)
        line.timer = self._sim.timer(partial(self._time_out, line))
        return line

    def _watch(self, line: _Line) -> None:
        """Ring when the first record of the buffer has waited for the interval."""
        if len(line.buffer) == 0:
            line.timer.cancel()
        elif line.timer.due is None or len(line.buffer) == 1:
            line.timer.arm(line.buffer.began_ns + self._hints.interval_ns)

    def _time_out(self, line: _Line) -> None:
        self._cut(line, line.buffer.take())

    def _cut(self, line: _Line, records: list[Record]) -> None:
        line.waiting.append(Batch(records))
        self._deliver_next(line)
        if line.waiting:
            line.growth.behind()

    def _deliver_next(self, line: _Line) -> None:
        while line.waiting and line.sending < self._hints.parallel:
            batch = line.waiting.popleft()
            line.sending += 1
            for record in batch.records:
                record.state = IN_FLIGHT
            self._delivery.deliver(batch, partial(self._free, line))

    def _free(self, line: _Line) -> None:
        line.sending -= 1
        if not line.waiting:
            line.growth.caught_up()
            if line.buffer.size_bytes >= line.growth.limit_bytes:
                line.waiting.append(Batch(line.buffer.take()))
                self._watch(line)
        self._deliver_next(line)
        if not (line.sending or line.waiting or len(line.buffer)):
            self._idle(line)

    def _idle(self, line: _Line) -> None:
        """A line without anything in it; a shard keeps it."""


class Partitions(Lines):
    """A line per partition of S3, which exists while it has something in it.

    Partitions are looked through twice per interval, so that a record is cut at an age of up to 1.5
    intervals (that it may take so long is documented, the sweep is an assumption).
    Source: Firehose Developer Guide, buffering.html.

    Args:
        most: active partitions at once.
        changed: told the number of active partitions.
    """

    def __init__(
        self,
        sim: Simulation,
        hints: Hints,
        delivery: Delivery,
        most: int,
        changed: Callable[[int], Any],
    ) -> None:
        super().__init__(sim, hints, delivery)
        self._most = most
        self._changed = changed
        self._sweeper = sim.timer(self._sweep)

    def admits(self, key: Hashable) -> bool:
        """Say whether a record of this partition can be buffered."""
        return key in self._lines or len(self._lines) < self._most

    def _open(self, key: Hashable) -> _Line:
        line = super()._open(key)
        self._changed(len(self._lines))
        if self._sweeper.due is None:
            self._arm()
        return line

    def _arm(self) -> None:
        period_ns = self._hints.interval_ns // SWEEPS_PER_INTERVAL
        self._sweeper.arm((self._sim.now // period_ns + 1) * period_ns)

    def _watch(self, line: _Line) -> None:
        """Nothing: all partitions share one alarm."""

    def _sweep(self) -> None:
        latest_ns = self._sim.now - self._hints.interval_ns
        for line in list(self._lines.values()):
            if len(line.buffer) and line.buffer.began_ns <= latest_ns:
                self._cut(line, line.buffer.take())
        if self._lines:
            self._arm()

    def _idle(self, line: _Line) -> None:
        del self._lines[line.key]
        self._changed(len(self._lines))
