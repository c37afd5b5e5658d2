"""Destinations of asynchronous invocation: a record about each event that is done or given up.

The record is a JSON document with the event, the function's answer, and why it is written. Source:
Lambda developer guide, invocation-async-retain-records.html.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgsim.model.message import Key, Message

SUCCESS, RETRIES_EXHAUSTED, AGE_EXCEEDED = "Success", "RetriesExhausted", "EventAgeExceeded"
NO_CONCURRENCY = "ZeroReservedConcurrency"
NS_PER_S = 1_000_000_000
SDK_OF_STATUS = {"error": "Unhandled", "timeout": "Unhandled"}

Take = Callable[[Message], str | None]
Response = Mapping[str, Any]
"""`responsePayload`, what the handler answered in its last run; empty where it answers nothing."""


def way_to(target: Any) -> Take:
    """Return how a destination takes a record: as an event of a function, else as a message."""
    invoke: Take | None = getattr(target, "invoke_async", None)
    if invoke is not None:
        return invoke
    accept: Take = target.accept
    return accept


def _payload(text: str | None) -> Any:
    """Return what the record shows of an event: its JSON value, else its text."""
    try:
        return json.loads(text or "null")
    except ValueError:
        return text


class Destinations:
    """Writes the records of one function.

    Args:
        function: its name.
        numbers: message numbers that nobody else uses.

    Attributes:
        on_success: takes records of events that were done, or None.
        on_failure: takes records of events that were given up, or None.
    """

    def __init__(self, function: str, numbers: Iterator[int]) -> None:
        self.function = function
        self.on_success: Take | None = None
        self.on_failure: Take | None = None
        self._numbers = numbers
        self._key = Key(function, function)

    def write(
        self,
        now: int,
        take: Take,
        event: Message,
        condition: str,
        invocations: int,
        status: str,
        response: Response,
    ) -> str | None:
        """Write about one event; return the error code of a destination that refuses it."""
        body = json.dumps(self.document(now, event, condition, invocations, status, response))
        key = self._key
        message = Message(next(self._numbers), key, key.issued, now, len(body), body=body)
        key.issued += 1
        return take(message)

    def document(
        self,
        now: int,
        event: Message,
        condition: str,
        invocations: int,
        status: str,
        response: Response,
    ) -> dict[str, Any]:
        """Return the record as AWS writes it."""
        found: dict[str, Any] = {
            "version": "1.0",
            "timestamp": now / NS_PER_S,
            "requestContext": {
                "requestId": str(event.number),
                "functionArn": self.function,
                "condition": condition,
                "approximateInvokeCount": invocations,
            },
            "requestPayload": _payload(event.body),
        }
        if invocations:
            context: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
            if status in SDK_OF_STATUS:
                context["functionError"] = SDK_OF_STATUS[status]
            found["responseContext"] = context
            found.update(response)
        return found
