"""What the API of Kinesis mappings shows and refuses in ms.Cloud (API Reference,
CreateEventSourceMapping).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cloud.hands import refused
from tests.cloud.stream_room import Room, raises_at

INVALID = "InvalidParameterValueException"


@pytest.fixture
def room() -> Room:
    return Room()


def test_the_answer_shows_what_aws_shows(room):
    """Members and defaults. Source: LocalStack's snapshot of AWS (2024-10-12)."""
    room.function()
    answer = room.lam.create_event_source_mapping(
        EventSourceArn=room.stream_arn, FunctionName="fn", StartingPosition="LATEST"
    )
    uuid = answer.pop("UUID")
    assert answer.pop("EventSourceMappingArn").endswith(uuid)
    assert answer.pop("FunctionArn").endswith(":function:fn")
    answer.pop("LastModified")
    answer.pop("ResponseMetadata")
    assert answer == {
        "BatchSize": 100,
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnFailure": {}},
        "EventSourceArn": room.stream_arn,
        "FunctionResponseTypes": [],
        "LastProcessingResult": "No records processed",
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1,
        "StartingPosition": "LATEST",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "TumblingWindowInSeconds": 0,
    }


def test_the_last_result_is_shown(room):
    room.function(raises_at("bad"))
    uuid = room.map(MaximumRetryAttempts=0)

    def result() -> str:
        return room.lam.get_event_source_mapping(UUID=uuid)["LastProcessingResult"]

    assert result() == "No records processed"
    room.put("good")
    room.cloud.advance(2)
    assert result() == "OK"
    room.put("bad")
    room.cloud.advance(2)
    assert result() == "PROBLEM: Function call failed"


def test_mappings_are_listed_by_source_and_function(room):
    url = room.queue(VisibilityTimeout="90")
    room.function()
    stream, queue = room.map(), None
    queue = room.lam.create_event_source_mapping(EventSourceArn=room.arn(url), FunctionName="fn")

    def listed(**by: Any) -> list[str]:
        found = room.lam.list_event_source_mappings(**by)["EventSourceMappings"]
        return [each["UUID"] for each in found]

    assert listed() == listed(FunctionName="fn") == [stream, queue["UUID"]]
    assert listed(EventSourceArn=room.stream_arn) == [stream]
    assert listed(EventSourceArn=room.arn(url)) == [queue["UUID"]]


NOWHERE = "arn:aws:kinesis:us-east-1:123456789012:stream/nobody"


@pytest.mark.parametrize(
    ("wrong", "code", "text"),
    [
        ({"StartingPosition": None}, INVALID, "StartingPosition"),
        ({"StartingPosition": "SOMEWHERE"}, INVALID, "SOMEWHERE"),
        ({"StartingPosition": "AT_TIMESTAMP"}, INVALID, "StartingPositionTimestamp"),
        (
            {
                "StartingPosition": "AT_TIMESTAMP",
                "StartingPositionTimestamp": datetime(2026, 1, 2, tzinfo=UTC),
            },
            INVALID,
            "future",
        ),
        ({"StartingPositionTimestamp": 1}, INVALID, "go together"),
        ({"BatchSize": 0}, INVALID, "BatchSize"),
        ({"BatchSize": 10_001}, INVALID, "BatchSize"),
        ({"MaximumBatchingWindowInSeconds": 301}, INVALID, "MaximumBatchingWindowInSeconds"),
        ({"ParallelizationFactor": 0}, INVALID, "ParallelizationFactor"),
        ({"ParallelizationFactor": 11}, INVALID, "ParallelizationFactor"),
        ({"MaximumRetryAttempts": -2}, INVALID, "MaximumRetryAttempts"),
        ({"MaximumRetryAttempts": 10_001}, INVALID, "MaximumRetryAttempts"),
        ({"MaximumRecordAgeInSeconds": 59}, INVALID, "MaximumRecordAgeInSeconds"),
        ({"MaximumRecordAgeInSeconds": 604_801}, INVALID, "MaximumRecordAgeInSeconds"),
        ({"TumblingWindowInSeconds": 901}, INVALID, "TumblingWindowInSeconds"),
        ({"FunctionResponseTypes": ["Everything"]}, INVALID, "Everything"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "simple"}]}}, INVALID, ""),
        ({"ScalingConfig": {"MaximumConcurrency": 5}}, INVALID, "ScalingConfig"),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 2}}, INVALID, "ProvisionedPollerConfig"),
        ({"DestinationConfig": {"OnSuccess": {"Destination": "x"}}}, INVALID, "OnSuccess"),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::bucket"}}},
            INVALID,
            "no queue and no topic",
        ),
        (
            {
                "DestinationConfig": {
                    "OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:nobody"}
                }
            },
            INVALID,
            "does not exist",
        ),
        ({"EventSourceArn": NOWHERE}, INVALID, f"Stream not found: {NOWHERE}"),
        ({"FunctionName": "nobody"}, "ResourceNotFoundException", "nobody"),
        ({"FunctionName": "mapped"}, "ResourceConflictException", "provided mapping already"),
    ],
)
def test_mappings_that_aws_refuses(room, wrong, code, text):
    """Ranges, positions and pairs. Source: API Reference, CreateEventSourceMapping; the texts for
    unknown streams and second mappings as in LocalStack's AWS tests.
    """
    for name in ("fn", "mapped"):
        room.function(name=name)
    room.map("mapped")
    given = {
        "EventSourceArn": room.stream_arn,
        "FunctionName": "fn",
        "StartingPosition": "TRIM_HORIZON",
        **wrong,
    }
    with refused(code, text):
        room.lam.create_event_source_mapping(
            **{name: value for name, value in given.items() if value is not None}
        )


def test_a_queue_takes_none_of_it(room):
    room.queue(VisibilityTimeout="90")
    room.function()
    for wrong in ({"StartingPosition": "LATEST"}, {"ParallelizationFactor": 2}):
        with refused(INVALID, next(iter(wrong))):
            room.lam.create_event_source_mapping(
                EventSourceArn="orders", FunctionName="fn", **wrong
            )
