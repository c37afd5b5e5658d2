"""The standard queue: at least once, best-effort order, no quota of calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgsim.kernel.sampling import GeometricGaps, Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Copy, Delivery, Message
from msgsim.model.ports import ReceiveReply
from msgsim.services.sqs_queue.base import (
    NEVER,
    PLAIN_DELETE,
    PLAIN_RECEIVE,
    UNAVAILABLE,
    Queue,
)
from msgsim.services.sqs_queue.fair import FairState
from msgsim.services.sqs_queue.rules import REQUEST_BYTES
from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.stored import GONE, IN_FLIGHT, Stored
from msgsim.services.sqs_queue.tenants import FairRules, fair_rules


class StandardQueue(Queue):
    """A standard queue: at least once, best-effort order, both by mechanism.

    Args:
        hosts_asked: hosts that a short poll samples.
        missed_deletes: how many deletes pass until a replica misses one.
        ghost_delay: how long the missed copy stays unseen (ns).
        rules: when a message group is noisy; asked when the first message with a group comes.
    """

    __slots__ = ("_deletes_left",)

    def __init__(
        self,
        sim: Simulation,
        name: str,
        state: StandardState,
        hosts_asked: int | None = None,
        missed_deletes: GeometricGaps | None = None,
        ghost_delay: Sampler[int] | None = None,
        rules: Callable[[], FairRules] = fair_rules,
    ) -> None:
        super().__init__(sim, name, state)
        self._rules = rules
        self._look = sim.timer(self._look_at_groups)
        self.hosts_asked = hosts_asked
        self._missed_deletes = missed_deletes
        self._ghost_delay = ghost_delay
        self._deletes_left = missed_deletes.draw() if missed_deletes is not None else 1 << 62

    # Nearly every message takes the next four methods. They do what `Queue` does, spelled out for
    # a queue without call quotas, because each call costs as much as the work it saves.

    def deliver(  # noqa: C901 - one call for nearly every message
        self, message: Message, delay_ns: int | None = None
    ) -> str | None:
        """Take one message from a topic: the topic's limit on size holds, not the queue's own."""
        if self.down:
            return UNAVAILABLE
        if message.grouped:
            self._notice_group(message)
        state = self.state
        delay = state.delay_ns if delay_ns is None else delay_ns
        now = self.sim.env._now
        if not self._polls and self._alarm_due != NEVER and not delay:
            copy, sent = state.send(now, message, 0), self.on_sent
            if sent is not None:
                sent(now, copy)
            return None
        if not self._polls or state.visible or delay or state.in_flight >= state.in_flight_limit:
            return Queue._accept(self, message, delay_ns)
        _, _, reply, visibility_ns = self._polls.popleft()
        delivery = state.hand_over(now, message, visibility_ns)  # type: ignore[union-attr]
        due = delivery.deadline_ns
        if due < self._alarm_due:
            self._watch(now, due)
        sent, received = self.on_sent, self.on_received
        if sent is not None:
            sent(now, delivery.copy)
        handed = [delivery]
        if received is not None:
            received(now, handed)
        calls, requested = self.plain_calls, self.on_requested
        if calls is not None and message.size_bytes <= REQUEST_BYTES:
            calls[PLAIN_RECEIVE] += 1
        elif requested is not None:
            requested(now, "ReceiveMessage", handed, None)
        reply(handed, None)
        return None

    def _accept(self, message: Message, delay_ns: int | None) -> str | None:
        return self.deliver(message, delay_ns)

    def receive(
        self,
        limit: int,
        wait_ns: int,
        reply: ReceiveReply,
        visibility_ns: int | None = None,
        attempt_id: str | None = None,
    ) -> None:
        """ReceiveMessage: answer at once if anything is there, else within `wait_ns`."""
        if self.down or not wait_ns:
            super().receive(limit, wait_ns, reply, visibility_ns)
            return
        timeout = self.visibility_ns if visibility_ns is None else visibility_ns
        state, now = self.state, self.sim.env._now
        if not state.visible:
            deliveries = []
        elif limit == 1:
            deliveries = self._take_one(now, timeout)
        else:
            deliveries = self._take(limit, timeout, False)
        if not deliveries:
            self._wait((now + wait_ns, limit, reply, timeout), wait_ns)
            return
        calls, requested = self.plain_calls, self.on_requested
        if (
            calls is not None
            and len(deliveries) == 1
            and deliveries[0].message.size_bytes <= REQUEST_BYTES
        ):
            calls[PLAIN_RECEIVE] += 1
        elif requested is not None:
            requested(now, "ReceiveMessage", deliveries, None)
        reply(deliveries, None)

    def _take_one(self, now: int, visibility_ns: int) -> list[Delivery]:
        dead: list[Stored] = []
        delivery = self.state.take_one(now, visibility_ns, dead)  # type: ignore[union-attr]
        for copy in dead:
            self._dead_letter(now, copy)
        if delivery is None:
            return []
        due = now + visibility_ns
        if due < self._alarm_due:
            self._watch(now, due)
        deliveries, received = [delivery], self.on_received
        if received is not None:
            received(now, deliveries)
        return deliveries

    def _delete(self, delivery: Delivery) -> str | None:
        if delivery.copy.state != GONE:  # type: ignore[attr-defined]
            now = self.sim.env._now
            self.state.delete(now, delivery)
            if self.on_deleted is not None:
                self.on_deleted(now, delivery)
            self._after_delete(delivery.copy)
        return None  # deleting twice succeeds

    def delete_batch(self, deliveries: Sequence[Delivery]) -> list[str | None]:
        """DeleteMessageBatch: one answer for each receipt; deleting twice succeeds."""
        state, polls = self.state, self._polls
        if self.down or polls or state.fair:  # type: ignore[union-attr]
            return super().delete_batch(deliveries)
        now, deleted, deletes_left = self.sim.env._now, self.on_deleted, self._deletes_left
        if self.on_requested is not None:
            self.on_requested(now, "DeleteMessageBatch", deliveries, None)
        for delivery in deliveries:
            copy: Stored = delivery.copy  # type: ignore[assignment]
            if copy.state == IN_FLIGHT and deletes_left > 1:  # what `_delete` does, in one loop
                copy.state = GONE
                copy.receipt = None
                state.in_flight -= 1
                deletes_left -= 1
                if deleted is not None:
                    deleted(now, delivery)
            else:
                self._deletes_left = deletes_left
                self._delete(delivery)
                deletes_left = self._deletes_left
        self._deletes_left = deletes_left
        return [None] * len(deliveries)

    def remove(self, delivery: Delivery) -> bool:
        """Delete by receipt, for a consumer that announces it; False when `delete` must do it."""
        copy: Stored = delivery.copy  # type: ignore[assignment]
        if self.down or copy.state != IN_FLIGHT:
            return False
        state = self.state
        if state.fair:  # type: ignore[union-attr]
            state.delete(self.sim.env._now, delivery)
        else:  # what that comes to, without a call
            copy.state = GONE
            copy.receipt = None
            state.in_flight -= 1
        if self._polls or self._deletes_left == 1:
            self._after_delete(copy)
        else:
            self._deletes_left -= 1
        if self.plain_calls is not None:
            self.plain_calls[PLAIN_DELETE] += 1
        elif self.on_requested is not None:
            self.on_requested(self.sim.env._now, "DeleteMessage", (delivery,), None)
        return True

    def _after_delete(self, copy: Copy) -> None:
        state = self.state
        self._deletes_left -= 1
        if not self._deletes_left:
            self._miss_delete(copy)  # type: ignore[arg-type]
        if self._polls and state.in_flight == state.in_flight_limit - 1:
            self._serve()

    def _notice_group(self, message: Message) -> None:
        """Become a fair queue with the first message that carries a group."""
        now = self.sim.now
        if not isinstance(self.state, FairState):
            assert isinstance(self.state, StandardState)
            self.state = FairState(self.state, self._rules(), now)
        if self._look.due is None:
            period_ns = self.state.rules.evaluation_ns
            self._look.arm((now // period_ns + 1) * period_ns)

    def _look_at_groups(self) -> None:
        state = self.state
        assert isinstance(state, FairState)
        state.evaluate(self.sim.now)
        if state.has_tenants:
            self._look.arm(self.sim.now + state.rules.evaluation_ns)

    def noisy_groups(self) -> list[str]:
        """Return the message groups that are noisy now; none on a queue without groups."""
        return self.state.noisy_groups() if isinstance(self.state, FairState) else []

    def quiet_counters(self) -> tuple[int, int, int]:
        """Return visible, in flight and delayed messages of quiet groups (`…InQuietGroups`)."""
        state = self.state
        return state.quiet_counters() if isinstance(state, FairState) else self.counters()

    def _miss_delete(self, copy: Stored) -> None:
        """Let a replica miss a delete: the copy comes back as a ghost."""
        assert self._missed_deletes is not None and self._ghost_delay is not None
        self._deletes_left = self._missed_deletes.draw()
        self.sim.after(self._ghost_delay.draw(), self._haunt, copy)

    def _haunt(self, copy: Stored) -> None:
        now = self.sim.now
        if copy.arrived_ns + self.state.retention_ns <= now:
            return
        self.state.haunt(now, copy)  # type: ignore[union-attr]
        if self.on_ghost is not None:
            self.on_ghost(now, copy)
        self._serve()
        self._arm_next()
