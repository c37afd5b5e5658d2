"""QueueWatch: what happens in one queue, from announced facts alone.

Listeners only note what changed; the notes are worked off in bulk. How many copies are visible, in
flight and delayed follows from the announced facts alone, so that it can be checked at the end
against what the queue itself says it holds.
"""

from __future__ import annotations

from array import array
from bisect import insort
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener
from msgsim.model.message import Copy, Delivery
from msgsim.observe.completions import Stream
from msgsim.observe.gauges import Gauge
from msgsim.observe.histogram import Durations
from msgsim.observe.system import holding

NOTES = 65_536
"""Notes that may come together before they are worked off between ticks."""

LONG = 8_192
"""Notes that are worth working off at a tick: arrays pay when they are long."""

# What can happen to copies, and what it changes in visible, in flight, delayed.
SHOWN, DELAYED, APPEARED, RECEIVED, RETURNED, LEFT_FLIGHT, LEFT_VISIBLE, LEFT_DELAYED = range(8)
_VISIBLE = np.array([1, 0, 1, -1, 1, 0, -1, 0], dtype=np.int64)
_IN_FLIGHT = np.array([0, 0, 0, 1, -1, -1, 0, 0], dtype=np.int64)
_DELAYED = np.array([0, 1, -1, 0, 0, 0, 0, -1], dtype=np.int64)
_STORED = _VISIBLE + _IN_FLIGHT + _DELAYED
_ONE = 8  # a note is kind + 8 × number of copies


RECEIVES = 8_192
"""First receives that are worked off without waiting for anybody to ask."""

Times = NDArray[np.int64]


def _nothing() -> None:
    """Have nothing to catch up with."""


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


