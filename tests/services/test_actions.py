"""Actions of a scenario: purges, what is refused before the run, and books that balance (API
Reference, PurgeQueue).
"""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.services.actions.spec import PAGE
from msgsim.services.sqs_queue.rules import CHANGES
from msgsim.services.sqs_queue.rules import PAGE as QUEUE_PAGE
from msgsim.services.sqs_queue.spec import QueueSpec
from tests.services.actions_run import metric, run

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
