"""Disorder: inversions and RFC 4737 reordering, against counting all pairs."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.model.message import Key
from msgsim.observe.disorder import FEW, SEEN_BEFORE, Disorder
from msgsim.observe.ranks import Ranks


def follow(ranks: list[int]) -> Disorder:
    disorder = Disorder()
    for rank in ranks:
        assert disorder.arrive(rank) >= 0
    return disorder


def naive_inversions(ranks: list[int]) -> int:
    return sum(a > b for i, a in enumerate(ranks) for b in ranks[i + 1 :])


def naive_extents(ranks: list[int]) -> list[int]:
    """RFC 4737 §4.2.1: i − j for the smallest j < i with s[j] > s[i]; 0 when there is none."""
    found = []
    for i, rank in enumerate(ranks):
        later = [j for j in range(i) if ranks[j] > rank]
        found.append(i - later[0] if later else 0)
    return found


def test_the_batch_that_went_on_after_a_failure() -> None:
    """Records 1 to 10, the third fails and comes last: 1, 2, 4 … 10, 3 has 7 inversions."""
    disorder = follow([0, 1, 3, 4, 5, 6, 7, 8, 9, 2])
    assert disorder.inversions == 7
    assert disorder.reordered == 1
    assert disorder.longest_extent == 7
    assert disorder.orderly and disorder.next == 10


def test_one_late_packet_by_rfc_4737() -> None:
    """Arrivals 1 2 3 5 6 7 8 4 9 10: only 4 is reordered, four arrivals after it was overtaken."""
    disorder = Disorder(1)
    extents = [disorder.arrive(rank) for rank in (1, 2, 3, 5, 6, 7, 8, 4, 9, 10)]
    assert extents == [0, 0, 0, 0, 0, 0, 0, 4, 0, 0]
    assert disorder.inversions == 4


@given(st.permutations(range(12)))
@settings(max_examples=150)
def test_against_all_pairs(ranks: list[int]) -> None:
    disorder = Disorder()
    extents = [disorder.arrive(rank) for rank in ranks]
    assert disorder.inversions == naive_inversions(ranks)
    assert extents == naive_extents(ranks)
    assert disorder.orderly and disorder.next == len(ranks)


@given(st.permutations(range(12)), st.sets(st.integers(0, 11)), st.integers(0, 12))
@settings(max_examples=200)
def test_ranks_that_end_otherwise(ranks: list[int], ended: set[int], prefix: int) -> None:
    """What is written off, at any time, counts neither as early nor as late."""
    disorder, ours = Disorder(), Ranks()
    key = Key("k")
    for rank in ranks[:prefix]:
        if rank in ended:
            assert disorder.skip(rank)
            assert ours.skip(key, rank)
        else:
            assert disorder.arrive(rank) != SEEN_BEFORE
            assert ours.arrive(key, rank)
    done = [rank for rank in ranks[:prefix] if rank not in ended]
    assert disorder.inversions == naive_inversions(done)
    extents = naive_extents(done)
    assert disorder.reordered == sum(extent > 0 for extent in extents)
    assert disorder.longest_extent == max(extents, default=0)
    assert sum(found.inversions for found in ours.troubled.values()) == disorder.inversions
    for rank in done:
        assert disorder.arrive(rank) == SEEN_BEFORE
        assert not ours.arrive(key, rank)


def test_one_blocked_rank_does_not_make_memory_grow() -> None:
    disorder = follow([rank for rank in range(10_000) if rank != 17])
    assert list(disorder.holes) == [17]
    assert disorder.arrive(17) == 10_000 - 18
    assert disorder.inversions == 10_000 - 18
    assert disorder.orderly


def test_ranks_filtered_behind_a_blocked_one_are_one_range() -> None:
    disorder = Disorder()
    for rank in range(1, 10_000):
        assert disorder.skip(rank)
    assert disorder.skips is not None and len(disorder.skips) == 1
    assert disorder.arrive(0) == 0 and disorder.next == 10_000 and disorder.orderly


def test_a_rank_that_was_written_off_and_came_after_all() -> None:
    disorder = Disorder()
    disorder.skip(2)
    disorder.skip(3)
    assert disorder.arrive(3) == 0
    assert list(disorder.holes) == [0, 1]
    assert (disorder.arrive(0), disorder.arrive(1)) == (1, 2)
    assert disorder.inversions == 2


def test_many_holes_that_are_written_off_against_all_pairs() -> None:
    """Enough of them that skips are worked into the counts of the holes that stay, several times.

    A rank that is written off while it is a hole is no part of any pair.
    """
    rng = random.Random(5)
    ranks = list(range(1, 2_001))
    rng.shuffle(ranks)
    arriving, lost = sorted(ranks[:250], key=lambda rank: rank % 7), ranks[250:]
    disorder = Disorder()
    came, worked_in = [], 0
    for place, rank in enumerate([2_001, *arriving]):
        if disorder.arrive(rank) >= 0:
            came.append(rank)
        for gone in lost[7 * place : 7 * place + 7]:
            before = len(disorder._gone)
            disorder.skip(gone)
            worked_in += len(disorder._gone) < before
    assert disorder.inversions == naive_inversions(came)
    assert len(came) > 200 and worked_in > 1
    assert len(disorder._gone) <= FEW + 2 * len(disorder.holes)
