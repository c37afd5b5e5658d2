"""Gauges, counts and ages of queues, on a real queue driven by hand."""

from __future__ import annotations

from tests.observe.hand_made import S, queue_system


def test_visible_in_flight_and_delayed() -> None:
    """Two messages delayed 10 s; one received at 15 s, back at 45 s, deleted late at 50 s."""
    system, source, queue, worker = queue_system(delay_ns=10 * S)
    source.send(queue)
    source.send(queue)
    system.sim.run(15 * S)
    late = worker.take(queue)[0]
    system.sim.run(50 * S)
    worker.complete(late)
    queue.delete(late)
    seen = system.finish(60)
    watch = seen.queues.watches["q"]
    assert watch.delayed.area == 20 * S
    assert watch.in_flight.area == 30 * S
    assert watch.visible.area == (5 + 50 + 5) * S
    assert (watch.visible.value, watch.visible.maximum) == (1, 2)
    assert not seen.violations


def test_counts_under_aws_names() -> None:
    system, source, queue, worker = queue_system()
    for _ in range(3):
        source.send(queue)
    assert len(worker.take(queue, 2)) == 2
    system.sim.run(31 * S)
    again = worker.take(queue, 10)
    assert len(again) == 3
    for delivery in again:
        worker.complete(delivery)
        queue.delete(delivery)
    worker.take(queue)
    seen = system.finish(60)
    values = {
        name: seen.metrics.value("q", None, name)
        for name in seen.metrics.names("q")
        if name.startswith("NumberOf")
    }
    assert values == {
        "NumberOfMessagesSent": 3,
        "NumberOfMessagesReceived": 5,
        "NumberOfMessagesDeleted": 3,
        "NumberOfEmptyReceives": 1,
        "NumberOfDeduplicatedSentMessages": 0,
    }
    assert seen.metrics.value("q", None, "receives_per_message") == 5 / 3
    assert seen.metrics.value("q", None, "drain_time") == 31
    assert seen.metrics.value("q", None, "residence", "max") == 31


def test_a_queue_that_is_not_empty_has_not_drained() -> None:
    system, source, queue, _ = queue_system()
    source.send(queue)
    seen = system.finish(60)
    assert seen.metrics.value("q", None, "drain_time") is None
    assert seen.metrics.value("q", None, "oldest_age", "end") == 60


def test_age_in_a_dead_letter_queue_counts_from_the_move() -> None:
    """SQS Developer Guide, sqs-dead-letter-queues.html, both types of queue."""
    system, source, queue, worker = queue_system(dead_letters=True, max_receives=1)
    source.send(queue)
    worker.take(queue)
    system.sim.run(31 * S)
    worker.take(queue)
    seen = system.finish(40)
    assert seen.metrics.value("d", None, "oldest_age", "max") == 9
    assert seen.queues.watches["d"].stored.area == 9 * S
    assert not seen.violations


def test_throttled_sends_as_a_share_of_messages() -> None:
    system, source, queue, _ = queue_system(fifo_queue=True)
    queue.on_throttled(0, "SendMessage", 10)
    for number in range(30):
        source.send(queue, deduplication_id=str(number))
    seen = system.finish(10)
    metric, stat = seen.metrics.split("q", None, ("api", "SendMessage", "throttled", "share"))
    assert seen.metrics.value("q", None, metric, stat) == 0.25
    assert seen.metrics.value("q", None, "api.ReceiveMessage.throttled", "share") is None


def test_the_moments_of_ticks_change_nothing() -> None:
    found = []
    for every in (1, 7, 100):
        system, source, queue, worker = queue_system(delay_ns=2 * S)
        for second in range(60):
            system.sim.run(second * S)
            source.send(queue, key="AB"[second % 2])
            if second % 3 == 2:
                for delivery in worker.take(queue, 10):
                    if delivery.message.number % 7:
                        worker.complete(delivery)
                        queue.delete(delivery)
            if second % every == 0:
                system.observers.tick(system.sim.now)
        data = system.finish(100).to_json()
        for queue_data in data["queues"].values():
            del queue_data["oldest_age"]["time_s"], queue_data["oldest_age"]["age_s"]
        found.append(data)
    assert found[0] == found[1] == found[2]
