"""Lambda in ms.Cloud: the user's own handler in virtual time, AWS's events, mappings, events."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from msgsim.cloud.lambda_shapes import LAMBDA_SHAPES
from tests.cloud.hands import Hands, refused


class Room(Hands):
    """A cloud with the three clients."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.lam = self.cloud.client("lambda")

    def function(self, name: str, code: Any, time: Any = 0, **more: Any) -> str:
        return self.lam.create_function(
            FunctionName=name, Code={"callable": code, "time": time}, **more
        )["FunctionArn"]

    def map(self, queue: str = "orders", function: str = "fn", **more: Any) -> str:
        return self.lam.create_event_source_mapping(
            EventSourceArn=queue, FunctionName=function, **more
        )["UUID"]

    def call(self, name: str = "fn", payload: Any = None, **more: Any) -> Any:
        answer = self.lam.invoke(FunctionName=name, Payload=json.dumps(payload), **more)
        return json.loads(answer["Payload"].read())


@pytest.fixture
def room() -> Room:
    return Room()


def bodies(event: dict[str, Any]) -> list[str]:
    return [record["body"] for record in event["Records"]]


# Invoking ---------------------------------------------------------------------------------------


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


# Events -----------------------------------------------------------------------------------------


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


# Mappings ---------------------------------------------------------------------------------------


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
        ("", []),
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


# Functions --------------------------------------------------------------------------------------


def test_functions_can_be_changed_listed_and_deleted(room):
    room.function("fn", lambda event, context: 1, MemorySize=256)
    with refused("ResourceConflictException"):
        room.function("fn", lambda event, context: 1)
    room.lam.update_function_code(FunctionName="fn", callable=lambda event, context: 2)
    assert room.call() == 2
    shown = room.lam.update_function_configuration(FunctionName="fn", Timeout=7)
    assert (shown["Timeout"], shown["MemorySize"]) == (7, 256)
    for wrong in ({"Timeout": 901}, {"MemorySize": 64}, {"Runtime": "cobol"}):
        with refused("InvalidParameterValueException"):
            room.lam.update_function_configuration(FunctionName="fn", **wrong)
    assert room.lam.get_function(FunctionName="fn")["Configuration"]["Timeout"] == 7
    names = [each["FunctionName"] for each in room.lam.list_functions()["Functions"]]
    assert names == ["fn"]
    room.lam.delete_function(FunctionName="fn")
    with refused("ResourceNotFoundException"):
        room.lam.invoke(FunctionName="fn")
    with refused("InvalidParameterValueException"):
        room.function("fn", "not callable")


def test_reserved_and_provisioned_concurrency(room):
    """100 stay unreserved; provisioned is ready after a minute or two and within what is reserved.
    Source: lambda-concurrency.html.
    """
    room.function("fn", lambda event, context: None)
    with refused("InvalidParameterValueException"):
        room.lam.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=901)
    room.lam.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=10)
    assert room.lam.get_function_concurrency(FunctionName="fn") != {}
    name = {"FunctionName": "fn", "Qualifier": "live"}
    with refused("ProvisionedConcurrencyConfigNotFoundException"):
        room.lam.get_provisioned_concurrency_config(**name)
    with refused("InvalidParameterValueException"):
        room.lam.put_provisioned_concurrency_config(**name, ProvisionedConcurrentExecutions=11)
    asked = room.lam.put_provisioned_concurrency_config(**name, ProvisionedConcurrentExecutions=5)
    assert asked["Status"] == "IN_PROGRESS"
    room.cloud.advance("2m")
    assert room.lam.get_provisioned_concurrency_config(**name)["Status"] == "READY"
    room.lam.delete_provisioned_concurrency_config(**name)
    room.lam.delete_function_concurrency(FunctionName="fn")
    found = room.lam.get_function_concurrency(FunctionName="fn")
    assert "ReservedConcurrentExecutions" not in found


def test_an_outage_of_a_function_is_a_server_error(room):
    room.function("fn", lambda event, context: None)
    room.cloud.outage("fn", 10)
    with refused("ServiceException"):
        room.lam.invoke(FunctionName="fn")
    room.cloud.advance(11)
    assert room.call() is None


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

    assert story() == story()


def test_parameters_are_those_of_botocores_service_model():
    """Names and required members; `Code` takes a callable here, and not all of AWS's settings."""
    session = pytest.importorskip("botocore.session").get_session()
    model = session.get_service_model("lambda")
    for name, ours in LAMBDA_SHAPES.items():
        operation = "".join(part.title() for part in name.split("_"))
        theirs = model.operation_model(operation).input_shape
        extra = {"callable", "time"} if operation == "UpdateFunctionCode" else set()
        assert set(ours.members) - extra <= set(theirs.members), operation
        missing = set(theirs.required_members) - set(ours.required)
        assert missing <= {"Role"}, operation
