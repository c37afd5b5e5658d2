"""Waiting lines, slots and token buckets."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.kernel.signals import Signal, bind, several
from msgsim.kernel.waiting import Slots, TokenBucket, WaitingLine

SECOND = 1_000_000_000


@given(st.lists(st.sampled_from(["join", "leave", "call"]), max_size=120), st.randoms())
def test_a_waiting_line_is_first_come_first_served(steps: list[str], chance: object) -> None:
    """Against a plain list: same order, whoever leaves early."""
    line: WaitingLine[object] = WaitingLine()
    naive: list[object] = []
    for step in steps:
        if step == "join":
            waiter = object()
            line.join(waiter)
            naive.append(waiter)
        elif step == "leave" and naive:
            waiter = naive.pop(len(naive) // 2)
            line.leave(waiter)
        elif step == "call":
            assert line.call() is (naive.pop(0) if naive else None)
        assert len(line) == len(naive)


def test_who_left_may_join_again_at_the_end() -> None:
    """Leaving and joining loses the place."""
    line: WaitingLine[str] = WaitingLine()
    for name in ("a", "b"):
        line.join(name)
    line.leave("a")
    line.join("a")

    assert [line.call(), line.call(), line.call()] == ["b", "a", None]


def test_slots_serve_in_order_of_asking() -> None:
    """One server, three calls: the second and third wait their turn."""
    slots = Slots(1)
    log: list[int] = []
    for number in (1, 2, 3):
        slots.take(log.append, number)
    assert (log, slots.waiting, slots.free) == ([1], 2, 0)
    slots.give()
    slots.give()
    assert (log, slots.waiting) == ([1, 2, 3], 0)
    slots.give()
    assert slots.free == 1


def test_slots_can_be_a_loss_system() -> None:
    """`try_take` refuses instead of letting wait."""
    slots = Slots(2)
    assert [slots.try_take() for _ in range(3)] == [True, True, False]
    with pytest.raises(ValueError, match="-1"):
        Slots(-1)


def test_a_bucket_starts_full_and_refills_continuously() -> None:
    """300 tokens at once, then one every 1/300 s."""
    bucket = TokenBucket(300, 300)
    assert all(bucket.take(0) for _ in range(300))
    assert not bucket.take(0)
    wait = bucket.wait_ns(0)
    assert wait is not None
    assert not bucket.take(wait - 1)
    assert bucket.take(wait)
    assert abs(wait - SECOND / 300) <= 1


def test_a_bucket_that_never_holds_enough_says_never() -> None:
    """Waiting cannot help when the amount is above the capacity."""
    assert TokenBucket(5, 10).wait_ns(0, 6) is None
    assert TokenBucket(5, 10).wait_ns(0, 5) == 0


@given(
    st.integers(1, 50),
    st.integers(1, 1_000),
    st.lists(st.tuples(st.integers(0, SECOND // 10), st.integers(1, 5)), max_size=60),
)
def test_a_bucket_agrees_with_exact_fractions(
    capacity: int, rate: int, calls: list[tuple[int, int]]
) -> None:
    """No drift: against a bucket kept in exact fractions."""
    bucket = TokenBucket(capacity, rate)
    level, now = Fraction(capacity), 0
    for pause, amount in calls:
        now += pause
        level = min(Fraction(capacity), level + Fraction(pause * rate, SECOND))
        fits = level >= amount
        assert bucket.take(now, amount) == fits
        if fits:
            level -= amount


def test_accepted_calls_never_exceed_burst_plus_rate() -> None:
    """In any stretch t a bucket lets at most capacity + rate × t through (network calculus)."""
    bucket = TokenBucket(10, 100)
    accepted = sum(bucket.take(now) for now in range(0, 2 * SECOND, SECOND // 1_000))
    assert accepted == 10 + 199  # the last call comes at 1.999 s


def test_listeners_are_bound_once_and_an_unheard_signal_is_none() -> None:
    """Nobody, one, two or many listeners; each hears every fact."""

    class Thing:
        pass

    heard: list[tuple[str, int]] = []

    class Watcher:
        def __init__(self, name: str) -> None:
            self.name = name

        def listener(self, component: object, signal: Signal) -> object:
            if signal.name != "sent":
                return None
            return lambda now: heard.append((self.name, now))

    thing = Thing()
    signals = [Signal("sent", "stored"), Signal("lost", "gone")]
    bind(thing, signals, [Watcher(name) for name in "abc"])  # type: ignore[misc]
    thing.on_sent(7)  # type: ignore[attr-defined]

    assert heard == [("a", 7), ("b", 7), ("c", 7)]
    assert thing.on_lost is None  # type: ignore[attr-defined]
    assert several([]) is None
