"""Track: how the completions of one key go at one subscriber."""

from __future__ import annotations

from msgsim.observe.disorder import Disorder

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

    __slots__ = ("_blocked", "_disorder", "_passed", "gaps", "last_ns", "next", "stall_ns")

    def __init__(self) -> None:
        self.next = 0
        self.last_ns = -1
        self.stall_ns = 0
        self.gaps = 0
        self._disorder: Disorder | None = None
        self._blocked: _Spans | None = None  # when given-up messages waited
        self._passed: dict[int, tuple[int, int, _Spans | None]] | None = None  # hole → gap before

    @property
    def inversions(self) -> int:
        """Pairs done in the opposite order to publication."""
        return self._disorder.inversions if self._disorder is not None else 0

    @property
    def reordered(self) -> int:
        """Messages done after a later one."""
        return self._disorder.reordered if self._disorder is not None else 0

    @property
    def last_extent(self) -> int:
        """Extent of the latest reordered message."""
        return self._disorder.last_extent if self._disorder is not None else 0

    def complete(self, now: int, rank: int, arrived_ns: int, gone: bool) -> bool:
        """Take note of a completion; False when the message had been done before.

        Args:
            now: the time (ns).
            rank: the message's rank within its key.
            arrived_ns: when the copy arrived at the subscriber.
            gone: whether the copy had been given up before.
        """
        if gone:
            self.gaps -= 1
            self.last_ns = now
            return True
        disorder = self._trouble()
        holes_before = len(disorder.holes)
        first = disorder.arrive(rank)
        if first:
            self._note_gap(now, arrived_ns, holes_before > 0)
            self._note_overtaken(now, disorder, holes_before)
            self._note_passed(rank, arrived_ns)
            self.last_ns = now
            self._blocked = None
        self._settle(disorder)
        return first

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
        self._note_passed(rank, arrived_ns)
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

    def _note_overtaken(self, now: int, disorder: Disorder, holes_before: int) -> None:
        """Remember the gap before an overtaking: only the overtaken know if they waited in it."""
        if len(disorder.holes) > holes_before:
            passed = self._passed = self._passed if self._passed is not None else {}
            for hole in disorder.holes[holes_before:]:
                passed[hole] = (self.last_ns, now, self._blocked)

    def _note_passed(self, rank: int, arrived_ns: int) -> None:
        """Measure the gap in which this message was overtaken."""
        if self._passed and rank in self._passed:
            begun, ended, blocked = self._passed.pop(rank)
            waited_ns = ended - max(begun, _waiting_since(blocked, arrived_ns))
            self.stall_ns = max(self.stall_ns, waited_ns)


def _waiting_since(spans: _Spans | None, arrived_ns: int) -> int:
    """Return since when something waited without a break, given what arrived then."""
    for begun, ended in reversed(spans or ()):
        if ended >= arrived_ns:
            arrived_ns = min(arrived_ns, begun)
    return arrived_ns
