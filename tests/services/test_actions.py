"""Actions of a scenario: purge, message move tasks and changed attributes, and their accounts."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.services.actions.spec import PAGE
from msgsim.services.sqs_queue.rules import CHANGES
from msgsim.services.sqs_queue.rules import PAGE as QUEUE_PAGE
from msgsim.services.sqs_queue.spec import QueueSpec

ORDERLY = "assumptions: {sqs.queue: {hosts: 1, missed_delete_share: 0}}\n"


def run(text: str, **options: Any) -> dict[str, Any]:
    """Run a scenario; return its only run as plain data, books checked."""
    (found,) = to_plain(msgsim.run(msgsim.load_text(ORDERLY + text), **options))["runs"]
    assert found["invariants"]["violated"] == []
    assert found["sums"]
    return found


def metric(text: str, *rules: str) -> None:
    """Check rules of an expectation on a scenario."""
    listed = "".join(f"  - {rule}\n" for rule in rules)
    results = to_plain(msgsim.run(msgsim.load_text(f"{ORDERLY}{text}expect:\n{listed}")))
    assert [
        (each["rule"], each["actual"]) for each in results["expect"] if not each["passed"]
    ] == []


# Purge --------------------------------------------------------------------------------------------

HELD = """
duration: 5m
resources:
  Orders: {{type: sqs.queue, VisibilityTimeout: 120, FifoQueue: {fifo}, DelaySeconds: 0}}
  Workers: {{type: worker.fleet, queue: Orders, workers: 1, MaxNumberOfMessages: 10,
            order: sequence, delete: each, start: 1s, receive_time: 0s, delete_time: 0s,
            handler: {{time: 10s}}}}
workload:
  - {{name: Shop, to: Orders, arrivals: {{burst: 25}}, keys: {{A: 100%}}}}
actions:
  - {{at: 35s, purge: Orders}}
