"""Order and latency by subscriber, on real queues driven by hand."""

from __future__ import annotations

import numpy as np

from msgsim.model.message import Key
from msgsim.observe.sampling import OrderSample
from tests.observe.hand_made import S, queue_system


def test_done_in_another_order_than_sent() -> None:
    """Received A0 A1 A2 in order; done A2, A0, A1: two inversions, two reordered, none received."""
    system, source, queue, worker = queue_system()
    for _ in range(3):
        source.send(queue)
    a, b, c = worker.take(queue, 3)
    for delivery in (c, a, b):
        worker.complete(delivery)
        queue.delete(delivery)
    seen = system.finish(10)
    found = seen.to_json()["order"]["q"]
    assert (found["order_inversions"], found["receive_inversions"]) == (2, 0)
    assert (found["reordered"], found["reordered_share"]) == (2, 2 / 3)
    assert found["reordering_extent"]["max"] == 2
    assert seen.ordering.subscribers["q"].sample.to_json()["rank"] == [2, 0, 1]
    assert seen.metrics.value("c", None, "order_inversions") == 2


def test_other_keys_do_not_count() -> None:
    system, source, queue, worker = queue_system()
    for key in "ABAB":
        source.send(queue, key)
    for delivery in sorted(worker.take(queue, 10), key=lambda d: d.message.key.name != "B"):
        worker.complete(delivery)
    seen = system.finish(10)
    assert seen.metrics.value("q", None, "order_inversions") == 0
    assert seen.metrics.value("q", None, "keys") == 2


def test_a_poison_message_stalls_its_group_only() -> None:
    """Question Q2 in small: A's first fails 2 × 30 s and is dead-lettered; B is never delayed."""
    system, source, queue, worker = queue_system(fifo_queue=True, dead_letters=True, max_receives=2)
    metrics = system.observers.metrics
    for group in "AB":
        metrics.prepare("q", ("group", group), "latency", "p99")
    for second in range(70):
        system.sim.run(second * S)
        if second < 60:
            for group in "AB":
                source.send(queue, group, deduplication_id=f"{group}{second}")
        while taken := worker.take(queue):
            delivery = taken[0]
            if delivery.message.key.name == "A" and delivery.message.rank == 0:
                worker.fail(delivery)
            else:
                worker.complete(delivery)
                queue.delete(delivery)
    seen = system.finish(80)
    a, b = ("group", "A"), ("group", "B")
    assert metrics.value("q", a, "max_stall") == 60
    assert metrics.value("q", a, "gaps") == 1
    assert metrics.value("q", a, "order_inversions") == 0
    assert metrics.value("q", b, "gaps") == 0
    assert metrics.value("q", b, "latency", "p99") == 0
    assert metrics.value("q", a, "latency", "max") == 59
    assert metrics.value("d", None, "arrived") == 1
    assert seen.ledger.sums


def test_a_group_blocked_to_the_end() -> None:
    system, source, queue, worker = queue_system(fifo_queue=True)
    source.send(queue, deduplication_id="x")
    system.sim.run(5 * S)
    worker.take(queue)
    seen = system.finish(90)
    assert seen.metrics.value("q", ("group", "A"), "max_stall") == 90
    assert seen.metrics.value("q", ("group", "A"), "order_inversions") is None


def test_stages_sum_to_the_latency() -> None:
    """Born 0 s, delayed until 2 s, failed at 2 s, back at 32 s, received 33 s, done 37 s."""
    system, source, queue, worker = queue_system(delay_ns=2 * S)
    source.send(queue)
    system.sim.run(2 * S)
    worker.fail(worker.take(queue)[0])
    system.sim.run(33 * S)
    second = worker.take(queue)[0]
    system.sim.run(37 * S)
    worker.complete(second)
    queue.delete(second)
    found = system.finish(40).to_json()["latency"]["q"]
    seconds = {stage: values["mean_s"] for stage, values in found.items()}
    assert seconds == {
        "end_to_end": 37,
        "transit": 0,
        "waiting": 33,
        "processing": 4,
    }


def test_the_sample_is_even_and_bounded() -> None:
    """Of 100 completions at most 10 are kept: every 16th, whatever has been seen of them before."""
    sample, place = OrderSample(most=10), 0
    for size in (1, 30, 2, 40, 27):
        numbers = range(place, place + size)
        rows = [[now, 0, 0, 0, now, now, 0, 0, 0] for now in numbers]
        sample.keep(place, np.array(rows, dtype=np.int64), [Key("A")])
        place += size
    assert place == 100
    assert sample.stride == 16
    assert sample.points == [(each, each, 0, each, each, "A") for each in range(0, 100, 16)]
