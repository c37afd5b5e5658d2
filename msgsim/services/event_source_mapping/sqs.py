"""The event source mapping of an SQS queue: slots that poll, invoke and delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Delivery
from msgsim.model.ports import InvokeReply, Outcome, Polled
from msgsim.services.event_source_mapping.backoff import Backoff
from msgsim.services.event_source_mapping.filters import EventFilter, queue_event
from msgsim.services.event_source_mapping.gathering import Slot, Window
from msgsim.services.event_source_mapping.reports import MALFORMED
from msgsim.services.event_source_mapping.scaling import Scaling

MESSAGES_PER_RECEIVE = 10
RETRYABLE = frozenset({"RequestThrottled", "ServiceUnavailable"})
REPORT_UNREAD = "reported as failed, but FunctionResponseTypes is not set"


class PolledQueue(Polled, Protocol):
    """A queue as a mapping sees it."""

    fifo: bool


class Concurrent(Protocol):
    """A function as a mapping sees it."""

    name: str

    @property
    def poller_concurrency(self) -> int:
        """How many executions pollers reckon with."""

    def invoke(
        self,
        batch: Sequence[Delivery],
        reply: InvokeReply,
        completed: Callable[..., Any],
    ) -> str | None:
        """Invoke synchronously; see `msgsim.model.ports.Invoked`."""


class QueueMapping(Component):
    """The mapping of an SQS queue: pollers that bring batches to a function.

    In queueing words: a varying number of servers, each in turn a customer of the queue and of the
    function. A slot whose invocation is throttled holds its messages and retries while their
    visibility timeout runs, which is how messages get lost to a dead-letter queue untouched.

    Args:
        batch_size: most messages of one invocation.
        window_ns: how long a slot gathers.
        payload_bytes: most bytes of one invocation.
        metadata_bytes: what a record counts beyond its message.
        partial_report: whether the function's report of failed messages is read.
        scaling: how many slots there are.
        poll_ns: how long a poll waits for a message.
        overhead: nanoseconds from a receive to the invocation, for `standard` and `fifo` queues.
        backoff: pauses after refused polls, invocations and deletes.
        quiet_ns: how long a window lasts at least at very low traffic.
        filters: which messages the function gets; the others are deleted.
        enabled: whether it works at all.
    """

    kind = "lambda.event_source_mapping"
    paced = False
    signals = (
        facts.COMPLETED,
        facts.SKIPPED,
        facts.FAILED,
        facts.DROPPED,
        facts.FILTERED,
        facts.POLLERS,
        facts.POLLED,
        facts.BATCH_INVOKED,
        facts.BATCH_FAILED,
        facts.BATCH_DELETED,
    )

    queue: PolledQueue
    function: Concurrent

    def __init__(
        self,
        sim: Simulation,
        name: str,
        *,
        batch_size: int,
        window_ns: int,
        payload_bytes: int,
        partial_report: bool,
        scaling: Scaling,
        poll_ns: int,
        overhead: Mapping[str, Sampler[int]],
        backoff: Backoff,
        quiet_ns: int = 0,
        metadata_bytes: int = 0,
        filters: EventFilter | None = None,
        enabled: bool = True,
    ) -> None:
        super().__init__(sim, name)
        self.scaling = scaling
        self._batch_size = batch_size
        self._window = Window(window_ns, quiet_ns)
        self._payload_bytes = payload_bytes
        self._metadata_bytes = metadata_bytes
        self._partial = partial_report
        self._poll_ns = poll_ns
        self._overheads = overhead
        self._backoff = backoff
        self._filters = filters
        self._enabled = enabled
        self._waiting = 0
        self._ramp = sim.timer(self._grow)

    def connect(self, queue: PolledQueue, function: Concurrent) -> None:
        """Join a queue and a function; messages are judged at the queue."""
        self.queue = queue
        self.function = function
        self.judged = queue.name
        self._overhead = self._overheads["fifo" if queue.fifo else "standard"]

    def start(self) -> None:
        """Open the first slots."""
        self._window.begin(self.sim.now)
        if self._enabled:
            self._open_first()

    def enable(self, enabled: bool) -> None:
        """Begin to work, or let every slot end its cycle and stop (`Enabled`)."""
        if enabled and not self._enabled:
            self._enabled = True
            self.start()
        self._enabled = enabled

    def _open_first(self) -> None:
        self.scaling.cap(self.function.poller_concurrency)
        self._open(self.scaling.messages_appear())

    # Gathering -----------------------------------------------------------------------------

    def _open(self, count: int) -> None:
        if count <= 0:
            return
        self._announce_pollers()
        for _ in range(count):
            self._gather(Slot())

    def _gather(self, slot: Slot) -> None:
        slot.batch = []
        slot.tries = 0
        slot.window_ends_ns = -1
        if slot.rest:
            received, slot.rest = slot.rest, []
            self._add(slot, received)
        elif not self._enabled or self.retires(slot):
            self._close(slot)
        else:
            self._poll(slot)

    def retires(self, slot: Slot) -> bool:
        """Say whether a slot that has finished its cycle closes."""
        return self.scaling.retire()

    def _close(self, slot: Slot) -> None:
        if not self._enabled:
            self.scaling.active -= 1
        self._announce_pollers()

    def _poll(self, slot: Slot) -> None:
        """Receive until a reply has to be waited for; a loop, because replies may come at once."""
        if self.down:
            self.sim.after(self._backoff.longest_ns, self._poll_or_send, slot)
            return
        if slot.calling:
            slot.again = True
            return
        slot.calling = True
        slot.again = True
        while slot.again:
            slot.again = False
            if self.paced:
                pause_ns = self.pause_ns(slot)
                if pause_ns:
                    self.sim.after(pause_ns, self._poll_or_send, slot)
                    break
            room = min(MESSAGES_PER_RECEIVE, self._batch_size - len(slot.batch))
            wait_ns = self._poll_ns
            if slot.batch:
                wait_ns = min(wait_ns, slot.window_ends_ns - self.sim.now)
            self._waiting += 1
            self.queue.receive(room, wait_ns, partial(self._received, slot))
        slot.calling = False

    def pause_ns(self, slot: Slot) -> int:
        """Return how long a slot waits before it may receive, where polls are rationed."""
        return 0

    def _received(self, slot: Slot, deliveries: list[Delivery], error: str | None) -> None:
        self._waiting -= 1
        if error is not None:
            pause = self._backoff.pause_ns(slot.tries)
            slot.tries += 1
            self.sim.after(pause, self._poll_or_send, slot)
            return
        slot.tries = 0
        if self.on_polled is not None:
            self.on_polled(self.sim.now, len(deliveries))
        if deliveries:
            self.messages_remain(slot, deliveries)
            self._window.note(self.sim.now, len(deliveries))
            wanted = deliveries if self._filters is None else self._filtered(deliveries)
            if wanted or slot.batch:
                self._add(slot, wanted)
            else:
                self._gather(slot)
        elif slot.batch:
            self._poll_or_send(slot)
        elif not self._enabled or self.closes_when_idle(slot):
            self._close(slot)
        else:
            self._poll(slot)

    def closes_when_idle(self, slot: Slot) -> bool:
        """Say whether a slot closes whose poll came back empty."""
        return self.scaling.empty_poll()

    def _filtered(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Return what the function wants; the rest is deleted from the queue."""
        matches = self._filters.matches  # type: ignore[union-attr]
        wanted, unwanted = [], []
        for delivery in deliveries:
            if matches(queue_event(delivery.message)):
                wanted.append(delivery)
                continue
            unwanted.append(delivery)
            copy = delivery.copy
            if not (copy.gone or copy.completions):
                copy.gone = True
                if self.on_filtered is not None:
                    self.on_filtered(self.sim.now, delivery.message)
        self._delete(unwanted)
        return wanted

    def _add(self, slot: Slot, deliveries: list[Delivery]) -> None:
        """Put messages into the batch, as far as the payload limit allows."""
        batch = slot.batch
        if not batch:
            slot.window_ends_ns = self.sim.now + self._window.length_at(self.sim.now)
        more = self._metadata_bytes
        size = sum(delivery.message.size_bytes for delivery in batch) + more * len(batch)
        for index, delivery in enumerate(deliveries):
            size += delivery.message.size_bytes + more
            if size > self._payload_bytes and batch:
                slot.rest = deliveries[index:]
                break
            batch.append(delivery)
        self._poll_or_send(slot)

    def _poll_or_send(self, slot: Slot) -> None:
        batch = slot.batch
        if not batch or not (
            slot.rest or len(batch) >= self._batch_size or self.sim.now >= slot.window_ends_ns
        ):
            self._poll(slot)
            return
        first = batch[0]
        overhead_ns = self._overhead.at(first.message.number, first.attempt)
        self.sim.after(round(overhead_ns * self.slowness), self._invoke, slot)

    # Invoking ------------------------------------------------------------------------------

    def _invoke(self, slot: Slot) -> None:
        code = self.function.invoke(slot.batch, partial(self._ended, slot), self._completed)
        if code is None:
            if self.on_batch_invoked is not None:
                self.on_batch_invoked(self.sim.now, len(slot.batch))
            return
        now = self.sim.now
        self.scaling.failure(now)
        deadline_ns = slot.batch[0].deadline_ns
        pause = self._backoff.pause_ns(slot.tries)
        slot.tries += 1
        if now + pause < deadline_ns:
            self.sim.after(pause, self._invoke, slot)
        else:
            self.sim.after(max(deadline_ns - now, 0), self._gather, slot)

    def _completed(self, now: int, delivery: Delivery, skipped: bool = False) -> None:
        delivery.copy.completions += 1
        if skipped and self.on_skipped is not None:
            self.on_skipped(now, delivery)
        if self.on_completed is not None:
            self.on_completed(now, delivery)

    def _ended(self, slot: Slot, outcome: Outcome) -> None:
        now = self.sim.now
        failed = outcome.failed
        whole = outcome.status != "ok" or (outcome.malformed and self._partial)
        if whole or failed:
            self._announce_failures(now, slot, outcome, whole)
        if whole:
            if not self._partial:
                self.scaling.failure(now)
        elif not failed:
            self._delete(slot.batch)
        elif self._partial:
            kept = set(map(id, failed))
            self._delete([delivery for delivery in slot.batch if id(delivery) not in kept])
        else:
            self._lose(now, failed)
            self._delete(slot.batch)
        self._gather(slot)

    def _announce_failures(self, now: int, slot: Slot, outcome: Outcome, whole: bool) -> None:
        failed = outcome.failed
        if self.on_failed is not None:
            reason = "reported" if outcome.status == "ok" else outcome.status
            if whole and outcome.malformed:
                failed, reason = slot.batch, MALFORMED
            for delivery in failed:
                self.on_failed(now, delivery, reason)
        if self.on_batch_failed is not None:
            self.on_batch_failed(now, len(slot.batch) if whole else len(outcome.failed))

    def _lose(self, now: int, failed: list[Delivery]) -> None:
        for delivery in failed:
            if not delivery.copy.completions:
                delivery.copy.gone = True
                if self.on_dropped is not None:
                    self.on_dropped(now, delivery.copy, REPORT_UNREAD)

    def _delete(self, deliveries: list[Delivery], tries: int = 0) -> None:
        """Delete in calls of ten; what a quota or an outage refuses is tried again."""
        again = []
        deleted = 0
        for index in range(0, len(deliveries), MESSAGES_PER_RECEIVE):
            part = deliveries[index : index + MESSAGES_PER_RECEIVE]
            for delivery, error in zip(part, self.queue.delete_batch(part), strict=True):
                if error is None:
                    deleted += 1
                elif error in RETRYABLE:
                    again.append(delivery)
        if self.on_batch_deleted is not None and deliveries:
            self.on_batch_deleted(self.sim.now, deleted)
        if again:
            now, pause = self.sim.now, self._backoff.pause_ns(tries)
            again = [delivery for delivery in again if delivery.deadline_ns > now + pause]
            if again:
                self.sim.after(pause, self._delete, again, tries + 1)

    # Scaling -------------------------------------------------------------------------------

    def messages_remain(self, slot: Slot, deliveries: list[Delivery]) -> None:
        """Take note that a poll found messages: the mapping may grow."""
        if not self._enabled:
            return
        self._open(self.scaling.messages_appear())
        if self._ramp.due is None:
            self._ramp.arm(self.sim.now + self.scaling.interval_ns)

    def _grow(self) -> None:
        """Add slots at the ramp's rate while none of them waits for a message."""
        if not self._enabled:
            return
        if self._waiting < self.scaling.active:
            self._ramp.arm(self.sim.now + self.scaling.interval_ns)
        if self._waiting == 0:
            self.scaling.cap(self.function.poller_concurrency)
            self._open(self.scaling.grow(self.sim.now))

    def _announce_pollers(self) -> None:
        if self.on_pollers is not None:
            self.on_pollers(self.sim.now, self.scaling.active)
