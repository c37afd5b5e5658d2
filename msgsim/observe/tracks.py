"""Track: how the completions of one key go at one subscriber."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from msgsim.observe.bulk import arrive_all
from msgsim.observe.disorder import SEEN_BEFORE, Disorder

Column = NDArray[np.int64]
_Spans = list[tuple[int, int]]
_NOT_PLAIN = -1
_MOST_SPANS = 16  # separate times in which messages waited in vain since the last completion


class Track:
    """One key's progress: the rank in its turn, disorder, gaps and stalls.

    Attributes:
        next: the rank in its turn, while all that came before is settled; else -1, which sends
            every completion through `complete`.
        last_ns: when the latest message was done; -1 before the first.
        stall_ns: the longest time without a completion while a message was waiting.
        gaps: messages given up for good.
    """

    __slots__ = ("_blocked", "_disorder", "gaps", "last_ns", "next", "stall_ns")

    def __init__(self) -> None:
        self.next = 0
        self.last_ns = -1
        self.stall_ns = 0
        self.gaps = 0
        self._disorder: Disorder | None = None
        self._blocked: _Spans | None = None  # when given-up messages waited

    @property
    def inversions(self) -> int:
        """Pairs done in the opposite order to publication."""
        return self._disorder.inversions if self._disorder is not None else 0

    @property
    def reordered(self) -> int:
        """Messages done after a later one."""
        return self._disorder.reordered if self._disorder is not None else 0

    def complete(self, now: int, rank: int, arrived_ns: int, gone: bool) -> int:
        """Take note of a completion.

        Args:
            now: the time (ns).
            rank: the message's rank within its key.
            arrived_ns: when the copy arrived at the subscriber.
            gone: whether the copy had been given up before.

        Returns:
            The extent of its reordering, 0 if it was not; -1 if the message had been done before.
        """
        last = self.last_ns
        if rank == self.next:
            self._complete_in_turn(now, last, arrived_ns)
            return 0
        if gone and self.gaps:
            self.gaps -= 1
            self.last_ns = now
            return 0
        disorder = self._disorder
        if disorder is None or self.next != _NOT_PLAIN:
            disorder = self._trouble()
        waited_before = bool(disorder.holes)
        extent = disorder.arrive(rank, (last, now, self._blocked))
        if extent != SEEN_BEFORE:
            if now - last > self.stall_ns:
                self._note_gap(now, arrived_ns, waited_before)
            if extent:
                self._note_passed(disorder, arrived_ns)
            self.last_ns = now
            self._blocked = None
        if disorder.holes or disorder.skips or self._blocked is not None:
            self.next = _NOT_PLAIN
        else:
            self.next = disorder.next
        return extent

    def complete_after_all(self, now: int) -> int:
        """Take note that a message which was skipped is done; it is out of order for nobody."""
        self.last_ns = now
        return 0

    def _complete_in_turn(self, now: int, last: int, arrived_ns: int) -> None:
        self.next += 1
        self.last_ns = now
        if now - last > self.stall_ns:
            gap = now - (arrived_ns if arrived_ns > last else last)
            if gap > self.stall_ns:
                self.stall_ns = gap

    def complete_all(self, ranks: Column, done: Column, arrived: Column) -> Column | None:
        """Take note of many completions at once, of copies that had not been given up.

        Args:
            ranks: their ranks, in the order of completion.
            done: when they were done (ns).
            arrived: when their copies arrived (ns).

        Returns:
            What `complete` would return for each; None, and nothing has changed, if it must be
            asked one by one.
        """
        if self._blocked is not None:
            return None
        last = np.concatenate(([self.last_ns], done[:-1]))
        disorder = self._disorder
        if disorder is None or self.next != _NOT_PLAIN:
            disorder = self._trouble()
        found = arrive_all(disorder, ranks, lambda at: (int(last[at]), int(done[at]), None))
        if found is None:
            return None
        idle = done - np.where(found.waited, last, np.maximum(last, arrived))
        self.stall_ns = max(self.stall_ns, int(idle.max()))
        if found.late.size:
            passed_by = found.overtakers
            waited = done[passed_by] - np.maximum(last[passed_by], arrived[found.late])
            self.stall_ns = max(self.stall_ns, int(waited.max()))
        for at, mark in found.marks:
            self._note_mark(mark, int(arrived[at]))
        self.last_ns = int(done[-1])
        self._settle(disorder)
        return found.extents

    def skip(self, rank: int) -> bool:
        """Take note that a message will never be done here; False when it has been settled."""
        if self.next != _NOT_PLAIN and rank <= self.next:
            in_turn = rank == self.next
            self.next += in_turn
            return in_turn
        disorder = self._trouble()
        found = disorder.skip(rank)
        if found:
            self._settle(disorder)
        return found

    def give_up(self, now: int, rank: int, arrived_ns: int) -> None:
        """Take note that a message that arrived at `arrived_ns` is given up for good."""
        disorder = self._trouble()
        holes = len(disorder.holes)
        if not disorder.skip(rank):
            self._settle(disorder)
            return
        self.gaps += 1
        self._note_gap(now, arrived_ns, holes > 0)
        self._note_passed(disorder, arrived_ns)
        self._block(_waiting_since(self._blocked, arrived_ns), now)
        self._settle(disorder)

    def note_stall(self, now: int, arrived_ns: int) -> None:
        """Take note that a message which arrived at `arrived_ns` still waits when the run ends."""
        overtaken = self._disorder is not None and bool(self._disorder.holes)
        self._note_gap(now, arrived_ns, overtaken and self.next == _NOT_PLAIN)

    def _trouble(self) -> Disorder:
        disorder = self._disorder
        if disorder is None:
            disorder = self._disorder = Disorder(self.next)
        elif self.next != _NOT_PLAIN:
            disorder.next = self.next
        return disorder

    def _settle(self, disorder: Disorder) -> None:
        plain = disorder.orderly and self._blocked is None
        self.next = disorder.next if plain else _NOT_PLAIN

    def _block(self, begun: int, ended: int) -> None:
        """Remember that given-up messages waited from `begun` to `ended`."""
        kept = [span for span in self._blocked or () if span[1] < begun]
        self._blocked = [*kept[-_MOST_SPANS:], (begun, ended)]

    def _note_gap(self, now: int, arrived_ns: int, waited_before: bool) -> None:
        """Measure the time since the last completion, as far as something was waiting."""
        begun = _waiting_since(self._blocked, arrived_ns)
        if waited_before:
            begun = min(begun, self.last_ns)
        self.stall_ns = max(self.stall_ns, now - max(self.last_ns, begun))

    def _note_passed(self, disorder: Disorder, arrived_ns: int) -> None:
        """Measure the gap before this message was overtaken: only it knows if it waited then."""
        if disorder.mark is not None:
            self._note_mark(disorder.mark, arrived_ns)

    def _note_mark(self, mark: tuple[int, int, _Spans | None], arrived_ns: int) -> None:
        begun, ended, blocked = mark
        if ended - begun > self.stall_ns:
            waited_ns = ended - max(begun, _waiting_since(blocked, arrived_ns))
            self.stall_ns = max(self.stall_ns, waited_ns)


def _waiting_since(spans: _Spans | None, arrived_ns: int) -> int:
    """Return since when something waited without a break, given what arrived then."""
    for begun, ended in reversed(spans or ()):
        if ended >= arrived_ns:
            arrived_ns = min(arrived_ns, begun)
    return arrived_ns
