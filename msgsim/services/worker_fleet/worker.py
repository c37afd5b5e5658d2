"""One worker of a fleet: poll, work, delete, poll again; until it dies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgsim.model.message import Delivery
from msgsim.model.ports import Polled
from msgsim.services.worker_fleet.heartbeat import Heartbeat
from msgsim.services.worker_fleet.plain import plain_reply

if TYPE_CHECKING:
    from msgsim.services.worker_fleet.fleet import Fleet

RETRYABLE = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "OverLimit",
        "RequestThrottled",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
    }
)
"""Error codes after which a call is made again: no room, too fast, or nobody there."""


class Worker:
    """A server that fetches its own customers: one life of it, from start to crash.

    A small state machine whose steps are callbacks. Those of a dead worker find `alive` False and
    do nothing, so that a crash has nothing to cancel.

    Args:
        fleet: whose worker it is.
        queue: what it polls: the fleet's queue, or a client's buffer in front of it.

    Attributes:
        alive: False from the crash on.
        batch: what was received last and is not yet done with; `position` of the next in it.
        done: messages of the batch that went well and are deleted at its end.
        tries: receives that were refused, one after the other.
        leaving: what to call when it is done, once it takes no more messages.
        gives_back: whether what still comes after its end is made visible again: a client that
            stops in good order cannot take an open long poll back, but it hears the answer.
    """

    __slots__ = ("_after", "_answer", "_attempt", "_beat", "_began_ns", "_busy", "_done_in_turn",
                 "_done_with", "_failed", "_fleet", "_left", "_once", "_pending", "_queue", "_sim",
                 "_skipped", "alive", "batch", "done", "gives_back", "leaving",
                 "position", "tries")  # fmt: skip

    def __init__(self, fleet: Fleet, queue: Polled) -> None:
        self.alive = True
        self._fleet = fleet
        self._queue = queue
        self._sim = fleet.sim
        self.leaving: Callable[[Worker], Any] | None = None
        self.gives_back = False
        self.batch: Sequence[Delivery] = ()
        self.position = 0
        self._pending = 0
        self.done: list[Delivery] = []
        self._left: list[Delivery] = []
        self._skipped: set[str] = set()
        self._failed = False
        self._busy = False
        self._began_ns = 0
        self.tries = 0
        # Bound once, because every message needs them.
        self._after = fleet.sim.after
        self._once = fleet.sim.once
        self._answer = plain_reply(self, fleet) or self.answered
        self._done_with = self._worked
        self._done_in_turn = self._worked_in_turn
        self._attempt = 0
        beats = fleet.routine.heartbeat
        self._beat = Heartbeat(self._sim, queue, beats, self.in_hand) if beats else None

    # Receiving -----------------------------------------------------------------------------

    def poll(self) -> None:
        """ReceiveMessage."""
        if self.leaving is not None:
            self.go()
        elif self.alive:
            fleet = self._fleet
            limit, wait_ns, visibility_ns = fleet.receive_with
            self._queue.receive(limit, wait_ns, self._answer, visibility_ns)

    def answered(self, deliveries: list[Delivery], error: str | None) -> None:
        """Let an answer travel; to a dead worker it is lost, and its messages stay in flight."""
        if not self.alive:
            if self.gives_back:
                for delivery in deliveries:
                    self._after(0, self._queue.change_visibility, delivery, 0)
            return
        self.batch = deliveries
        fleet = self._fleet
        travel = fleet.receive_time
        if travel is None:
            if deliveries and error is None:
                self.tries = 0
                self._begin()
            else:
                self._received(error)
        else:
            self._sim.after(self._fleet.slowed(travel.draw()), self._received, error)

    def _received(self, error: str | None) -> None:
        if not self.alive:
            return
        if error is not None:
            self.tries += 1
            self._sim.after(self._fleet.back_off(self.tries), self.poll)
            return
        self.tries = 0
        if self.batch:
            self._begin()
        elif self._fleet.routine.idle_ns:
            self._sim.after(self._fleet.routine.idle_ns, self.poll)
        else:
            self.poll()

    # Working -------------------------------------------------------------------------------

    def _begin(self) -> None:
        fleet, batch = self._fleet, self.batch
        now = self._sim.env._now
        self.take_up(batch)
        if self._beat is not None:
            self._beat.begin(now)
        if len(batch) == 1:
            self.position = self._pending = 1
            self._work(batch[0])
        elif fleet.routine.in_sequence:
            self.position = 0
            self._work_next()
        else:
            self._pending = len(batch)
            for delivery in batch:
                self._work(delivery)

    def take_up(self, batch: Sequence[Delivery]) -> None:
        """Begin with a batch."""
        self.batch = batch
        self.position = 1
        self.tries = 0
        self._began_ns = now = self._sim.env._now
        self._busy = True
        if self._fleet.on_started is not None:
            self._fleet.on_started(now, len(batch), False)

    # What is unusual about a message of a plain worker goes on as if it had come in a batch.

    def fail_alone(self, delivery: Delivery) -> None:
        """Fail at the only message in hand."""
        self._resume(delivery)
        self._fail(delivery)

    def settle_alone(self, delivery: Delivery, error: str) -> None:
        """Go on after the delete of the only message in hand was refused."""
        self._resume(delivery)
        self._settle(delivery, error, 1)

    def _resume(self, delivery: Delivery) -> None:
        self.position = self._pending = 1
        self._began_ns = delivery.received_ns
        self._busy = True

    def _work_next(self) -> None:
        batch, skipped = self.batch, self._skipped
        while self.position < len(batch):
            delivery = batch[self.position]
            self.position += 1
            if skipped and delivery.message.key.name in skipped:
                self._left.append(delivery)
                continue
            self._work(delivery)
            return
        self.end_batch()

    def _work(self, delivery: Delivery) -> None:
        copy = delivery.copy
        copy.starts = attempt = copy.starts + 1
        fleet = self._fleet
        time_of = fleet.time_of
        time = time_of(delivery.message.number, attempt)
        if fleet.slowness != 1.0:
            time = fleet.slowed(time)
        if fleet.routine.in_sequence:
            self._attempt = attempt
            once = self._once
            once(time, self._done_in_turn, delivery)
        else:
            self._after(time, self._done_with, delivery, attempt)

    def _worked_in_turn(self, delivery: Delivery) -> None:
        """Be done with a message before the next one is begun: there is one attempt at a time."""
        self._worked(delivery, self._attempt)

    def _worked(self, delivery: Delivery, attempt: int) -> None:
        if not self.alive:
            return
        fleet = self._fleet
        if fleet.fails is not None and fleet.fails(delivery.message, attempt):
            self._fail(delivery)
            return
        delivery.copy.completions += 1
        if fleet.on_completed is not None:
            fleet.on_completed(self._sim.env._now, delivery)
        if not fleet.routine.delete_each:
            self.done.append(delivery)
            self._next()
        elif fleet.delete_time is not None:
            self._delete(delivery, 1)
        else:
            error = self._queue.delete(delivery)
            if error is None and len(self.batch) == 1:
                self._end()
            else:
                self._settle(delivery, error, 1)

    def _fail(self, delivery: Delivery) -> None:
        self.let_go(delivery)
        if self._fleet.skips_group:
            self._skipped.add(delivery.message.key.name)
        self._next()

    def let_go(self, delivery: Delivery) -> None:
        """Leave a message in flight; it comes back when its visibility timeout ends."""
        self._failed = True
        self._left.append(delivery)
        if self._fleet.on_failed is not None:
            self._fleet.on_failed(self._sim.now, delivery, "error")

    def _next(self) -> None:
        if self._fleet.routine.in_sequence:
            self._work_next()
            return
        self._pending -= 1
        if not self._pending:
            self.end_batch()

    def end_batch(self) -> None:
        """Delete what went well, if it is deleted together, and end."""
        if self.done:
            self._delete_batch(self.done, 1)
        else:
            self._end()

    def _end(self) -> None:
        fleet = self._fleet
        status = "ok"
        if self._left or self.done:
            status = self._clear()
        self.batch = ()
        self._busy = False
        if self._beat is not None:
            self._beat.end()
        if fleet.on_ended is not None:
            now = self._sim.env._now
            fleet.on_ended(now, now - self._began_ns, status)
        if self.leaving is not None:
            self.go()
            return
        limit, wait_ns, visibility_ns = fleet.receive_with
        self._queue.receive(limit, wait_ns, self._answer, visibility_ns)

    def _clear(self) -> str:
        """Forget what came of a batch; most batches are one message that went well."""
        status = "error" if self._failed else "ok"
        self._failed = False
        self.done = []
        self._left = []
        self._skipped.clear()
        return status

    # Deleting ------------------------------------------------------------------------------

    def _delete(self, delivery: Delivery, tries: int) -> None:
        travel = self._fleet.delete_time
        if travel is None:
            self._deleted(delivery, tries)
            return
        time = travel.at(delivery.message.number, delivery.attempt)
        self._sim.after(self._fleet.slowed(time), self._deleted, delivery, tries)

    def _deleted(self, delivery: Delivery, tries: int) -> None:
        if self.alive:
            self._settle(delivery, self._queue.delete(delivery), tries)

    def _settle(self, delivery: Delivery, error: str | None, tries: int) -> None:
        """Go on after a delete was answered."""
        fleet = self._fleet
        if error is not None and error in RETRYABLE and tries < fleet.delete_attempts:
            self._sim.after(fleet.back_off(tries), self._delete, delivery, tries + 1)
        elif len(self.batch) == 1:
            self._end()
        else:
            self._left.append(delivery)
            self._next()

    def _delete_batch(self, deliveries: list[Delivery], tries: int) -> None:
        if not self.alive:
            return
        travel = self._fleet.delete_time
        if travel is None:
            self._deleted_batch(deliveries, tries)
        else:
            time = self._fleet.slowed(travel.draw())
            self._sim.after(time, self._deleted_batch, deliveries, tries)

    def _deleted_batch(self, deliveries: list[Delivery], tries: int) -> None:
        if not self.alive:
            return
        fleet = self._fleet
        errors = self._queue.delete_batch(deliveries)
        again = [one for one, error in zip(deliveries, errors, strict=True) if error in RETRYABLE]
        if again and tries < fleet.delete_attempts:
            self._sim.after(fleet.back_off(tries), self._delete_batch, again, tries + 1)
        else:
            self._end()

    # Keeping and losing --------------------------------------------------------------------

    def in_hand(self) -> list[Delivery]:
        """Return what was received and has neither been deleted nor given up."""
        return [delivery for delivery in self.batch if delivery not in self._left]

    def leave(self, left: Callable[[Worker], Any]) -> None:
        """Take no more messages: call `left(self)` when what is in hand, or on its way, is done."""
        self.leaving = left

    def go(self) -> None:
        """Leave, as was asked."""
        left = self.leaving
        if self.alive and left is not None:
            self.alive = False
            left(self)

    def die(self, status: str) -> list[Delivery]:
        """End at once; return what was in hand, which stays in flight until its timeout."""
        fleet = self._fleet
        self.alive = False
        if self.batch and fleet.plain and not self._busy:
            self._resume(self.batch[0])
        if self._beat is not None:
            self._beat.end()
        if self._busy and fleet.on_ended is not None:
            now = self._sim.now
            fleet.on_ended(now, now - self._began_ns, status)
        return self.in_hand()
