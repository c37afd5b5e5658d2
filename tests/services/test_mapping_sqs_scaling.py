"""How many invocations a mapping of an SQS queue has at once: the ramp, limits, FIFO groups
(services-sqs-scaling.html).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.model.spec import FieldError
from msgsim.services.event_source_mapping import read_ramp
from msgsim.services.event_source_mapping.scaling import Scaling
from tests.services.hand_built import HandBuilt
from tests.services.lambda_built import built, concurrency, function, mapping
from tests.services.queue_mapped import S, queue, redrive, system_of

RAMP = ("lambda.event_source_mapping", "ramp")


def drained_at(system: HandBuilt) -> float:
    """Return when the last message was deleted, in seconds."""
    return max(fact[0] for fact in system.log.of("Orders", "deleted"))


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
