"""Bulk: thousands of ranks at once, to the same result as one call for each."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.observe.bulk import arrive_all, inversions
from msgsim.observe.disorder import Disorder
from msgsim.observe.tracks import Track


def known(disorder: Disorder) -> tuple:
    """Everything a disorder knows."""
    return tuple(getattr(disorder, name) for name in Disorder.__slots__ if name != "mark")


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[int]]:
    """Batches of ranks in some disorder, a few of which never come."""
    delays = draw(st.lists(st.integers(0, 12) | st.just(60), min_size=1, max_size=120))
    ranks = sorted(range(len(delays)), key=lambda rank: (rank + delays[rank], rank))
    lost = draw(st.sets(st.integers(0, len(delays) - 1), max_size=5))
    ranks = [rank for rank in ranks if rank not in lost]
    cuts = sorted(draw(st.sets(st.integers(1, 119), max_size=6)))
    edges = [0, *(cut for cut in cuts if cut < len(ranks)), len(ranks)]
    pieces = [ranks[begin:end] for begin, end in pairwise(edges)]
    return [piece for piece in pieces if piece]


@settings(max_examples=150, deadline=None)
@given(arrivals())
def test_a_disorder_cannot_tell_a_batch_from_single_arrivals(batches: list[list[int]]) -> None:
    single, bulk = Disorder(), Disorder()
    seen = 0
    for batch in batches:
        extents = [single.arrive(rank, seen + at) for at, rank in enumerate(batch)]
        found = arrive_all(bulk, np.array(batch), lambda at, seen=seen: seen + at)
        seen += len(batch)
        assert found is not None
        assert found.extents.tolist() == extents
        assert known(bulk) == known(single)


@settings(max_examples=150, deadline=None)
@given(arrivals(), st.data())
def test_a_track_cannot_tell_a_batch_from_single_completions(
    batches: list[list[int]], data: st.DataObject
) -> None:
    """Stalls as well: they depend on when each message arrived and who overtook it when."""
    single, bulk = Track(), Track()
    now = 100
    for batch in batches:
        gaps = data.draw(st.lists(st.integers(0, 40), min_size=len(batch), max_size=len(batch)))
        done = [now := now + gap for gap in gaps]
        waits = data.draw(st.lists(st.integers(0, 99), min_size=len(batch), max_size=len(batch)))
        arrived = [moment - wait for moment, wait in zip(done, waits, strict=True)]
        rows = zip(done, batch, arrived, strict=True)
        extents = [single.complete(moment, rank, since, False) for moment, rank, since in rows]
        found = bulk.complete_all(np.array(batch), np.array(done), np.array(arrived))
        assert found is not None
        assert found.tolist() == extents
        for name in ("next", "last_ns", "stall_ns", "gaps", "inversions", "reordered"):
            assert getattr(bulk, name) == getattr(single, name), name


def test_what_was_seen_before_or_written_off_ahead_goes_one_by_one() -> None:
    """Then nothing has changed, so that the caller may do so."""
    disorder = Disorder()
    arrive_all(disorder, np.array([0, 1, 4]))
    before = [list(part) if isinstance(part, list) else part for part in known(disorder)]
    for ranks in ([5, 5], [6, 1], [2, 2], [3, 4]):
        assert arrive_all(disorder, np.array(ranks)) is None
        assert list(known(disorder)) == before
    disorder.skip(9)
    assert arrive_all(disorder, np.array([5, 6])) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=90))
def test_inversions_are_the_pairs_in_which_the_greater_comes_first(ranks: list[int]) -> None:
    pairs = sum(a > b for at, a in enumerate(ranks) for b in ranks[at + 1 :])
    assert inversions(np.array(ranks)) == pairs
