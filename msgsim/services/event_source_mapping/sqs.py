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
    def account_concurrency(self) -> int:
        """How many executions the account leaves to functions without a reserved part."""

    def invoke(
        self,
        batch: Sequence[Delivery],
        reply: InvokeReply,
        completed: Callable[[int, Delivery], Any],
    ) -> str | None:
        """Invoke synchronously; see `msgsim.model.ports.Invoked`."""


class _Slot:
    """One of the mapping's parallel cycles: gather a batch, invoke, delete, again.

    Attributes:
        batch: what it has gathered, or is being invoked with.
        rest: received, but beyond the payload limit of `batch`.
        window_ends_ns: when gathering ends; -1 before the first message.
        tries: refused polls or invocations in a row.
        calling: True inside the call of a receive.
        again: a reply during that call asks for another one.
    """

    __slots__ = ("again", "batch", "calling", "rest", "tries", "window_ends_ns")

    def __init__(self) -> None:
        self.batch: list[Delivery] = []
        self.rest: list[Delivery] = []
        self.window_ends_ns = -1
        self.tries = 0
        self.calling = False
        self.again = False


class QueueMapping(Component):
    """The mapping of an SQS queue: pollers that bring batches to a function.

    In queueing words: a varying number of servers, each in turn a customer of the queue and of the
    function. A slot whose invocation is throttled holds its messages and retries while their
    visibility timeout runs, which is how messages get lost to a dead-letter queue untouched.

    Args:
        batch_size: most messages of one invocation.
        window_ns: how long a slot gathers.
        payload_bytes: most bytes of one invocation.
        partial_report: whether the function's report of failed messages is read.
        scaling: how many slots there are.
        poll_ns: how long a poll waits for a message.
        overhead: nanoseconds from a receive to the invocation, for `standard` and `fifo` queues.
        backoff: pauses after refused polls, invocations and deletes.
        enabled: whether it works at all.
    """

    kind = "lambda.event_source_mapping"
    signals = (facts.COMPLETED, facts.FAILED, facts.DROPPED, facts.POLLERS)

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
        enabled: bool = True,
    ) -> None:
        super().__init__(sim, name)
        self.scaling = scaling
        self._batch_size = batch_size
        self._window_ns = window_ns
        self._payload_bytes = payload_bytes
        self._partial = partial_report
        self._poll_ns = poll_ns
        self._overheads = overhead
        self._backoff = backoff
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
        if self._enabled:
            self.scaling.cap(self.function.account_concurrency)
            self._open(self.scaling.messages_appear())

    # Gathering -----------------------------------------------------------------------------

    def _open(self, count: int) -> None:
        if count <= 0:
            return
        self._announce_pollers()
        for _ in range(count):
            self._gather(_Slot())

    def _gather(self, slot: _Slot) -> None:
        slot.batch = []
        slot.tries = 0
        slot.window_ends_ns = -1
        if slot.rest:
            received, slot.rest = slot.rest, []
            self._add(slot, received)
        elif self.scaling.retire():
            self._announce_pollers()
        else:
            self._poll(slot)

    def _poll(self, slot: _Slot) -> None:
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
            room = min(MESSAGES_PER_RECEIVE, self._batch_size - len(slot.batch))
            wait_ns = self._poll_ns
            if slot.batch:
                wait_ns = min(wait_ns, slot.window_ends_ns - self.sim.now)
            self._waiting += 1
            self.queue.receive(room, wait_ns, partial(self._received, slot))
        slot.calling = False

    def _received(self, slot: _Slot, deliveries: list[Delivery], error: str | None) -> None:
        self._waiting -= 1
        if error is not None:
            pause = self._backoff.pause_ns(slot.tries)
            slot.tries += 1
            self.sim.after(pause, self._poll_or_send, slot)
            return
        slot.tries = 0
        if deliveries:
            self._messages_remain()
            self._add(slot, deliveries)
        elif slot.batch:
            self._poll_or_send(slot)
        elif self.scaling.empty_poll():
            self._announce_pollers()
        else:
            self._poll(slot)

    def _add(self, slot: _Slot, deliveries: list[Delivery]) -> None:
        """Put messages into the batch, as far as the payload limit allows."""
        batch = slot.batch
        if not batch:
            slot.window_ends_ns = self.sim.now + self._window_ns
        size = sum(delivery.message.size_bytes for delivery in batch)
        for index, delivery in enumerate(deliveries):
            size += delivery.message.size_bytes
            if size > self._payload_bytes and batch:
                slot.rest = deliveries[index:]
                break
            batch.append(delivery)
        self._poll_or_send(slot)

    def _poll_or_send(self, slot: _Slot) -> None:
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

    def _invoke(self, slot: _Slot) -> None:
        code = self.function.invoke(slot.batch, partial(self._ended, slot), self._completed)
        if code is None:
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

    def _completed(self, now: int, delivery: Delivery) -> None:
        delivery.copy.completions += 1
        if self.on_completed is not None:
            self.on_completed(now, delivery)

    def _ended(self, slot: _Slot, outcome: Outcome) -> None:
        now = self.sim.now
        failed = outcome.failed
        if self.on_failed is not None:
            reason = "reported" if outcome.status == "ok" else outcome.status
            for delivery in failed:
                self.on_failed(now, delivery, reason)
        if outcome.status != "ok":
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

    def _lose(self, now: int, failed: list[Delivery]) -> None:
        for delivery in failed:
            if not delivery.copy.completions:
                delivery.copy.gone = True
                if self.on_dropped is not None:
                    self.on_dropped(now, delivery.copy, REPORT_UNREAD)

    def _delete(self, deliveries: list[Delivery], tries: int = 0) -> None:
        """Delete in calls of ten; what a quota or an outage refuses is tried again."""
        again = []
        for index in range(0, len(deliveries), MESSAGES_PER_RECEIVE):
            part = deliveries[index : index + MESSAGES_PER_RECEIVE]
            for delivery, error in zip(part, self.queue.delete_batch(part), strict=True):
                if error in RETRYABLE:
                    again.append(delivery)
        if again:
            now, pause = self.sim.now, self._backoff.pause_ns(tries)
            again = [delivery for delivery in again if delivery.deadline_ns > now + pause]
            if again:
                self.sim.after(pause, self._delete, again, tries + 1)

    # Scaling -------------------------------------------------------------------------------

    def _messages_remain(self) -> None:
        self._open(self.scaling.messages_appear())
        if self._ramp.due is None:
            self._ramp.arm(self.sim.now + self.scaling.interval_ns)

    def _grow(self) -> None:
        """Add slots at the ramp's rate while none of them waits for a message."""
        if self._waiting < self.scaling.active:
            self._ramp.arm(self.sim.now + self.scaling.interval_ns)
        if self._waiting == 0:
            self._open(self.scaling.grow(self.sim.now))

    def _announce_pollers(self) -> None:
        if self.on_pollers is not None:
            self.on_pollers(self.sim.now, self.scaling.active)
