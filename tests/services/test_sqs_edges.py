"""Corners of SQS queues: what the properties found, and a message that is kept for ever keeps
nothing else.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Key, Message
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.state import QueueState
from msgsim.services.sqs_queue.stored import Moved
from tests.services.by_hand import Mail, Recorder, fifo, ns, receive, standard
from tests.services.sqs_model import S

# Memory -------------------------------------------------------------------------------------


def held_by(thing: Any) -> int:
    """How many entries all containers inside a state have together, groups included."""
    if isinstance(thing, (deque, list)):
        return len(thing) + sum(held_by(item) for item in thing if isinstance(item, deque))
    if isinstance(thing, dict):
        lines = (getattr(value, "line", ()) for value in thing.values())
        return len(thing) + sum(len(line) for line in lines)
    return 0


def weight(state: QueueState) -> int:
    """All entries that a state keeps."""
    return sum(held_by(value) for value in vars(state).values())


@pytest.mark.parametrize("kind", ["standard", "fifo", "one group", "dead letters"])
@pytest.mark.parametrize("timeouts", ["default", "by hand", "late deletes"])
def test_a_poison_message_kept_for_ever_keeps_nothing_else(kind: str, timeouts: str) -> None:
    """3,000 messages pass a poison message; what the lines keep does not depend on their number."""
    is_fifo = kind in {"fifo", "one group"}
    state = (FifoState if is_fifo else StandardState)(visibility_ns=30 * S)
    now, poison = 0, Message(0, Key("a"), 0, 0)
    state.send(now, poison)
    for number in range(3_000):
        now += S
        message = Message(number + 1, Key("a" if kind == "one group" else f"g{number}"), 0, now)
        if kind == "dead letters":
            copy = Moved(message, now, now, 5)
            state.move_in(copy)
        else:
            state.send(now, message)
        visibility_ns = 30 * S if timeouts == "default" else 20_000 * S
        for delivery in state.receive(now, 10, visibility_ns)[0]:
            if delivery.message is poison:
                state.change_visibility(now, delivery, S // 2)
                continue
            if timeouts == "late deletes" and not is_fifo:
                state.change_visibility(now, delivery, 0)
                state.expire(now)
            assert state.delete(now, delivery) is None
        now += S
        state.expire(now)
    assert state.stored == 1
    state.next_change()
    assert weight(state) < 500


# What the properties found ------------------------------------------------------------------


def test_a_change_to_the_same_moment_returns_the_message_once() -> None:
    """Timeout 30 s, at 10 s changed to 20 s, twice: one return at 30 s (API, 1.6 of the sheet)."""
    state = StandardState(visibility_ns=30 * S)
    state.send(0, Message(0, Key("g"), 0, 0))
    held = state.receive(0, 1, 30 * S)[0][0]
    for _ in range(2):
        assert state.change_visibility(10 * S, held, 20 * S) is None
    assert state.expire(30 * S)[0] == [held]
    assert (state.visible, state.in_flight) == (1, 0)


def test_an_old_receipt_of_a_fifo_queue_does_not_move_the_new_timeout() -> None:
    """On FIFO a handle dies with its visibility window (S20): it no longer changes anything."""
    state = FifoState(visibility_ns=30 * S)
    state.send(0, Message(0, Key("g"), 0, 0))
    old = state.receive(0, 1, 30 * S)[0][0]
    state.expire(30 * S)
    new = state.receive(30 * S, 1, 30 * S)[0][0]
    assert state.change_visibility(40 * S, old, 600 * S) == "InvalidParameterValue"
    assert state.expire(60 * S)[0] == [new]


@pytest.mark.parametrize("kind", ["standard", "fifo"])
@pytest.mark.parametrize(("delay", "polled"), [("900s", False), ("0s", True)])
def test_retention_is_announced_when_it_ends(kind: str, delay: str, polled: bool) -> None:
    """Retention of 60 s ends after 60 s, also under a longer delay or visibility timeout."""
    sim, seen = Simulation(seed=1), Recorder()
    make = standard if kind == "standard" else fifo
    queue = make(sim, visibility_ns=ns("1h"), delay_ns=ns(delay), retention_ns=ns("60s"))
    queue.bind([seen])
    if polled:
        receive(queue, wait="20s")
    queue.accept(Mail(sim).message("m"))
    sim.run(ns("60s") - 1)
    assert seen.count("expired") == 0
    sim.run(ns("60s"))
    assert seen.count("expired") == 1


def test_a_message_too_old_for_the_dead_letter_queue_is_never_received_there() -> None:
    """A DLQ's retention counts from the original arrival (S7): older messages expire at once."""
    sim = Simulation(seed=1)
    source = standard(sim, "source", max_receives=1)
    dead = standard(sim, "dead", retention_ns=ns("60s"))
    source.dead_letter_queue = dead
    source.accept(Mail(sim).message("m"))
    receive(source)
    waiting = receive(dead, wait="200s")
    sim.run(ns("100s"))
    receive(source)
    sim.run(ns("300s"))

    assert (waiting.at_ns, waiting.bodies) == (ns("200s"), [])
    assert dead.state.stored == 0


def test_dead_letters_are_spread_over_the_hosts_of_their_queue() -> None:
    """A moved message rests on a host like any other: a short poll of one host sees a part."""
    sim = Simulation(seed=1)
    mail = Mail(sim)
    source = standard(sim, "source", max_receives=1)
    dead = standard(sim, "dead", hosts=4, hosts_asked=1)
    source.dead_letter_queue = dead
    for number in range(40):
        source.accept(mail.message(str(number)))
    for _ in range(2):
        while receive(source, limit=10).deliveries:
            pass
        sim.run(sim.now + ns("31s"))

    assert dead.state.stored == 40
    assert {copy.shelf for copy in dead.state.copies()} == {0, 1, 2, 3}


def test_a_ghost_is_held_once() -> None:
    """A replica shows a deleted copy again: the queue holds one copy, and expires it once."""
    state = StandardState(visibility_ns=30 * S, retention_ns=60 * S)
    for number in range(2):
        state.send(0, Message(number, Key("g"), 0, 0))
    for delivery in state.receive(0, 2, 30 * S)[0]:
        if delivery.message.number == 1:
            state.delete(0, delivery)
            state.haunt(S, delivery.copy)
    assert len(list(state.copies())) == 2
    assert len(state.expire(60 * S)[1]) == 2
