"""Bulk: many ranks of one key at once, with numpy, to the same result as `Disorder.arrive`.

A `Disorder` costs a microsecond for each rank that is out of order. A batch of thousands needs only
a running maximum (who was overtaken, and by whom first) and one count of inversions by merging.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from msgsim.observe.disorder import Disorder

Ranks = NDArray[np.int64]

WORTH_IT = 192
"""How many ranks of one key make numpy faster than one call each."""

_ROW = 16  # inversions within rows of this length are counted by comparing all with all
_EARLIER = np.triu(np.ones((_ROW, _ROW), dtype=bool), 1)


class Passed(NamedTuple):
    """How a batch went, by its places.

    Attributes:
        extents: the extent of each arrival, 0 in its turn or early.
        waited: whether overtaken ranks were outstanding just before each arrival.
        late: places of ranks that were overtaken within the batch.
        overtakers: the places of their first overtakers.
        marks: the marks of ranks that had been overtaken before the batch, with their places.
    """

    extents: Ranks
    waited: NDArray[np.bool_]
    late: Ranks
    overtakers: Ranks
    marks: list[tuple[int, Any]]


def arrive_all(
    disorder: Disorder, ranks: Ranks, mark: Callable[[int], Any] = lambda place: None
) -> Passed | None:
    """Let many ranks arrive at once.

    Args:
        disorder: what is known so far.
        ranks: what arrives, in this order; not empty.
        mark: gives the mark of the arrival at a place.

    Returns:
        How it went; None, and nothing has changed, when a rank was seen before or ranks beyond
        `next` are written off, which only `arrive` understands.
    """
    disorder.forget_gone()
    base, held = disorder.next, np.array(disorder.holes, dtype=np.int64)
    before = np.flatnonzero(ranks < base)
    places = np.searchsorted(held, ranks[before])
    if disorder.skips or not _all_new(ranks, held, before, places):
        return None
    tops = np.maximum.accumulate(np.concatenate(([base - 1], ranks)))
    indices = np.arange(ranks.size)
    settled = base - held.size
    waited = tops[:-1] + 1 > settled + indices
    late = np.flatnonzero((ranks <= tops[:-1]) & (ranks >= base))
    overtakers = np.searchsorted(tops[1:], ranks[late], side="right")
    extents = np.zeros(ranks.size, dtype=np.int64)
    extents[late] = late - overtakers
    marks = _fill_old_holes(disorder, before.tolist(), places.tolist(), extents)
    disorder.inversions += inversions(ranks)
    _open_holes(disorder, ranks, tops[1:], settled, mark)
    disorder.next = int(tops[-1]) + 1
    disorder.arrivals += ranks.size
    disorder.reordered += late.size + before.size
    disorder.longest_extent = max(disorder.longest_extent, int(extents.max()))
    return Passed(extents, waited, late, overtakers, marks)


def _all_new(ranks: Ranks, held: Ranks, before: Ranks, places: Ranks) -> bool:
    """Say whether no rank comes twice, and those that are not new fill holes."""
    ascending = np.sort(ranks)
    if (ascending[1:] == ascending[:-1]).any():
        return False
    if not before.size:
        return True
    inside = bool(places[-1] < held.size) and bool((places < held.size).all())
    return inside and bool((held[places] == ranks[before]).all())


def _fill_old_holes(
    disorder: Disorder, arrivals: list[int], places: list[int], extents: Ranks
) -> list[tuple[int, Any]]:
    """Close the holes that the batch found open; add their inversions from before it."""
    info, known = disorder._info, disorder.arrivals
    marks = []
    for at, place in zip(arrivals, places, strict=True):
        earlier, below, mark = info[place]
        extents[at] = known + at - earlier
        disorder.inversions += (known - earlier) - (below - place)
        marks.append((at, mark))
    for place in sorted(places, reverse=True):
        del disorder.holes[place], info[place]
    return marks


def _open_holes(
    disorder: Disorder, ranks: Ranks, tops: Ranks, settled: int, mark: Callable[[int], Any]
) -> None:
    """Note what the batch overtook and left outstanding."""
    base = disorder.next
    outstanding = np.ones(max(0, int(tops[-1]) + 1 - base), dtype=bool)
    outstanding[ranks[ranks >= base] - base] = False
    opened = np.flatnonzero(outstanding) + base
    overtakers = np.searchsorted(tops, opened, side="right")
    below = opened - (settled + overtakers)
    for rank, at, lower in zip(opened.tolist(), overtakers.tolist(), below.tolist(), strict=True):
        disorder.holes.append(rank)
        disorder._info.append((disorder.arrivals + at, lower, mark(at)))


def inversions(ranks: Ranks) -> int:
    """Count the pairs in which the greater number comes first, by merging sorted rows."""
    width = _ROW
    rows = 1 << max(0, (-(-ranks.size // width) - 1).bit_length())
    low = int(ranks.min())
    span = int(ranks.max()) - low + 2
    filled = np.full(rows * width, span - 1, dtype=np.int64)  # what fills up comes last, in order
    filled[: ranks.size] = ranks - low
    table = filled.reshape(rows, width)
    found = int(((table[:, :, None] > table[:, None, :]) & _EARLIER).sum())
    table.sort(axis=1)
    while len(table) > 1:
        left, right = table[0::2], table[1::2]
        where, _ = np.nonzero(passed := right < left[:, -1:])  # few, in what is almost in order
        # Rows are told apart by an offset, so that one search serves all pairs of rows.
        offsets = np.arange(len(left), dtype=np.int64) * span
        late = right[passed] + offsets[where]
        not_greater = np.searchsorted((left + offsets[:, None]).ravel(), late, side="right")
        found += int(((where + 1) * width - not_greater).sum())
        width *= 2
        table = np.sort(table.reshape(-1, width), axis=1, kind="stable")
    return found
