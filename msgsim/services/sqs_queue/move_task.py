"""Message move tasks: a dead-letter queue's messages go back to work, as new messages."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgsim.kernel.simulation import NS_PER_S
from msgsim.model.message import Message, Redrive, redrive_of, redriven
from msgsim.services.sqs_queue.rules import INVALID_VALUE, PAGE
from msgsim.services.sqs_queue.stored import VISIBLE, Moved, Stored

if TYPE_CHECKING:
    from msgsim.services.sqs_queue.base import Queue

MOST_PER_S: int = PAGE.quota("move_task_messages_per_s")
LONGEST_NS: int = PAGE.quota("move_task_hours") * 3_600 * NS_PER_S
NO_SOURCE = "CouldNotDetermineMessageSource"
NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
TOO_LONG = "the task ran for 36 hours"


class MoveTask:
    """One StartMessageMoveTask: feedback from a dead-letter queue, paced and in order of age.

    It moves the messages that are visible when it starts (`ApproximateNumberOfMessagesToMove` is
    counted then), and leaves those that somebody receives before their turn.

    Attributes:
        source: the dead-letter queue.
        destination: where messages go; None: each to the queue it came from.
        rate: `MaxNumberOfMessagesPerSecond`, or None.
        status: `RUNNING`, `CANCELLING`, `CANCELLED`, `COMPLETED` or `FAILED`.
        started_ns: when it started.
        to_move: how many messages there were to move.
        moved: how many it has moved.
        failure_reason: why it failed, or None.
    """

    def __init__(self, source: Queue, destination: Queue | None, rate: int | None) -> None:
        self.source = source
        self.destination = destination
        self.rate = rate
        self.status = "RUNNING"
        self.started_ns = source.sim.now
        self.failure_reason: str | None = None
        self.moved = 0
        waiting = [copy for copy in source.state.copies() if copy.state == VISIBLE]
        waiting.sort(key=lambda copy: (copy.arrived_ns, copy.sequence))
        self.to_move = len(waiting)
        self._left = deque(waiting)
        self._step_ns = NS_PER_S // (rate or source.default_rate)

    @property
    def active(self) -> bool:
        """Whether it still moves messages."""
        return self.status in {"RUNNING", "CANCELLING"}

    def begin(self) -> None:
        """Move the first message after one step of the pace."""
        self.source.sim.after(self._step_ns, self._step)

    def cancel(self) -> str | None:
        """CancelMessageMoveTask: what has been moved stays moved, and a little more follows.

        Returns:
            `InvalidParameterValue` unless the task is `RUNNING`.
        """
        if self.status != "RUNNING":
            return INVALID_VALUE
        self.status = "CANCELLING"
        self.source.sim.after(self.source.cancel_lag_ns, self._stop)
        return None

    def _stop(self) -> None:
        if self.active:
            self.status = "CANCELLED"

    def _fail(self, reason: str) -> None:
        self.status = "FAILED"
        self.failure_reason = reason

    def _step(self) -> None:
        source = self.source
        if not self.active:
            return
        if source.sim.now - self.started_ns > LONGEST_NS:
            self._fail(TOO_LONG)
            return
        copy = self._next()
        if copy is None:
            self.status = "COMPLETED"
            return
        self._move(copy)
        if self.status == "RUNNING" and not self._left:
            self.status = "COMPLETED"
        elif self.active:
            source.sim.after(self._step_ns, self._step)

    def _next(self) -> Stored | None:
        """Return the oldest message that still waits to be moved."""
        left, state = self._left, self.source.state
        while left and not state.deliverable(left[0]):
            left.popleft()
        return left[0] if left else None

    def _move(self, copy: Stored) -> None:
        """Send the message anew and delete it here; an outage of either queue is waited out."""
        target = self.destination
        if target is None:
            target = copy.source if isinstance(copy, Moved) else None
        if target is None:
            self._fail(NO_SOURCE)
        elif not target.exists:
            self._fail(NO_QUEUE)
        elif not (self.source.down or target.down):
            self._left.popleft()
            self.source.give_away(copy)
            self.moved += 1
            target.take_over(self._made_new(copy, target))

    def _made_new(self, copy: Stored, target: Queue) -> Message:
        """Return the message to send: a new one, which remembers who had given it up."""
        known = redrive_of(copy.message)
        given_up_by = known.given_up_by if known is not None else frozenset()
        if isinstance(copy, Moved) and copy.undone:
            given_up_by |= {copy.source.name}
        origin = known.origin if known is not None else copy.message.label
        redrive = Redrive(given_up_by, origin)
        message = redriven(copy.message, self.source.next_number(), redrive)
        message.deduplication_id = str(message.number) if target.fifo else None
        return message
