"""lambda.event_source_mapping of an SQS queue: gathering, scaling, throttles, failures."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.kernel.distributions import Constant
from msgsim.model.spec import FieldError
from msgsim.services.event_source_mapping import read_ramp
from msgsim.services.event_source_mapping.scaling import Scaling
from msgsim.services.lambda_function.handler import Handler
from tests.services.hand_built import HandBuilt, codes
from tests.services.lambda_built import built, concurrency, function, mapping

S = 10**9
RAMP = ("lambda.event_source_mapping", "ramp")


def queue(**more: Any) -> dict[str, Any]:
    return {"type": "sqs.queue", **more}


def redrive(count: int) -> dict[str, Any]:
    return {"deadLetterTargetArn": "Dlq", "maxReceiveCount": count}


def system_of(
    source: dict[str, Any], fn: dict[str, Any], mapped: dict[str, Any] | None = None, **more: Any
) -> HandBuilt:
    """Wire queue `Orders`, dead-letter queue `Dlq`, function `Fn` and their mapping."""
    dead = queue(FifoQueue="true") if source.get("FifoQueue") else queue()
    return built({"Orders": source, "Dlq": dead, "Fn": fn, "Map": mapped or mapping()}, **more)


def starts(system: HandBuilt) -> list[float]:
    return [fact[0] for fact in system.log.of("Fn", "started")]


def batch_sizes(system: HandBuilt) -> list[int]:
    return [fact[1] for fact in system.log.of("Fn", "started")]


def drained_at(system: HandBuilt) -> float:
    """Return when the last message was deleted, in seconds."""
    return max(fact[0] for fact in system.log.of("Orders", "deleted"))


def received_bodies(system: HandBuilt) -> list[list[str]]:
    return [[d.message.body for d in fact[1]] for fact in system.log.of("Orders", "received")]


# One message's way ------------------------------------------------------------------------------


def test_a_message_is_received_processed_and_deleted() -> None:
    system = system_of(queue(), function("1s"))
    system.send_at("5s", "Orders")
    system.run("10s")
    assert [fact[0] for fact in system.log.of("Map", "completed")] == [6.0]
    assert [fact[0] for fact in system.log.of("Orders", "deleted")] == [6.0]
    assert system["Map"].judged == "Orders"
    assert list(system["Orders"].holds()) == []


def test_low_load_latency_is_as_measured() -> None:
    """SQS standard to Lambda adds 13.7 / 16.2 / 33.8 / 105 ms at P10 / P50 / P90 / P99. The default
    is calibrated on these figures; the test shows that it arrives. Source:
    https://bitesizedserverless.com/bite/serverless-messaging-latency-compared/
    """
    system = system_of(queue(), function("1ms"), overhead=True)
    n = 8_000
    for number in range(n):
        system.send_at(f"{number}s", "Orders")
    system.run(f"{n}s")
    waits = sorted(at % 1 * 1_000 for at in starts(system))
    assert len(waits) == n
    for share, measured in ((0.1, 13.7), (0.5, 16.2), (0.9, 33.8)):
        assert waits[int(share * n)] == pytest.approx(measured, rel=0.15)
    assert waits[int(0.99 * n)] == pytest.approx(105, rel=0.4)


def test_a_disabled_mapping_leaves_the_queue_alone() -> None:
    system = system_of(queue(), function(), mapping(Enabled="false"))
    system.send("Orders")
    system.run("1m")
    assert system.log.of("Orders", "received") == []


# Failures ---------------------------------------------------------------------------------------


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


# Scaling and concurrency ------------------------------------------------------------------------


@pytest.mark.conformance("SQS C11")
@pytest.mark.parametrize("ramp", ["linear", "step"])
def test_c11_the_ramp_to_1250(ramp: str) -> None:
    """An endless backlog, a function that does not finish, account concurrency 5,000: c = 5 right
    after the start, c(t) ≤ 5 + 300·⌈t/60 s⌉, 1,250 between 4 and 6 min, never more.

    Source: Lambda developer guide, services-sqs-scaling.html.
    """
    system = built(
        {
            "Account": {"type": "plain.account", "ConcurrentExecutions": 5_000},
            "Orders": queue(VisibilityTimeout=43_200),
            "Fn": function("900s", Timeout=900),
            "Map": mapping(BatchSize=1),
        },
        assumptions={RAMP: ramp},
    )
    for _ in range(1_500):
        system.send("Orders")
    system.run("8m")
    reached = {}
    for at, running in concurrency(system):
        assert running <= 5 + 300 * -(-at // 60)
        reached[running] = at
    assert system.log.of("Map", "pollers")[0][1] == 5
    assert reached[5] == 0.0
    assert 240 <= reached[1_250] <= 360
    assert max(reached) == 1_250


@pytest.mark.parametrize(
    ("ramp", "more", "low", "high"),
    [
        ("linear", {}, 60, 95),
        ("step", {}, 60, 95),
        ("linear 60/min", {}, 130, 175),
        ("linear", {"ScalingConfig": {"MaximumConcurrency": 20}}, 495, 550),
    ],
)
def test_q8_a_burst_is_limited_by_the_ramp(
    ramp: str, more: dict[str, Any], low: float, high: float
) -> None:
    """A backlog of 100,000 messages, 1 s per batch of 10: 62 s with a linear ramp of 300/min, 92 s
    in steps, 137 s with 60/min, 500 s with MaximumConcurrency 20. Scaled down: one message stands
    for ten (10,000 messages, BatchSize 1), which leaves the arithmetic as it is.
    """
    system = system_of(
        queue(VisibilityTimeout=600),
        function("1s"),
        mapping(BatchSize=1, **more),
        assumptions={RAMP: ramp},
        overhead=True,
        logged=False,
    )
    deleted: list[int] = []
    system["Orders"].on_deleted = lambda now, delivery: deleted.append(now)
    for _ in range(10_000):
        system.send("Orders")
    system.run("600s")
    assert len(deleted) == 10_000
    assert low <= deleted[-1] / S <= high


def q7(**more: Any) -> dict[str, Any]:
    return {
        "source": queue(VisibilityTimeout=30, RedrivePolicy=redrive(3)),
        "fn": function("10s", Timeout=15, ReservedConcurrentExecutions=more.pop("reserved")),
        "mapped": mapping(BatchSize=1, **more),
    }


def test_q7_reserved_concurrency_sends_untouched_messages_to_the_dead_letter_queue() -> None:
    """100 messages, 10 s each, VisibilityTimeout 30, maxReceiveCount 3, reserved concurrency 1: the
    pollers hold more than the function takes; throttles, no errors, and at least 3 messages are
    dead-lettered without one run. Source: https://repost.aws/knowledge-center/lambda-sqs-scaling
    """
    system = system_of(**q7(reserved=1), overhead=True)
    for _ in range(100):
        system.send("Orders")
    system.run("30m")
    dead = [fact[1] for fact in system.log.of("Dlq", "moved_in")]
    assert len(system.log.of("Fn", "invoke_throttled")) > 0
    assert {fact[2] for fact in system.log.of("Fn", "ended")} == {"ok"}
    assert sum(copy.starts == 0 for copy in dead) >= 3
    assert len(dead) + len(system.log.of("Orders", "deleted")) == 100
    assert max(running for _, running in concurrency(system)) == 1


def test_q7_maximum_concurrency_limits_the_pollers_instead() -> None:
    """Reserved 2 and MaximumConcurrency 2: no throttle, no dead letter, drained in about
    100 × 10 / 2 = 500 s.
    """
    limited = q7(reserved=2, ScalingConfig={"MaximumConcurrency": 2})
    system = system_of(**limited, overhead=True)
    for _ in range(100):
        system.send("Orders")
    system.run("10m")
    assert system.log.of("Fn", "invoke_throttled") == []
    assert system.log.of("Dlq", "moved_in") == []
    assert 495 <= drained_at(system) <= 540
    assert {fact[1] for fact in system.log.of("Map", "pollers")} == {2}


def test_idle_pollers_go_down_to_two_and_come_back_with_the_first_message() -> None:
    """An idle mapping keeps two pollers, 20 s each: 6 empty receives a minute, 259,200 in 30 days;
    with messages it starts again at five. Source: services-sqs-scaling.html.
    """
    system = system_of(queue(), function())
    system.run("10m")
    assert [fact[1] for fact in system.log.of("Map", "pollers")][-1] == 2
    before = len(system.log.of("Orders", "empty"))
    system.run("20m")
    assert len(system.log.of("Orders", "empty")) - before == 60
    system.send("Orders")
    assert [fact[1] for fact in system.log.of("Map", "pollers")][-1] == 5


def test_with_maximum_concurrency_five_pollers_stay() -> None:
    """The step to two is not made when MaximumConcurrency is set."""
    system = system_of(queue(), function(), mapping(ScalingConfig={"MaximumConcurrency": 10}))
    system.run("10m")
    assert {fact[1] for fact in system.log.of("Map", "pollers")} == {5}


def test_fifo_concurrency_is_the_number_of_active_groups() -> None:
    """6 groups, MaximumConcurrency 10: 6 at once. Source: services-sqs-scaling.html."""
    system = system_of(
        queue(FifoQueue="true"),
        function("2s"),
        mapping(BatchSize=1, ScalingConfig={"MaximumConcurrency": 10}),
    )
    for number in range(120):
        system.send("Orders", f"group {number % 6}")
    system.run("30s")
    assert max(running for _, running in concurrency(system)) == 6
    for group in range(6):
        ranks = [
            fact[1].message.rank
            for fact in system.log.of("Map", "completed")
            if fact[1].message.key.name == f"group {group}"
        ]
        assert ranks == sorted(ranks) and len(ranks) > 5


def test_fifo_quotas_delay_but_lose_nothing() -> None:
    """Refused receives and deletes (300 calls/s and action) are tried again; nothing is processed
    twice. Source: SQS quotas-fifo.html.
    """
    system = system_of(queue(FifoQueue="true"), function("1ms"), mapping(BatchSize=1))
    system["Orders"]._calls["SendMessage"] = None
    for number in range(1_500):
        system.send("Orders", f"group {number}")
    system.run("60s")
    assert len(system.log.of("Orders", "throttled")) > 0
    assert len(system.log.of("Orders", "deleted")) == 1_500
    assert len(system.log.of("Map", "completed")) == 1_500


def test_failures_lower_the_concurrency_and_reports_do_not() -> None:
    """The poller reduces concurrency on errors; with ReportBatchItemFailures it does not.

    Source: services-sqs-errorhandling.html; halving per minute is an assumption. Message 300 fails
    at about 59 s, when 300 slots are open; by 80 s only the 150 that are left still work.
    """

    def pollers(**more: Any) -> int:
        system = system_of(
            queue(VisibilityTimeout=43_200),
            function("20s", Timeout=30, handler__fails_if={"bad": "1"}),
            mapping(BatchSize=1, **more),
        )
        for number in range(3_000):
            system.send("Orders", attributes={"bad": "1"} if number == 300 else {})
        system.run("120s")
        return max(running for at, running in concurrency(system) if at > 80)

    assert pollers(FunctionResponseTypes=("ReportBatchItemFailures",)) == 5 + 5 * 120
    assert pollers() < 170


# Batches ----------------------------------------------------------------------------------------


def q9(**more: Any) -> tuple[list[int], float]:
    system = system_of(queue(), function("20ms"), mapping(**more), overhead=True)
    for half_second in range(2_400):
        system.send_at(f"{half_second * 500}ms", "Orders")
    system.run("21m")
    waits = [fact[0] - fact[1].message.born_ns / S for fact in system.log.of("Map", "completed")]
    assert len(waits) == 2_400
    return batch_sizes(system), median(waits)


def test_q9_a_batch_size_is_a_ceiling() -> None:
    """2 messages/s (20 min of the hour): BatchSize 10 without a window gives about one message per
    invocation; BatchSize 100 with a window of 5 s 2–10, never 100, and seconds of added latency.
    """
    small, quick = q9(BatchSize=10)
    large, slow = q9(BatchSize=100, MaximumBatchingWindowInSeconds=5)
    assert 2_300 <= len(small) <= 2_400
    assert 240 <= len(large) <= 1_200
    assert max(large) <= 12
    assert 2 <= sum(large) / len(large) <= 10
    assert len(large) < 0.55 * len(small)
    assert slow > quick + 1


def test_a_window_gathers_what_is_there_up_to_the_batch_size() -> None:
    """30 messages waiting, BatchSize 20, window 1 s, MaximumConcurrency 2: two invocations.

    Source: LocalStack's AWS-validated SQS mapping tests (2025-11-25).
    """
    system = system_of(
        queue(DelaySeconds=1),
        function(ReservedConcurrentExecutions=2),
        mapping(
            BatchSize=20,
            MaximumBatchingWindowInSeconds=1,
            ScalingConfig={"MaximumConcurrency": 2},
        ),
    )
    for _ in range(30):
        system.send("Orders")
    system.run("30s")
    assert sum(batch_sizes(system)) == 30
    assert len(batch_sizes(system)) == 2
    assert max(batch_sizes(system)) <= 20


def test_ten_thousand_messages_can_be_one_batch() -> None:
    """BatchSize up to 10,000, gathered from receives of ten, if records had no metadata; with it,
    6,291,456 B / (100 + 770) B = 7,231 fill the 6 MB. Source: services-sqs-configure.html.
    """
    assert first_of_ten_thousand("0B") == 10_000
    assert first_of_ten_thousand("770B") == 7_231


def first_of_ten_thousand(metadata: str) -> int:
    """Return the size of the first batch of 10,000 messages of 100 B; all are deleted."""
    system = system_of(
        queue(VisibilityTimeout=600, DelaySeconds=1),
        function("1s"),
        mapping(
            BatchSize=10_000,
            MaximumBatchingWindowInSeconds=10,
            ScalingConfig={"MaximumConcurrency": 2},
        ),
        assumptions={("lambda.event_source_mapping", "record_metadata"): metadata},
    )
    for _ in range(10_000):
        system.send("Orders", size_bytes=100)
    system.run("60s")
    assert len(system.log.of("Orders", "deleted")) == 10_000
    return batch_sizes(system)[0]


def test_a_batch_holds_at_most_6_mb() -> None:
    """The synchronous payload limit cuts a batch; the rest follows in the next invocation. Of six
    messages of 1 MiB the metadata of their records leaves room for five.
    """
    system = system_of(
        queue(DelaySeconds=1), function(), mapping(ScalingConfig={"MaximumConcurrency": 2})
    )
    for _ in range(10):
        system.send("Orders", size_bytes=1_048_576)
    system.run("30s")
    assert sum(batch_sizes(system)) == 10
    assert max(batch_sizes(system)) == 5


def test_a_throttled_batch_is_forgotten_when_its_timeout_ends() -> None:
    """Throttled invocations are retried inside the visibility timeout of the batch, then the
    messages are visible again with a higher receive count. Source: services-sqs-errorhandling.html.
    """
    system = system_of(
        queue(VisibilityTimeout=30), function(ReservedConcurrentExecutions=0), mapping(BatchSize=1)
    )
    system.send("Orders")
    system.run("70s")
    received = [(fact[0], fact[1][0].attempt) for fact in system.log.of("Orders", "received")]
    assert received == [(0.0, 1), (30.0, 2), (60.0, 3)]
    throttles = [fact[0] for fact in system.log.of("Fn", "invoke_throttled") if fact[0] < 30]
    assert throttles[:4] == [0.0, 0.25, 0.75, 1.75]
    assert throttles[-1] < 30


def test_deletes_survive_an_outage_of_the_queue() -> None:
    """A delete that the queue cannot take is tried again until the visibility timeout ends."""
    system = system_of(queue(), function("1s"))
    system.send("Orders")
    system.sim.at(S // 2, system["Orders"].fail)
    system.sim.at(10 * S, system["Orders"].recover)
    system.run("2m")
    assert len(system.log.of("Orders", "deleted")) == 1
    assert len(starts(system)) == 1


def test_a_mapping_that_is_down_begins_no_batch() -> None:
    system = system_of(queue(), function())
    system["Map"].fail()
    system.run("30s")
    system.send("Orders")
    system.run("60s")
    assert starts(system) == []
    system["Map"].recover()
    system.run("80s")
    assert len(starts(system)) == 1


# The number of slots ----------------------------------------------------------------------------


@given(st.lists(st.sampled_from(["appear", "grow", "fail", "retire", "empty"]), max_size=80))
def test_the_number_of_slots_stays_within_its_bounds(moves: list[str]) -> None:
    scaling = Scaling(start=5, idle=2, ceiling=40, per_minute=300, interval_ns=S, keep=0.5)
    opened = scaling.messages_appear()
    closed, now = 0, 0
    for move in moves:
        now += 7 * S
        if move == "appear":
            opened += scaling.messages_appear()
        elif move == "grow":
            opened += scaling.grow(now)
        elif move == "fail":
            scaling.failure(now)
        else:
            closed += scaling.retire() if move == "retire" else scaling.empty_poll()
        assert scaling.active == opened - closed
        assert 2 <= scaling.active <= 40


def test_ramps_are_read_with_or_without_a_rate() -> None:
    assert read_ramp("linear") == ("linear", 300)
    assert read_ramp("step 60/min") == ("step", 60)
    for wrong in ("steep", "linear 60", "linear fast"):
        with pytest.raises(FieldError):
            read_ramp(wrong)


# What AWS refuses -------------------------------------------------------------------------------

GOOD = {"VisibilityTimeout": 90, "RedrivePolicy": redrive(5)}


@pytest.mark.parametrize(
    ("source", "fn", "mapped", "expected"),
    [
        ({}, {}, {}, []),
        ({"VisibilityTimeout": 2}, {}, {}, ["E210"]),
        ({"VisibilityTimeout": 17}, {}, {}, ["W211"]),
        ({"VisibilityTimeout": 18}, {}, {}, []),
        ({"VisibilityTimeout": 18}, {}, {"MaximumBatchingWindowInSeconds": 1}, ["W211"]),
        ({}, {}, {"BatchSize": 100}, ["E212"]),
        ({}, {}, {"BatchSize": 100, "MaximumBatchingWindowInSeconds": 1}, []),
        ({"FifoQueue": "true"}, {}, {"BatchSize": 11}, ["E213"]),
        ({"FifoQueue": "true"}, {}, {"MaximumBatchingWindowInSeconds": 1}, ["E213"]),
        ({}, {}, {"ParallelizationFactor": 2}, ["E214"]),
        ({}, {}, {"StartingPosition": "LATEST"}, ["E214"]),
        ({"RedrivePolicy": redrive(3)}, {}, {}, ["W214"]),
        ({}, {"ReservedConcurrentExecutions": 5}, {}, ["W215"]),
        ({}, {"ReservedConcurrentExecutions": 1}, {}, ["W215", "W216"]),
        (
            {},
            {"ReservedConcurrentExecutions": 5},
            {"ScalingConfig": {"MaximumConcurrency": 5}},
            [],
        ),
        (
            {},
            {"ReservedConcurrentExecutions": 5},
            {"ScalingConfig": {"MaximumConcurrency": 6}},
            ["W215"],
        ),
        ({}, {"handler__report": "failed"}, {}, ["W322"]),
        ({}, {}, {"FilterCriteria": {"Filters": []}}, []),
        ({}, {}, {"ProvisionedPollerConfig": {"MinimumPollers": 2}}, []),
        ({}, {}, {"FilterCriteria": {"Filter": []}}, ["E218"]),
        ({}, {}, {"FilterCriteria": []}, ["E218"]),
    ],
)
def test_findings(
    source: dict[str, Any], fn: dict[str, Any], mapped: dict[str, Any], expected: list[str]
) -> None:
    """Rules of CreateEventSourceMapping and AWS's advice, each with its code.

    Source: Lambda developer guide, services-sqs-configure.html; API CreateEventSourceMapping.
    """
    dead = queue(FifoQueue="true") if source.get("FifoQueue") else queue()
    resources = {
        "Orders": queue(**{**GOOD, **source}),
        "Dlq": dead,
        "Fn": function(**fn),
        "Map": mapping(**mapped),
    }
    assert codes(resources) == expected


def test_a_queue_is_mapped_to_a_function_once() -> None:
    """ResourceConflictException. Source: LocalStack's AWS-validated tests (2025-11-25)."""
    resources = {"Orders": queue(**GOOD), "Dlq": queue(), "Fn": function()}
    assert codes({**resources, "One": mapping(), "Two": mapping()}) == ["E217"]


def test_failures_without_a_dead_letter_queue_are_worth_a_word() -> None:
    resources = {"Orders": queue(), "Fn": function(handler__fails="1%"), "Map": mapping()}
    assert codes(resources) == ["W213"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"BatchSize": 0},
        {"BatchSize": 10_001},
        {"MaximumBatchingWindowInSeconds": 301},
        {"ScalingConfig": {"MaximumConcurrency": 1}},
        {"ScalingConfig": {"MaximumConcurrency": 1_001}},
        {"FunctionResponseTypes": ["ReportBatchItemFailure"]},
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    """Ranges of the API reference."""
    with pytest.raises(ValueError):
        codes({"Orders": queue(), "Fn": function(), "Map": mapping(**wrong)})
