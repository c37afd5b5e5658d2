"""Tumbling windows of a Kinesis mapping in ms.Cloud: state, early ends, failures
(services-kinesis-windows.html).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.stream_room import PARTIAL, Room, counting, reports


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_window_carries_its_state_to_the_final_invocation(room):
    """Each invocation gets the state that the last one returned; when the window is over, one more
    comes without records. Source: services-kinesis-windows.html.
    """
    events: list[dict[str, Any]] = []
    room.function(counting(events))
    room.map(TumblingWindowInSeconds=60, BatchSize=2)
    room.put("a", "b", "c")
    room.cloud.advance(70)
    room.put("d")
    room.cloud.advance(70)
    assert [event["texts"] for event in events] == [["a", "b"], ["c"], [], ["d"], []]
    assert [event["state"] for event in events] == [
        {}, {"count": 2}, {"count": 3}, {}, {"count": 1},
    ]  # fmt: skip
    assert [e["isFinalInvokeForWindow"] for e in events] == [False, False, True, False, True]
    assert not any(event["isWindowTerminatedEarly"] for event in events)
    assert events[0]["window"] == {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z"}
    assert events[4]["window"] == {"start": "2026-01-01T00:01:00Z", "end": "2026-01-01T00:02:00Z"}
    assert events[0]["shardId"] == "shardId-000000000000"
    assert events[0]["eventSourceARN"] == room.stream_arn
    assert list(events[0])[:7] == [
        "Records", "window", "state", "shardId", "eventSourceARN", "isFinalInvokeForWindow",
        "isWindowTerminatedEarly",
    ]  # fmt: skip


def test_a_response_without_a_state_is_a_failed_invocation(room):
    """Source: services-kinesis-windows.html."""
    room.function(lambda event, texts: {"state": {}} if len(room.seen) > 2 else {})
    room.map(TumblingWindowInSeconds=60)
    room.put("a")
    room.cloud.advance(10)
    assert room.batches == [["a"]] * 3


def test_a_window_ends_early_when_its_state_is_too_large(room):
    """More than 1 MB: the window is closed, and what follows begins a new state. Source: same."""
    events: list[dict[str, Any]] = []

    def answer(event: Any, texts: list[str]) -> Any:
        events.append(event)
        return {"state": {"text": event["state"].get("text", "") + "x" * 600_000}}

    room.function(answer)
    room.map(TumblingWindowInSeconds=900, BatchSize=1)
    room.put("a", "b", "c")
    room.cloud.advance(30)
    final = [(e["isFinalInvokeForWindow"], e["isWindowTerminatedEarly"]) for e in events]
    assert final == [(False, False), (False, False), (True, True), (False, False)]
    assert events[3]["state"] == {}


def test_a_final_invocation_that_fails_blocks_the_shard(room):
    """Source: same: Lambda suspends further processing until it succeeds."""

    def answer(event: Any, texts: list[str]) -> Any:
        if event["isFinalInvokeForWindow"] and sum(not b for b in room.batches) < 3:
            raise ValueError
        return {"state": {}}

    room.function(answer)
    room.map(TumblingWindowInSeconds=30)
    room.put("a")
    room.cloud.advance(31)
    room.put("b")
    room.cloud.advance(32)
    assert room.batches == [["a"], [], [], [], ["b"], []]


def test_a_window_and_a_report_go_together(room):
    """`TimeWindowEventResponse` holds both. Source: same."""

    def answer(event: Any, texts: list[str]) -> Any:
        failed = reports("c")(event, texts) if len(room.seen) == 1 else {"batchItemFailures": []}
        return {"state": {"seen": [*event["state"].get("seen", []), *texts]}, **failed}

    states: list[Any] = []
    room.function(lambda event, texts: (states.append(event["state"]), answer(event, texts))[1])
    room.map(TumblingWindowInSeconds=60, **PARTIAL)
    room.put(*"abcd")
    room.cloud.advance(10)
    assert room.batches == [list("abcd"), list("cd")]
    assert states[1] == {"seen": list("abcd")}  # the state is what the handler returned
