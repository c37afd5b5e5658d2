"""The clock: order of events, inclusive ends, timers that move, pooled calls."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.kernel.simulation import BudgetExceeded, Simulation


def test_calls_for_one_instant_run_in_the_order_they_were_made() -> None:
    """Same-instant events keep the order in which they were scheduled."""
    sim = Simulation()
    log: list[str] = []
    sim.at(10, log.append, "first")
    sim.after(10, log.append, "second")
    sim.at(5, log.append, "earlier")
    sim.run(10)

    assert log == ["earlier", "first", "second"]


def test_run_includes_events_at_its_end_and_sets_the_clock() -> None:
    """`run(until)` handles events at `until`; SimPy's own `run` would skip them."""
    sim = Simulation()
    log: list[int] = []
    sim.at(100, lambda: log.append(sim.now))
    sim.at(101, lambda: log.append(sim.now))
    sim.run(100)

    assert log == [100]
    assert sim.now == 100
    sim.run(250)
    assert log == [100, 101]
    assert sim.now == 250


def test_the_past_and_negative_delays_are_refused() -> None:
    """Nothing can be scheduled before now, and the message names the value."""
    sim = Simulation()
    sim.run(50)
    with pytest.raises(ValueError, match="40"):
        sim.at(40, print)
    with pytest.raises(ValueError, match="-1"):
        sim.after(-1, print)


def test_a_call_may_schedule_itself_again() -> None:
    """A chain of hops: each call puts the next one on the heap."""
    sim = Simulation()
    log: list[int] = []

    def hop() -> None:
        log.append(sim.now)
        if sim.now < 50:
            sim.after(10, hop)

    sim.after(10, hop)
    sim.run(1_000)

    assert log == [10, 20, 30, 40, 50]
    assert sim.events_handled == 5


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=40), st.integers(1, 7))
def test_pausing_a_run_changes_nothing(times: list[int], pauses: int) -> None:
    """Running in steps is the same as running at once: order and count of events."""

    def run(steps: int) -> tuple[list[tuple[int, int]], int]:
        sim = Simulation()
        log: list[tuple[int, int]] = []
        for index, time in enumerate(times):
            sim.at(time, lambda index=index: log.append((sim.now, index)))  # type: ignore[misc]
        for step in range(1, steps + 1):
            sim.run(1_000 * step // steps)
        return log, sim.events_handled

    assert run(pauses) == run(1)


def test_a_timer_rings_once_at_the_latest_time_it_was_armed_for() -> None:
    """Moving an alarm later costs nothing, and it does not ring at the old time."""
    sim = Simulation()
    rung: list[int] = []
    timer = sim.timer(lambda: rung.append(sim.now))
    timer.arm(10)
    timer.arm(30)
    sim.run(100)

    assert rung == [30]
    assert timer.due is None


def test_a_timer_moved_earlier_rings_at_the_earlier_time_only() -> None:
    """Arming earlier voids the event that is already on the heap."""
    sim = Simulation()
    rung: list[int] = []
    timer = sim.timer(lambda: rung.append(sim.now))
    timer.arm(50)
    timer.arm(20)
    sim.run(100)

    assert rung == [20]


def test_a_cancelled_timer_stays_silent_and_can_be_armed_again() -> None:
    """Cancel, then arm: one ring, at the new time."""
    sim = Simulation()
    rung: list[int] = []
    timer = sim.timer(lambda: rung.append(sim.now))
    timer.arm(10)
    timer.cancel()
    sim.run(20)
    assert rung == []
    timer.arm(30)
    sim.run(40)
    assert rung == [30]


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 60)), max_size=30))
def test_a_timer_agrees_with_a_naive_one(moves: list[tuple[int, int]]) -> None:
    """Whatever the moves: it rings when the last armed time is reached, as a naive alarm would."""
    sim = Simulation()
    rung: list[int] = []
    timer = sim.timer(lambda: rung.append(sim.now))
    expected: list[int] = []
    due: int | None = None
    for wait, ahead in moves:
        until = sim.now + wait
        if due is not None and due <= until:
            expected.append(due)
            due = None
        sim.run(until)
        due = sim.now + ahead
        timer.arm(due)
    if due is not None:
        expected.append(due)
    sim.run(sim.now + 100)

    assert rung == expected


def test_processes_and_calls_share_one_clock() -> None:
    """Cold paths are SimPy processes in the same environment."""
    sim = Simulation()
    log: list[tuple[str, int]] = []

    def phases() -> Generator[object, object, None]:
        yield sim.sleep(5)
        log.append(("process", sim.now))
        yield sim.sleep(10)
        log.append(("process", sim.now))

    sim.process(phases())  # type: ignore[arg-type]
    sim.at(7, lambda: log.append(("call", sim.now)))
    sim.run(20)

    assert log == [("process", 5), ("call", 7), ("process", 15)]


def test_the_event_budget_stops_a_loop_without_delay() -> None:
    """A model that feeds itself at one instant would never end."""
    sim = Simulation()

    def again() -> None:
        sim.after(0, again)

    again()
    with pytest.raises(BudgetExceeded):
        sim.run(10, max_events=1_000)


def test_a_substream_name_is_used_once() -> None:
    """Two samplers of one name would draw the same numbers without anyone noticing."""
    sim = Simulation()
    sim.integers("Queue", "host", 8)
    with pytest.raises(ValueError, match="Queue/host"):
        sim.integers("Queue", "host", 8)
