"""Disorder: how far a sequence of ranks is from ascending, exact and in bounded memory.

Ranks 0, 1, 2 … of one key arrive in some order. Those overtaken and still outstanding are *holes*;
nothing is remembered of ranks that came in their turn, so memory grows with the disorder and not
with the number of messages. For each hole two counts from the moment it was overtaken suffice to
know, when it arrives at last, how many greater ranks came before it (its inversions) and how many
arrivals ago the first of them came (its extent).

Reordered and extent are those of RFC 4737 (Type-P-Reordered, §3; Reordering Extent, §4.2): an
arrival is reordered when a greater rank arrived before it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import Any

SEEN_BEFORE = -1

FEW = 64
"""Skips are worked into the holes' counts when there are so many more than twice the holes."""


class Disorder:
    """Follows one key; ranks are written off with `skip` when they will never arrive.

    Args:
        next_rank: the rank that would be in its turn now; all before it came in order.

    Attributes:
        next: one more than the highest rank that arrived or was passed.
        holes: overtaken ranks that are outstanding, ascending.
        arrivals: how many arrived since this object was made.
        inversions: pairs that arrived in the opposite order to their ranks.
        reordered: arrivals after a greater rank.
        longest_extent: the largest of their extents.
        mark: what was given with the overtaker of the latest arrival or skip, if it was a hole.
    """

    __slots__ = (
        "_gone",
        "_info",
        "arrivals",
        "holes",
        "inversions",
        "longest_extent",
        "mark",
        "next",
        "reordered",
        "skips",
    )

    def __init__(self, next_rank: int = 0) -> None:
        self.next = next_rank
        self.holes: deque[int] = deque()  # most leave near the front, where a list is slow
        self.arrivals = 0
        self.inversions = 0
        self.reordered = 0
        self.longest_extent = 0
        self.mark: Any = None
        # Of each hole: arrivals before its first overtaker, holes below it then (and how many of
        # `_gone`, all of which were below it), and the overtaker's mark.
        self._info: deque[tuple[int, int, Any]] = deque()
        self._gone: list[int] = []  # holes that were skipped, ascending
        self.skips: deque[list[int]] | None = None  # written off beyond `next`: [first, last]

    @property
    def orderly(self) -> bool:
        """Whether nothing but `next` needs to be known."""
        return not self.holes and not self.skips

    def arrive(self, rank: int, mark: Any = None) -> int:
        """Take note of an arrival.

        Args:
            rank: what arrived.
            mark: kept for every rank that is overtaken by this arrival.

        Returns:
            The extent: 0 in its turn or early, above 0 when reordered; -1 (`SEEN_BEFORE`) when
            this rank has arrived or been passed before.
        """
        holes = self.holes
        arrivals = self.arrivals
        if rank >= self.next:
            if self.skips:
                self._arrive_among_skips(rank, mark)
            else:
                if rank > self.next:
                    self._open(self.next, rank, mark)
                self.next = rank + 1
            self.mark = None
            self.arrivals = arrivals + 1
            return 0
        place = bisect_left(holes, rank)
        if place == len(holes) or holes[place] != rank:
            return SEEN_BEFORE
        earlier, below, self.mark = self._info[place]
        extent = arrivals - earlier
        self.reordered += 1
        if self._gone:
            below -= bisect_left(self._gone, rank)
        self.inversions += extent - (below - place)
        if extent > self.longest_extent:
            self.longest_extent = extent
        self.arrivals = arrivals + 1
        del holes[place], self._info[place]
        return extent

    def skip(self, rank: int) -> bool:
        """Write a rank off; False when it has arrived or was passed before."""
        self.mark = None
        if rank > self.next:
            return self._skip_ahead(rank)
        if rank == self.next:
            self.next += 1
            self._absorb()
            return True
        place = bisect_left(self.holes, rank)
        if place == len(self.holes) or self.holes[place] != rank:
            return False
        self.mark = self._info[place][2]
        del self.holes[place], self._info[place]
        insort(self._gone, rank)
        if len(self._gone) > FEW + 2 * len(self.holes):
            self.forget_gone()
        return True

    def forget_gone(self) -> None:
        """Take what was skipped off the counts of the holes above it."""
        gone = self._gone
        if not gone:
            return
        self._info = deque(
            (earlier, below - bisect_left(gone, rank), mark)
            for rank, (earlier, below, mark) in zip(self.holes, self._info, strict=True)
        )
        self._gone = []

    def _open(self, first: int, end: int, mark: Any) -> None:
        """Turn outstanding ranks from `first` to before `end` into holes."""
        holes, info, arrivals = self.holes, self._info, self.arrivals
        gone = len(self._gone)
        for rank in range(first, end):
            info.append((arrivals, len(holes) + gone, mark))
            holes.append(rank)

    def _arrive_among_skips(self, rank: int, mark: Any) -> None:
        """Let a rank arrive at or beyond `next` while later ones are written off."""
        skips = self.skips
        assert skips is not None
        at = self.next
        while skips and skips[0][0] < rank:
            first, last = skips[0]
            self._open(at, first, mark)
            if last >= rank:
                skips[0][0] = at = rank
                break
            skips.popleft()
            at = last + 1
        self._open(at, rank, mark)
        self.next = rank + 1
        if skips and skips[0][0] == rank:  # it had been written off and came after all
            skips[0][0] = rank + 1
            if skips[0][0] > skips[0][1]:
                skips.popleft()
        self._absorb()

    def _absorb(self) -> None:
        skips = self.skips
        while skips and skips[0][0] == self.next:
            self.next = skips.popleft()[1] + 1

    def _skip_ahead(self, rank: int) -> bool:
        if self.skips is None:
            self.skips = deque()
        skips = self.skips
        if not skips or skips[-1][1] + 1 < rank:
            skips.append([rank, rank])
            return True
        if skips[-1][1] + 1 == rank:
            skips[-1][1] = rank
            return True
        return _insert(skips, rank)


def _insert(skips: deque[list[int]], rank: int) -> bool:
    """Put a rank into sorted, disjoint ranges that do not end before it; False if it is there."""
    place = bisect_left(skips, rank - 1, key=lambda each: each[1])
    first, last = skips[place]
    if first <= rank <= last:
        return False
    if rank == last + 1:
        skips[place][1] = rank
        if place + 1 < len(skips) and skips[place + 1][0] == rank + 1:
            skips[place][1] = skips[place + 1][1]
            del skips[place + 1]
    elif rank == first - 1:
        skips[place][0] = rank
    else:
        skips.insert(place, [rank, rank])
    return True
