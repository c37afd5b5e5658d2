"""Names instead of ARNs, and what answers of Lambda show in their place.

"Where AWS wants an ARN or a URL, a name will do" is msgsim's own promise; that answers hold ARNs,
and times as `datetime`, is boto3's. Source: Lambda API Reference, EventSourceMappingConfiguration.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.cloud.hands import refused
from tests.cloud.stream_room import Room

LOST = "arn:aws:sqs:us-east-1:123456789012:lost"
NEWS = "arn:aws:sns:us-east-1:123456789012:news"
OTHER = "arn:aws:lambda:us-east-1:123456789012:function:other"
INVALID = "InvalidParameterValueException"


@pytest.fixture
def room() -> Room:
    room = Room()
    room.queue("lost")
    room.sns.create_topic(Name="news")
    room.function()
    room.function(name="other")
    return room


@pytest.mark.parametrize(
    "name", ["lost", "https://sqs.us-east-1.amazonaws.com/123456789012/lost", LOST]
)
def test_a_mapping_takes_names_and_shows_arns(room, name):
    uuid = room.map(source="clicks", DestinationConfig={"OnFailure": {"Destination": name}})
    shown = room.lam.get_event_source_mapping(UUID=uuid)
    assert shown["EventSourceArn"] == room.stream_arn
    assert shown["DestinationConfig"] == {"OnFailure": {"Destination": LOST}}
    (listed,) = room.lam.list_event_source_mappings(EventSourceArn="clicks")["EventSourceMappings"]
    assert listed["UUID"] == uuid


def test_a_mapping_named_by_names_works(room):
    room.function(lambda event, texts: 1 / 0, name="fails")
    destination = {"OnFailure": {"Destination": "lost"}}
    room.map("fails", source="clicks", MaximumRetryAttempts=0, DestinationConfig=destination)
    room.put("a")
    room.cloud.advance(5)
    (document,) = room.documents("lost")
    assert document["KinesisBatchInfo"]["streamArn"] == room.stream_arn


@pytest.mark.parametrize(("name", "arn"), [("lost", LOST), ("news", NEWS), ("other", OTHER)])
def test_asynchronous_events_take_names_of_destinations(room, name, arn):
    config = {"OnFailure": {"Destination": name}}
    room.lam.put_function_event_invoke_config(FunctionName="fn", DestinationConfig=config)
    shown = room.lam.get_function_event_invoke_config(FunctionName="fn")
    assert shown["DestinationConfig"] == {"OnFailure": {"Destination": arn}}


@pytest.mark.parametrize(("name", "arn"), [("lost", LOST), ("news", NEWS)])
def test_dead_letters_take_names(room, name, arn):
    room.lam.update_function_configuration(FunctionName="fn", DeadLetterConfig={"TargetArn": name})
    shown = room.lam.get_function_configuration(FunctionName="fn")
    assert shown["DeadLetterConfig"] == {"TargetArn": arn}


def test_what_is_refused_changes_nothing(room):
    """A function whose dead letters have no place is not created, and none is changed."""
    nowhere = {"DeadLetterConfig": {"TargetArn": "nowhere"}}
    with refused(INVALID, "does not exist"):
        room.function(name="third", **nowhere)
    with refused(INVALID, "does not exist"):
        room.lam.update_function_configuration(FunctionName="fn", MemorySize=512, **nowhere)
    names = [each["FunctionName"] for each in room.lam.list_functions()["Functions"]]
    assert names == ["fn", "other"]
    assert room.lam.get_function_configuration(FunctionName="fn")["MemorySize"] == 128


def test_a_mapping_shows_when_it_was_changed(room):
    """boto3 turns the answer's number into a datetime."""
    uuid = room.map()
    room.cloud.advance_to(90)
    shown = room.lam.update_event_source_mapping(UUID=uuid, BatchSize=7)
    assert shown["LastModified"] == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)


def test_parameters_without_effect_are_kept_and_shown(room):
    metrics = {"Metrics": ["EventCount"]}
    uuid = room.map(MetricsConfig=metrics, KMSKeyArn="arn:aws:kms:us-east-1:123456789012:key/1")
    room.lam.update_event_source_mapping(UUID=uuid, BatchSize=7)
    shown = room.lam.get_event_source_mapping(UUID=uuid)
    assert shown["MetricsConfig"] == metrics
    assert shown["KMSKeyArn"].endswith("key/1")


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"MaximumRecordAgeInSeconds": 59}, "60 to 604,800 s, or -1 for no limit"),
        ({"BatchSize": True}, "found true"),
        ({"DestinationConfig": {"OnFailure": {"Destination": "fn"}}}, "no queue and no topic"),
    ],
    ids=["age", "a truth", "a function"],
)
def test_a_refusal_says_what_is_allowed(room, wrong, text):
    with refused(INVALID, text):
        room.map(**wrong)
