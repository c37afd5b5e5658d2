"""Stalls: the longest time without a completion while a message of the key was waiting."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.observe.tracks import Track


def test_a_blocked_group() -> None:
    """The fifth message arrives at 5 s and is given up at 155 s; 6 follows at once."""
    track = Track()
    for rank in range(4):
        track.complete(rank + 1, rank, rank + 1, False)
    track.give_up(155, 4, 5)
    track.complete(156, 5, 6, False)
    assert track.stall_ns == 151
    assert track.gaps == 1


def test_an_idle_key_does_not_stall() -> None:
    track = Track()
    track.complete(2, 0, 1, False)
    track.complete(102, 1, 100, False)
    assert track.stall_ns == 2


def test_someone_else_being_served_ends_a_stall() -> None:
    """Message 0 waits from 1 to 150, but 1 is done at 101: the stall is 100, then 49."""
    track = Track()
    track.complete(101, 1, 100, False)
    track.complete(150, 0, 1, False)
    assert track.stall_ns == 100


def test_a_copy_completed_after_it_was_given_up_closes_its_gap() -> None:
    track = Track()
    track.give_up(10, 0, 0)
    assert track.gaps == 1
    assert track.complete(12, 0, 0, True) == 0
    assert track.gaps == 0


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[int, int, bool]]:
    """(arrived, ended, done) of messages that arrive in order of their ranks."""
    count = draw(st.integers(1, 7))
    arrivals = sorted(draw(st.lists(st.integers(0, 40), min_size=count, max_size=count)))
    moments = draw(st.lists(st.integers(41, 200), min_size=count, max_size=count, unique=True))
    early = draw(st.booleans())
    return [
        (a, a + 1 + (m - 41) % 30 if early else m, draw(st.booleans()))
        for a, m in zip(arrivals, moments, strict=True)
    ]


@given(lives())
@settings(max_examples=200)
def test_against_a_naive_scan(found: list[tuple[int, int, bool]]) -> None:
    """Between two completions, from when on was something waiting that was there at the end?"""
    order = sorted(range(len(found)), key=lambda rank: (found[rank][1], rank))
    track = Track()
    for rank in order:
        arrived, ended, done = found[rank]
        if done:
            track.complete(ended, rank, arrived, False)
        else:
            track.give_up(ended, rank, arrived)
    completions = [-1, *(found[rank][1] for rank in order if found[rank][2])]
    ends = [found[rank][1] for rank in order]
    longest = 0
    for moment in ends:
        last = max((c for c in completions if c < moment), default=-1)
        begun = moment
        waiting = [a for a, e, _ in found if a < moment <= e]
        while waiting and min(waiting) < begun:
            begun = min(waiting)
            waiting = [a for a, e, _ in found if a < begun <= e]
        if any(a < moment <= e for a, e, _ in found):
            longest = max(longest, moment - max(last, begun))
    assert track.stall_ns == longest


def test_a_message_done_though_it_was_skipped_leaves_gaps_and_order_alone() -> None:
    track = Track()
    track.give_up(10, 0, 0)
    track.skip(1)
    track.complete(20, 2, 5, False)

    assert track.complete_after_all(30) == 0
    assert (track.gaps, track.inversions, track.last_ns) == (1, 0, 30)
