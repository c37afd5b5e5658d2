"""Functions in ms.Cloud: the user's own handler, called in virtual time (API Reference, Invoke)."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.cloud.hands import refused
from tests.cloud.lambda_room import Room, bodies


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_synchronous_invocation_takes_the_time_of_the_handler(room):
    room.function("fn", lambda event, context: {"got": event["n"] + 1}, time="250ms")
    assert room.call(payload={"n": 1}) == {"got": 2}
    assert room.cloud.now == 0.25


def test_a_handler_takes_the_time_that_it_waits(room):
    """Its own work takes no virtual time; `cloud.sleep` and calls that wait do."""
    url = room.queue()

    def code(event, context):
        left = [context.get_remaining_time_in_millis()]
        room.cloud.sleep("1s")
        left.append(context.get_remaining_time_in_millis())
        found = room.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)
        left.append(context.get_remaining_time_in_millis())
        return [left, "Messages" in found]

    room.function("fn", code, Timeout=5)
    assert room.call() == [[5000, 4000, 2000], False]
    assert room.cloud.now == 3


def test_two_handlers_run_at_the_same_virtual_time(room):
    """Each on its own thread, one at a time, in the order of events: never a nested run loop."""
    log: list[Any] = []

    def code(event, context):
        for step in range(3):
            log.append((room.cloud.now, event["name"], step))
            room.cloud.sleep(event["pause"])

    room.function("fn", code, Timeout=60)
    calls = [
        room.cloud.start(
            room.lam.invoke, FunctionName="fn", Payload=json.dumps({"name": n, "pause": p})
        )
        for n, p in (("a", 2), ("b", 3))
    ]
    room.cloud.advance(20)
    assert all(call.done for call in calls)
    assert log == [
        (0.0, "a", 0), (0.0, "b", 0), (2.0, "a", 1), (3.0, "b", 1), (4.0, "a", 2), (6.0, "b", 2),
    ]  # fmt: skip
    assert not [t for t in threading.enumerate() if t.name == "msgsim handler"]


def test_an_exception_is_unhandled_and_shown_to_the_caller(room):
    def code(event, context):
        raise KeyError("id")

    room.function("fn", code)
    answer = room.lam.invoke(FunctionName="fn")
    assert answer["StatusCode"] == 200 and answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "KeyError"


def test_a_time_out_ends_the_handler_wherever_it_waits(room):
    """`Timeout` seconds after its start; nothing that it would have done afterwards happens, not
    even in its `finally`.
    """
    url = room.queue()
    cleaned: list[float] = []

    def code(event, context):
        try:
            room.cloud.sleep(10)
            room.send(url, "never")
        finally:
            cleaned.append(room.cloud.now)
            room.send(url, "nor this")

    room.function("fn", code, Timeout=2)
    answer = room.lam.invoke(FunctionName="fn")
    assert answer["FunctionError"] == "Unhandled"
    assert "Task timed out after 2.00 seconds" in answer["Payload"].read().decode()
    assert cleaned == [2.0] and room.cloud.now == 2
    room.cloud.advance(20)
    assert room.bodies(url) == []


def test_working_time_beyond_the_timeout_never_reaches_the_code(room):
    ran: list[int] = []
    room.function("fn", lambda event, context: ran.append(1), time=5, Timeout=2)
    assert room.lam.invoke(FunctionName="fn")["FunctionError"] == "Unhandled"
    room.cloud.advance(10)
    assert ran == []


def test_a_handler_may_invoke_another_function(room):
    room.function("inner", lambda event, context: event * 2, time="1s")
    room.function("fn", lambda event, context: room.call("inner", event) + 1, Timeout=10)
    assert room.call(payload=20) == 41
    assert room.cloud.now == 1


def test_throttles_tell_the_reason(room):
    """TooManyRequestsException with `Reason`; source: API Reference, Invoke."""
    room.function("fn", lambda event, context: None, time="10s", Timeout=20)
    room.lam.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=1)
    room.cloud.start(room.lam.invoke, FunctionName="fn")
    with pytest.raises(room.lam.exceptions.TooManyRequestsException) as throttle:
        room.lam.invoke(FunctionName="fn")
    reason = throttle.value.response["Reason"]
    assert reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
    room.cloud.advance(11)
    room.lam.invoke(FunctionName="fn")


def test_payloads_are_json_and_limited(room):
    """6 MB synchronous, 1 MB asynchronous; source: gettingstarted-limits.html."""
    room.function("fn", lambda event, context: len(event))
    with refused("InvalidRequestContentException"):
        room.lam.invoke(FunctionName="fn", Payload="{")
    big = json.dumps("x" * 1_048_576)
    with refused("RequestTooLargeException"):
        room.lam.invoke(FunctionName="fn", Payload=big, InvocationType="Event")
    assert room.lam.invoke(FunctionName="fn", Payload=big)["StatusCode"] == 200
    with refused("RequestTooLargeException"):
        room.lam.invoke(FunctionName="fn", Payload=json.dumps("x" * 6_291_456))
    assert room.lam.invoke(FunctionName="fn", InvocationType="DryRun")["StatusCode"] == 204
    with refused("InvalidParameterValueException"):
        room.lam.invoke(FunctionName="fn", InvocationType="Later")


def test_the_same_seed_gives_the_same_story():
    """Handlers on threads change nothing about it."""

    def story() -> list[str]:
        room = Room(seed=7)
        url, out = room.queue(), room.queue("out")

        def code(event, context):
            for body in bodies(event):
                room.cloud.sleep(0.1 * len(body))
                room.send(out, f"{context.aws_request_id}/{body}")

        room.function("fn", code)
        room.map()
        for number in range(25):
            room.send(url, "x" * (number % 4 + 1))
        room.cloud.advance("1m")
        return [str(life) for life in room.cloud.history()]

    first = story()
    assert len(first) == 25 + 25  # each message, and what the handler sent about it
    assert first == story()
