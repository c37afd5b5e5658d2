"""Message move tasks as actions of a scenario: what comes back, when, and how it is counted (API
Reference, StartMessageMoveTask).
"""

from __future__ import annotations

import pytest

from tests.services.actions_run import metric, run


@pytest.fixture
def ten_dead() -> str:
    return """
duration: 20m
resources:
  Orders: {type: sqs.queue, FifoQueue: FIFO, VisibilityTimeout: 10,
           RedrivePolicy: {deadLetterTargetArn: Dlq, maxReceiveCount: 1}}
  Dlq: {type: sqs.queue, FifoQueue: FIFO}
  Workers: {type: worker.fleet, queue: Orders, workers: 1, receive_time: 0s, delete_time: 0s,
            start: 30s, handler: {time: 100ms}}
  Breaker: {type: worker.fleet, queue: Orders, workers: 1, receive_time: 0s, delete_time: 0s,
            start: 1s, MaxNumberOfMessages: 10, handler: {time: 1h},
            crash: [{at: 5s, worker: 0, restart_after: 1h}]}
workload:
  - {name: Shop, to: Orders, arrivals: {burst: 40}, keys: 10}
actions:
  - {at: 10m, move: Dlq, MaxNumberOfMessagesPerSecond: 2}
"""


@pytest.mark.parametrize("fifo", ["true", "false"])
def test_a_move_task_brings_dead_letters_back_to_be_done(ten_dead: str, fifo: str) -> None:
    """A worker takes ten messages and dies; received once, they are dead letters at the next
    receive. At 10 min they are moved back, two a second (StartMessageMoveTask): the last one comes
    after 5 s, and all forty are done once. Ten ended as dead letters, and came once more.
    """
    text = ten_dead.replace("FIFO", fifo)
    metric(
        text,
        "Dlq.arrived == 10",
        "Dlq.moved == 10",
        "Dlq.moved_out.at(10m) == 0",
        "Dlq.moved_out.at(602.2s) == 4",
        "Dlq.moved_out.at(604.9s) == 9",
        "Dlq.moved_out.at(605s) == 10",
        "Dlq.visible.end == 0",
        "Orders.dead_lettered == 10",
        "Orders.moved_back == 10",
        "Orders.unique == 40",
        "Orders.duplicates == 0",
        "Orders.gaps == 0",
        "Orders.lost == 0",
        "Dlq.lost == 0",
    )
    found = run(text)
    row = found["ledger"]["Orders"]
    assert (row["published"], row["moved_in"], row["done"]) == (40, 10, 40)
    assert found["ledger"]["Dlq"] | {"moved_in": 10, "moved": 10} == found["ledger"]["Dlq"]


def test_latency_of_what_was_moved_back_counts_from_its_first_publication(
    ten_dead: str,
) -> None:
    """A customer whose order lay in the dead-letter queue waited for it: born at 0, done after
    600 s. Its waiting in its last queue is short, the rest is transit.
    """
    metric(
        ten_dead.replace("FIFO", "false"),
        "Orders.latency.max in 605s..606s",
        "Orders.transit.max in 604.9s..605.1s",
        "Orders.waiting_time.max < 60s",
    )


def test_a_cancelled_move_goes_on_for_its_lag_and_no_further(ten_dead: str) -> None:
    """What has been moved stays moved, and a little more follows (5 s, an assumption): cancelled
    after 1 s at one a second, six messages have been moved.
    """
    text = ten_dead.replace("FIFO", "false").replace("Second: 2", "Second: 1")
    text += "  - {at: 601s, cancel: Dlq}\n  - {at: 15m, cancel: Dlq}\n"
    metric(text, "Dlq.moved in 5..6", "Dlq.lost == 0", "Orders.lost == 0")
    answers = [each["refused"] for each in run(text)["actions"]]
    assert answers == [None, None, "ResourceNotFoundException"]


def test_one_move_at_a_time(ten_dead: str) -> None:
    """One active task per source queue (recorded on AWS 2024-04-30)."""
    text = ten_dead.replace("FIFO", "false") + "  - {at: 602s, move: Dlq}\n"
    assert [each["refused"] for each in run(text)["actions"]] == [None, "InvalidParameterValue"]


def test_messages_can_be_moved_to_another_queue(ten_dead: str) -> None:
    """Any queue of the same type takes them (SQS guide, dead-letter queue redrive)."""
    text = ten_dead.replace("FIFO", "false").replace("move: Dlq,", "move: Dlq, to: Repair,")
    text = text.replace(
        "workload:",
        "  Repair: {type: sqs.queue}\n  Menders: {type: worker.fleet, queue: Repair, workers: 1, "
        "handler: {time: 100ms}}\nworkload:",
    )
    metric(
        text,
        "Repair.unique == 10",
        "Repair.lost == 0",
        "Repair.moved_back == 10",
        "Orders.unique == 30",
        "Orders.gaps == 10",
        "Orders.lost == 0",
    )


def test_what_had_been_done_before_it_was_dead_lettered_is_a_duplicate_of_redrive() -> None:
    """Work of 15 s under a timeout of 10 s, one receive allowed, and deletes that FIFO refuses: all
    is done, all is dead-lettered, and moved back it is done a second time.
    """
    metric(
        """
duration: 10m
resources:
  Orders: {type: sqs.queue, FifoQueue: true, VisibilityTimeout: 10,
           RedrivePolicy: {deadLetterTargetArn: Dlq, maxReceiveCount: 1}}
  Dlq: {type: sqs.queue, FifoQueue: true}
  Workers: {type: worker.fleet, queue: Orders, workers: 1, receive_time: 0s, delete_time: 0s,
            handler: {time: 15s}}
workload:
  - {name: Shop, to: Orders, arrivals: {burst: 3}, keys: {A: 100%}}
actions:
  - {at: 5m, move: Dlq, to: Orders}
""",
        "Orders.unique == 3",
        "Orders.duplicates == 3",
        "Orders.duplicates.redrive == 3",
        "Dlq.moved_out == 3",
        "Orders.lost == 0",
        "Dlq.lost == 0",
    )
