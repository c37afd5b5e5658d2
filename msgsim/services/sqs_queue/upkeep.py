"""What is done to a queue as a whole: its counters, its attributes, purge, and move tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Message
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.redrive import Redriving
from msgsim.services.sqs_queue.rules import (
    CHANGES,
    FIFO_ONLY,
    INVALID_ATTRIBUTE_NAME,
    MAX_MESSAGE_BYTES,
    PURGE_IN_PROGRESS,
    PURGE_INTERVAL_NS,
)
from msgsim.services.sqs_queue.stored import Stored

if TYPE_CHECKING:
    from msgsim.services.sqs_queue.base import Queue

UNAVAILABLE = "ServiceUnavailable"
NEVER_PURGED = -PURGE_INTERVAL_NS


class Upkeep(Redriving):
    """The part of a queue that its owner uses.

    Attributes:
        max_message_bytes: `MaximumMessageSize`.
    """

    def __init__(self, sim: Simulation, name: str) -> None:
        super().__init__(sim, name)
        self.max_message_bytes = MAX_MESSAGE_BYTES
        self._purged_ns = NEVER_PURGED

    def counters(self) -> tuple[int, int, int]:
        """Return how many messages are visible, in flight, and delayed.

        `ApproximateNumberOfMessages`, `…NotVisible` and `…Delayed`.

        On a FIFO queue a message blocked behind its group counts as visible (SQS API
        GetQueueAttributes). msgsim's counters are exact at every moment.
        """
        state = cast("Queue", self).state
        return state.visible, state.in_flight, state.delayed

    def set_attributes(
        self,
        *,
        visibility_ns: int | None = None,
        delay_ns: int | None = None,
        retention_ns: int | None = None,
        max_message_bytes: int | None = None,
        content_based: bool | None = None,
    ) -> None:
        """SetQueueAttributes on a live queue, at once; what is None stays.

        A new timeout holds for later receives. A new delay holds for later sends, on a FIFO queue
        also for messages that are delayed already. A shorter retention expires stored messages.
        `content_based` (FIFO) holds for later sends.
        """
        here = cast("Queue", self)
        state = here.state
        if visibility_ns is not None:
            state.set_visibility(visibility_ns)
            here.visibility_ns = visibility_ns
        if delay_ns is not None:
            changed = state.set_delay(delay_ns)
            if self.on_rescheduled is not None:
                for copy, former_ns in changed:
                    self.on_rescheduled(self.sim.now, copy, former_ns)
        if retention_ns is not None:
            state.retention_ns = retention_ns
        if max_message_bytes is not None:
            self.max_message_bytes = max_message_bytes
        if content_based is not None and isinstance(state, FifoState):
            state.content_based = content_based
        here._ring()

    def set_property(self, name: str, value: int) -> str | None:
        """SetQueueAttributes for one property, under AWS's name and in AWS's unit.

        Returns:
            `InvalidAttributeName` for a property of FIFO queues on a standard one (API).
        """
        here = cast("Queue", self)
        if self.down:
            return UNAVAILABLE
        if name in FIFO_ONLY and not here.fifo:
            return INVALID_ATTRIBUTE_NAME
        ours, unit = CHANGES[name]
        changes: dict[str, Any] = {ours: value * unit}
        self.set_attributes(**changes)
        return None

    def purge(self) -> str | None:
        """PurgeQueue: remove everything, at once; a second purge within 60 s is refused.

        Visible, delayed and messages in flight go, and a FIFO queue's deduplication memory.
        """
        now = self.sim.now
        error = UNAVAILABLE if self.down else None
        if error is None and now < self._purged_ns + PURGE_INTERVAL_NS:
            error = PURGE_IN_PROGRESS
        if self.on_requested is not None:
            self.on_requested(now, "PurgeQueue", (), error)
        if error is not None:
            return error
        self._purged_ns = now
        for copy in cast("Queue", self).state.purge():
            if self.on_purged is not None:
                self.on_purged(now, copy)
        return None

    def give_away(self, copy: Stored) -> None:
        """Let a message move task take a visible copy out."""
        here = cast("Queue", self)
        here.state.discard(copy)
        copy.gone = True
        if self.on_moved_out is not None:
            self.on_moved_out(self.sim.now, copy)
        if here._polls:
            here._serve()

    def take_over(self, message: Message) -> None:
        """Store what a message move task sends: a new message, outside the callers' quotas."""
        if self.on_moved_back is not None:
            self.on_moved_back(self.sim.now, message)
        cast("Queue", self)._accept(message, None)
