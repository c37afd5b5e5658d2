"""Asynchronous invocation in ms.Cloud, by callers and by topics
(invocation-async-error-handling.html, with-sns.html).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud.hands import refused
from tests.cloud.lambda_room import Room


@pytest.fixture
def room() -> Room:
    return Room()


def test_events_are_retried_after_one_and_two_minutes_and_then_recorded(room):
    """202 at once; failures at 0, 60 and 180 s; then a record in the on-failure queue. Source:
    invocation-async-error-handling.html.
    """
    url = room.queue("failed")
    at: list[float] = []

    def code(event, context):
        at.append(room.cloud.now)
        raise ValueError(event["id"])

    room.function("fn", code)
    arn = room.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    room.lam.put_function_event_invoke_config(
        FunctionName="fn",
        DestinationConfig={"OnFailure": {"Destination": arn["Attributes"]["QueueArn"]}},
    )
    answer = room.lam.invoke(FunctionName="fn", InvocationType="Event", Payload='{"id": 7}')
    assert answer["StatusCode"] == 202
    room.cloud.advance("10m")
    assert at == [0.0, 60.0, 180.0]
    record = json.loads(room.bodies(url)[0])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"] == {"id": 7}


def test_event_settings_can_be_changed_and_taken_away(room):
    runs: list[float] = []

    def code(event, context):
        runs.append(room.cloud.now)
        raise ValueError

    room.function("fn", code)
    with refused("ResourceNotFoundException"):
        room.lam.get_function_event_invoke_config(FunctionName="fn")
    room.lam.put_function_event_invoke_config(FunctionName="fn", MaximumRetryAttempts=0)
    room.lam.invoke(FunctionName="fn", InvocationType="Event")
    room.cloud.advance("10m")
    assert runs == [0.0]
    shown = room.lam.update_function_event_invoke_config(
        FunctionName="fn", MaximumEventAgeInSeconds=60
    )
    assert shown["MaximumRetryAttempts"] == 0 and shown["MaximumEventAgeInSeconds"] == 60
    with refused("InvalidParameterValueException"):
        room.lam.put_function_event_invoke_config(FunctionName="fn", MaximumRetryAttempts=3)
    room.lam.delete_function_event_invoke_config(FunctionName="fn")
    room.lam.invoke(FunctionName="fn", InvocationType="Event")
    room.cloud.advance("10m")
    assert len(runs) == 4


def test_a_topic_invokes_a_function_with_an_sns_event(room):
    """SNS hands over and is done; the record's shape is AWS's. Source: Lambda developer guide,
    with-sns.html.
    """
    events: list[Any] = []
    arn = room.function("fn", lambda event, context: events.append(event))
    topic = room.sns.create_topic(Name="news")["TopicArn"]
    subscription = room.sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sent = room.sns.publish(
        TopicArn=topic,
        Message="hello",
        Subject="greeting",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "x"}},
    )
    room.cloud.advance(1)
    record = events[0]["Records"][0]
    assert set(record) == {"EventSource", "EventVersion", "EventSubscriptionArn", "Sns"}
    assert record["EventSource"] == "aws:sns"
    assert record["EventSubscriptionArn"] == subscription["SubscriptionArn"]
    assert record["Sns"]["MessageId"] == sent["MessageId"]
    assert record["Sns"]["Message"] == "hello" and record["Sns"]["Subject"] == "greeting"
    assert record["Sns"]["MessageAttributes"] == {"kind": {"Type": "String", "Value": "x"}}
    assert "delivered" in room.cloud.history(sent["MessageId"])[0].facts


def test_raw_delivery_and_fifo_topics_do_not_go_with_functions(room):
    arn = room.function("fn", lambda event, context: None)
    topic = room.sns.create_topic(Name="news")["TopicArn"]
    with refused("InvalidParameter"):
        room.sns.subscribe(
            TopicArn=topic,
            Protocol="lambda",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
        )
    fifo = room.sns.create_topic(Name="news.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    with refused("InvalidParameter"):
        room.sns.subscribe(TopicArn=fifo, Protocol="lambda", Endpoint=arn)
    with refused("InvalidParameter"):
        room.sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint="nobody")
