"""A queue as a component: it takes calls, wakes pollers, keeps time and announces."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from msgsim.kernel.signals import Listener, Observer, Tallied
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Copy, Delivery, Message
from msgsim.model.ports import ReceiveReply
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.rules import INVALID_VALUE, batch_error
from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.stored import GONE, STATE_WORDS
from msgsim.services.sqs_queue.upkeep import UNAVAILABLE, Upkeep

__all__ = ["UNAVAILABLE", "Queue"]


_Poll = tuple[int, int, ReceiveReply, int]
"""A long poll that waits: deadline, `MaxNumberOfMessages`, reply, timeout of its receipts.

Every other receive waits a while, and a tuple is made in a tenth of an object's time.
"""

NEVER = 1 << 62

PLAIN_RECEIVE, PLAIN_DELETE = range(2)
"""Places in the tally of API calls: receives of one message of one billed unit, and deletes."""


class Queue(Upkeep):
    """An SQS queue: a waiting room whose customers come back when service takes too long.

    The visibility timeout makes it a retrial queue, redrive is feedback into another one. What it
    knows is in `state`; this class adds waiting, timers, quotas and announcing.

    Attributes:
        state: what the queue knows; another object once a message with a group makes it fair.
        fifo: whether it is a FIFO queue.
        plain_calls: counts API calls that are like most, where somebody wants no more than that.
    """

    __slots__ = ("_alarm_due", "_poll_due", "_polls", "_uniform_wait", "fifo", "plain_calls",
                 "state", "visibility_ns")  # fmt: skip

    on_requested: Listener | None

    kind = "sqs.queue"
    signals = (
        facts.REQUESTED,
        facts.SENT,
        facts.MOVED_IN,
        facts.DEDUPLICATED,
        facts.THROTTLED,
        facts.RECEIVED,
        facts.EMPTY,
        facts.RETURNED,
        facts.DELETED,
        facts.DELETE_REFUSED,
        facts.DEAD_LETTERED,
        facts.EXPIRED,
        facts.GHOST,
        facts.PURGED,
        facts.MOVED_OUT,
        facts.MOVED_BACK,
        facts.RESCHEDULED,
        facts.REPEATED,
    )

    def __init__(
        self, sim: Simulation, name: str, state: StandardState | FifoState, fifo: bool = False
    ) -> None:
        super().__init__(sim, name)
        self.state = state
        self.fifo = fifo
        self.visibility_ns = state.visibility_ns
        self._polls: deque[_Poll] = deque()
        self._alarm = sim.timer(self._ring)
        self._poll_alarm = sim.timer(self._end_polls)
        self._alarm_due = NEVER
        self._poll_due = NEVER
        self._uniform_wait: int | None = None
        self._serving = False
        self.default_wait_ns: int | None = None  # `ReceiveMessageWaitTimeSeconds`, if set

    def bind(self, observers: Iterable[Observer]) -> None:
        """Connect observers; the plainest calls are only counted if the one listener wishes so."""
        super().bind(observers)
        heard: Any = getattr(self, "on_requested")  # noqa: B009 - a slot made for the signal
        self.plain_calls: list[int] | None = None
        if isinstance(heard, Tallied):
            self.plain_calls = heard.counts
            setattr(self, "on_requested", heard.tell)  # noqa: B010

    # Sending -------------------------------------------------------------------------------

    def accept(self, message: Message, delay_ns: int | None = None) -> str | None:
        """Take one message (SendMessage).

        Args:
            message: what is sent; too large a one is refused.
            delay_ns: its own delay instead of the queue's, also with 0 (standard queues).
        """
        large = message.size_bytes > self.max_message_bytes and not self.down
        error = INVALID_VALUE if large else self.deliver(message, delay_ns)
        if self.on_requested is not None:
            self.on_requested(self.sim.env._now, "SendMessage", (message,), error)
        return error

    def deliver(self, message: Message, delay_ns: int | None = None) -> str | None:
        """Take one message from a topic: the topic's limit on size holds, not the queue's own.

        Source: SNS Developer Guide, large message payloads.
        """
        if self.down:
            return UNAVAILABLE
        return self._accept(message, delay_ns)

    def accept_batch(
        self, messages: Sequence[Message], delays_ns: Sequence[int | None] | None = None
    ) -> list[str | None]:
        """Take several messages in one call (SendMessageBatch): one answer for each.

        The whole request is refused for more than ten entries or more than 1 MiB together; an
        entry that is too large fails alone.
        """
        error = UNAVAILABLE if self.down else None
        if error is None:
            error = batch_error(len(messages), sum([message.size_bytes for message in messages]))
        if self.on_requested is not None:
            self.on_requested(self.sim.env._now, "SendMessageBatch", messages, error)
        if error is not None:
            return [error] * len(messages)
        return self._accept_each(messages, delays_ns)

    def _accept_each(
        self, messages: Sequence[Message], delays_ns: Sequence[int | None] | None
    ) -> list[str | None]:
        if delays_ns is None:
            delays_ns = [None] * len(messages)
        most, accept = self.max_message_bytes, self._accept
        return [
            accept(message, delay_ns) if message.size_bytes <= most else INVALID_VALUE
            for message, delay_ns in zip(messages, delays_ns, strict=True)
        ]

    def _accept(self, message: Message, delay_ns: int | None) -> str | None:
        now = self.sim.env._now
        copy = self.state.send(now, message, delay_ns)
        if copy is None:
            if self.on_deduplicated is not None:
                self.on_deduplicated(now, message)
            return None
        sent = self.on_sent
        if sent is not None:
            sent(now, copy)
        if self._polls:
            self._serve()
        if copy.visible_from_ns > now:
            self._watch(now, copy.visible_from_ns)
        elif self._alarm_due == NEVER:
            self._arm_next()
        return None

    # Receiving -----------------------------------------------------------------------------

    def receive(
        self,
        limit: int,
        wait_ns: int,
        reply: ReceiveReply,
        visibility_ns: int | None = None,
        attempt_id: str | None = None,
    ) -> None:
        """ReceiveMessage: answer at once if anything is there, else within `wait_ns`.

        Args:
            limit: `MaxNumberOfMessages`, 1 to 10.
            wait_ns: how long to wait for a message; 0 is a short poll.
            reply: called once, with the deliveries and an error code or None.
            visibility_ns: timeout of these receipts only, instead of the queue's.
            attempt_id: `ReceiveRequestAttemptId`; standard queues take no notice of it.
        """
        timeout = self.visibility_ns if visibility_ns is None else visibility_ns
        error = UNAVAILABLE if self.down else self._refuse_receive(wait_ns)
        if error is not None:
            self._answer_empty(reply, error)
            return
        deliveries = self._take(limit, timeout, short=wait_ns == 0) if self.state.visible else None
        if deliveries:
            if self.on_requested is not None:
                self.on_requested(self.sim.env._now, "ReceiveMessage", deliveries, None)
            reply(deliveries, None)
        elif wait_ns == 0:
            self._answer_empty(reply, None)
        else:
            self._wait((self.sim.now + wait_ns, limit, reply, timeout), wait_ns)

    def _refuse_receive(self, wait_ns: int) -> str | None:
        state = self.state
        if wait_ns == 0 and not self.fifo and state.in_flight >= state.in_flight_limit:
            return "OverLimit"
        return None

    def _take(self, limit: int, visibility_ns: int, short: bool) -> list[Delivery]:
        now = self.sim.env._now
        deliveries, dead = self.state.receive(
            now, limit, visibility_ns, self.hosts_asked if short else None
        )
        for copy in dead:
            self._dead_letter(now, copy)
        if deliveries:
            due = now + visibility_ns
            if due < self._alarm_due:
                self._watch(now, due)
            if self.on_received is not None:
                self.on_received(now, deliveries)
        return deliveries

    hosts_asked: int | None = None

    def _wait(self, poll: _Poll, wait_ns: int) -> None:
        polls = self._polls
        if not polls:
            self._uniform_wait = wait_ns
        elif self._uniform_wait != wait_ns:
            self._uniform_wait = None
        polls.append(poll)
        if poll[0] < self._poll_due:
            self._poll_due = poll[0]
            self._poll_alarm.arm(poll[0])

    def _serve(self) -> None:
        """Give visible messages to the polls that wait, in order of their arrival.

        Taking may send messages to a dead-letter queue, and from there (queues can be each other's)
        back here: whoever comes back finds this queue serving already, and leaves it to go on.
        """
        if self._serving:
            return
        self._serving = True
        try:
            polls = self._polls
            while polls and self.state.visible and not self.down:
                poll = polls.popleft()
                _, limit, reply, visibility_ns = poll
                deliveries = self._take(limit, visibility_ns, short=False)
                if not deliveries:
                    polls.appendleft(poll)
                    return
                if self.on_requested is not None:
                    self.on_requested(self.sim.env._now, "ReceiveMessage", deliveries, None)
                reply(deliveries, None)
        finally:
            self._serving = False

    def _end_polls(self) -> None:
        now = self.sim.now
        polls = self._polls
        ended = []
        if self._uniform_wait is not None:
            while polls and polls[0][0] <= now:
                ended.append(polls.popleft())
        else:
            ended = [poll for poll in polls if poll[0] <= now]
            self._polls = polls = deque(poll for poll in polls if poll[0] > now)
        self._poll_due = NEVER
        if polls:
            uniform = self._uniform_wait is not None
            self._poll_due = polls[0][0] if uniform else min(poll[0] for poll in polls)
            self._poll_alarm.arm(self._poll_due)
        for _, _, reply, _ in ended:
            self._answer_empty(reply, None)

    def _answer_empty(self, reply: ReceiveReply, error: str | None) -> None:
        if self.on_empty is not None:
            self.on_empty(self.sim.now, error)
        if self.on_requested is not None:
            self.on_requested(self.sim.env._now, "ReceiveMessage", (), error)
        reply([], error)

    # Deleting ------------------------------------------------------------------------------

    def delete(self, delivery: Delivery) -> str | None:
        """DeleteMessage with the receipt of `delivery`."""
        error = UNAVAILABLE if self.down else self._delete(delivery)
        if self.on_requested is not None:
            self.on_requested(self.sim.env._now, "DeleteMessage", (delivery,), error)
        return error

    def delete_batch(self, deliveries: Sequence[Delivery]) -> list[str | None]:
        """DeleteMessageBatch: one answer for each receipt."""
        error = UNAVAILABLE if self.down else None
        if self.on_requested is not None:
            self.on_requested(self.sim.env._now, "DeleteMessageBatch", deliveries, error)
        if error is not None:
            return [error] * len(deliveries)
        return [self._delete(delivery) for delivery in deliveries]

    def _delete(self, delivery: Delivery) -> str | None:
        was_there = delivery.copy.state != GONE  # type: ignore[attr-defined]
        now = self.sim.env._now
        error = self.state.delete(now, delivery)
        if error is not None:
            if self.on_delete_refused is not None:
                self.on_delete_refused(now, delivery, error)
            return error
        if was_there:
            if self.on_deleted is not None:
                self.on_deleted(now, delivery)
            self._after_delete(delivery.copy)
        return None

    def _after_delete(self, copy: Copy) -> None:
        """Serve polls that waited for a message group or for room in flight."""
        if self._polls and self.state.visible:
            self._serve()

    def change_visibility(self, delivery: Delivery, timeout_ns: int) -> str | None:
        """ChangeMessageVisibility: the timeout ends `timeout_ns` from now."""
        now = self.sim.now
        error: str | None = UNAVAILABLE
        if not self.down:
            error = self.state.change_visibility(now, delivery, timeout_ns)
        if self.on_requested is not None:
            self.on_requested(now, "ChangeMessageVisibility", (delivery,), error)
        if error is None:
            if timeout_ns == 0:
                self._ring()
            else:
                self._arm_next()
        return error

    # Time ----------------------------------------------------------------------------------

    def _arm(self, due: int) -> None:
        if due < self._alarm_due:
            self._alarm_due = due
            self._alarm.arm(due)

    def _watch(self, now: int, due: int) -> None:
        """Look at a copy again when it is `due`, or when its retention ends before."""
        ends = now + self.state.retention_ns
        self._arm(ends if ends < due else due)

    def _arm_next(self) -> None:
        due = self.state.next_change()
        if due is not None:
            self._arm(due)

    def _ring(self) -> None:
        now = self.sim.now
        returned, expired = self.state.expire(now)
        if self.on_returned is not None:
            for delivery in returned:
                self.on_returned(now, delivery)
        if self.on_expired is not None:
            for copy in expired:
                self.on_expired(now, copy)
        self._alarm_due = NEVER
        self._arm_next()
        self._serve()

    def recover(self) -> None:
        """The outage ends: polls that waited are served."""
        super().recover()
        self._serve()

    def holds(self) -> Iterable[tuple[str, Copy]]:
        """Yield every copy with its state."""
        for copy in self.state.copies():
            yield STATE_WORDS[copy.state], copy

    @property
    def in_flight_limit(self) -> int:
        """The quota of messages that are received and not yet deleted."""
        return self.state.in_flight_limit

    def oldest_ns(self) -> int | None:
        """Return since when the oldest unprocessed message waits (ns), or None.

        `ApproximateAgeOfOldestMessage` is the time since. A standard queue leaves out what was
        received three times or more; in a dead-letter queue it counts from the move.
        """
        return self.state.oldest_ns()
