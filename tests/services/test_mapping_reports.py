"""ReportBatchItemFailures in all its cases."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.services.event_source_mapping.reports import read_report
from tests.services.lambda_built import built, function, mapping

BATCH = {"m1": 1, "m2": 2, "m3": 3}
PARTIAL = {"FunctionResponseTypes": ("ReportBatchItemFailures",)}


def failures(*names: Any) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}


@pytest.mark.parametrize(
    "response",
    [None, "", {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"other": 1}],
)
def test_an_empty_report_is_a_success(response: Any) -> None:
    """An empty or null response, and an empty or null list. Source: Lambda developer guide,
    services-sqs-errorhandling.html; `{}`, and the empty text for streams, by LocalStack's
    AWS-validated tests.
    """
    assert read_report(response, BATCH) == []


@pytest.mark.parametrize(
    "response",
    [
        "text",
        7,
        [],
        {"batchItemFailures": "m1"},
        {"batchItemFailures": ["m1"]},
        {"batchItemFailures": [{"itemIdentifer": "m1"}]},
        {"batchItemFailures": [{"itemId": "m1"}]},
        failures(""),
        failures(None),
        failures("unknown"),
        failures("m1", "unknown"),
    ],
)
def test_a_malformed_report_fails_the_whole_batch(response: Any) -> None:
    """Invalid JSON, and an identifier that is empty, null, unknown or under a wrong key. Source:
    with-sqs.html; the wrong key by LocalStack's AWS-validated tests (2025-11-25).
    """
    assert read_report(response, BATCH) is None


@given(st.lists(st.sampled_from(sorted(BATCH)), max_size=6))
def test_a_valid_report_lists_each_record_once(names: list[str]) -> None:
    assert read_report(failures(*names), BATCH) == [BATCH[name] for name in dict.fromkeys(names)]


@pytest.mark.parametrize(
    ("report", "again", "completed"), [("failed", 1, 2), ("malformed", 3, 4), ("raise", 3, 4)]
)
def test_what_a_mapping_does_with_reports(report: str, again: int, completed: int) -> None:
    """Of three messages one fails once: a valid list brings it back alone, a malformed one and an
    exception bring back all three, of which two are done a second time.
    """
    system = built(
        {
            "Orders": {"type": "sqs.queue", "DelaySeconds": 1, "VisibilityTimeout": 20},
            "Fn": function(
                handler__fails_if={"bad": "1"}, handler__fails_attempts=1, handler__report=report
            ),
            "Map": mapping(**PARTIAL),
        }
    )
    for number in range(3):
        system.send("Orders", attributes={"bad": "1"} if number == 2 else {})
    system.run("2m")
    received = [len(fact[1]) for fact in system.log.of("Orders", "received")]
    assert received == [3, again]
    first_two = [f for f in system.log.of("Map", "completed") if f[1].message.number < 2]
    assert len(first_two) == completed
    assert list(system["Orders"].holds()) == []


def test_a_malformed_report_that_nobody_reads_is_a_success() -> None:
    """Without FunctionResponseTypes the response is not looked at: all messages are deleted."""
    system = built(
        {
            "Orders": {"type": "sqs.queue", "DelaySeconds": 1},
            "Fn": function(handler__fails_if={"bad": "1"}, handler__report="malformed"),
            "Map": mapping(),
        }
    )
    for number in range(3):
        system.send("Orders", attributes={"bad": "1"} if number == 2 else {})
    system.run("2m")
    assert len(system.log.of("Orders", "deleted")) == 3
    assert len(system.log.of("Map", "dropped")) == 1


def test_events_are_counted_as_cloudwatch_counts_them() -> None:
    """PolledEventCount counts empty polls as 0, InvokedEventCount counts a retry again,
    FailedInvokeEventCount counts partial failures, DeletedEventCount what was deleted. Source:
    monitoring-metrics-types.html#event-source-mapping-metrics.
    """
    system = built(
        {
            "Orders": {"type": "sqs.queue", "DelaySeconds": 1, "VisibilityTimeout": 20},
            "Fn": function(
                handler__fails_if={"bad": "1"}, handler__fails_attempts=1, handler__report="failed"
            ),
            "Map": mapping(**PARTIAL),
        }
    )
    for number in range(3):
        system.send("Orders", attributes={"bad": "1"} if number == 2 else {})
    system.run("2m")

    def count(signal: str) -> int:
        return sum(fact[1] for fact in system.log.of("Map", signal))

    assert count("polled") == 4 and count("batch_invoked") == 4
    assert count("batch_failed") == 1 and count("batch_deleted") == 3
    assert 0 in {fact[1] for fact in system.log.of("Map", "polled")}
