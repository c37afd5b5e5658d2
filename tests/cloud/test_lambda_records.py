"""Records of asynchronous events in ms.Cloud: what the handler answered.

A record holds the request and the response. Source: Lambda developer guide,
invocation-async-retain-records.html.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud.lambda_room import Room


@pytest.fixture
def room() -> Room:
    room = Room()
    for name in ("good", "bad"):
        room.queue(name)
    return room


def event(room: Room, code: Any, payload: Any, **more: Any) -> None:
    """Send one event to a function whose records go to `good` and `bad`, and wait an hour."""
    room.function("fn", code, **more)
    room.lam.put_function_event_invoke_config(
        FunctionName="fn",
        DestinationConfig={
            "OnSuccess": {"Destination": "good"},
            "OnFailure": {"Destination": "bad"},
        },
    )
    room.lam.invoke(FunctionName="fn", InvocationType="Event", Payload=json.dumps(payload))
    room.cloud.advance("1h")


def record(room: Room, queue: str) -> dict[str, Any]:
    (body,) = room.bodies(queue)
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.mark.parametrize("answer", [{"total": 3}, "done", [1, 2], None])
def test_a_success_shows_what_the_handler_returned(room, answer):
    """`responsePayload` is the function's answer, null if it returns nothing."""
    event(room, lambda event, context: answer, {"id": 7})
    found = record(room, "good")
    assert found["requestPayload"] == {"id": 7}
    assert found["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert found["responsePayload"] == answer


def test_a_failure_shows_the_error_of_the_last_attempt(room):
    """After three attempts the record shows what the invoker of the third would have got."""
    attempts: list[int] = []

    def code(event, context):
        attempts.append(event["id"])
        raise ValueError(f"attempt {len(attempts)}")

    event(room, code, {"id": 7})
    found = record(room, "bad")
    assert found["requestContext"]["condition"] == "RetriesExhausted"
    assert found["responseContext"]["functionError"] == "Unhandled"
    assert found["responsePayload"] == {"errorMessage": "attempt 3", "errorType": "ValueError"}


def test_a_time_out_is_told_in_the_payload(room):
    event(room, lambda event, context: None, {}, time="2s", Timeout=1)
    found = record(room, "bad")
    assert found["responsePayload"]["errorMessage"] == "Task timed out after 1.00 seconds"


def test_each_record_has_the_answer_of_its_own_event(room):
    """Answers of other events that end meanwhile do not get in between."""
    room.function("fn", lambda event, context: event["id"] * 10, time="1s")
    destination = {"OnSuccess": {"Destination": "good"}}
    room.lam.put_function_event_invoke_config(FunctionName="fn", DestinationConfig=destination)
    for number in range(5):
        room.lam.invoke(FunctionName="fn", InvocationType="Event", Payload=f'{{"id": {number}}}')
        room.cloud.advance("300ms")
    room.cloud.advance("1m")
    found = [json.loads(body) for body in room.bodies("good")]
    answers = {each["requestPayload"]["id"]: each["responsePayload"] for each in found}
    assert answers == {number: number * 10 for number in range(5)}


def test_an_event_that_never_ran_has_no_answer(room):
    """With a reserved concurrency of zero events are given up at once; there was no response."""
    room.function("fn", lambda event, context: 1)
    room.lam.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=0)
    destination = {"OnFailure": {"Destination": "bad"}}
    room.lam.put_function_event_invoke_config(FunctionName="fn", DestinationConfig=destination)
    room.lam.invoke(FunctionName="fn", InvocationType="Event", Payload="{}")
    room.cloud.advance("1m")
    found = record(room, "bad")
    assert "responsePayload" not in found and "responseContext" not in found
