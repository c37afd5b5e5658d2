"""A mapping of an SQS queue whose function fails: whole batches, partial responses, poison
messages (services-sqs-errorhandling.html).
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from msgsim.kernel.distributions import Constant
from msgsim.services.lambda_function.handler import Handler
from tests.services.hand_built import HandBuilt
from tests.services.lambda_built import function, mapping
from tests.services.queue_mapped import S, queue, redrive, starts, system_of


def received_bodies(system: HandBuilt) -> list[list[str]]:
    return [[d.message.body for d in fact[1]] for fact in system.log.of("Orders", "received")]


@pytest.mark.conformance("SQS C09")
def test_c09_a_failed_batch_comes_back_after_its_visibility_timeout() -> None:
    """Invocation 1 has receive count 1; invocation 2 comes at least 5 s later with count 2; then
    the queue is empty. Source: LocalStack's AWS-validated
    test_failing_lambda_retries_after_visibility_timeout (2025-11-25).
    """
    system = system_of(
        queue(VisibilityTimeout=5),
        function("100ms", handler__fails_if={"bad": "1"}, handler__fails_attempts=1),
        mapping(BatchSize=1),
    )
    system.send("Orders", attributes={"bad": "1"})
    system.run("1m")
    assert starts(system) == [0.0, 5.0]
    counts = [d.attempt for fact in system.log.of("Orders", "received") for d in fact[1]]
    assert counts == [1, 2]
    assert list(system["Orders"].holds()) == []


@pytest.mark.conformance("SQS C10")
def test_c10_fifo_reports_leave_exactly_what_was_listed() -> None:
    """Messages 1–4 of one group; the handler lists 2, 3, 4, then 4. Invocation 1 = 1, 2, 3, 4
    (count 1), invocation 2 = 2, 3, 4 (count 2), no third; 4 in the dead-letter queue; 1–3 deleted.

    Source: LocalStack's AWS-validated test_report_batch_item_failures (2025-03-03).
    """
    system = system_of(
        queue(FifoQueue="true", VisibilityTimeout=10, DelaySeconds=1, RedrivePolicy=redrive(2)),
        function(),
        mapping(FunctionResponseTypes=("ReportBatchItemFailures",)),
    )
    failing_attempts = {"2": 1, "4": 2}
    system["Fn"].handler = Handler(
        system.sim.times("Fn", "test", Constant(S)),
        3 * S,
        fails=lambda message, attempt: attempt <= failing_attempts.get(message.body, 0),
        report="stop",
    )
    for name in "1234":
        system.send("Orders", body=name)
    system.run("2m")
    assert received_bodies(system) == [["1", "2", "3", "4"], ["2", "3", "4"]]
    assert [fact[1].message.body for fact in system.log.of("Orders", "deleted")] == ["1", "2", "3"]
    assert [fact[1].message.body for fact in system.log.of("Dlq", "moved_in")] == ["4"]


@pytest.mark.parametrize(("report", "inversions", "again"), [("failed", 7, 1), ("stop", 0, 8)])
def test_q5_fifo_reports_keep_order_only_if_the_handler_stops(
    report: str, inversions: int, again: int
) -> None:
    """One group, records 1–10, record 3 fails once. Going on gives 1, 2, 4…10, 3 (7 inversions);
    stopping gives 1…10, with 8 records received a second time.

    Source: Lambda developer guide, services-sqs-errorhandling.html, on FIFO queues.
    """
    system = system_of(
        queue(FifoQueue="true", DelaySeconds=1),
        function(handler__fails_if={"bad": "1"}, handler__fails_attempts=1, handler__report=report),
        mapping(FunctionResponseTypes=("ReportBatchItemFailures",)),
    )
    for number in range(10):
        system.send("Orders", attributes={"bad": "1"} if number == 2 else {})
    system.run("2m")
    order = [fact[1].message.number for fact in system.log.of("Map", "completed")]
    assert sorted(order) == list(range(10))
    assert sum(a > b for i, a in enumerate(order) for b in order[i + 1 :]) == inversions
    receives = Counter(
        d.message.number for fact in system.log.of("Orders", "received") for d in fact[1]
    )
    assert sum(count == 2 for count in receives.values()) == again


def q5(partial: bool) -> HandBuilt:
    more = {"FunctionResponseTypes": ("ReportBatchItemFailures",)} if partial else {}
    system = system_of(
        queue(DelaySeconds=1, RedrivePolicy=redrive(3)),
        function(handler__fails_if={"bad": "1"}, handler__report="failed" if partial else "raise"),
        mapping(**more),
    )
    for number in range(1_000):
        system.send("Orders", attributes={"bad": "1"} if number % 100 == 37 else {})
    return system.run("10m")


def test_q5_without_partial_reports_healthy_messages_suffer() -> None:
    """1,000 messages, 10 of them poison, in batches of 10, maxReceiveCount 3: well over 90 healthy
    starts are repeated, and some healthy messages reach the dead-letter queue.
    """
    system = q5(partial=False)
    dead = [fact[1].message for fact in system.log.of("Dlq", "moved_in")]
    assert sum(message.number % 100 == 37 for message in dead) == 10
    repeated = sum(
        max(0, copy.starts - 1)
        for copy in {fact[1] for fact in system.log.of("Orders", "sent")}
        if copy.message.number % 100 != 37
    )
    assert repeated > 90
    assert len(dead) > 10


def test_q5_partial_reports_isolate_the_poison() -> None:
    """The same with ReportBatchItemFailures: no healthy message starts twice, and the dead-letter
    queue holds exactly the 10.
    """
    system = q5(partial=True)
    dead = [fact[1].message.number % 100 for fact in system.log.of("Dlq", "moved_in")]
    assert dead == [37] * 10
    sent = {fact[1] for fact in system.log.of("Orders", "sent")}
    assert all(copy.starts == 1 for copy in sent if copy.message.number % 100 != 37)


def test_an_unread_report_deletes_failed_messages() -> None:
    """Without FunctionResponseTypes on the mapping a returned report means success: the failed
    message is deleted. It is announced as dropped, because it is lost.
    """
    system = system_of(queue(), function(handler__fails_if={"bad": "1"}, handler__report="failed"))
    system.send("Orders", attributes={"bad": "1"})
    system.run("5m")
    assert len(system.log.of("Orders", "deleted")) == 1
    assert len(system.log.of("Map", "dropped")) == 1
    assert len(starts(system)) == 1


def test_q2_a_poison_message_stops_its_group_and_no_other() -> None:
    """Groups A and B, 1 message/s each; A's fifth always fails; VisibilityTimeout 30,
    maxReceiveCount 5: A stands still for 5 × 30 s, B does not notice; one dead letter.
    """
    system = system_of(
        queue(FifoQueue="true", RedrivePolicy=redrive(5)),
        function("200ms", handler__fails_if={"bad": "1"}, handler__error_time="1ms"),
        mapping(BatchSize=1),
        overhead=True,
    )
    for second in range(600):
        system.send_at(f"{second}s", "Orders", "A", attributes={"bad": "1"} if second == 4 else {})
        system.send_at(f"{second}s", "Orders", "B")
    system.run("10m")
    done = [(fact[0], fact[1].message) for fact in system.log.of("Map", "completed")]
    times = [at for at, message in done if message.key.name == "A"]
    ranks = [message.rank for _, message in done if message.key.name == "A"]
    assert 150 <= max(b - a for a, b in pairwise(times)) <= 160
    assert ranks == [rank for rank in range(600) if rank != 4][: len(ranks)]
    waits = sorted(at - m.born_ns / S for at, m in done if m.key.name == "B")
    assert waits[int(0.99 * len(waits))] < 2
    assert len(system.log.of("Dlq", "moved_in")) == 1