class QueueWatch:
    """What is known of one queue.

    Attributes:
        visible, in_flight, delayed, stored: gauges; stored is the sum of the other three.
        residences: how long each copy that left had been stored (ns), from its arrival here.
        forgotten_ns: what those of the warm-up came to, together.
        attempts: how often processing of a copy had begun when it left (ghosts left out).
        empties: receives that returned nothing, by error code (None: no error).
        throttled: refused calls per API action, and `throttled_messages` in them.
        oldest: `(time_ns, age_ns)` of the oldest copy, sampled.
        noisy: `(time_ns, number)` of noisy message groups, sampled likewise.
        drained_ns: when the queue last became empty; None while it is not.
        seen_before: visible copies that were received before.
        entered: copies whose stay here began after `arrived_ns`, and when.
        order: what else notes first receives, in the same call; None for nothing.
        catch_up: hands on the visits (see `visits`) that are still in the journal.
    """

    def __init__(self, queue: Component, duration_ns: int) -> None:
        self.queue = queue
        self.visible = Gauge(duration_ns)
        self.in_flight = Gauge(duration_ns)
        self.delayed = Gauge(duration_ns)
        self.stored = Gauge(duration_ns)
        self.residences = Durations()
        self.forgotten_ns = 0
        self.attempts = Durations()
        self.counts: Counter[str] = Counter()
        self.empties: Counter[str | None] = Counter()
        self.throttled: Counter[str] = Counter()
        self.throttled_messages: Counter[str] = Counter()
        self.oldest: list[tuple[int, int]] = []
        self.noisy: list[tuple[int, int]] = []
        self.first_ns: int | None = None
        self.drained_ns: int | None = None
        self._sample_every = self.visible.width_ns
        self._times = array("q")
        self._notes = array("q")
        self._appearing: list[int] = []
        self.seen_before: set[Copy] = set()
        self.entered: dict[Copy, int] = {}
        self.order: FirstReceives | None = None
        self.catch_up: Callable[[], None] = _nothing
        self._visits: list[Times] = []
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
        time, note, delayed = self._times.append, self._notes.append, self._delay

        def sent(now: int, copy: Any) -> None:
            if copy.visible_from_ns > now:
                delayed(now, copy)
            else:
                time(now)
                note(SHOWN + _ONE)

        return sent

    def _delay(self, now: int, copy: Any) -> None:
        self._note(now, DELAYED + _ONE)
        insort(self._appearing, copy.visible_from_ns)

    def _received(self) -> Listener:
        time, note, notes = self._times.append, self._notes.append, self._notes
        seen_before, again, work_off = self.seen_before, self._received_again, self.work_off

        def received(now: int, deliveries: list[Delivery]) -> None:
            time(now)
            note(RECEIVED + _ONE * len(deliveries))
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
            note(RECEIVED + _ONE * len(deliveries))
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
                note(LEFT_FLIGHT + _ONE)
                stay(now - copy.arrived_ns)
                begun(copy.starts)

        return deleted

    def _left(self, now: int, copy: Copy) -> None:
        """Note that a copy is gone, whatever state it was in."""
        if copy in self.seen_before:
            self.seen_before.discard(copy)
            self._note(now, LEFT_VISIBLE + _ONE)
        else:
            self._note(now, LEFT_FLIGHT + _ONE)
        self._stayed(now, copy)

    def _stayed(self, now: int, copy: Copy) -> None:
        self.residences.add(now - self.entered.pop(copy, copy.arrived_ns))
        if not copy.ghost:
            self.attempts.add(copy.starts)

    def _returned(self, now: int, delivery: Delivery) -> None:
        self.counts["returned"] += 1
        self._note(now, RETURNED + _ONE)
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
        self._note(now, SHOWN + _ONE)
        self.entered[copy] = now
        if copy.receives:
            self.seen_before.add(copy)

    def _dead_lettered(self, now: int, copy: Copy) -> None:
        self.counts["dead_lettered"] += 1
        self.seen_before.discard(copy)
        self._note(now, LEFT_VISIBLE + _ONE)
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
        self._appearing.remove(former_ns)
        insort(self._appearing, max(now, copy.visible_from_ns))

    def _taken_away(self, now: int, copy: Any) -> None:
        """Note that a copy is gone that nobody deleted: from sight, from flight, or delayed."""
        if copy.receives:
            self._left(now, copy)
            return
        if copy.visible_from_ns > now:
            self._appearing.remove(copy.visible_from_ns)
            self._note(now, LEFT_DELAYED + _ONE)
        else:
            self._note(now, LEFT_VISIBLE + _ONE)
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

    def _note(self, now: int, note: int) -> None:
        self._times.append(now)
        self._notes.append(note)

    # Working off ---------------------------------------------------------------------------

    def note_visits(self, done: Times, arrived: Times, attempts: Times) -> None:
        """Take note of copies that were deleted, told by the journal."""
        self._visits.append(done.copy())
        self.residences.extend(done - arrived)
        self.attempts.extend(attempts)

    def _taken_notes(self) -> tuple[Times, Times]:
        """Return all notes in order of time, and leave none."""
        self.catch_up()
        times = np.array(self._times, dtype=np.int64)
        notes = np.array(self._notes, dtype=np.int64)
        del self._times[:], self._notes[:]
        if not self._visits:
            return times, notes
        times = np.concatenate([times, *self._visits])
        notes = np.concatenate([notes, np.full(times.size - notes.size, LEFT_FLIGHT + _ONE)])
        self._visits = []
        order = np.argsort(times, kind="stable")
        return times[order], notes[order]

    def work_off(self, now: int) -> None:
        """Turn the notes into gauges and counts."""
        times, notes = self._taken_notes()
        times, notes = self._with_appearances(now, times, notes)
        kinds, copies = notes & 7, notes >> 3
        counts = self.counts
        for kind, name in ((SHOWN, "shown"), (DELAYED, "delayed"), (RECEIVED, "received")):
            counts[name] += int(copies[kinds == kind].sum())
        counts["receives"] += int((kinds == RECEIVED).sum())
        counts["left"] += int(copies[kinds >= LEFT_FLIGHT].sum())
        stored = self.stored.value + (_STORED[kinds] * copies).cumsum()
        self._note_drain(times, stored)
        course = self.visible.course(times, now)
        for gauge, changes in (
            (self.visible, _VISIBLE),
            (self.in_flight, _IN_FLIGHT),
            (self.delayed, _DELAYED),
            (self.stored, _STORED),
        ):
            gauge.apply(course, changes[kinds] * copies)
        self.residences.tick()
        self.attempts.tick()

    def _with_appearances(self, now: int, times: Any, notes: Any) -> tuple[Any, Any]:
        """Add the moments at which delays ended, which no fact announces."""
        appearing = self._appearing
        due = 0
        while due < len(appearing) and appearing[due] <= now:
            due += 1
        if not due:
            return times, notes
        moments = np.array(appearing[:due], dtype=np.int64)
        del appearing[:due]
        where = np.searchsorted(times, moments)
        return np.insert(times, where, moments), np.insert(notes, where, APPEARED + _ONE)

    def _note_drain(self, times: Any, stored: Any) -> None:
        if not times.size:
            return
        if self.first_ns is None:
            self.first_ns = int(times[0])
        empty = np.flatnonzero(stored == 0)
        if stored[-1] != 0:
            self.drained_ns = None
        elif empty.size:
            filled = np.flatnonzero(stored != 0)
            last = int(filled[-1]) + 1 if filled.size else 0
            if self.drained_ns is None or filled.size:
                self.drained_ns = int(times[last])

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

    @property
    def drain_time_ns(self) -> int | None:
        """From the first arrival to when the queue last became empty; None if it is not empty."""
        if self.first_ns is None or self.drained_ns is None:
            return None
        return self.drained_ns - self.first_ns

    def entered_ns(self, copy: Copy) -> int:
        """Return when a copy's present stay began."""
        return self.entered.get(copy, copy.arrived_ns)
