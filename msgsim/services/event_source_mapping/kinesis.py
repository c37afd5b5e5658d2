"""The event source mapping of a Kinesis stream: lanes that invoke, and retries in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Delivery
from msgsim.model.ports import Invoked, Outcome
from msgsim.model.streams import Stream
from msgsim.services.event_source_mapping.documents import DYNAMODB_INFO, Documents
from msgsim.services.event_source_mapping.following import ShardFollower
from msgsim.services.event_source_mapping.lanes import Batch, Held, Lane
from msgsim.services.event_source_mapping.reading import Reader, Rules
from msgsim.services.event_source_mapping.reports import MALFORMED

RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
AGE_EXCEEDED = "RecordAgeExceeded"
EXPIRED = "expired in the stream"
TOO_LARGE = "RequestTooLargeException"
"""What Lambda answers to an invocation above 6 MB (Invoke, API reference)."""
REPORT_UNREAD = "reported as failed, but FunctionResponseTypes is not set"

InvokeRecords = Callable[[int, Lane, Batch, Callable[..., Any], Callable[..., Any]], str | None]
"""(shard, lane, batch, reply, completed) → an error code, or None: see `Invoked.invoke`."""


class StreamMapping(ShardFollower):
    """The mapping of a Kinesis stream: pollers that bring shards to a function, in order.

    In queueing words: one first-come-first-served line per lane, with a server that takes batches
    and repeats a failed service before it turns to the next.

    A function that has `invoke_records` is told the shard and the lane of a batch as well.

    Args:
        rules: what happens to batches.
        documents: writes about discarded batches.
        more: how shards are read, as of `ShardFollower`.
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

    function: Invoked

    def __init__(
        self, sim: Simulation, name: str, *, rules: Rules, documents: Documents, **more: Any
    ) -> None:
        super().__init__(sim, name, **more)
        self.documents = documents
        self._rules = rules
        self._retention_ns: int | None = None
        self._invoke: InvokeRecords = self._invoke_plainly

    def connect(self, stream: Stream, function: Invoked) -> None:
        """Join a stream and a function."""
        self.stream = stream
        self.function = function
        self._retention_ns = getattr(stream, "retention_ns", None)
        self._invoke = getattr(function, "invoke_records", self._invoke_plainly)
        if self._enabled:
            stream.register(self.name)

    def reads_items(self, period_ns: int, limit: int, overhead_ns: int) -> None:
        """Read a DynamoDB stream, and write documents of its kind."""
        super().reads_items(period_ns, limit, overhead_ns)
        self.documents.source_info = DYNAMODB_INFO

    # Invoking ------------------------------------------------------------------------------

    def _serve(self, reader: Reader, lane: Lane) -> None:
        """Let a free lane send its next batch; one that is too old makes way for the next."""
        if self._handing_over is not None:
            return
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
        if not lane.carries(batch):  # not now: many such records in turn would nest calls
            self.sim.after(0, self._too_large, reader, lane, batch)
            return
        if batch.sent:
            for held in batch.records:
                held.hand_over_again(now)
        ended = partial(self._ended, reader, lane, batch)
        completed = _nothing if batch.final else self._completed
        if self._invoke(reader.shard, lane, batch, ended, completed) is not None:
            self._try_again(reader, lane, batch)
            return
        batch.sent = True
        if self.on_iterator_age is not None and not batch.final:
            self.on_iterator_age(now, reader.shard, now - batch.records[-1].copy.arrived_ns)

    def _too_large(self, reader: Reader, lane: Lane, batch: Batch) -> None:
        """Fail a record that no invocation can carry: only the destination can get it."""
        if self.on_failed is not None:
            self.on_failed(self.sim.now, batch.records[0].delivery, TOO_LARGE)
        self._failed(self.sim.now, reader, lane, batch, bisect=False)
        if self._handing_over is not None:
            self._hand_over()

    def _invoke_plainly(
        self,
        shard: int,
        lane: Lane,
        batch: Batch,
        reply: Callable[..., Any],
        completed: Callable[..., Any],
    ) -> str | None:
        deliveries = [held.delivery for held in batch.records]
        return self.function.invoke(deliveries, reply, completed)

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
        """Go on after an invocation: with the next batch, or with this one again."""
        now, partial_report = self.sim.now, self._rules.partial
        malformed = outcome.malformed and partial_report
        batch.status = outcome.status
        failed = [held.delivery for held in batch.records] if malformed else outcome.failed
        if self.on_failed is not None and not batch.final:
            reason = "reported" if outcome.status == "ok" else outcome.status
            for delivery in failed:
                self.on_failed(now, delivery, MALFORMED if malformed else reason)
        if outcome.status != "ok" or malformed:
            self._failed(now, reader, lane, batch, self._rules.bisect)
        elif failed and partial_report:
            self._partly_failed(now, reader, lane, batch, failed)
        else:
            self._finish(now, reader, batch.records, REPORT_UNREAD)
            self._next(now, reader, lane)
        if self._handing_over is not None:
            self._hand_over()

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
