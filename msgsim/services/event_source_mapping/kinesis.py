"""The event source mapping of a Kinesis stream: a reader per shard, lanes, retries in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.lineage import ParentsFirst
from msgsim.model.message import Copy, Delivery, Message
from msgsim.model.ports import Invoked, Outcome
from msgsim.model.streams import Record, Stream
from msgsim.services.event_source_mapping.documents import DYNAMODB_INFO, Documents
from msgsim.services.event_source_mapping.filters import EventFilter, item_event, stream_event
from msgsim.services.event_source_mapping.lanes import Batch, Held, Lane, LaneOf
from msgsim.services.event_source_mapping.reading import Reader, Reading, Rules
from msgsim.services.event_source_mapping.windows import WindowLane

RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
AGE_EXCEEDED = "RecordAgeExceeded"
EXPIRED = "expired in the stream"
NEVER = 1 << 62
REPORT_UNREAD = "reported as failed, but FunctionResponseTypes is not set"


class StreamMapping(Component):
    """The mapping of a Kinesis stream: pollers that bring shards to a function, in order.

    In queueing words: one first-come-first-served line per lane, with a server that takes batches
    and repeats a failed service before it turns to the next. Each shard is polled once a second,
    without the pause while it is behind; batches are read ahead while the function works.

    Args:
        make_lane: makes an empty lane.
        lane_count: `ParallelizationFactor`.
        batch_size: most records of one batch.
        reading: how shards are read.
        rules: what happens to batches.
        offset: nanoseconds from time zero to a shard's first poll.
        documents: writes about discarded batches.
        windows: whether lanes have tumbling windows.
        enabled: whether it works at all.
    """

    kind = "lambda.event_source_mapping"
    signals = (
        facts.TAKEN,
        facts.COMPLETED,
        facts.SKIPPED,
        facts.FAILED,
        facts.DROPPED,
        facts.FILTERED,
        facts.ITERATOR_AGE,
    )

    stream: Stream
    function: Invoked

    def __init__(
        self,
        sim: Simulation,
        name: str,
        *,
        make_lane: Callable[[], Lane],
        lane_count: int,
        batch_size: int,
        reading: Reading,
        rules: Rules,
        offset: Sampler[int],
        documents: Documents,
        windows: bool = False,
        enabled: bool = True,
        filters: EventFilter | None = None,
    ) -> None:
        super().__init__(sim, name)
        self._filters = filters
        self._as_event = stream_event
        self.documents = documents
        self._make_lane = make_lane
        self._lane_count = lane_count
        self._batch_size = batch_size
        self._reading = reading
        self._rules = rules
        self._offset = offset
        self._windows = windows
        self._enabled = enabled
        self._lane = LaneOf(lane_count)
        self._readers: list[Reader] = []
        self._order: ParentsFirst | None = None
        self._retention_ns: int | None = None

    def connect(self, stream: Stream, function: Invoked) -> None:
        """Join a stream and a function."""
        self.stream = stream
        self.function = function
        self._retention_ns = getattr(stream, "retention_ns", None)
        if self._enabled:
            stream.register(self.name)

    def reads_items(self, period_ns: int, limit: int, overhead_ns: int) -> None:
        """Read a DynamoDB stream: more often, less at a time, and with documents of its kind."""
        self._reading = replace(
            self._reading,
            period_ns=period_ns,
            behind_ns=period_ns,
            limit=limit,
            overhead_ns=overhead_ns,
        )
        self.documents.source_info = DYNAMODB_INFO
        self._as_event = item_event

    def start(self) -> None:
        """Begin to poll, now or later; what expires until then is announced for it, too."""
        if not self._enabled:
            return
        if self._reading.from_ns <= self.sim.now:
            self._start_reading()
            return
        for shard in self.stream.beginnings("TRIM_HORIZON")[0]:
            self.stream.position(shard, "TRIM_HORIZON", self.name)
        self.sim.at(self._reading.from_ns, self._start_reading)

    def _start_reading(self) -> None:
        """Poll every shard, each at its own moment within the period."""
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
        """Begin to poll a shard."""
        lanes = [self._make_lane() for _ in range(self._lane_count)]
        position = self.stream.position(shard, where, self.name, timestamp_ns)
        reader = Reader(shard, position, lanes)
        reader.timer = self.sim.timer(partial(self._poll, reader))
        reader.windows = [self.sim.timer(partial(self._serve, reader, lane)) for lane in lanes]
        self._readers.append(reader)
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
        if self._end_of_shard(reader):
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

    # Invoking ------------------------------------------------------------------------------

    def _serve(self, reader: Reader, lane: Lane) -> None:
        """Let a free lane send its next batch; one that is too old makes way for the next."""
        while not lane.busy:
            now = self.sim.now
            batch = lane.next_batch(now)
            if batch is None:
                if len(lane) and now < lane.window_ends_ns:
                    reader.windows[reader.lanes.index(lane)].arm(lane.window_ends_ns)
                return
            if batch.fresh:
                batch.fresh = False
                reader.buffered -= len(batch.records)
                self._poll_again(reader)
            self._discard_old(now, reader, batch)
            if batch.records:
                self._send(now, reader, lane, batch)

    def _send(self, now: int, reader: Reader, lane: Lane, batch: Batch) -> None:
        lane.busy = True
        lane.in_hand = batch
        if batch.sent:
            for held in batch.records:
                held.hand_over_again(now)
        deliveries = [held.delivery for held in batch.records]
        ended = partial(self._ended, reader, lane, batch)
        completed = _nothing if batch.final else self._completed
        if self.function.invoke(deliveries, ended, completed) is not None:
            self._try_again(reader, lane, batch)
            return
        batch.sent = True
        if self.on_iterator_age is not None and not batch.final:
            self.on_iterator_age(now, reader.shard, now - batch.records[-1].copy.arrived_ns)

    def _try_again(self, reader: Reader, lane: Lane, *batches: Batch) -> None:
        """Let the lane stand still for a while, then send these batches before all others."""
        pause = self._rules.backoff.pause_ns(batches[0].pauses)
        batches[0].pauses += 1
        lane.again.extendleft(reversed(batches))
        lane.in_hand = None
        self.sim.after(pause, self._resume, reader, lane)

    def _resume(self, reader: Reader, lane: Lane) -> None:
        lane.busy = False
        self._serve(reader, lane)

    def _completed(self, now: int, delivery: Delivery, skipped: bool = False) -> None:
        delivery.copy.completions += 1
        if skipped and self.on_skipped is not None:
            self.on_skipped(now, delivery)
        if self.on_completed is not None:
            self.on_completed(now, delivery)

    def _ended(self, reader: Reader, lane: Lane, batch: Batch, outcome: Outcome) -> None:
        now = self.sim.now
        batch.status = outcome.status
        failed = outcome.failed
        if self.on_failed is not None and not batch.final:
            reason = "reported" if outcome.status == "ok" else outcome.status
            for delivery in failed:
                self.on_failed(now, delivery, reason)
        if outcome.status != "ok":
            self._failed(now, reader, lane, batch, self._rules.bisect)
        elif failed and self._rules.partial:
            self._partly_failed(now, reader, lane, batch, failed)
        else:
            self._finish(now, reader, batch.records, REPORT_UNREAD)
            self._next(now, reader, lane)

    def _partly_failed(
        self, now: int, reader: Reader, lane: Lane, batch: Batch, failed: list[Delivery]
    ) -> None:
        """Keep the lowest failed record and all after it: a new batch with fresh retries."""
        marked = set(map(id, failed))
        first = next(i for i, held in enumerate(batch.records) if id(held.delivery) in marked)
        if first == 0:
            self._failed(now, reader, lane, batch, bisect=False)
            return
        self._finish(now, reader, batch.records[:first], REPORT_UNREAD)
        self._try_again(reader, lane, Batch(batch.records[first:]))

    def _failed(self, now: int, reader: Reader, lane: Lane, batch: Batch, bisect: bool) -> None:
        if bisect and len(batch.records) > 1:
            self._try_again(reader, lane, *batch.halves())
            return
        batch.attempts += 1
        retries = self._rules.retries
        if retries < 0 or batch.attempts <= retries:
            self._try_again(reader, lane, batch)
            return
        status = batch.status
        self._discard(now, reader, batch.records, RETRIES_EXHAUSTED, batch.attempts, status)
        self._next(now, reader, lane)

    def _next(self, now: int, reader: Reader, lane: Lane) -> None:
        lane.finished(now)
        self._serve(reader, lane)

    # Giving up -----------------------------------------------------------------------------

    def _discard_old(self, now: int, reader: Reader, batch: Batch) -> None:
        """Take out records that are too old: for the rules, or for the stream itself."""
        oldest_ns = batch.records[0].copy.arrived_ns
        kept = self._retention_ns
        if kept is not None and now - oldest_ns >= kept:
            expired = [h for h in batch.records if now - h.copy.arrived_ns >= kept]
            batch.records = batch.records[len(expired) :]
            self._finish(now, reader, expired, EXPIRED)
        limit = self._rules.max_age_ns
        if limit is not None and batch.records and now - oldest_ns > limit:
            old = [h for h in batch.records if now - h.copy.arrived_ns > limit]
            if old:
                batch.records = batch.records[len(old) :]
                self._discard(now, reader, old, AGE_EXCEEDED, max(batch.attempts, 1))

    def _discard(
        self,
        now: int,
        reader: Reader,
        records: list[Held],
        condition: str,
        invocations: int,
        status: str | None = None,
    ) -> None:
        self._finish(now, reader, records, condition)
        about = (self.stream.name, self.function.name, reader.shard, records)
        self.documents.write(now, *about, condition, invocations, status)

    def _finish(self, now: int, reader: Reader, records: list[Held], reason: str) -> None:
        """Be done with records; one without a success is dropped for `reason`."""
        for held in records:
            held.done = True
            if held.marker:
                continue
            if not held.copy.completions:
                held.copy.gone = True
                if self.on_dropped is not None:
                    self.on_dropped(now, held.copy, reason)
        if reader.progress.advance():
            self.stream.passed(self.name, reader.shard, reader.progress.checkpoint)
            self._end_of_shard(reader)


def _nothing(now: int, delivery: Delivery, *more: object) -> None:
    """A final invocation processes no record."""
