"""Asynchronous invocation: destinations, dead-letter topics, payload, events that run twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.services.hand_built import HandBuilt, codes
from tests.services.lambda_built import built, function

S = 10**9
NO_HAND_OFF = {("lambda.function", "async_hand_off"): "0s"}


def system_of(config: dict[str, Any], **more: Any) -> HandBuilt:
    fn = function("1s", EventInvokeConfig={"DestinationConfig": config}, **more)
    return built(
        {
            "Good": {"type": "sqs.queue"},
            "Bad": {"type": "sqs.queue"},
            "Topic": {
                "type": "sns.topic",
                "Subscription": [{"Protocol": "sqs", "Endpoint": "Far"}],
            },
            "Far": {"type": "sqs.queue"},
            "Next": function("1s"),
            "Dlq": {"type": "sqs.queue"},
            "Fn": fn,
        },
        assumptions=NO_HAND_OFF,
    )


def records(system: HandBuilt, queue: str) -> list[dict[str, Any]]:
    return [json.loads(fact[1].message.body) for fact in system.log.of(queue, "sent")]


BOTH = {"OnSuccess": {"Destination": "Good"}, "OnFailure": {"Destination": "Bad"}}


def test_s12_a_function_error_runs_at_0_60_and_180_and_leaves_one_record() -> None:
    """Runs a minute and two minutes after the failures, then one record with RetriesExhausted and
    an approximateInvokeCount of 3; one event received, one dropped, three invocations, three
    errors. Source: invocation-async-error-handling.html, invocation-async-retain-records.html,
    conformance case 12 of SNS to Lambda (duration 0).
    """
    system = built(
        {
            "Bad": {"type": "sqs.queue"},
            "Fn": function(
                "0s",
                handler__fails="100%",
                EventInvokeConfig={"DestinationConfig": {"OnFailure": {"Destination": "Bad"}}},
            ),
            "Dlq": {"type": "sqs.queue"},
            "Topic": {
                "type": "sns.topic",
                "Subscription": [
                    {
                        "Protocol": "lambda",
                        "Endpoint": "Fn",
                        "RedrivePolicy": {"deadLetterTargetArn": "Dlq"},
                        "latency": "0s",
                    }
                ],
            },
        },
        assumptions=NO_HAND_OFF,
    )
    system.send("Topic", body="hello")
    system.run("10m")
    assert [fact[0] for fact in system.log.of("Fn", "started")] == [0.0, 60.0, 180.0]
    found = records(system, "Bad")
    assert len(found) == 1
    assert found[0]["requestContext"]["condition"] == "RetriesExhausted"
    assert found[0]["requestContext"]["approximateInvokeCount"] == 3
    assert found[0]["requestPayload"] == "hello"
    assert found[0]["responseContext"]["functionError"] == "Unhandled"
    assert len(system.log.of("Fn", "taken")) == len(system.log.of("Fn", "given_up")) == 1
    assert [fact[2] for fact in system.log.of("Fn", "ended")] == ["error"] * 3
    subscription = next(name for name in system.components if name.startswith("Topic."))
    assert len(system.log.of(subscription, "delivered")) == 1
    assert system.log.of("Dlq", "sent") == []


def test_a_success_is_recorded_where_it_is_asked_for() -> None:
    system = system_of(BOTH)
    assert system["Fn"].invoke_async(system.message(body="x")) is None
    system.run("1m")
    assert records(system, "Bad") == []
    assert records(system, "Good")[0]["requestContext"]["condition"] == "Success"


def test_topics_and_functions_are_destinations_too() -> None:
    """SQS, SNS and Lambda take records; so does a dead-letter topic take the event as it is."""
    config = {"OnSuccess": {"Destination": "Next"}, "OnFailure": {"Destination": "Topic"}}
    system = system_of(config)
    system["Fn"].invoke_async(system.message(body="x"))
    system.run("1m")
    assert len(system.log.of("Next", "completed")) == 1

    system = system_of(config, handler__fails="100%", DeadLetterConfig={"TargetArn": "Topic"})
    system["Fn"].invoke_async(system.message(body="x"))
    system.run("10m")
    bodies = [fact[1].message.body for fact in system.log.of("Far", "sent")]
    assert (
        len(bodies) == 2
        and sum(body is not None and "RetriesExhausted" in body for body in bodies) == 1
    )


def test_age_and_zero_concurrency_give_their_own_reasons() -> None:
    """EventAgeExceeded; and with reserved concurrency 0 the event goes to the destination at once,
    without an invocation. Source: invocation-async-retain-records.html.
    """
    system = system_of(BOTH, ReservedConcurrentExecutions=0)
    system["Fn"].invoke_async(system.message())
    system.run("1s")
    record = records(system, "Bad")[0]
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in record


def test_a_destination_that_refuses_is_a_failure_of_its_own() -> None:
    """`DestinationDeliveryFailures`: the record is lost, and so is the event without another."""
    system = system_of(BOTH, handler__fails="100%")
    system["Bad"].fail()
    system["Fn"].invoke_async(system.message())
    system.run("10m")
    assert len(system.log.of("Fn", "destination_failed")) == 1
    assert len(system.log.of("Fn", "dropped")) == 1


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"type": "sqs.queue", "FifoQueue": "true"}, ["E221"]),
        ({"type": "sns.topic", "FifoTopic": "true"}, ["E221"]),
        ({"type": "sqs.queue"}, []),
    ],
)
def test_fifo_destinations_are_refused(target: dict[str, Any], expected: list[str]) -> None:
    """Source: invocation-async-retain-records.html."""
    config = {"DestinationConfig": {"OnFailure": {"Destination": "Bad"}}}
    found = codes({"Bad": target, "Fn": function(EventInvokeConfig=config)})
    assert [code for code in found if code.startswith("E")] == expected


def test_an_event_above_one_megabyte_is_refused() -> None:
    """RequestTooLargeException (413); 1,048,576 bytes pass. Source: gettingstarted-limits.html."""
    system = system_of(BOTH)
    assert system["Fn"].invoke_async(system.message(size_bytes=1_048_577)) == (
        "RequestTooLargeException"
    )
    assert system["Fn"].invoke_async(system.message(size_bytes=1_048_576)) is None


def test_a_finished_event_may_run_again_without_an_error() -> None:
    """At least once: with one missed delete in ten, about a tenth of 2,000 events run again, the
    repeated ones included, and none with the share 0. Source:
    invocation-async-error-handling.html; the share is an assumption.
    """

    def repeated(share: float) -> tuple[int, int]:
        system = built(
            {"Fn": function("1ms")},
            assumptions={**NO_HAND_OFF, ("lambda.function", "async_missed_delete_share"): share},
        )
        for number in range(2_000):
            system.sim.at(number * 10_000_000, lambda: system["Fn"].invoke_async(system.message()))
        system.run("1h")
        return len(system.log.of("Fn", "repeated_event")), len(system.log.of("Fn", "started"))

    again, runs = repeated(0.1)
    expected = 2_000 * 0.1 / 0.9
    assert abs(again - expected) < 4 * expected**0.5
    assert runs == 2_000 + again
    assert repeated(0) == (0, 2_000)
