"""QueueDepths: how many copies of a queue are visible, in flight and delayed, at every moment.

Whoever listens leaves notes: when, what, and of how many copies. They are worked off in bulk into
gauges and counts, which follow from the announced facts alone, so that they can be checked at the
end against what the queue itself says it holds.
"""

from __future__ import annotations

from array import array
from bisect import insort
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msgsim.observe.gauges import Gauge
from msgsim.observe.histogram import Durations

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
ONE = 8
"""A note is its kind + 8 × the number of copies."""

Times = NDArray[np.int64]


def _nothing() -> None:
    """Have nothing to catch up with."""


class QueueDepths:
    """The depths of one queue, and how long copies stayed.

    Attributes:
        visible, in_flight, delayed, stored: gauges; stored is the sum of the other three.
        residences: how long each copy that left had been stored (ns), from its arrival here.
        attempts: how often processing of a copy had begun when it left (ghosts left out).
        counts: how often what happened.
        first_ns: when the first copy came.
        drained_ns: when the queue last became empty; None while it is not.
        catch_up: hands on the visits (see `visits`) that are still in the journal.
    """

    def __init__(self, duration_ns: int) -> None:
        self.visible = Gauge(duration_ns)
        self.in_flight = Gauge(duration_ns)
        self.delayed = Gauge(duration_ns)
        self.stored = Gauge(duration_ns)
        self.residences = Durations()
        self.attempts = Durations()
        self.counts: Counter[str] = Counter()
        self.first_ns: int | None = None
        self.drained_ns: int | None = None
        self.catch_up: Callable[[], None] = _nothing
        self._times = array("q")
        self._notes = array("q")
        self._appearing: list[int] = []
        self._visits: list[Times] = []

    # Taking notes --------------------------------------------------------------------------

    def note(self, now: int, kind: int) -> None:
        """Note what happened to one copy."""
        self._times.append(now)
        self._notes.append(kind + ONE)

    def note_delayed(self, now: int, until_ns: int) -> None:
        """Note a copy that is delayed until then."""
        self.note(now, DELAYED)
        insort(self._appearing, until_ns)

    def note_rescheduled(self, former_ns: int, until_ns: int) -> None:
        """Note that a delay ends at another moment than it was to."""
        self._appearing.remove(former_ns)
        insort(self._appearing, until_ns)

    def note_taken_before(self, now: int, until_ns: int) -> None:
        """Note that a copy is gone whose delay was to end then."""
        self._appearing.remove(until_ns)
        self.note(now, LEFT_DELAYED)

    def note_visits(self, done: Times, arrived: Times, attempts: Times) -> None:
        """Take note of copies that were deleted, told by the journal."""
        self._visits.append(done.copy())
        self.residences.extend(done - arrived)
        self.attempts.extend(attempts)

    # Working off ---------------------------------------------------------------------------

    def _taken_notes(self) -> tuple[Times, Times]:
        """Return all notes in order of time, and leave none."""
        self.catch_up()
        times = np.array(self._times, dtype=np.int64)
        notes = np.array(self._notes, dtype=np.int64)
        del self._times[:], self._notes[:]
        if not self._visits:
            return times, notes
        times = np.concatenate([times, *self._visits])
        notes = np.concatenate([notes, np.full(times.size - notes.size, LEFT_FLIGHT + ONE)])
        self._visits = []
        order = np.argsort(times, kind="stable")
        return times[order], notes[order]

    def work_off(self, now: int) -> None:
        """Turn the notes into gauges and counts."""
        times, notes = self._with_appearances(now, *self._taken_notes())
        # A burst leaves millions of notes between two ticks; all at once they would need ten
        # times their own memory.
        while times.size > NOTES:
            self._apply(int(times[NOTES - 1]), times[:NOTES], notes[:NOTES])
            times, notes = times[NOTES:], notes[NOTES:]
        self._apply(now, times, notes)
        self.residences.tick()
        self.attempts.tick()

    def _apply(self, now: int, times: Times, notes: Times) -> None:
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
        return np.insert(times, where, moments), np.insert(notes, where, APPEARED + ONE)

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

    @property
    def drain_time_ns(self) -> int | None:
        """From the first arrival to when the queue last became empty; None if it is not empty."""
        if self.first_ns is None or self.drained_ns is None:
            return None
        return self.drained_ns - self.first_ns
