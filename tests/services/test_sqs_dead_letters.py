"""SQS rules by example: redrive and retention. Sources: S… are those of the page `sqs.queue`."""

from __future__ import annotations

import pytest

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.kernel.simulation import Simulation
from tests.services.by_hand import Mail, Recorder, fifo, ns, receive, standard


def test_redrive_is_lazy(sim: Simulation, mail: Mail) -> None:
    """`maxReceiveCount` 1: nothing moves when the timeout ends, only at the next receive."""
    source, dead = standard(sim, "source", max_receives=1), standard(sim, "dead")
    source.dead_letter_queue = dead
    source.accept(mail.message("m"))
    receive(source)
    sim.run(ns("300s"))
    assert (source.state.stored, dead.state.stored) == (1, 0)

    assert receive(source).bodies == []
    moved = receive(dead)
    assert moved.bodies == ["m"]
    assert moved.deliveries[0].attempt == 2  # the receive count goes on


def test_a_fifo_group_goes_on_behind_a_dead_letter(sim: Simulation, mail: Mail) -> None:
    """`maxReceiveCount` 2, timeout 0: third receive moves it; the group is usable again (C03)."""
    source, dead = fifo(sim, "source", max_receives=2), fifo(sim, "dead")
    source.dead_letter_queue = dead
    source.accept(mail.message("m"))
    for expected in (["m"], ["m"], []):
        assert receive(source, visibility="0s").bodies == expected
        sim.run(sim.now + ns("1s"))
    assert receive(dead).bodies == ["m"]
    source.accept(mail.message("next"))
    assert receive(source).bodies == ["next"]


@pytest.mark.parametrize(("kind", "left"), [("standard", "3d"), ("fifo", "4d")])
def test_retention_after_a_move(sim: Simulation, mail: Mail, kind: str, left: str) -> None:
    """DLQ retention 4 d, moved after 1 d: gone 3 d after the move, FIFO 4 d after it (C13)."""
    make = standard if kind == "standard" else fifo
    source = make(sim, "source", max_receives=1, retention_ns=ns("14d"))
    dead = make(sim, "dead", retention_ns=ns("4d"))
    source.dead_letter_queue = dead
    source.accept(mail.message("m"))
    receive(source, visibility="0s")
    sim.run(ns("1d"))
    receive(source)
    assert dead.state.stored == 1
    sim.run(ns("1d") + ns(left) - 1)
    assert dead.state.stored == 1
    sim.run(ns("1d") + ns(left))

    assert dead.state.stored == 0


def test_retention_runs_in_flight_too(sim: Simulation, mail: Mail) -> None:
    """A message whose retention ends in flight never comes back; its delete still succeeds."""
    seen = Recorder()
    queue = standard(sim, visibility_ns=ns("120s"), retention_ns=ns("60s"))
    queue.bind([seen])
    queue.accept(mail.message("m"))
    held = receive(queue).deliveries[0]
    sim.run(ns("200s"))

    assert seen.count("expired") == 1
    assert receive(queue).bodies == []
    assert queue.delete(held) is None


def test_dead_letter_queues_may_be_each_others() -> None:
    """A message that always fails goes round between two queues, one move per receive, for ever."""
    text = """
    duration: 10m
    resources:
      A: {type: sqs.queue, RedrivePolicy: {deadLetterTargetArn: B, maxReceiveCount: 1}}
      B: {type: sqs.queue, RedrivePolicy: {deadLetterTargetArn: A, maxReceiveCount: 1}}
      Wa: {type: worker.fleet, queue: A, workers: 2, handler: {time: 1s, fails: 100%}}
      Wb: {type: worker.fleet, queue: B, workers: 2, handler: {time: 1s, fails: 100%}}
    workload: [{to: A, rate: 1/s, count: 20}]
    """
    run = to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]

    assert run["ledger"]["A"]["done"] == run["ledger"]["B"]["done"] == 0
    assert run["queues"]["A"]["counts"]["dead_lettered"] >= 20
    assert run["invariants"]["violated"] == []


@pytest.mark.conformance("SQS C13")
@pytest.mark.parametrize(("make", "gone_after"), [(standard, "3d"), (fifo, "4d")])
def test_c13_the_age_in_a_dead_letter_queue_counts_from_the_move(make, gone_after) -> None:
    """Sent at 0 under 14 d, moved after a day into a queue with 4 d: a standard message expires 3
    days after the move, FIFO 4; the age of the oldest counts from the move in both (SQS guide,
    sqs-dead-letter-queues.html), so it comes to that.
    """
    sim = Simulation(seed=1)
    source = make(sim, "source", max_receives=1, retention_ns=ns("14d"))
    dead = make(sim, "dead", retention_ns=ns("4d"))
    source.dead_letter_queue = dead
    source.accept(Mail(sim).message("m"))
    receive(source, visibility="1s")
    sim.run(ns("1d"))
    assert receive(source).bodies == []
    last = ns("1d") + ns(gone_after) - 1
    sim.run(last)
    moved = dead.oldest_ns()
    assert moved == ns("1d") and last - moved == ns(gone_after) - 1
    sim.run(last + 1)
    assert dead.state.stored == 0 and dead.oldest_ns() is None
