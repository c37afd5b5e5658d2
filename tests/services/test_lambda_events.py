"""Asynchronous invocation of lambda.function: retries, ages and the dead-letter queue
(invocation-async-error-handling.html).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.hand_built import HandBuilt
from tests.services.lambda_built import built, function


def events(count: int = 1, until: str = "30m", fault: str | None = None, **more: Any) -> HandBuilt:
    system = built(
        {
            "Fn": function("1s", DeadLetterConfig={"TargetArn": "Dlq"}, **more),
            "Dlq": {"type": "sqs.queue"},
        },
        assumptions={("lambda.function", "async_hand_off"): "0s"},
    )
    for _ in range(count):
        message = system.message(attributes={"poison": "1"})
        assert system["Fn"].invoke_async(message) is None
    return system.run(until)


def test_function_errors_are_retried_after_one_and_two_minutes() -> None:
    """Two retries, 1 min before the first and 2 min before the second, then the dead-letter queue.

    Source: Lambda developer guide, invocation-async-error-handling.html.
    """
    system = events(handler__fails_if={"poison": "1"})
    assert [fact[0] for fact in system.log.of("Fn", "started")] == [0.0, 61.0, 182.0]
    assert len(system.log.of("Fn", "failed")) == 3
    assert [fact[0] for fact in system.log.of("Fn", "dead_lettered")] == [183.0]
    assert len(system.log.of("Dlq", "sent")) == 1
    assert list(system["Fn"].holds()) == []


def test_retries_can_be_switched_off_and_a_late_success_counts() -> None:
    config = {"MaximumRetryAttempts": 0}
    none = events(handler__fails_if={"poison": "1"}, EventInvokeConfig=config)
    assert len(none.log.of("Fn", "started")) == 1
    late = events(handler__fails_if={"poison": "1"}, handler__fails_attempts=2)
    assert [fact[0] for fact in late.log.of("Fn", "completed")] == [183.0]
    assert late.log.of("Dlq", "sent") == []
    assert [fact[1].attempt for fact in late.log.of("Fn", "completed")] == [3]


def test_throttled_events_are_retried_with_growing_pauses() -> None:
    """Throttles do not use up the retries: pauses of 1 s, doubling to 5 min, until the event is
    too old. Ten events at once on one environment of 1 s all end well.

    Source: Lambda developer guide, invocation-async-error-handling.html.
    """
    system = events(10, until="6h", ReservedConcurrentExecutions=1)
    assert len(system.log.of("Fn", "completed")) == 10
    assert system.log.of("Dlq", "sent") == []
    tries = sorted({fact[0] for fact in system.log.of("Fn", "invoke_throttled")})
    assert tries[0] == 0.0
    assert len(system.log.of("Fn", "taken")) == 10


def test_an_event_that_is_too_old_goes_to_the_dead_letter_queue() -> None:
    """`MaximumEventAgeInSeconds` ends the retries of an event that never ran."""
    system = built(
        {
            "Fn": function(
                "900s",
                Timeout=900,
                ReservedConcurrentExecutions=1,
                EventInvokeConfig={"MaximumEventAgeInSeconds": 120},
                DeadLetterConfig={"TargetArn": "Dlq"},
            ),
            "Dlq": {"type": "sqs.queue"},
        },
        assumptions={
            ("lambda.function", "async_hand_off"): "0s",
            ("lambda.function", "throttle_jitter"): 0,
        },
    )
    for _ in range(2):
        system["Fn"].invoke_async(system.message())
    system.run("30m")
    assert [fact[0] for fact in system.log.of("Fn", "dead_lettered")] == [120.0]
    throttles = [fact[0] for fact in system.log.of("Fn", "invoke_throttled")]
    assert throttles == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0]
    assert system.log.of("Fn", "dead_lettered")[0][1].starts == 0


def test_a_throttled_burst_does_not_come_back_as_one_herd() -> None:
    """Pauses are spread (assumption `throttle_jitter`), so that a burst of 200 on one environment
    of 1 s is done long before the 6 h end; AWS: "attempts to run the function again for up to 6
    hours" (invocation-async-error-handling.html).
    """
    system = events(200, until="2h", ReservedConcurrentExecutions=1)
    assert len(system.log.of("Fn", "completed")) == 200


def test_reserved_zero_sends_events_straight_to_the_dead_letter_queue() -> None:
    """Source: Lambda developer guide, invocation-async-retain-records.html."""
    system = events(3, ReservedConcurrentExecutions=0)
    assert [fact[0] for fact in system.log.of("Dlq", "sent")] == [0.0] * 3
    assert system.log.of("Fn", "started") == []


def test_without_a_dead_letter_queue_an_event_is_dropped() -> None:
    system = built({"Fn": function(handler__fails="100%")})
    system["Fn"].invoke_async(system.message())
    system.run("10m")
    assert [fact[2] for fact in system.log.of("Fn", "dropped")] == ["RetriesExhausted"]


def test_events_wait_out_an_outage() -> None:
    """A server error inside Lambda is retried like a throttle; a caller meanwhile gets it."""
    system = built({"Fn": function()})
    system["Fn"].invoke_async(system.message())
    system["Fn"].fail()
    assert system["Fn"].invoke_async(system.message()) == "ServiceException"
    system.run("20s")
    assert [state for state, _ in system["Fn"].holds()] == ["waiting"]
    system["Fn"].recover()
    system.run("60s")
    assert len(system.log.of("Fn", "completed")) == 1


def test_the_hand_off_takes_what_was_measured() -> None:
    """Median 43 ms from 202 to the first attempt (measured difference of medians, assumption)."""
    system = built({"Fn": function("1s")})
    for _ in range(500):
        system["Fn"].invoke_async(system.message())
    system.run("10s")
    starts = sorted(fact[0] for fact in system.log.of("Fn", "started"))
    assert starts[250] == pytest.approx(0.043, rel=0.1)
