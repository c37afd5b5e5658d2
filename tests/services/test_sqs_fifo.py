"""SQS rules by example: groups and deduplication of FIFO queues. Sources: S… are those of the
page `sqs.queue`.
"""

from __future__ import annotations

import pytest

from msgsim.kernel.simulation import Simulation
from msgsim.kernel.waiting import TokenBucket
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.fifo_queue import FifoQueue
from tests.services.by_hand import Mail, Recorder, fifo, ns, receive


def test_groups_come_contiguous_and_in_order(sim: Simulation, mail: Mail) -> None:
    """Sent g1 g2 g1 g1, received in one answer of ten: g1 g1 g1 g2 (C06)."""
    queue = fifo(sim)
    for body, group in (("g1-m1", "g1"), ("g2-m1", "g2"), ("g1-m2", "g1"), ("g1-m3", "g1")):
        queue.accept(mail.message(body, group))

    assert receive(queue, limit=10).bodies == ["g1-m1", "g1-m2", "g1-m3", "g2-m1"]


def test_the_prefix_rule(sim: Simulation, mail: Mail) -> None:
    """New arrivals, partial deletes and longer timeouts all keep a group blocked (S12)."""
    queue = fifo(sim)
    for body in ("1", "2", "3"):
        queue.accept(mail.message(body))
    one, two = receive(queue, limit=2).deliveries
    queue.accept(mail.message("4"))
    assert receive(queue, limit=10).bodies == []
    queue.delete(two)
    assert receive(queue, limit=10).bodies == []
    queue.change_visibility(one, 0)
    assert receive(queue, limit=10).bodies == ["1", "3", "4"]


def test_what_comes_back_frees_only_up_to_the_next_in_flight(sim: Simulation, mail: Mail) -> None:
    """1 comes back while 2 is still in flight: only 1 is deliverable, not 3."""
    queue = fifo(sim)
    for body in ("1", "2", "3"):
        queue.accept(mail.message(body))
    one, _two = receive(queue, limit=2).deliveries
    queue.change_visibility(one, 0)

    assert receive(queue, limit=10).bodies == ["1"]


def test_deleting_all_frees_the_group_at_once(sim: Simulation, mail: Mail) -> None:
    """A waiting long poll gets the next message of the group in the same instant."""
    queue = fifo(sim)
    queue.accept(mail.message("1"))
    held = receive(queue).deliveries[0]
    queue.accept(mail.message("2"))
    waiting = receive(queue, wait="20s")
    sim.run(ns("4s"))
    queue.delete(held)

    assert (waiting.at_ns, waiting.bodies) == (ns("4s"), ["2"])


@pytest.mark.parametrize("content_based", [True, False])
def test_deduplication_outlives_the_delete_for_five_minutes(
    sim: Simulation, mail: Mail, content_based: bool
) -> None:
    """Sent, received, deleted, sent again: dropped before 300 s, delivered at 360 s (C04)."""
    seen = Recorder()
    queue = fifo(sim, content_based=content_based)
    queue.bind([seen])
    ids = {} if content_based else {"deduplication_id": "x"}
    queue.accept(mail.message("same", **ids))
    queue.delete(receive(queue).deliveries[0])
    sim.run(ns("299s"))
    assert queue.accept(mail.message("same", **ids)) is None
    assert receive(queue).bodies == []
    sim.run(ns("360s"))
    queue.accept(mail.message("same", **ids))

    assert receive(queue).bodies == ["same"]
    assert seen.count("deduplicated") == 1


@pytest.mark.parametrize(("scope", "found"), [("queue", []), ("messageGroup", ["again"])])
def test_the_scope_of_deduplication(
    sim: Simulation, mail: Mail, scope: str, found: list[str]
) -> None:
    """One id in two groups: a duplicate in scope `queue`, new in scope `messageGroup` (C05)."""
    queue = fifo(sim, scope=scope)
    queue.accept(mail.message("first", "g1", deduplication_id="x"))
    queue.delete(receive(queue).deliveries[0])
    queue.accept(mail.message("again", "g2", deduplication_id="x"))

    assert receive(queue).bodies == found


def test_q3_identical_bodies_are_dropped_silently(sim: Simulation, mail: Mail) -> None:
    """Question Q3: one body every 70 s for 30 min: 6 of 26 delivered, at 0, 350, 700 … s."""
    queue = fifo(sim, content_based=True)
    delivered = []
    for second in range(0, 1_751, 70):
        sim.run(ns(f"{second}s"))
        queue.accept(mail.message("status: ok"))
        answer = receive(queue)
        if answer.deliveries:
            delivered.append(second)
            queue.delete(answer.deliveries[0])

    assert delivered == [0, 350, 700, 1_050, 1_400, 1_750]


def test_fifo_calls_are_rationed(sim: Simulation, mail: Mail) -> None:
    """500 single sends a second against 300 calls/s: over a minute 40 % are refused (Q4 b)."""
    queue = FifoQueue(
        sim, "q", FifoState(visibility_ns=ns("30s")), lambda action: TokenBucket(300, 300)
    )
    refused = 0
    for number in range(30_000):
        sim.run(number * ns("2ms"))
        refused += queue.accept(mail.message(str(number), str(number))) is not None
    assert 0.38 < refused / 30_000 < 0.42

    batched = 0
    for number in range(500):
        sim.run(sim.now + ns("20ms"))
        batch = [mail.message("b", f"{number}-{entry}") for entry in range(10)]
        batched += sum(error is not None for error in queue.accept_batch(batch))
    assert batched == 0
