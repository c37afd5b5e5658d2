"""Following a stream: which shards are read, from where, and how far each one is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, ClassVar

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.signals import Signal
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.lineage import ParentsFirst
from msgsim.model.message import Copy, Delivery, Message
from msgsim.model.streams import Record, Stream
from msgsim.services.event_source_mapping.filters import EventFilter, item_event, stream_event
from msgsim.services.event_source_mapping.lanes import Held, Lane, LaneOf
from msgsim.services.event_source_mapping.reading import Reader, Reading
from msgsim.services.event_source_mapping.windows import OpenWindow, WindowLane

NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far a mapping had come when it stopped: where its successor goes on.

    Attributes:
        positions: of each shard that it read, everything before this is finished.
        finished: shards that are not to be read any more.
        windows: of each of these shards, the open tumbling window of every lane.
    """

    positions: dict[int, int]
    finished: frozenset[int]
    windows: dict[int, list[OpenWindow | None]]


class ShardFollower(Component):
    """What reads a stream shard by shard, parents before children, and puts records into lanes.

    Each shard is polled once a period, without that pause while it is behind; records are read
    ahead while their lanes are busy. Whoever derives from it serves the lanes.

    Args:
        make_lane: makes an empty lane.
        lane_count: `ParallelizationFactor`.
        batch_size: most records of one batch.
        reading: how shards are read.
        offset: nanoseconds from the beginning to a shard's first poll.
        windows: whether lanes have tumbling windows.
        enabled: whether it works at all.
        filters: which records get into lanes; the others count as finished.
    """

    signals: ClassVar[tuple[Signal, ...]] = (facts.TAKEN, facts.FILTERED)
    stream: Stream

    def __init__(
        self,
        sim: Simulation,
        name: str,
        *,
        make_lane: Callable[[], Lane],
        lane_count: int,
        batch_size: int,
        reading: Reading,
        offset: Sampler[int],
        windows: bool = False,
        enabled: bool = True,
        filters: EventFilter | None = None,
    ) -> None:
        super().__init__(sim, name)
        self._filters = filters
        self._as_event = stream_event
        self._make_lane = make_lane
        self._lane_count = lane_count
        self._batch_size = batch_size
        self._reading = reading
        self._offset = offset
        self._windows = windows
        self._enabled = enabled
        self._lane = LaneOf(lane_count)
        self._readers: list[Reader] = []
        self._order: ParentsFirst | None = None
        self._bookmark: Bookmark | None = None
        self._waits = False
        self._started = False
        self._handing_over: Callable[[Bookmark | None], Any] | None = None

    def reads_items(self, period_ns: int, limit: int, overhead_ns: int) -> None:
        """Read a DynamoDB stream: more often, and less at a time."""
        self._reading = replace(
            self._reading,
            period_ns=period_ns,
            behind_ns=period_ns,
            limit=limit,
            overhead_ns=overhead_ns,
        )
        self._as_event = item_event

    # Beginning and stopping ----------------------------------------------------------------

    def start(self) -> None:
        """Begin to poll, now or later; what expires until then is announced for it, too."""
        self._started = True
        if not self._enabled or self._waits:
            return
        if self._bookmark is not None:
            self._go_on(self._bookmark)
            return
        if self._reading.from_ns <= self.sim.now:
            self._start_reading()
            return
        for shard in self.stream.beginnings("TRIM_HORIZON")[0]:
            self.stream.position(shard, "TRIM_HORIZON", self.name)
        self.sim.at(self._reading.from_ns, self._start_reading)

    def succeed(self, other: ShardFollower) -> None:
        """Take the place of another mapping: begin where it stops, once it has stopped.

        To be said before it starts. What the other has in hand goes on to its end first, so that
        no record is in two hands.
        """
        self._waits = True
        other.stop(self._take_over)

    def _take_over(self, bookmark: Bookmark | None) -> None:
        self._waits = False
        self._bookmark = bookmark
        if self._handing_over is not None:
            self._hand_over()
        elif self._started:
            self.start()

    def stop(self, then: Callable[[Bookmark | None], Any]) -> None:
        """Read and invoke no more; `then` gets the bookmark when nothing is in hand any more.

        It gets None from a mapping that has never begun.
        """
        self._handing_over = then
        for reader in self._readers:
            reader.timer.cancel()
            if reader.subscription is not None:
                reader.subscription.close()
        if not self._waits:
            self._hand_over()

    def _hand_over(self) -> None:
        """Tell the successor where to go on, unless some batch is still with the function."""
        then = self._handing_over
        if then is None or any(
            lane.in_hand is not None for reader in self._readers for lane in reader.lanes
        ):
            return
        if self._order is not None:
            readers = [reader for reader in self._readers if not reader.ended]
            self._bookmark = Bookmark(
                {reader.shard: reader.progress.checkpoint for reader in readers},
                self._order.finished,
                {reader.shard: [_window_of(lane) for lane in reader.lanes] for reader in readers},
            )
        self._enabled = False
        self._readers = []
        self._order = None
        self._handing_over = _nobody
        self.stream.forget(self.name)
        then(self._bookmark)

    def _go_on(self, bookmark: Bookmark) -> None:
        """Read on where a predecessor stopped."""
        self._order = ParentsFirst(self.stream, bookmark.positions, bookmark.finished)
        for shard, position in bookmark.positions.items():
            self.stream.begin_at(shard, position, self.name)
            self._read_from(shard, position, bookmark.windows[shard])

    def _start_reading(self) -> None:
        """Poll every shard, each at its own moment within the period."""
        if self._handing_over is not None:
            return
        stream, start = self.stream, self._reading.start
        timestamp_ns = self._reading.timestamp_ns
        begun, skipped = stream.beginnings(start, timestamp_ns)
        self._order = ParentsFirst(stream, begun, skipped)
        for shard in sorted(skipped):
            self._pass_over(shard, stream.position(shard, "LATEST"))
        for shard in begun:
            self._pass_over(shard, stream.position(shard, start, None, timestamp_ns))
            self._follow(shard, start, timestamp_ns)

    def _follow(self, shard: int, where: str, timestamp_ns: int | None = None) -> None:
        """Begin to read a shard at a starting position."""
        self._read_from(shard, self.stream.position(shard, where, self.name, timestamp_ns))

    def _read_from(
        self, shard: int, position: int, windows: Sequence[OpenWindow | None] = ()
    ) -> None:
        lanes = [self._make_lane() for _ in range(self._lane_count)]
        if len(windows) == len(lanes):  # else keys are in other lanes than before
            for lane, window in zip(lanes, windows, strict=True):
                if window is not None and isinstance(lane, WindowLane):
                    lane.go_on_with(window)
        reader = Reader(shard, position, lanes)
        reader.timer = self.sim.timer(partial(self._poll, reader))
        reader.windows = [self.sim.timer(partial(self._serve, reader, lane)) for lane in lanes]
        self._readers.append(reader)
        if self._handing_over is None:
            self._begin(reader)

    def _begin(self, reader: Reader) -> None:
        """Begin to poll, each shard at its own moment within the period."""
        offset_ns = self._offset.at(reader.shard) % self._reading.period_ns
        reader.timer.arm(self.sim.now + offset_ns)

    def _end_of_shard(self, reader: Reader) -> bool:
        """Turn to the children of a closed shard once all its records are finished.

        Returns:
            Whether nothing is left to be read.
        """
        shard, progress = reader.shard, reader.progress
        if not self.stream.at_end(shard, progress.read_to):
            return False
        progress.advance()
        if not reader.ended and progress.checkpoint == progress.read_to:
            reader.ended = True
            assert self._order is not None
            for child in self._order.finish(shard):
                self._follow(child, "TRIM_HORIZON")
        return True

    def _pass_over(self, shard: int, position: int) -> None:
        """Say that what lies before the starting position was not meant for this mapping."""
        count = position - self.stream.position(shard, "TRIM_HORIZON")
        for message in islice(self.stream.unread(shard, 0), max(0, count)):
            if self.on_filtered is not None:
                self.on_filtered(self.sim.now, message)

    def holds(self) -> Iterable[tuple[str, Copy | Message]]:
        """Yield every record that was read and is not finished, and those not read yet."""
        if self._enabled and not self._readers:
            for shard in range(self.stream.shard_count):
                yield from (("waiting", message) for message in self.stream.unread(shard, 0))
        for reader in self._readers:
            in_hand = {
                id(held)
                for lane in reader.lanes
                if lane.in_hand is not None
                for held in lane.in_hand.records
            }
            for held in reader.progress.unfinished():
                yield ("in_flight" if id(held) in in_hand else "waiting"), held.copy
            for message in self.stream.unread(reader.shard, reader.progress.read_to):
                yield "waiting", message
        if self._order is not None:
            for shard in self._order.to_come():
                for message in self.stream.unread(shard, 0):
                    yield "waiting", message

    # Reading -------------------------------------------------------------------------------

    def _poll(self, reader: Reader) -> None:
        now, reading = self.sim.now, self._reading
        if not self._hungry(reader):
            return
        if self.down:
            reader.timer.arm(now + reading.period_ns)
            return
        reader.last_poll_ns = now
        progress = reader.progress
        records, after, error = self.stream.read(
            reader.shard, progress.read_to, reading.limit, self.name
        )
        if error is not None:
            reader.timer.arm(now + reading.period_ns)
            return
        self._got(now, reader, records, after)
        self._poll_again(reader)

    def _got(self, now: int, reader: Reader, records: Sequence[Record], after: int) -> None:
        """Take what a read or a push has brought, and let it travel to its lanes."""
        reading, progress = self._reading, reader.progress
        held = self._take(now, reader, records, after)
        tip = self.stream.position(reader.shard, "LATEST")
        reader.behind = progress.read_to < tip
        if held or self._windows:
            known_ns = held[-1].copy.arrived_ns if held and reader.behind else now
            if self.stream.at_end(reader.shard, progress.read_to):
                known_ns = NEVER
            overhead_ns = round(reading.overhead_ns * self.slowness)
            self.sim.after(overhead_ns, self._arrive, reader, held, known_ns)

    def _hungry(self, reader: Reader) -> bool:
        """Say whether some lane has less than a batch to go on with, and there is room."""
        if reader.buffered >= self._reading.read_ahead:
            return False
        size = self._batch_size
        return any(len(lane) < size for lane in reader.lanes)

    def _poll_again(self, reader: Reader) -> None:
        """Arm the next poll, unless enough is buffered; then a batch that leaves calls again."""
        if self._end_of_shard(reader) or self._handing_over is not None:
            return
        if reader.timer.due is not None or not self._hungry(reader):
            return
        reading = self._reading
        pause = reading.behind_ns if reader.behind else reading.period_ns
        reader.timer.arm(max(self.sim.now, reader.last_poll_ns + pause))

    def _take(self, now: int, reader: Reader, records: Sequence[Record], after: int) -> list[Held]:
        """Make copies of what was read."""
        found = []
        progress = reader.progress
        position = after - len(records)
        for record in records:
            copy = Copy(record.message, record.arrived_ns)
            copy.receives = 1
            copy.first_received_ns = now
            held = Held(copy, Delivery(copy, 1, now), position, record.sequence, record.size_bytes)
            position += 1
            progress.add(held)
            if self._filters is None or self._filters.matches(self._as_event(record.message)):
                found.append(held)
            else:
                self._leave_out(now, held)
        progress.read_to = after
        if len(found) < len(records) and progress.advance():
            self.stream.passed(self.name, reader.shard, progress.checkpoint)
        reader.buffered += len(found)
        if found and self.on_taken is not None:
            self.on_taken(now, [held.delivery for held in found])
        return found

    def _leave_out(self, now: int, held: Held) -> None:
        """Pass over a record that no filter lets through: the function never sees it."""
        held.done = True
        if self.on_filtered is not None:
            self.on_filtered(now, held.copy.message)

    def _arrive(self, reader: Reader, records: list[Held], known_ns: int) -> None:
        """Put what was read into its lanes; nothing that arrived before `known_ns` is missing."""
        now, lanes = self.sim.now, reader.lanes
        for held in records:
            lanes[self._lane(held.copy.message.key.name)].add(now, held)
        for lane in lanes:
            if isinstance(lane, WindowLane):
                lane.known_to_ns = known_ns
            self._serve(reader, lane)

    def _serve(self, reader: Reader, lane: Lane) -> None:
        """Do what there is to be done for a lane; it has got records, time, or a free server."""
        raise NotImplementedError


def _window_of(lane: Lane) -> OpenWindow | None:
    return lane.open_window() if isinstance(lane, WindowLane) else None


def _nobody(bookmark: Bookmark | None) -> None:
    """Take a bookmark that has been handed over before."""
