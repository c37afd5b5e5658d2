"""SQS queues as components: they take calls, wake pollers, keep time and announce."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import GeometricGaps, Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.kernel.waiting import TokenBucket
from msgsim.model import facts
from msgsim.model.message import Copy, Delivery, Message
from msgsim.model.ports import ReceiveReply
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.standard import NO_HOST, StandardState
from msgsim.services.sqs_queue.state import GONE, STATE_WORDS, Stored

THROTTLED = "RequestThrottled"
UNAVAILABLE = "ServiceUnavailable"


class _Poll:
    """A long poll that waits for a message."""

    __slots__ = ("deadline", "limit", "reply", "visibility_ns")

    def __init__(self, limit: int, reply: ReceiveReply, visibility_ns: int, deadline: int) -> None:
        self.limit = limit
        self.reply = reply
        self.visibility_ns = visibility_ns
        self.deadline = deadline


class Queue(Component):
    """An SQS queue: a waiting room whose customers come back when service takes too long.

    The visibility timeout makes it a retrial queue, redrive is feedback into another one. What it
    knows is in `state`; this class adds waiting, timers, quotas and announcing.
    """

    kind = "sqs.queue"
    signals = (
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
    )

    def __init__(
        self, sim: Simulation, name: str, state: StandardState | FifoState, fifo: bool = False
    ) -> None:
        super().__init__(sim, name)
        self.state = state
        self.fifo = fifo
        self.dead_letter_queue: Queue | None = None
        self.visibility_ns = state.visibility_ns
        self._polls: deque[_Poll] = deque()
        self._alarm = sim.timer(self._ring)
        self._poll_alarm = sim.timer(self._end_polls)
        self._alarm_due = 1 << 62
        self._poll_due = 1 << 62
        self._uniform_wait: int | None = None

    # Sending -------------------------------------------------------------------------------

    def accept(self, message: Message) -> str | None:
        """Take one message (SendMessage)."""
        if self.down:
            return UNAVAILABLE
        return self._accept(message)

    def accept_batch(self, messages: Sequence[Message]) -> list[str | None]:
        """Take several messages in one call (SendMessageBatch)."""
        if self.down:
            return [UNAVAILABLE] * len(messages)
        return [self._accept(message) for message in messages]

    def _accept(self, message: Message) -> str | None:
        now = self.sim.env._now
        copy = self.state.send(now, message)
        if copy is None:
            if self.on_deduplicated is not None:
                self.on_deduplicated(now, message)
            return None
        if self.on_sent is not None:
            self.on_sent(now, copy)
        if self._polls:
            self._serve()
        if copy.visible_from_ns > now:
            self._watch(now, copy.visible_from_ns)
        elif self._alarm_due == 1 << 62:
            self._arm_next()
        return None

    def move_in(self, source: Queue, old: Stored) -> None:
        """Take over a copy from a source queue: same message, receive count continuing.

        A standard queue counts retention from the original arrival, a FIFO queue from the move.
        """
        now = self.sim.now
        copy = Stored(old.message, now if self.fifo else old.arrived_ns, NO_HOST, old.sequence)
        copy.receives = old.receives
        copy.starts = old.starts
        copy.first_received_ns = old.first_received_ns
        self.state.move_in(copy)
        if self.on_moved_in is not None:
            self.on_moved_in(now, copy)
        self._ring()  # it may be older than this queue keeps messages

    # Receiving -----------------------------------------------------------------------------

    def receive(
        self,
        limit: int,
        wait_ns: int,
        reply: ReceiveReply,
        visibility_ns: int | None = None,
    ) -> None:
        """ReceiveMessage: answer at once if anything is there, else within `wait_ns`."""
        timeout = self.visibility_ns if visibility_ns is None else visibility_ns
        error = UNAVAILABLE if self.down else self._refuse_receive(wait_ns)
        if error is not None:
            self._answer_empty(reply, error)
            return
        deliveries = self._take(limit, timeout, short=wait_ns == 0) if self.state.visible else None
        if deliveries:
            reply(deliveries, None)
        elif wait_ns == 0:
            self._answer_empty(reply, None)
        else:
            self._wait(_Poll(limit, reply, timeout, self.sim.now + wait_ns), wait_ns)

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
        if poll.deadline < self._poll_due:
            self._poll_due = poll.deadline
            self._poll_alarm.arm(poll.deadline)

    def _serve(self) -> None:
        """Give visible messages to the polls that wait, in order of their arrival."""
        polls = self._polls
        while polls and self.state.visible and not self.down:
            poll = polls[0]
            deliveries = self._take(poll.limit, poll.visibility_ns, short=False)
            if not deliveries:
                return
            polls.popleft()
            poll.reply(deliveries, None)

    def _end_polls(self) -> None:
        now = self.sim.now
        polls = self._polls
        ended = []
        if self._uniform_wait is not None:
            while polls and polls[0].deadline <= now:
                ended.append(polls.popleft())
        else:
            ended = [poll for poll in polls if poll.deadline <= now]
            self._polls = polls = deque(poll for poll in polls if poll.deadline > now)
        self._poll_due = 1 << 62
        if polls:
            self._poll_due = (
                polls[0].deadline
                if self._uniform_wait is not None
                else min(poll.deadline for poll in polls)
            )
            self._poll_alarm.arm(self._poll_due)
        for poll in ended:
            self._answer_empty(poll.reply, None)

    def _answer_empty(self, reply: ReceiveReply, error: str | None) -> None:
        if self.on_empty is not None:
            self.on_empty(self.sim.now, error)
        reply([], error)

    # Deleting ------------------------------------------------------------------------------

    def delete(self, delivery: Delivery) -> str | None:
        """DeleteMessage with the receipt of `delivery`."""
        if self.down:
            return UNAVAILABLE
        return self._delete(delivery)

    def delete_batch(self, deliveries: Sequence[Delivery]) -> list[str | None]:
        """DeleteMessageBatch: one answer for each receipt."""
        if self.down:
            return [UNAVAILABLE] * len(deliveries)
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
        if self.down:
            return UNAVAILABLE
        error = self.state.change_visibility(self.sim.now, delivery, timeout_ns)
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
        self._arm(min(due, now + self.state.retention_ns))

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
        self._alarm_due = 1 << 62
        self._arm_next()
        self._serve()

    def _dead_letter(self, now: int, copy: Stored) -> None:
        if self.on_dead_lettered is not None:
            self.on_dead_lettered(now, copy)
        if self.dead_letter_queue is not None:
            self.dead_letter_queue.move_in(self, copy)

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
        """Return when the oldest copy arrived, or None when the queue is empty."""
        return self.state.oldest_ns()


class StandardQueue(Queue):
    """A standard queue: at least once, best-effort order, both by mechanism.

    Args:
        hosts_asked: hosts that a short poll samples.
        missed_deletes: how many deletes pass until a replica misses one.
        ghost_delay: how long the missed copy stays unseen (ns).
    """

    def __init__(
        self,
        sim: Simulation,
        name: str,
        state: StandardState,
        hosts_asked: int | None = None,
        missed_deletes: GeometricGaps | None = None,
        ghost_delay: Sampler[int] | None = None,
    ) -> None:
        super().__init__(sim, name, state)
        self.hosts_asked = hosts_asked
        self._missed_deletes = missed_deletes
        self._ghost_delay = ghost_delay
        self._deletes_left = missed_deletes.draw() if missed_deletes is not None else 1 << 62

    def _accept(self, message: Message) -> str | None:
        state = self.state
        if not self._polls or state.visible or state.delay_ns or self._full():
            return super()._accept(message)
        now = self.sim.env._now
        poll = self._polls.popleft()
        delivery = state.hand_over(now, message, poll.visibility_ns)  # type: ignore[union-attr]
        due = delivery.deadline_ns
        if due < self._alarm_due:
            self._watch(now, due)
        if self.on_sent is not None:
            self.on_sent(now, delivery.copy)
        handed = [delivery]
        if self.on_received is not None:
            self.on_received(now, handed)
        poll.reply(handed, None)
        return None

    def _full(self) -> bool:
        return self.state.in_flight >= self.state.in_flight_limit

    def _after_delete(self, copy: Copy) -> None:
        self._deletes_left -= 1
        if self._deletes_left == 0:
            assert self._missed_deletes is not None and self._ghost_delay is not None
            self._deletes_left = self._missed_deletes.draw()
            self.sim.after(self._ghost_delay.draw(), self._haunt, copy)
        state = self.state
        if self._polls and state.in_flight == state.in_flight_limit - 1:
            self._serve()

    def _haunt(self, copy: Stored) -> None:
        now = self.sim.now
        if copy.arrived_ns + self.state.retention_ns <= now:
            return
        self.state.haunt(now, copy)  # type: ignore[union-attr]
        if self.on_ghost is not None:
            self.on_ghost(now, copy)
        self._serve()
        self._arm_next()


class FifoQueue(Queue):
    """A FIFO queue: order within a message group, duplicate sends removed, calls rationed.

    Args:
        calls: action → token bucket of API calls, or None without a quota.
    """

    def __init__(
        self,
        sim: Simulation,
        name: str,
        state: FifoState,
        calls: Callable[[str], TokenBucket | None] = lambda action: None,
    ) -> None:
        super().__init__(sim, name, state, fifo=True)
        actions = ("SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility")
        self._calls = {action: calls(action) for action in actions}

    def _spend(self, action: str, messages: int) -> bool:
        bucket = self._calls[action]
        if bucket is None or bucket.take(self.sim.now):
            return True
        if self.on_throttled is not None:
            self.on_throttled(self.sim.now, action, messages)
        return False

    def accept(self, message: Message) -> str | None:
        """Take one message (SendMessage), if the call quota allows."""
        if not self.down and not self._spend("SendMessage", 1):
            return THROTTLED
        return super().accept(message)

    def accept_batch(self, messages: Sequence[Message]) -> list[str | None]:
        """Take several messages in one call (SendMessageBatch), if the call quota allows."""
        if not self.down and not self._spend("SendMessage", len(messages)):
            return [THROTTLED] * len(messages)
        return super().accept_batch(messages)

    def _refuse_receive(self, wait_ns: int) -> str | None:
        return None if self._spend("ReceiveMessage", 0) else THROTTLED

    def delete(self, delivery: Delivery) -> str | None:
        """DeleteMessage; an expired handle is refused."""
        if not self.down and not self._spend("DeleteMessage", 1):
            return THROTTLED
        return super().delete(delivery)

    def delete_batch(self, deliveries: Sequence[Delivery]) -> list[str | None]:
        """DeleteMessageBatch: one call, one answer for each receipt."""
        if not self.down and not self._spend("DeleteMessage", len(deliveries)):
            return [THROTTLED] * len(deliveries)
        return super().delete_batch(deliveries)

    def change_visibility(self, delivery: Delivery, timeout_ns: int) -> str | None:
        """ChangeMessageVisibility; an expired handle is refused."""
        if not self.down and not self._spend("ChangeMessageVisibility", 1):
            return THROTTLED
        return super().change_visibility(delivery, timeout_ns)