"""


@pytest.mark.parametrize("fifo", ["true", "false"])
def test_a_purge_takes_what_waits_and_what_is_in_flight(fifo: str) -> None:
    """PurgeQueue removes messages in every state (SQS API). At 35 s one worker has done three of
    its ten messages (10 s each) and holds seven, fifteen wait. It goes on with what it holds: a
    purge does not reach into a consumer, so ten are done, and fifteen were purged undone.
    """
    metric(
        HELD.format(fifo=fifo),
        "Orders.purged == 22",
        "Orders.unique == 10",
        "Orders.visible.at(36s) == 0",
        "Orders.in_flight.at(34s) == 7",
        "Orders.in_flight.at(36s) == 0",
        "Orders.gaps == 15",
        "Orders.lost == 0",
        "Orders.deleted == 3",
    )
    found = run(HELD.format(fifo=fifo))
    assert found["queues"]["Orders"]["counts"]["purged"] == 22
    assert found["ledger"]["Orders"]["purged"] == 15


def test_a_purge_takes_delayed_messages_too() -> None:
    """Like any other (LocalStack's test against AWS, `purge_queue_deletes_delayed_messages`)."""
    metric(
        """
duration: 2m
resources:
  Orders: {type: sqs.queue, DelaySeconds: 60}
  Workers: {type: worker.fleet, queue: Orders, workers: 1, handler: {time: 100ms}}
workload:
  - {name: Shop, to: Orders, arrivals: {burst: 5}}
actions:
  - {at: 30s, purge: Orders}
""",
        "Orders.delayed.at(29s) == 5",
        "Orders.delayed.at(31s) == 0",
        "Orders.purged == 5",
        "Orders.received == 0",
        "Orders.lost == 0",
    )


def test_a_purge_forgets_deduplication_ids() -> None:
    """A FIFO queue's memory is cleared (recorded AWS test): the same body is stored once more."""
    metric(
        """
duration: 4m
resources:
  Orders: {type: sqs.queue, FifoQueue: true, ContentBasedDeduplication: true}
  Workers: {type: worker.fleet, queue: Orders, workers: 1, handler: {time: 100ms}}
workload:
  - {name: Beat, to: Orders, arrivals: {burst: 1, every: 30s}, until: 3m, keys: {A: 100%},
     body: ok, deduplication: content}
actions:
  - {at: 75s, purge: Orders}
""",
        "Beat.published == 6",
        "Orders.sent == 2",
        "Orders.deduplicated == 4",
        "Orders.lost == 0",
    )


def test_a_second_purge_within_a_minute_is_refused() -> None:
    """`PurgeQueueInProgress` inside 60 s (recorded on AWS 2024-04-30); the summary says so."""
    text = (
        HELD.format(fifo="false") + "  - {at: 94.9s, purge: Orders}\n  - {at: 2m, purge: Orders}\n"
    )
    code = "AWS.SimpleQueueService.PurgeQueueInProgress"
    assert [each["refused"] for each in run(text)["actions"]] == [None, code, None]
    plain = to_plain(msgsim.run(msgsim.load_text(text)))
    from msgsim.report.remarks import remarks

    assert any(code in sentence and "1 min 35 s" in sentence for sentence in remarks(plain["runs"]))


# Message move tasks -------------------------------------------------------------------------------


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


# Changed attributes -------------------------------------------------------------------------------


def test_a_changed_visibility_timeout_holds_for_later_receives() -> None:
    """Two crashed workers: what was received at 1 s under 30 s is back at 31 s; what was received
    after the change to 300 s (at 20 s) stays away for 300 s.
    """
    metric(
        """
duration: 6m
resources:
  Orders: {type: sqs.queue, VisibilityTimeout: 30}
  First: {type: worker.fleet, queue: Orders, workers: 1, start: 1s, receive_time: 0s,
          handler: {time: 1h}, crash: [{at: 5s, worker: 0, restart_after: 1h}]}
  Second: {type: worker.fleet, queue: Orders, workers: 1, start: 25s, receive_time: 0s,
           handler: {time: 1h}, crash: [{at: 26s, worker: 0, restart_after: 1h}]}
workload:
  - {name: Shop, to: Orders, arrivals: {burst: 2}}
actions:
  - {at: 20s, set: Orders.VisibilityTimeout, to: 5m}
""",
        "Orders.in_flight.at(29s) == 2",
        "Orders.in_flight.at(32s) == 1",
        "Orders.in_flight.at(324s) == 1",
        "Orders.in_flight.at(326s) == 0",
    )


@pytest.mark.parametrize(("fifo", "delayed_after"), [("false", 3), ("true", 0)])
def test_a_changed_delay_is_retroactive_on_fifo_queues_only(fifo: str, delayed_after: int) -> None:
    """SQS guide of May 2023: standard not retroactive, FIFO retroactive."""
    metric(
        f"""
duration: 4m
resources:
  Orders: {{type: sqs.queue, FifoQueue: {fifo}, DelaySeconds: 120}}
  Workers: {{type: worker.fleet, queue: Orders, workers: 1, handler: {{time: 100ms}}}}
workload:
  - {{name: Shop, to: Orders, arrivals: {{burst: 3}}, keys: 3}}
actions:
  - {{at: 60s, set: Orders.DelaySeconds, to: 30}}
""",
        "Orders.delayed.at(59s) == 3",
        f"Orders.delayed.at(61s) == {delayed_after}",
        "Orders.delayed.at(121s) == 0",
        "Orders.done == 3",
        "Orders.lost == 0",
    )


def test_a_longer_delay_of_a_fifo_queue_is_retroactive_too() -> None:
    metric(
        """
duration: 4m
resources:
  Orders: {type: sqs.queue, FifoQueue: true, DelaySeconds: 60}
  Workers: {type: worker.fleet, queue: Orders, workers: 1, handler: {time: 100ms}}
workload:
  - {name: Shop, to: Orders, arrivals: {burst: 3}, keys: 3}
actions:
  - {at: 30s, set: Orders.DelaySeconds, to: 120}
""",
        "Orders.delayed.at(119s) == 3",
        "Orders.delayed.at(121s) == 0",
        "Orders.done == 3",
    )


def test_a_shorter_retention_expires_what_is_stored() -> None:
    """SQS API: it can expire messages already stored."""
    metric(
        """
duration: 4m
resources:
  Orders: {type: sqs.queue}
  Workers: {type: worker.fleet, queue: Orders, workers: 1, start: 3m, handler: {time: 100ms}}
workload:
  - {name: Shop, to: Orders, rate: 1/s, count: 100}
actions:
  - {at: 120s, set: Orders.MessageRetentionPeriod, to: 60s}
""",
        "Orders.expired.at(121s) in 60..63",
        "Orders.expired == 100",
        "Orders.lost == 0",
    )


def test_a_changed_filter_policy_of_a_subscription() -> None:
    """SNS guide, message-filtering-apply: in force after the propagation time (assumption)."""
    metric(
        """
duration: 6m
resources:
  News: {type: sns.topic}
  ToOrders: {type: sns.subscription, TopicArn: News, Protocol: sqs, Endpoint: Orders,
             FilterPolicy: {kind: [a]}}
  Orders: {type: sqs.queue}
  Workers: {type: worker.fleet, queue: Orders, workers: 1, handler: {time: 100ms}}
workload:
  - {name: Shop, to: News, rate: 1/s, attributes: {kind: b}, until: 5m}
actions:
  - {at: 2m, set: ToOrders.FilterPolicy, to: {kind: [b]}}
""",
        "ToOrders.filtered in 179..181",
        "Orders.sent in 119..121",
        "Orders.lost == 0",
    )


def test_an_action_is_described_in_the_words_of_yaml() -> None:
    """A policy as JSON, a word as a word: `set ToOrders.FilterPolicy to {"kind": ["b"]}`."""
    from msgsim.services.actions.spec import ActionSpec

    def described(**written: Any) -> str:
        return ActionSpec.model_validate({"at": "1m", **written}).description

    assert described(set="S.FilterPolicy", to={"kind": ["b"]}) == (
        'set S.FilterPolicy to {"kind": ["b"]}'
    )
    assert described(set="Q.DelaySeconds", to="30s") == "set Q.DelaySeconds to 30s"
    assert described(move="Dlq") == "move Dlq to its sources"
    assert described(cancel="Dlq") == "cancel the move of Dlq"


# What is refused before the run -------------------------------------------------------------------

SYSTEM = """
duration: 10m
resources:
  Orders: {type: sqs.queue, RedrivePolicy: {deadLetterTargetArn: Dlq, maxReceiveCount: 5}}
  Dlq: {type: sqs.queue}
  Other: {type: sqs.queue, FifoQueue: true}
  News: {type: sns.topic, Subscription: [{Protocol: sqs, Endpoint: Orders}]}
  Workers: {type: worker.fleet, queue: Orders, workers: 1, handler: {time: 100ms}}
workload: [{to: News, rate: 1/s}]
actions: [{at: 1m, ACTION}]
"""


@pytest.mark.parametrize(
    ("action", "code", "words"),
    [
        ("purge: Order", "E140", "did you mean Orders?"),
        ("purge: News", "E141", "sqs.queue"),
        ("purge: Orders, move: Dlq", "E135", "purge and move"),
        ("name: x", "E135", "none of them"),
        ("purge: Orders, to: Dlq", "E135", "goes nowhere"),
        ("purge: Orders, MaxNumberOfMessagesPerSecond: 5", "E135", "belongs to a move"),
        ("move: Orders", "E290", "dead-letter queue of no queue"),
        ("move: Dlq, to: Oders", "E140", "did you mean Orders?"),
        ("move: Dlq, to: News", "E141", "queue only"),
        ("move: Dlq, to: Other", "E290", "the same type"),
        ("move: Dlq, to: Dlq", "E290", "to itself"),
        ("move: Dlq, MaxNumberOfMessagesPerSecond: 501", "E201", "1 to 500"),
        ("set: Order.DelaySeconds, to: 1", "E140", "did you mean Orders.DelaySeconds?"),
        ("set: Orders.DelaySecond, to: 1", "E103", "did you mean DelaySeconds?"),
        ("set: Orders.FifoQueue, to: true", "E291", "use variants"),
        ("set: News.FifoTopic, to: true", "E291", "nothing of it can be changed"),
        ("set: Orders.DelaySeconds", "E135", "the new value"),
        ("set: Orders.DelaySeconds, to: 901", "E201", "0 to 900"),
        ("set: Orders.DelaySeconds, to: many", "E130", "many"),
        ("set: Orders.ContentBasedDeduplication, to: true", "E202", "FIFO"),
        ("set: News.Orders.FilterPolicy, to: {a: []}", "E244", "Empty arrays"),
        ("prge: Orders", "E144", "did you mean purge?"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_place(action: str, code: str, words: str) -> None:
    with pytest.raises(msgsim.ProblemError) as caught:
        msgsim.load_text(SYSTEM.replace("ACTION", action))
    (problem,) = [each for each in caught.value.problems if each.severity == "error"]
    assert problem.code == code
    assert words in f"{problem.message} {problem.hint}"
    assert problem.place is not None and problem.place.line == 10


def test_an_action_after_the_end_draws_advice() -> None:
    scenario = msgsim.load_text(SYSTEM.replace("1m, ACTION", "10m, purge: Orders"))
    assert [each.code for each in scenario.warnings] == ["W382"]


def test_pages_and_code_agree() -> None:
    """One number on two pages; and every property that can change has its limits or choices."""
    limit = PAGE.limit("MaxNumberOfMessagesPerSecond")
    assert limit.high == QUEUE_PAGE.quota("move_task_messages_per_s")
    assert set(CHANGES) <= set(QueueSpec.model_fields)
    assert all(f"`{name}`" in PAGE.text for name in CHANGES)


# Whatever is done, the books balance --------------------------------------------------------------

MOMENTS = st.integers(0, 299)
ACTIONS = st.one_of(
    MOMENTS.map(lambda at: f"{{at: {at}s, purge: Orders}}"),
    MOMENTS.map(lambda at: f"{{at: {at}s, purge: Dlq}}"),
    st.tuples(
        MOMENTS, st.sampled_from(["", ", to: Orders", ", to: Spare"]), st.integers(1, 50)
    ).map(lambda it: f"{{at: {it[0]}s, move: Dlq{it[1]}, MaxNumberOfMessagesPerSecond: {it[2]}}}"),
    MOMENTS.map(lambda at: f"{{at: {at}s, cancel: Dlq}}"),
    st.tuples(MOMENTS, st.sampled_from([0, 2, 30, 120])).map(
        lambda it: f"{{at: {it[0]}s, set: Orders.VisibilityTimeout, to: {it[1]}}}"
    ),
    st.tuples(MOMENTS, st.sampled_from([0, 7, 60])).map(
        lambda it: f"{{at: {it[0]}s, set: Orders.DelaySeconds, to: {it[1]}}}"
    ),
    MOMENTS.map(lambda at: f"{{at: {at}s, set: Orders.MessageRetentionPeriod, to: 60}}"),
)


@settings(max_examples=25, deadline=None)
@given(
    actions=st.lists(ACTIONS, min_size=1, max_size=8),
    fifo=st.booleans(),
    late=st.booleans(),
    seed=st.integers(1, 10_000),
)
def test_books_balance_under_any_actions(
    actions: list[str], fifo: bool, late: bool, seed: int
) -> None:
    """Ledger, gauges against what queues hold, and Little's law, with failures, slow workers whose
    late completions meet purged and moved messages, duplicates of replicas, and delays.
    """
    mean = "4s" if late else "500ms"
    text = f"""
duration: 5m
resources:
  Orders: {{type: sqs.queue, FifoQueue: {str(fifo).lower()}, VisibilityTimeout: 8, DelaySeconds: 3,
           RedrivePolicy: {{deadLetterTargetArn: Dlq, maxReceiveCount: 2}}}}
  Dlq: {{type: sqs.queue, FifoQueue: {str(fifo).lower()}}}
  Spare: {{type: sqs.queue, FifoQueue: {str(fifo).lower()}}}
  Workers: {{type: worker.fleet, queue: Orders, workers: 4, MaxNumberOfMessages: 5,
            handler: {{time: {{dist: exponential, mean: {mean}}}, fails: 30%}}}}
  Menders: {{type: worker.fleet, queue: Spare, workers: 1, handler: {{time: 100ms, fails: 20%}}}}
  Readers: {{type: worker.fleet, queue: Dlq, workers: 1, start: 4m,
            handler: {{time: 1s, fails: 50%}}}}
workload:
  - {{name: Shop, to: Orders, arrivals: {{poisson: 2/s}}, keys: 6, resend: 5%}}
assumptions: {{sqs.queue: {{missed_delete_share: 0.05}}}}
actions:
"""
    text += "".join(f"  - {action}\n" for action in actions)
    (found,) = to_plain(msgsim.run(msgsim.load_text(text), seed=seed))["runs"]
    assert found["invariants"]["violated"] == []
    assert found["sums"], found["ledger"]
    for name in ("Orders", "Spare", "Dlq"):
        order, duplicates = found["order"].get(name, {}), found["duplicates"][name]
        assert order.get("gaps", 0) >= 0
        assert duplicates["unique"] <= 2 * found["workloads"]["Shop"]["published"]
        causes = sum(duplicates["by_cause"].values())
        assert causes == duplicates["duplicate_processings"]
    assert found["duplicates"]["Orders"]["unique"] <= found["workloads"]["Shop"]["published"]
