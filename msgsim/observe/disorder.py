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

from bisect import bisect_left
from collections import deque


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
        last_extent: extent of the latest reordered arrival; 0 before the first.
        longest_extent: the largest of them.
    """

    __slots__ = (
        "_below",
        "_skips",
        "_when",
        "arrivals",
        "holes",
        "inversions",
        "last_extent",
        "longest_extent",
        "next",
        "reordered",
    )

    def __init__(self, next_rank: int = 0) -> None:
        self.next = next_rank
        self.holes: list[int] = []
        self.arrivals = 0
        self.inversions = 0
        self.reordered = 0
        self.last_extent = 0
        self.longest_extent = 0
        self._when: list[int] = []  # arrivals before each hole's first overtaker
        self._below: list[int] = []  # holes below each hole then, but for those skipped since
        self._skips: deque[list[int]] = deque()  # written off beyond `next`: [first, last]

    @property
    def orderly(self) -> bool:
        """Whether nothing but `next` needs to be known."""
        return not self.holes and not self._skips

    def arrive(self, rank: int) -> bool:
        """Take note of an arrival; False when this rank has arrived or was passed before."""
        if rank >= self.next:
            if rank > self.next:
                self._overtake(rank)
            if not self._skips or self._skips[0][0] > rank:
                self.next = rank + 1
                self._absorb()
            else:
                self._restore(rank)
            self.arrivals += 1
            return True
        place = bisect_left(self.holes, rank)
        if place == len(self.holes) or self.holes[place] != rank:
            return False
        earlier = self._when[place]
        self.reordered += 1
        self.inversions += self.arrivals - earlier - (self._below[place] - place)
        self.last_extent = self.arrivals - earlier
        self.longest_extent = max(self.longest_extent, self.last_extent)
        self.arrivals += 1
        self._close(place)
        return True

    def skip(self, rank: int) -> bool:
        """Write a rank off; False when it has arrived or was passed before."""
        if rank > self.next:
            return self._skip_ahead(rank)
        if rank == self.next:
            self.next += 1
            self._absorb()
            return True
        place = bisect_left(self.holes, rank)
        if place == len(self.holes) or self.holes[place] != rank:
            return False
        self._close(place)
        below = self._below
        for later in range(place, len(below)):
            below[later] -= 1
        return True

    def _close(self, place: int) -> None:
        del self.holes[place], self._when[place], self._below[place]

    def _overtake(self, rank: int) -> None:
        """Turn every outstanding rank from `next` to before `rank` into a hole."""
        at = self.next
        skips = self._skips
        while skips and skips[0][0] < rank:
            first, last = skips[0]
            self._open(at, first)
            if last >= rank:
                skips[0][0] = rank
                at = rank
                break
            skips.popleft()
            at = last + 1
        self._open(at, rank)

    def _open(self, first: int, end: int) -> None:
        for rank in range(first, end):
            self._below.append(len(self.holes))
            self.holes.append(rank)
            self._when.append(self.arrivals)

    def _restore(self, rank: int) -> None:
        """Let a rank arrive that had been written off: the first of the first range."""
        self.next = rank + 1
        self._skips[0][0] = rank + 1
        if self._skips[0][0] > self._skips[0][1]:
            self._skips.popleft()
        self._absorb()

    def _absorb(self) -> None:
        skips = self._skips
        while skips and skips[0][0] == self.next:
            self.next = skips.popleft()[1] + 1

    def _skip_ahead(self, rank: int) -> bool:
        skips = self._skips
        if not skips or skips[-1][1] + 1 < rank:
            skips.append([rank, rank])
            return True
        if skips[-1][1] + 1 == rank:
            skips[-1][1] = rank
            return True
        place = 0
        while skips[place][1] + 1 < rank:
            place += 1
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
