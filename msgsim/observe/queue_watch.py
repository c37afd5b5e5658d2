"""QueueWatch: what happens in one queue, from announced facts alone.

Listeners only note what changed; how the notes become depths is told in `queue_depths`.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener
from msgsim.model.message import Copy, Delivery
from msgsim.observe.completions import Stream
from msgsim.observe.queue_depths import (
    LEFT_FLIGHT,
    LEFT_VISIBLE,
    LONG,
    NOTES,
    ONE,
    RECEIVED,
    RETURNED,
    SHOWN,
    QueueDepths,
)
from msgsim.observe.system import holding

RECEIVES = 8_192
"""First receives that are worked off without waiting for anybody to ask."""


class FirstReceives(Protocol):
    """What notes first receives, for the order in which they come.

    Attributes:
        stream: whose keys are numbered.
        keys, ranks: numbers of keys and ranks of first receives, to be worked off by `follow`.
    """

    stream: Stream
    keys: array[int]
    ranks: array[int]

    def follow(self) -> None:
        """Work off what was noted."""


class QueueWatch(QueueDepths):
    """What is known of one queue.

    Attributes:
        forgotten_ns: what the residences of the warm-up came to, together.
        empties: receives that returned nothing, by error code (None: no error).
        throttled: refused calls per API action, and `throttled_messages` in them.
        oldest: `(time_ns, age_ns)` of the oldest copy, sampled.
        noisy: `(time_ns, number)` of noisy message groups, sampled likewise.
        seen_before: visible copies that were received before.
        entered: copies whose stay here began after `arrived_ns`, and when.
        order: what else notes first receives, in the same call; None for nothing.
    """

    def __init__(self, queue: Component, duration_ns: int) -> None:
        super().__init__(duration_ns)
        self.queue = queue
        self.forgotten_ns = 0
        self.empties: Counter[str | None] = Counter()
        self.throttled: Counter[str] = Counter()
        self.throttled_messages: Counter[str] = Counter()
        self.oldest: list[tuple[int, int]] = []
        self.noisy: list[tuple[int, int]] = []
        self._sample_every = self.visible.width_ns
        self.seen_before: set[Copy] = set()
        self.entered: dict[Copy, int] = {}
        self.order: FirstReceives | None = None
        self._listeners: dict[str, Listener] = {}
        self._noisy_groups: Callable[[], list[str]] = getattr(queue, "noisy_groups", list)
        self._oldest_ns: Callable[[], int | None] = getattr(queue, "oldest_ns", lambda: None)

    # Listening -----------------------------------------------------------------------------

    def forget(self, now: int) -> None:
        """End the warm-up: depth, age and residence are observed from now on."""
        for gauge in (self.visible, self.in_flight, self.delayed, self.stored):
            gauge.forget()
        self.forgotten_ns += self.residences.total
        self.residences.forget()
        self.oldest.clear()
        self.noisy.clear()

    def listeners(self) -> dict[str, Listener]:
        """Return what to call, by signal."""
        if not self._listeners:
            self._listeners = self._make_listeners()
        return self._listeners

    def _make_listeners(self) -> dict[str, Listener]:
        return {
            "sent": self._sent(),
            "received": self._received() if self.order is None else self._received_in(self.order),
            "deleted": self._deleted(),
            "returned": self._returned,
            "moved_in": self._moved_in,
            "ghost": self._ghost,
            "dead_lettered": self._dead_lettered,
            "expired": self._expired,
            "purged": self._purged,
            "moved_out": self._moved_out,
            "moved_back": self._moved_back,
            "rescheduled": self._rescheduled,
            "empty": self._empty,
            "delete_refused": self._delete_refused,
            "throttled": self._throttled,
            "deduplicated": self._deduplicated,
        }

    def _sent(self) -> Listener:
        time, note, delayed = self._times.append, self._notes.append, self.note_delayed

        def sent(now: int, copy: Any) -> None:
            if copy.visible_from_ns > now:
                delayed(now, copy.visible_from_ns)
            else:
                time(now)
                note(SHOWN + ONE)

        return sent

    def _received(self) -> Listener:
        time, note, notes = self._times.append, self._notes.append, self._notes
        seen_before, again, work_off = self.seen_before, self._received_again, self.work_off

        def received(now: int, deliveries: list[Delivery]) -> None:
            time(now)
            note(RECEIVED + ONE * len(deliveries))
            if seen_before:
                again(deliveries)
            if len(notes) > NOTES:
                work_off(now)

        return received

    def _received_in(self, order: FirstReceives) -> Listener:
        """Return the same, which also notes first receives for the observer of order."""
        time, note, notes = self._times.append, self._notes.append, self._notes
        seen_before, again, work_off = self.seen_before, self._received_again, self.work_off
        keys, ranks = order.stream.keys, order.ranks
        note_key, note_rank, follow = order.keys.append, ranks.append, order.follow

        def received(now: int, deliveries: list[Delivery]) -> None:
            time(now)
            note(RECEIVED + ONE * len(deliveries))
            if seen_before:
                again(deliveries)
            for delivery in deliveries:
                if delivery.attempt == 1:
                    message = delivery.message
                    note_key(keys[message.key])
                    note_rank(message.rank)
            if len(ranks) >= RECEIVES:
                follow()
                if len(notes) > NOTES:
                    work_off(now)

        return received

    def _received_again(self, deliveries: list[Delivery]) -> None:
        seen_before = self.seen_before
        for delivery in deliveries:
            if delivery.copy in seen_before:
                seen_before.discard(delivery.copy)
                self.counts["received_again"] += 1

    def _deleted(self) -> Listener:
        time, note = self._times.append, self._notes.append
        stay, begun = self.residences.add, self.attempts.add
        seen_before, entered, unusual = self.seen_before, self.entered, self._left

        def deleted(now: int, delivery: Delivery) -> None:
            copy = delivery.copy
            if seen_before or entered:
                unusual(now, copy)
            else:
                time(now)
                note(LEFT_FLIGHT + ONE)
                stay(now - copy.arrived_ns)
                begun(copy.starts)

        return deleted

    def _left(self, now: int, copy: Copy) -> None:
        """Note that a copy is gone, whatever state it was in."""
        if copy in self.seen_before:
            self.seen_before.discard(copy)
            self.note(now, LEFT_VISIBLE)
        else:
            self.note(now, LEFT_FLIGHT)
        self._stayed(now, copy)

    def _stayed(self, now: int, copy: Copy) -> None:
        self.residences.add(now - self.entered.pop(copy, copy.arrived_ns))
        if not copy.ghost:
            self.attempts.add(copy.starts)

    def _returned(self, now: int, delivery: Delivery) -> None:
        self.counts["returned"] += 1
        self.note(now, RETURNED)
        self.seen_before.add(delivery.copy)

    def _moved_in(self, now: int, copy: Copy) -> None:
        self.counts["moved_in"] += 1
        if copy.starts == 0:
            self.counts["never_processed"] += 1
        self._enter(now, copy)

    def _ghost(self, now: int, copy: Copy) -> None:
        self.counts["ghosts"] += 1
        self._enter(now, copy)

    def _enter(self, now: int, copy: Copy) -> None:
        self.note(now, SHOWN)
        self.entered[copy] = now
        if copy.receives:
            self.seen_before.add(copy)

    def _dead_lettered(self, now: int, copy: Copy) -> None:
        self.counts["dead_lettered"] += 1
        self.seen_before.discard(copy)
        self.note(now, LEFT_VISIBLE)
        self._stayed(now, copy)

    def _expired(self, now: int, copy: Any) -> None:
        self.counts["expired"] += 1
        self._taken_away(now, copy)

    def _purged(self, now: int, copy: Any) -> None:
        self.counts["purged"] += 1
        self._taken_away(now, copy)

    def _moved_out(self, now: int, copy: Any) -> None:
        self.counts["moved_out"] += 1
        self._taken_away(now, copy)

    def _moved_back(self, now: int, message: Any) -> None:
        self.counts["moved_back"] += 1

    def _rescheduled(self, now: int, copy: Any, former_ns: int) -> None:
        self.note_rescheduled(former_ns, max(now, copy.visible_from_ns))

    def _taken_away(self, now: int, copy: Any) -> None:
        """Note that a copy is gone that nobody deleted: from sight, from flight, or delayed."""
        if copy.receives:
            self._left(now, copy)
            return
        if copy.visible_from_ns > now:
            self.note_taken_before(now, copy.visible_from_ns)
        else:
            self.note(now, LEFT_VISIBLE)
        self._stayed(now, copy)

    def _empty(self, now: int, code: str | None) -> None:
        self.empties[code] += 1

    def _delete_refused(self, now: int, delivery: Delivery, code: str) -> None:
        self.counts["deletes_refused"] += 1

    def _throttled(self, now: int, action: str, messages: int) -> None:
        self.throttled[action] += 1
        self.throttled_messages[action] += messages

    def _deduplicated(self, now: int, message: Any) -> None:
        self.counts["deduplicated"] += 1

    # Between events -------------------------------------------------------------------------

    def tick(self, now: int) -> None:
        """Work off the notes if there are many, and sample the oldest age."""
        if len(self._notes) >= (1 if self.counts["moved_in"] else LONG):
            self.work_off(now)
        if not self.oldest or now - self.oldest[-1][0] >= self._sample_every:
            self._sample(now)

    def finish(self, now: int) -> None:
        """End the run; what is still here has had its attempts so far."""
        self.work_off(now)
        for _, _, copy in holding(self.queue):
            if copy is not None and copy.starts and not copy.ghost:
                self.attempts.add(copy.starts)
        for gauge in (self.visible, self.in_flight, self.delayed, self.stored):
            gauge.finish(now)
        if not self.oldest or self.oldest[-1][0] < now:
            self._sample(now)

    def _sample(self, now: int) -> None:
        self.oldest.append((now, self.oldest_age_ns(now)))
        self.noisy.append((now, self.noisy_now()))

    def noisy_now(self) -> int:
        """Return how many message groups are noisy (`ApproximateNumberOfNoisyGroups`)."""
        return len(self._noisy_groups())

    def oldest_age_ns(self, now: int) -> int:
        """Return the age of the oldest copy, 0 when there is none.

        In a dead-letter queue ages count from the move, on both types (SQS Developer Guide,
        sqs-dead-letter-queues.html).
        """
        entered = self.entered
        if self.counts["moved_in"] and len(entered) == self.stored.value != 0:
            return now - next(iter(entered.values()))
        arrived = self._oldest_ns()
        return now - arrived if arrived is not None else 0

    # Counts --------------------------------------------------------------------------------

    @property
    def sent(self) -> int:
        """Copies stored by sends (NumberOfMessagesSent); moves and ghosts are not sends."""
        counts = self.counts
        return counts["shown"] + counts["delayed"] - counts["moved_in"] - counts["ghosts"]

    @property
    def deleted(self) -> int:
        """Copies deleted by receipt."""
        counts = self.counts
        taken = ("dead_lettered", "expired", "purged", "moved_out")
        return counts["left"] - sum(counts[name] for name in taken)

    @property
    def empty_receives(self) -> int:
        """Receives that returned nothing and were no errors."""
        return self.empties[None]

    @property
    def age_max_ns(self) -> int:
        """The largest age the oldest copy ever had, exact: the longest stay of any copy."""
        oldest = max((age for _, age in self.oldest), default=0)
        return max(oldest, self.residences.max or 0)

    def entered_ns(self, copy: Copy) -> int:
        """Return when a copy's present stay began."""
        return self.entered.get(copy, copy.arrived_ns)
