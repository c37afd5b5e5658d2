"""ms.Cloud itself: the clock, calls that wait, errors without botocore, and what boto3 knows."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import msgsim as ms
from msgsim.cloud.errors import client_error_class, validation_error_class
from msgsim.cloud.sns_shapes import SNS_SHAPES
from msgsim.cloud.sqs_shapes import SQS_ERRORS, SQS_SHAPES
from tests.cloud.hands import Hands, refused

PAGE = Path(ms.__file__).parent / "cloud" / "cloud.md"


@pytest.fixture
def hands():
    return Hands()


def test_the_clock_is_moved_by_its_user():
    cloud = ms.Cloud()
    cloud.advance("1m30s")
    cloud.advance(0.5)
    assert cloud.now == 90.5
    cloud.advance_to("5m")
    assert cloud.now == 300 and "5 min" in repr(cloud)
    for move in (
        lambda: cloud.advance_to(1),
        lambda: cloud.advance(-1),
        lambda: cloud.advance("x"),
    ):
        with pytest.raises(ValueError):
            move()


def test_a_long_poll_takes_virtual_time(hands):
    url = hands.queue()
    assert hands.receive(url, wait=20) == [] and hands.cloud.now == 20
    hands.send(url, "later", DelaySeconds=3)
    assert hands.bodies(url, wait=20) == ["later"] and hands.cloud.now == 23


def test_a_call_can_wait_while_its_caller_goes_on(hands):
    url = hands.queue()
    call = hands.cloud.start(hands.sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
    assert not call.done and "waiting" in repr(call)
    with pytest.raises(RuntimeError, match="advance the clock"):
        call.result()
    hands.cloud.advance(3)
    hands.send(url, "m")
    assert call.done and call.result()["Messages"][0]["Body"] == "m"
    with pytest.raises(TypeError):
        hands.cloud.start(print)


def test_a_refused_call_is_done_with_its_error(hands):
    call = hands.cloud.start(hands.sqs.receive_message, QueueUrl="nonsense")
    assert call.done
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        call.result()


def test_two_pollers_of_one_queue_share_its_messages(hands):
    url = hands.queue()
    calls = [
        hands.cloud.start(hands.sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        for _ in range(2)
    ]
    hands.send(url, "a")
    assert [call.done for call in calls] == [True, False]
    hands.send(url, "b")
    assert [call.result()["Messages"][0]["Body"] for call in calls] == ["a", "b"]


def test_history_tells_a_messages_life_over_every_hop(hands):
    topic, url = hands.topic(), hands.queue(VisibilityTimeout=30)
    hands.subscribe(topic, url)
    sent = hands.sns.publish(TopicArn=topic, Message="m")
    hands.receive(url)
    hands.cloud.advance(31)
    (message,) = hands.receive(url)
    hands.delete(url, message)
    (life,) = hands.cloud.history(sent["MessageId"])
    assert life.body == "m"
    assert [(event.at_s, event.place, event.fact) for event in life.events] == [
        (0, "news", "accepted"),
        (0, "news.orders", "forwarded"),
        (0, "orders", "sent"),
        (0, "news.orders", "delivered"),
        (0, "orders", "received"),
        (30, "orders", "returned"),
        (31, "orders", "received"),
        (31, "orders", "deleted"),
    ]
    assert "orders: a receive handed deliveries out (receive 2)" in str(life)
    assert hands.cloud.history("nonsense") == []


def test_duplicates_and_disorder_can_be_turned_on():
    """A replica that misses every delete shows the message again: at least once, by mechanism."""
    hands = Hands(duplicates=True, assumptions={"sqs.queue": {"missed_delete_share": 1}})
    url = hands.queue()
    hands.send(url, "m")
    (message,) = hands.receive(url)
    hands.delete(url, message)
    hands.cloud.advance("1h")
    assert hands.bodies(url) == ["m"]
    assert "ghost" in hands.cloud.history()[0].facts
    spread = Hands(disorder=True, assumptions={"sqs.queue": {"hosts": 64}})
    url = spread.queue()
    for number in range(9):
        spread.send(url, str(number))
    assert spread.bodies(url, wait=1) != [str(number) for number in range(9)]


def test_latency_can_be_turned_on():
    hands = Hands(latency=True)
    topic, url = hands.topic(), hands.queue()
    hands.subscribe(topic, url)
    hands.sns.publish(TopicArn=topic, Message="m")
    assert hands.bodies(url) == []
    assert hands.bodies(url, wait=20) == ["m"] and 0 < hands.cloud.now < 2


def test_an_unknown_assumption_or_service_is_an_error():
    with pytest.raises(ValueError, match=r"sqs.queue has no assumption 'host'"):
        ms.Cloud(assumptions={"sqs.queue": {"host": 1}})
    with pytest.raises(ValueError, match="unknown service 's3'"):
        ms.Cloud().client("s3")
    with pytest.raises(ValueError, match="no queue, topic, stream or function"):
        ms.Cloud().outage("nonsense", 1)


def test_errors_have_botocores_shape_without_botocore(monkeypatch):
    for name in [*sys.modules]:
        if name.split(".")[0] == "botocore":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    client_error_class.cache_clear()
    validation_error_class.cache_clear()
    try:
        sqs = ms.Cloud().client("sqs")
        with pytest.raises(sqs.exceptions.ClientError) as caught:
            sqs.receive_message(QueueUrl="nonsense")
        assert type(caught.value).__module__.startswith("msgsim")
        assert caught.value.response["Error"]["QueryErrorCode"] == "QueueDoesNotExist"
        assert caught.value.operation_name == "ReceiveMessage"
        assert str(caught.value).startswith(
            "An error occurred (AWS.SimpleQueueService.NonExistentQueue) when calling the "
            "ReceiveMessage operation"
        )
        with pytest.raises(ValueError, match="Parameter validation failed:\nMissing required"):
            sqs.receive_message()
    finally:
        client_error_class.cache_clear()
        validation_error_class.cache_clear()


@pytest.mark.parametrize(("service", "shapes"), [("sqs", SQS_SHAPES), ("sns", SNS_SHAPES)])
def test_parameters_are_those_of_botocores_service_model(service, shapes):
    session = pytest.importorskip("botocore.session").get_session()
    model = session.get_service_model(service)

    def compare(ours, theirs, path):
        if theirs.type_name == "structure":
            assert list(ours.members) == list(theirs.members), path
            assert set(ours.required) == set(theirs.required_members), path
            for name, member in ours.members.items():
                compare(member, theirs.members[name], f"{path}.{name}")
        elif theirs.type_name == "list":
            compare(ours.item, theirs.member, f"{path}[]")
        elif theirs.type_name == "map":
            compare(ours.value, theirs.value, f"{path}{{}}")
        else:
            kind = {"string": str, "integer": int, "boolean": bool, "blob": bytes}[theirs.type_name]
            assert kind in ours.types, path

    for name, ours in shapes.items():
        operation = "".join(part.title() for part in name.split("_"))
        compare(ours, model.operation_model(operation).input_shape, operation)
    if service == "sqs":
        known = {shape for shape in model.shape_names if model.shape_for(shape).metadata}
        extra = {"InvalidParameterValueException", "MissingRequiredParameterException"}
        assert set(SQS_ERRORS) - extra <= known


def test_complaints_about_parameters_are_botocores():
    validate = pytest.importorskip("botocore.validate")
    session = pytest.importorskip("botocore.session").get_session()
    shape = session.get_service_model("sqs").operation_model("SendMessageBatch").input_shape
    sqs = ms.Cloud().client("sqs")
    for parameters in (
        {},
        {"QueueUrl": 1, "Entries": "x"},
        {"QueueUrl": "q", "Entries": [{"Id": "a"}, {"Nonsense": 1, "MessageBody": 2}, 3]},
        {"QueueUrl": "q", "Entries": [{"Id": "a", "MessageBody": "m", "DelaySeconds": "1"}]},
        {
            "QueueUrl": "q",
            "Entries": [{"Id": "a", "MessageBody": "m", "MessageAttributes": {"k": {"X": 1}}}],
        },
    ):
        expected = validate.ParamValidator().validate(parameters, shape).generate_report()
        with pytest.raises(validation_error_class()) as caught:
            sqs.send_message_batch(**parameters)
        assert sorted(caught.value.kwargs["report"].splitlines()) == sorted(expected.splitlines())


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_the_examples_of_the_page_run():
    """Every block runs, one after the other; their asserts say what the page says."""
    names: dict[str, object] = {}
    for block in blocks():
        exec(compile(block, str(PAGE), "exec"), names)
    assert len(blocks()) >= 6


def test_the_first_example_does_what_it_looks_like():
    """The message comes back after 30 s; the call that was begun has it at once."""
    names: dict[str, object] = {}
    exec(compile(blocks()[0], str(PAGE), "exec"), names)
    cloud, call = names["cloud"], names["call"]
    assert call.done and cloud.now == 34
    (message,) = call.result()["Messages"]
    assert message["Body"] == "m1"
    (life,) = cloud.history(message["MessageId"])
    assert life.facts == ["sent", "received", "returned", "received"]
    assert [event.at_s for event in life.events] == [0, 0, 30, 31]
