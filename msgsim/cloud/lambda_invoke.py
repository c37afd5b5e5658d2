"""Lambda operations that invoke: synchronously, as an event, and what becomes of events."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from msgsim.cloud.account import Account
from msgsim.cloud.calls import Call, waits
from msgsim.cloud.errors import Refused
from msgsim.cloud.lambda_functions import FunctionEntry
from msgsim.cloud.lambda_shapes import (
    BAD_CONTENT,
    INVALID,
    NOT_FOUND,
    THROTTLED,
    TOO_LARGE,
    UNAVAILABLE,
)
from msgsim.kernel.simulation import NS_PER_S
from msgsim.model.message import Copy, Delivery
from msgsim.model.ports import Outcome
from msgsim.services.event_source_mapping.spec import PAGE as MAPPING_PAGE
from msgsim.services.lambda_function.spec import PAGE

Parameters = Mapping[str, Any]
TYPES = ("RequestResponse", "Event", "DryRun")


class InvokeOperations:
    """Invoke functions, and say what happens to events that are done or given up."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @waits
    def invoke(self, p: Parameters, call: Call) -> None:
        """Invoke: wait for the response, queue an event (202), or only check (204)."""
        entry = self._account.function(p["FunctionName"])
        how = p.get("InvocationType", "RequestResponse")
        if how not in TYPES:
            raise Refused(INVALID, f"InvocationType {how} is not one of {', '.join(TYPES)}")
        body = _json(p.get("Payload", b""))
        if how == "DryRun":
            call.answer({"StatusCode": 204})
        elif how == "Event":
            self._queue(entry, body)
            call.answer({"StatusCode": 202, "Payload": io.BytesIO(b"")})
        else:
            self._run(entry, body, call)

    def _queue(self, entry: FunctionEntry, body: str) -> None:
        letter = self._account.letter(f"lambda/{entry.name}", body)
        code = entry.function.invoke_async(letter)
        if code == TOO_LARGE:
            raise Refused(TOO_LARGE, _size_sentence(len(body), PAGE.quota("async_payload")))
        if code is not None:
            raise Refused(UNAVAILABLE, "The service encountered an internal error.")

    def _run(self, entry: FunctionEntry, body: str, call: Call) -> None:
        most = MAPPING_PAGE.quota("payload")
        if len(body.encode()) > most:
            raise Refused(TOO_LARGE, _size_sentence(len(body), most))
        now = self._account.sim.now
        copy = Copy(self._account.letter(f"lambda/{entry.name}", body), now)

        def reply(outcome: Outcome) -> None:
            execution = entry.handler.last
            assert execution is not None
            answer: dict[str, Any] = {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
            if outcome.status != "ok":
                answer["FunctionError"] = "Unhandled"
            answer["Payload"] = io.BytesIO(json.dumps(execution.payload).encode())
            call.answer(answer)

        code = entry.function.invoke((Delivery(copy, 1, now),), reply, _completed)
        if code == THROTTLED:
            raise Refused(THROTTLED, "Rate Exceeded.", {"Reason": entry.throttle})
        if code is not None:
            raise Refused(UNAVAILABLE, "The service encountered an internal error.")

    # Events ---------------------------------------------------------------------------------

    def put_function_event_invoke_config(self, p: Parameters) -> dict[str, Any]:
        """Say how often and how long events are tried, and where records of them go."""
        return self._configure(self._account.function(p["FunctionName"]), p, {})

    def update_function_event_invoke_config(self, p: Parameters) -> dict[str, Any]:
        """Change some of it."""
        entry = self._account.function(p["FunctionName"])
        return self._configure(entry, p, _found(entry))

    def get_function_event_invoke_config(self, p: Parameters) -> dict[str, Any]:
        """Return it."""
        entry = self._account.function(p["FunctionName"])
        return {"FunctionArn": f"{entry.arn}:$LATEST", **_found(entry)}

    def delete_function_event_invoke_config(self, p: Parameters) -> None:
        """Return to AWS's defaults."""
        entry = self._account.function(p["FunctionName"])
        self._configure(entry, {}, {})
        entry.events = None

    def _configure(
        self, entry: FunctionEntry, p: Parameters, before: dict[str, Any]
    ) -> dict[str, Any]:
        numbers = {}
        for name in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds"):
            limit = PAGE.limit(name)
            value = p.get(name, before.get(name, limit.default))
            if not limit.low <= value <= limit.high:
                raise Refused(INVALID, f"{name} is {value}; allowed is {limit.low} to {limit.high}")
            numbers[name] = value
        config = dict(p.get("DestinationConfig", before.get("DestinationConfig", {})))
        ways = {}
        for which in ("OnSuccess", "OnFailure"):
            arn = self._account.arn_of(config.get(which, {}).get("Destination", ""))
            if arn:
                config[which] = {"Destination": arn}
            ways[which] = self._account.way_to(arn) if arn else None
        events = entry.function.events
        events.destinations.on_success = ways["OnSuccess"]
        events.destinations.on_failure = ways["OnFailure"]
        events.rules = replace(
            events.rules,
            retries=numbers["MaximumRetryAttempts"],
            max_age_ns=numbers["MaximumEventAgeInSeconds"] * NS_PER_S,
        )
        entry.events = {**numbers, "DestinationConfig": config}
        return {"FunctionArn": f"{entry.arn}:$LATEST", **entry.events}


def _found(entry: FunctionEntry) -> dict[str, Any]:
    if entry.events is None:
        raise Refused(NOT_FOUND, f"The function {entry.arn} doesn't have an EventInvokeConfig")
    return entry.events


def _completed(now: int, delivery: Delivery, skipped: bool = False) -> None:
    delivery.copy.completions += 1


def _json(payload: Any) -> str:
    text = payload.decode() if isinstance(payload, (bytes, bytearray)) else str(payload)
    if not text:
        return "{}"
    try:
        json.loads(text)
    except ValueError as error:
        raise Refused(BAD_CONTENT, f"Could not parse request body into json: {error}") from None
    return text


def _size_sentence(size: int, most: int) -> str:
    return f"{size} byte payload is too large for the invocation type (limit {most} bytes)"
