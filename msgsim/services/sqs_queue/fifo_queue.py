"""The FIFO queue, with its call quotas."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from msgsim.kernel.simulation import Simulation
from msgsim.kernel.waiting import TokenBucket
from msgsim.model.message import Delivery, Message
from msgsim.model.ports import ReceiveReply
from msgsim.services.sqs_queue.attempts import Attempts
from msgsim.services.sqs_queue.base import (
    Queue,
)
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.partitions import ACTIONS, Partitions
from msgsim.services.sqs_queue.rules import INVALID_VALUE, batch_error

THROTTLED = "RequestThrottled"


class FifoQueue(Queue):
    """A FIFO queue: order within a message group, duplicate sends removed, calls rationed.

    Args:
        calls: action → token bucket of API calls, or None without a quota.
        partitions: the quotas of high-throughput mode, instead of `calls`; may be set on a live
            queue, whose mode then changes at once.
    """

    def __init__(
        self,
        sim: Simulation,
        name: str,
        state: FifoState,
        calls: Callable[[str], TokenBucket | None] = lambda action: None,
        partitions: Partitions | None = None,
    ) -> None:
        super().__init__(sim, name, state, fifo=True)
        self._calls = {action: calls(action) for action in ACTIONS}
        self.partitions = partitions
        self._attempts = Attempts()

    # Quotas --------------------------------------------------------------------------------

    def calls_per_s(self, action: str) -> int | None:
        """Return how many calls of an action it takes per second without partitions, if limited."""
        bucket = self._calls[action]
        return None if bucket is None else bucket.refill_per_s

    @property
    def waiting_receives(self) -> int:
        """How many receives wait for a message: paid when they began, not yet answered."""
        return len(self._polls)

    def _spend(self, action: str, group: str | None, messages: int = 1) -> bool:
        """Pay for a call that concerns one message group, or none in particular."""
        now = self.sim.env._now
        if self.partitions is not None:
            granted = self.partitions.take(now, action, group)
        else:
            bucket = self._calls[action]
            granted = bucket is None or bucket.take(now)
        if not granted and self.on_throttled is not None:
            self.on_throttled(now, action, messages)
        return granted

    def _refused_entries(self, action: str, messages: Sequence[Message]) -> Collection[int]:
        """Pay for a batch; return which entries are refused: all, or those of full partitions."""
        everything = range(len(messages))
        if self.partitions is None:
            return () if self._spend(action, None, len(messages)) else everything
        now = self.sim.now
        groups = [message.key.name for message in messages]
        refused = self.partitions.take_batch(now, action, groups)
        if refused and self.on_throttled is not None:
            self.on_throttled(now, action, len(refused))
        return refused

    # Calls ---------------------------------------------------------------------------------

    def accept(self, message: Message, delay_ns: int | None = None) -> str | None:
        """Take one message (SendMessage), if the call quota allows; it has no delay of its own."""
        return self._refuse("SendMessage", (message,)) if delay_ns else super().accept(message)

    def _refuse(self, action: str, items: Sequence[Any], code: str = INVALID_VALUE) -> str:
        """Announce a call that is refused before the queue is looked at."""
        if self.on_requested is not None:
            self.on_requested(self.sim.now, action, items, code)
        return code

    def deliver(self, message: Message, delay_ns: int | None = None) -> str | None:
        """Take one message, if the call quota allows."""
        if not self.down and not self._spend("SendMessage", message.key.name):
            return THROTTLED
        return super().deliver(message)

    def accept_batch(
        self, messages: Sequence[Message], delays_ns: Sequence[int | None] | None = None
    ) -> list[str | None]:
        """Take several messages in one call (SendMessageBatch), if the call quota allows.

        In high-throughput mode the entries of each partition are a transaction of their own.
        """
        throttled = () if self.down else self._refused_entries("SendMessage", messages)
        delayed = {index for index, delay_ns in enumerate(delays_ns or ()) if delay_ns}
        size = sum([message.size_bytes for message in messages])
        if not (throttled or delayed) or self.down or batch_error(len(messages), size):
            return super().accept_batch(messages)
        left = {*range(len(messages))} - {*throttled} - delayed
        granted = [messages[index] for index in sorted(left)]
        if len(throttled) == len(messages):
            self._refuse("SendMessageBatch", messages, THROTTLED)
        elif self.on_requested is not None:
            self.on_requested(self.sim.now, "SendMessageBatch", messages, None)
        answers = iter(self._accept_each(granted, None) if granted else ())
        return [
            next(answers) if index in left else INVALID_VALUE if index in delayed else THROTTLED
            for index in range(len(messages))
        ]

    def receive(
        self,
        limit: int,
        wait_ns: int,
        reply: ReceiveReply,
        visibility_ns: int | None = None,
        attempt_id: str | None = None,
    ) -> None:
        """ReceiveMessage; with an attempt id, a repeated call gets the same answer again.

        Within five minutes it returns the same messages and receipts and restarts their timeout,
        as long as none of them was deleted, came back, or had its visibility changed (API).
        """
        if attempt_id is None or self.down:
            super().receive(limit, wait_ns, reply, visibility_ns)
            return
        now = self.sim.now
        found = self._attempts.find(now, attempt_id)
        if found is None:
            reply = self._attempts.remembering(self.sim, attempt_id, reply)
            super().receive(limit, wait_ns, reply, visibility_ns)
        elif not self._spend("ReceiveMessage", None, 0):
            self._answer_empty(reply, THROTTLED)
        else:
            timeout = self.visibility_ns if visibility_ns is None else visibility_ns
            for delivery in found:
                self.state.restart(now, delivery, timeout)
            self._arm_next()
            if self.on_repeated is not None:
                self.on_repeated(now, found)
            if self.on_requested is not None:
                self.on_requested(now, "ReceiveMessage", found, None)
            reply(list(found), None)

    def _refuse_receive(self, wait_ns: int) -> str | None:
        return None if self._spend("ReceiveMessage", None, 0) else THROTTLED

    def delete(self, delivery: Delivery) -> str | None:
        """DeleteMessage; an expired handle is refused."""
        if not self.down and not self._spend("DeleteMessage", delivery.message.key.name):
            return self._refuse("DeleteMessage", (delivery,), THROTTLED)
        return super().delete(delivery)

    def delete_batch(self, deliveries: Sequence[Delivery]) -> list[str | None]:
        """DeleteMessageBatch: one call, one answer for each receipt."""
        if self.down:
            return super().delete_batch(deliveries)
        refused = self._refused_entries("DeleteMessage", [each.message for each in deliveries])
        if not refused:
            return super().delete_batch(deliveries)
        if self.on_requested is not None:
            code = THROTTLED if len(refused) == len(deliveries) else None
            self.on_requested(self.sim.now, "DeleteMessageBatch", deliveries, code)
        return [
            THROTTLED if index in refused else self._delete(delivery)
            for index, delivery in enumerate(deliveries)
        ]

    def change_visibility(self, delivery: Delivery, timeout_ns: int) -> str | None:
        """ChangeMessageVisibility; an expired handle is refused. No call quota names it."""
        error = super().change_visibility(delivery, timeout_ns)
        if error is None:
            self._attempts.touch(delivery)
        return error

    def purge(self) -> str | None:
        """PurgeQueue; attempt ids are forgotten as well."""
        error = super().purge()
        if error is None:
            self._attempts.clear()
        return error
