"""Mappings of queues in ms.Cloud: AWS's events, reports, filters, groups, refusals
(with-sqs.html; API Reference, CreateEventSourceMapping).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud.hands import refused
from tests.cloud.lambda_room import Room, bodies


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_mapping_brings_messages_in_the_shape_of_aws(room):
    """Records as LocalStack's AWS-validated snapshot shows them (2025-11-25)."""
    url = room.queue()
    events: list[Any] = []
    room.function("fn", lambda event, context: events.append(event))
    room.map()
    sent = room.send(
        url, "hello", MessageAttributes={"n": {"DataType": "Number", "StringValue": "1"}}
    )
    room.cloud.advance(1)
    record = events[0]["Records"][0]
    assert list(record) == [
        "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody",
        "eventSource", "eventSourceARN", "awsRegion",
    ]  # fmt: skip
    assert (
        record["messageId"] == sent["MessageId"] and record["md5OfBody"] == sent["MD5OfMessageBody"]
    )
    assert record["eventSource"] == "aws:sqs"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["n"] == {
        "stringListValues": [],
        "binaryListValues": [],
        "stringValue": "1",
        "dataType": "Number",
    }
    assert room.bodies(url) == []


def test_a_fifo_record_names_group_and_sequence(room):
    url = room.queue("orders.fifo")
    events: list[Any] = []
    room.function("fn", lambda event, context: events.append(event))
    room.map("orders.fifo")
    room.send(url, "a", group="g", dedup="d")
    room.cloud.advance(1)
    attributes = events[0]["Records"][0]["attributes"]
    assert attributes["MessageGroupId"] == "g"
    assert attributes["MessageDeduplicationId"] == "d"
    assert len(attributes["SequenceNumber"]) == 20


@pytest.mark.parametrize(
    ("response", "again"),
    [
        (None, []),
        ({}, []),
        ({"batchItemFailures": []}, []),
        ({"batchItemFailures": None}, []),
        ("last", ["c"]),
        ("wrong key", ["a", "b", "c"]),
        ("unknown", ["a", "b", "c"]),
        ("", ["a", "b", "c"]),
        ("raise", ["a", "b", "c"]),
    ],
)
def test_partial_reports_in_all_their_cases(room, response, again):
    """Empty means success, malformed means failure, a valid list brings back what it names. Source:
    services-sqs-errorhandling.html, with-sqs.html.
    """
    url = room.queue(VisibilityTimeout="20", DelaySeconds="1")
    seen: list[list[str]] = []

    def code(event, context):
        seen.append(bodies(event))
        if len(seen) > 1:
            return None
        if response == "last":
            last = event["Records"][-1]["messageId"]
            return {"batchItemFailures": [{"itemIdentifier": last}]}
        if response == "wrong key":
            return {"batchItemFailures": [{"itemId": event["Records"][0]["messageId"]}]}
        if response == "unknown":
            return {"batchItemFailures": [{"itemIdentifier": "nobody"}]}
        if response == "raise":
            raise ValueError
        return response

    room.function("fn", code)
    room.map(FunctionResponseTypes=["ReportBatchItemFailures"])
    for body in "abc":
        room.send(url, body)
    room.cloud.advance("2m")
    assert seen[0] == ["a", "b", "c"]
    assert sorted(body for batch in seen[1:] for body in batch) == again
    assert room.bodies(url) == []


def test_a_report_is_not_read_unless_the_mapping_says_so(room):
    url = room.queue(VisibilityTimeout="20")
    seen: list[Any] = []

    def code(event, context):
        seen.append(event)
        return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"]]}

    room.function("fn", code)
    room.map()
    room.send(url, "a")
    room.cloud.advance("2m")
    assert len(seen) == 1


def test_filters_delete_what_does_not_match(room):
    url = room.queue()
    seen: list[str] = []
    room.function("fn", lambda event, context: seen.extend(bodies(event)))
    room.map(FilterCriteria={"Filters": [{"Pattern": '{"body": {"kind": ["a"]}}'}]})
    for kind in "ab":
        room.send(url, json.dumps({"kind": kind}))
    room.cloud.advance(1)
    assert seen == ['{"kind": "a"}']
    attributes = room.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "0"
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_one_group_never_runs_twice_at_once(room):
    """One group, batch size 1, five messages: never two executions in parallel. Source:
    LocalStack's AWS-validated tests (2025-11-25).
    """
    url = room.queue("orders.fifo")
    running: list[int] = [0, 0]
    order: list[str] = []

    def code(event, context):
        running[0] += 1
        running[1] = max(running)
        room.cloud.sleep(1)
        order.extend(bodies(event))
        running[0] -= 1

    room.function("fn", code)
    room.map("orders.fifo", BatchSize=1)
    for body in "abcde":
        room.send(url, body, group="g", dedup=body)
    room.cloud.advance(20)
    assert order == list("abcde") and running == [0, 1]


INVALID = "InvalidParameterValueException"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"BatchSize": 11}, INVALID),
        ({"BatchSize": 10_001}, INVALID),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": "simple"}]}},
            "InvalidParameterValueException",
        ),
        ({"ScalingConfig": {"MaximumConcurrency": 1}}, INVALID),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 1}}, INVALID),
        ({"EventSourceArn": "nobody"}, INVALID),
        ({"FunctionName": "nobody"}, "ResourceNotFoundException"),
        ({"FunctionName": "slow"}, INVALID),
        ({"FunctionName": "mapped"}, "ResourceConflictException"),
    ],
)
def test_mappings_that_aws_refuses(room, given, code):
    """Sizes, patterns, a function that may outlive the visibility timeout, the same pair twice.
    Source: API Reference, CreateEventSourceMapping; LocalStack's AWS-validated tests (2025-11-25).
    """
    room.queue()
    for name, timeout in (("fn", 3), ("slow", 60), ("mapped", 3)):
        room.function(name, lambda event, context: None, Timeout=timeout)
    room.map(function="mapped")
    with refused(code):
        room.lam.create_event_source_mapping(
            **{"EventSourceArn": "orders", "FunctionName": "fn", **given}
        )


def test_a_mapping_can_be_changed_listed_and_deleted(room):
    url = room.queue()
    sizes: list[int] = []
    room.function("fn", lambda event, context: sizes.append(len(event["Records"])))
    uuid = room.map(BatchSize=1)
    assert room.lam.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
    room.lam.update_event_source_mapping(UUID=uuid, Enabled=False)
    room.cloud.advance(21)
    room.send(url, "a")
    room.send(url, "b")
    room.cloud.advance(1)
    assert sizes == [] and room.lam.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    room.lam.update_event_source_mapping(UUID=uuid, Enabled=True, BatchSize=10)
    room.cloud.advance(1)
    assert sizes == [2]
    found = room.lam.list_event_source_mappings(FunctionName="fn")["EventSourceMappings"]
    assert [(each["UUID"], each["BatchSize"]) for each in found] == [(uuid, 10)]
    assert room.lam.list_event_source_mappings(FunctionName="x")["EventSourceMappings"] == []
    assert room.lam.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    with refused("ResourceNotFoundException"):
        room.lam.get_event_source_mapping(UUID=uuid)
    room.cloud.advance(21)
    room.send(url, "c")
    room.cloud.advance(10)
    assert sizes == [2]
