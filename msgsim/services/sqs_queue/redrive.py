"""Redrive: what leads from a queue to its dead-letter queue, and back again by a move task."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import count
from typing import TYPE_CHECKING, cast

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Message
from msgsim.services.sqs_queue.move_task import MOST_PER_S, MoveTask
from msgsim.services.sqs_queue.rules import INVALID_VALUE, NOT_FOUND, PAGE, allow_policy_error
from msgsim.services.sqs_queue.stored import Moved, Stored
from msgsim.units import duration_ns

if TYPE_CHECKING:
    from msgsim.services.sqs_queue.base import Queue

CANCEL_LAG_NS = duration_ns(str(PAGE.assumptions()["move_task_cancel_lag"].value))
DEFAULT_RATE = int(PAGE.assumptions()["move_task_rate"].value)
FIRST_NUMBER = 1 << 41  # far above the numbers of published messages


class Redriving(Component):
    """The part of a queue that gives messages away and takes them over.

    Attributes:
        sources: the queues whose dead-letter queue this one is.
        permission: `redrivePermission` of its `RedriveAllowPolicy`.
        allowed_sources: names of the queues that `byQueue` allows.
        move_tasks: every message move task that began here, oldest first.
        exists: False once the queue is deleted, so that a task that moves to it fails.
        next_number: gives the number of a message that a move task makes.
        cancel_lag_ns: how long a cancelled task goes on.
        default_rate: messages per second of a task that names no rate.
    """

    def __init__(self, sim: Simulation, name: str) -> None:
        super().__init__(sim, name)
        self._dead_letter_queue: Queue | None = None
        self.sources: list[Queue] = []
        self.permission = "allowAll"
        self.allowed_sources: frozenset[str] = frozenset()
        self.move_tasks: list[MoveTask] = []
        self.exists = True
        self.next_number: Callable[[], int] = count(FIRST_NUMBER).__next__
        self.cancel_lag_ns = CANCEL_LAG_NS
        self.default_rate = DEFAULT_RATE

    # Policies ------------------------------------------------------------------------------

    @property
    def dead_letter_queue(self) -> Queue | None:
        """Where messages go that were received too often."""
        return self._dead_letter_queue

    @dead_letter_queue.setter
    def dead_letter_queue(self, queue: Queue | None) -> None:
        here = cast("Queue", self)
        if self._dead_letter_queue is not None:
            self._dead_letter_queue.sources.remove(here)
        self._dead_letter_queue = queue
        if queue is not None:
            queue.sources.append(here)

    def set_redrive(self, target: Queue | None, max_receives: int | None) -> str | None:
        """Set or, with None for both, remove the `RedrivePolicy` (SetQueueAttributes).

        Returns:
            An error code when the target is of the other type or does not allow this source.
        """
        here = cast("Queue", self)
        if (target is None) != (max_receives is None):
            return INVALID_VALUE
        if target is not None and (target.fifo != here.fifo or not target.allows(here.name)):
            return INVALID_VALUE
        self.dead_letter_queue = target
        here.state.max_receives = max_receives
        return None

    def set_allow_policy(self, permission: str, sources: Collection[str] = ()) -> str | None:
        """Set the `RedriveAllowPolicy`: who may name this queue its dead-letter queue.

        Args:
            permission: `allowAll`, `denyAll` or `byQueue`.
            sources: names of at most ten queues, only with `byQueue`.
        """
        error = allow_policy_error(permission, sources)
        if error is None:
            self.permission = permission
            self.allowed_sources = frozenset(sources)
        return error

    def allows(self, source: str) -> bool:
        """Say whether the queue of that name may dead-letter to this one."""
        if self.permission == "byQueue":
            return source in self.allowed_sources
        return self.permission == "allowAll"

    # To the dead-letter queue --------------------------------------------------------------

    def _dead_letter(self, now: int, copy: Stored) -> None:
        if self.on_dead_lettered is not None:
            self.on_dead_lettered(now, copy)
        if self._dead_letter_queue is not None:
            self._dead_letter_queue.move_in(cast("Queue", self), copy)

    def move_in(self, source: Queue, old: Stored) -> None:
        """Take over a copy from a source queue: same message, receive count continuing.

        A standard queue counts retention from the original arrival, a FIFO queue from the move.
        """
        here = cast("Queue", self)
        now = self.sim.now
        arrived_ns = now if here.fifo else old.arrived_ns
        copy = Moved(old.message, arrived_ns, now, old.receives, source)
        copy.starts = old.starts
        copy.first_received_ns = old.first_received_ns
        copy.undone = not old.completions and not old.ghost
        if old.message.grouped:
            self._notice_group(old.message)
        here.state.move_in(copy)
        if self.on_moved_in is not None:
            self.on_moved_in(now, copy)
        here._ring()  # it may be older than this queue keeps messages

    def _notice_group(self, message: Message) -> None:
        """Take note of a message that carries a group: a FIFO queue expects no other."""

    # And back ------------------------------------------------------------------------------

    def start_move_task(
        self, destination: Queue | None = None, rate: int | None = None
    ) -> MoveTask | str:
        """StartMessageMoveTask: move what is visible here now, oldest first, as new messages.

        Args:
            destination: any queue of the same type; None: each message's original source.
            rate: `MaxNumberOfMessagesPerSecond`, 1 to 500; None: as fast as the system likes.

        Returns:
            The running task, or `InvalidParameterValue`: this queue is no queue's dead-letter
            queue, a task is under way here already, or the destination is of the other type.
        """
        here = cast("Queue", self)
        busy = bool(self.move_tasks) and self.move_tasks[-1].active
        misfit = destination is not None and (destination is here or destination.fifo != here.fifo)
        if not self.sources or busy or misfit or (rate is not None and not 1 <= rate <= MOST_PER_S):
            return INVALID_VALUE
        task = MoveTask(here, destination, rate)
        self.move_tasks.append(task)
        task.begin()
        return task

    def cancel_move_task(self) -> str | None:
        """CancelMessageMoveTask for the task of this queue that is under way.

        Returns:
            `ResourceNotFoundException` when none is `RUNNING`.
        """
        task = self.move_tasks[-1] if self.move_tasks else None
        return NOT_FOUND if task is None or task.cancel() is not None else None
