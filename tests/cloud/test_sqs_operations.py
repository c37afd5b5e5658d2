"""SQS operations by hand: parameters, answers and error codes as boto3 shows them."""

from __future__ import annotations

import json

import pytest

from msgsim.cloud.errors import validation_error_class
from tests.cloud.hands import Hands, count, redrive, refused

PREFIX = "AWS.SimpleQueueService."


@pytest.fixture
def hands():
    return Hands()


def attributes(hands, url, *names):
    found = hands.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"])
    return found["Attributes"]


def entries(*bodies, **more):
    return [{"Id": f"e{index}", "MessageBody": body, **more} for index, body in enumerate(bodies)]


def test_an_answer_looks_like_boto3s(hands):
    """MD5s as in the SQS guide, sqs-message-metadata.html; `hello` is 5d41402a…, as everywhere."""
    url = hands.queue("orders.fifo")
    answer = hands.send(url, "hello", group="g", dedup="1")
    assert answer["MD5OfMessageBody"] == "5d41402abc4b2a76b9719d911017c592"
    assert answer["SequenceNumber"].isdecimal() and len(answer["SequenceNumber"]) == 20
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    (message,) = hands.receive(url)
    assert message["MessageId"] == answer["MessageId"]
    assert message["MD5OfBody"] == answer["MD5OfMessageBody"]
    assert message["Attributes"]["SequenceNumber"] == answer["SequenceNumber"]
    assert message["Attributes"]["SentTimestamp"] == "1767225600000", "2026-01-01"


def test_ids_depend_on_the_seed_only():
    first, same, other = (Hands(seed=seed) for seed in (1, 1, 2))
    ids = [hands.send(hands.queue(), "m")["MessageId"] for hands in (first, same, other)]
    assert ids[0] == ids[1] != ids[2]


def test_message_attributes_come_back_when_asked_for(hands):
    url = hands.queue()
    typed = {
        "a.x": {"DataType": "String", "StringValue": "1"},
        "a.y": {"DataType": "Number", "StringValue": "2"},
        "b": {"DataType": "Binary", "BinaryValue": b"3"},
    }
    hands.send(url, "m", MessageAttributes=typed)
    for names, expected in (
        ([], None),
        (["All"], set(typed)),
        ([".*"], set(typed)),
        (["a.*"], {"a.x", "a.y"}),
        (["b"], {"b"}),
        (["nothing"], None),
    ):
        (message,) = hands.sqs.receive_message(
            QueueUrl=url, MessageAttributeNames=names, VisibilityTimeout=0
        )["Messages"]
        found = message.get("MessageAttributes")
        assert (set(found) if found else None) == expected
        assert ("MD5OfMessageAttributes" in message) is (expected is not None)


def test_a_name_an_arn_and_a_url_mean_the_same_queue(hands):
    url = hands.queue()
    for text in (url, hands.arn(url), "orders"):
        hands.sqs.send_message(QueueUrl=text, MessageBody="m")
    assert hands.counts(url) == (3, 0, 0)


def test_queues_are_created_once(hands):
    url = hands.queue(VisibilityTimeout=10)
    assert hands.queue(VisibilityTimeout=10) == hands.queue() == url
    with refused("QueueAlreadyExists"):
        hands.queue(VisibilityTimeout=11)
    assert hands.sqs.list_queues()["QueueUrls"] == [url]
    assert hands.sqs.get_queue_url(QueueName="orders")["QueueUrl"] == url


def test_a_deleted_queue_is_gone_and_its_name_free_after_a_minute(hands):
    """SQS API DeleteQueue, CreateQueue."""
    url = hands.queue()
    hands.sqs.delete_queue(QueueUrl=url)
    assert "QueueUrls" not in hands.sqs.list_queues()
    with refused(f"{PREFIX}NonExistentQueue"):
        hands.send(url, "m")
    with refused(f"{PREFIX}QueueDeletedRecently"):
        hands.queue()
    hands.cloud.advance("60s")
    assert hands.counts(hands.queue()) == (0, 0, 0)


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("bad name", {}, "InvalidParameterValue"),
        ("a" * 81, {}, "InvalidParameterValue"),
        ("q.fifo", {}, "InvalidParameterValue"),
        ("q", {"FifoQueue": "true"}, "InvalidParameterValue"),
        ("q", {"FifoQueue": "false"}, "InvalidAttributeName"),
        ("q", {"ContentBasedDeduplication": "false"}, "InvalidAttributeName"),
        ("q", {"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ("q", {"MaximumMessageSize": "1023"}, "InvalidAttributeValue"),
        ("q", {"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"),
        ("q", {"DelaySeconds": "901"}, "InvalidAttributeValue"),
        ("q", {"Nonsense": "1"}, "InvalidAttributeName"),
        (
            "q.fifo",
            {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"},
            "InvalidAttributeValue",
        ),
        ("q", {"RedrivePolicy": "{}"}, "InvalidParameterValue"),
        ("q", {"RedrivePolicy": "nonsense"}, "InvalidParameterValue"),
    ],
)
def test_what_create_queue_refuses(hands, name, given, code):
    """SQS API CreateQueue; codes recorded on AWS 2024."""
    with refused(code):
        hands.sqs.create_queue(QueueName=name, Attributes=given)


def test_attributes_change_at_once(hands):
    url = hands.queue()
    hands.sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"VisibilityTimeout": "5", "ReceiveMessageWaitTimeSeconds": "2"}
    )
    assert attributes(hands, url, "VisibilityTimeout") == {"VisibilityTimeout": "5"}
    hands.sqs.receive_message(QueueUrl=url)
    assert hands.cloud.now == 2, "the queue's own wait applies when the call names none"
    hands.send(url, "m")
    hands.receive(url)
    hands.cloud.advance(5)
    assert hands.bodies(url) == ["m"]
    with refused("InvalidAttributeName"):
        hands.sqs.set_queue_attributes(QueueUrl=url, Attributes={"FifoQueue": "true"})
    with refused("InvalidAttributeName"):
        attributes(hands, url, "Nonsense")


@pytest.mark.parametrize(
    ("body", "more", "code"),
    [
        ("", {}, "MissingParameter"),
        ("\x01", {}, "InvalidMessageContents"),
        ("x" * 1_048_577, {}, "InvalidParameterValue"),
        ("m", {"DelaySeconds": 901}, "InvalidParameterValue"),
        ("m", {"MessageGroupId": "a b"}, "InvalidParameterValue"),
        ("m", {"MessageDeduplicationId": "1"}, "InvalidParameterValue"),
        (
            "m",
            {"MessageAttributes": {f"a{n}": {"DataType": "String", "StringValue": "x"}
                                   for n in range(11)}},
            "InvalidParameterValue",
        ),
        (
            "m",
            {"MessageAttributes": {"a": {"DataType": "Text", "StringValue": "x"}}},
            "InvalidParameterValue",
        ),
    ],
)  # fmt: skip
def test_what_send_message_refuses(hands, body, more, code):
    """SQS API SendMessage; the facts and their recorded answers are on the page of sqs.queue."""
    url = hands.queue()
    with refused(code):
        hands.send(url, body, **more)
    assert hands.counts(url) == (0, 0, 0)


def test_what_a_fifo_queue_asks_of_a_message(hands):
    url = hands.queue("orders.fifo")
    with refused("MissingParameter", "MessageGroupId"):
        hands.send(url, "m", dedup="1")
    with refused("InvalidParameterValue", "ContentBasedDeduplication"):
        hands.send(url, "m", group="g")
    with refused("InvalidParameterValue"):
        hands.sqs.send_message_batch(QueueUrl=url, Entries=entries("m", MessageDeduplicationId="1"))


def test_batches_fail_as_a_whole_or_entry_by_entry(hands):
    """SQS API SendMessageBatch; recorded on AWS 2024 and 2025."""
    url = hands.queue(MaximumMessageSize=1024)

    def batch(found):
        return hands.sqs.send_message_batch(QueueUrl=url, Entries=found)

    with refused(f"{PREFIX}EmptyBatchRequest"):
        batch([])
    with refused(f"{PREFIX}TooManyEntriesInBatchRequest"):
        batch(entries(*"abcdefghijk"))
    with refused(f"{PREFIX}BatchEntryIdsNotDistinct"):
        batch([*entries("a"), *entries("b")])
    with refused(f"{PREFIX}InvalidBatchEntryId"):
        batch([{"Id": "a b", "MessageBody": "m"}])
    with refused(f"{PREFIX}BatchRequestTooLong"):
        batch(entries("x" * 600_000, "y" * 600_000))
    answer = batch(entries("good", "x" * 1025, "\x01"))
    assert [done["Id"] for done in answer["Successful"]] == ["e0"]
    failed = {each["Id"]: (each["Code"], each["SenderFault"]) for each in answer["Failed"]}
    assert failed == {
        "e1": ("InvalidParameterValue", True),
        "e2": ("InvalidMessageContents", True),
    }
    assert hands.bodies(url) == ["good"]


def test_batches_of_receipts(hands):
    url = hands.queue()
    for body in "abc":
        hands.send(url, body)
    held = hands.receive(url, most=10)
    rows = [
        {"Id": f"e{index}", "ReceiptHandle": message["ReceiptHandle"]}
        for index, message in enumerate(held)
    ]
    answer = hands.sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**rows[0], "VisibilityTimeout": 0}]
    )
    assert answer["Successful"] == [{"Id": "e0"}] and hands.counts(url) == (1, 2, 0)
    answer = hands.sqs.delete_message_batch(
        QueueUrl=url, Entries=[*rows[1:], {"Id": "bad", "ReceiptHandle": "nonsense"}]
    )
    assert [done["Id"] for done in answer["Successful"]] == ["e1", "e2"]
    assert answer["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
    assert hands.counts(url) == (1, 0, 0)


def test_receipt_handles(hands):
    """SQS API ChangeMessageVisibility: 12 hours count from the receive, more is refused."""
    url = hands.queue()
    hands.send(url, "m")
    (message,) = hands.receive(url)
    hands.cloud.advance(1)
    change = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    with refused("InvalidParameterValue"):
        hands.sqs.change_message_visibility(**change, VisibilityTimeout=43_200)
    hands.sqs.change_message_visibility(**change, VisibilityTimeout=43_195)
    with refused("ReceiptHandleIsInvalid"):
        hands.sqs.delete_message(QueueUrl=url, ReceiptHandle="nonsense")
    hands.delete(url, message)
    hands.delete(url, message)
    with refused("InvalidParameterValue"):
        hands.sqs.change_message_visibility(**change, VisibilityTimeout=1)


def test_a_refused_receipt_says_why(hands):
    """AWS's sentences, as people quote them: expired, gone, or beyond 12 hours."""
    url = hands.queue("orders.fifo", VisibilityTimeout=5)
    hands.send(url, "m", group="g", dedup="1")
    (message,) = hands.receive(url)
    handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    hands.cloud.advance(1)
    with refused("InvalidParameterValue", "beyond the limit [43200 seconds]"):
        hands.sqs.change_message_visibility(**handle, VisibilityTimeout=43_200)
    hands.cloud.advance(9)
    with refused("InvalidParameterValue", "The receipt handle has expired"):
        hands.sqs.change_message_visibility(**handle, VisibilityTimeout=10)
    with refused("InvalidParameterValue", "The receipt handle has expired"):
        hands.sqs.delete_message(**handle)
    entries = [{"Id": "a", "ReceiptHandle": message["ReceiptHandle"]}]
    answer = hands.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert message["ReceiptHandle"] in answer["Failed"][0]["Message"]
    (again,) = hands.receive(url)
    hands.delete(url, again)
    with refused("InvalidParameterValue", "Message does not exist"):
        hands.sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=10
        )


def test_a_receive_attempt_can_be_repeated(hands):
    """SQS API ReceiveMessage, ReceiveRequestAttemptId: same messages, same handles."""
    url = hands.queue("orders.fifo")
    hands.send(url, "m", group="g", dedup="1")
    (first,) = hands.receive(url, ReceiveRequestAttemptId="try")
    hands.cloud.advance(20)
    (again,) = hands.receive(url, ReceiveRequestAttemptId="try")
    assert again["ReceiptHandle"] == first["ReceiptHandle"]
    assert hands.receive(url) == []
    hands.cloud.advance(20)
    hands.delete(url, again)


def test_purge(hands):
    """SQS API PurgeQueue."""
    url = hands.queue("orders.fifo", DelaySeconds=1)
    hands.send(url, "a", group="g", dedup="1")
    hands.cloud.advance(2)
    hands.receive(url)
    hands.send(url, "b", group="h", dedup="2")
    hands.sqs.purge_queue(QueueUrl=url)
    assert hands.counts(url) == (0, 0, 0)
    with refused(f"{PREFIX}PurgeQueueInProgress"):
        hands.sqs.purge_queue(QueueUrl=url)
    hands.send(url, "again", group="g", dedup="1")
    assert hands.bodies(url, wait=5) == ["again"], "the deduplication memory went too"


def test_redrive_and_back(hands):
    """SQS API StartMessageMoveTask: moved messages are new ones."""
    dead = hands.queue("dead")
    url = hands.queue(RedrivePolicy=redrive(hands.arn(dead), 1))
    for body in "abcd":
        hands.send(url, body)
    old = {message["MessageId"] for message in hands.receive(url, 10, VisibilityTimeout=0)}
    assert hands.receive(url, 10) == [] and hands.counts(dead) == (4, 0, 0)
    sources = hands.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"]
    assert sources == [url]
    task = hands.sqs.start_message_move_task(
        SourceArn=hands.arn(dead), MaxNumberOfMessagesPerSecond=1
    )
    with refused("InvalidParameterValue"):
        hands.sqs.start_message_move_task(SourceArn=hands.arn(dead))
    hands.cloud.advance(1)
    (running,) = hands.sqs.list_message_move_tasks(SourceArn=hands.arn(dead))["Results"]
    assert (running["Status"], running["TaskHandle"]) == ("RUNNING", task["TaskHandle"])
    hands.cloud.advance(10)
    (done,) = hands.sqs.list_message_move_tasks(SourceArn=hands.arn(dead))["Results"]
    assert (done["Status"], done["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 4)
    back = hands.receive(url, 10)
    assert [message["Body"] for message in back] == list("abcd")
    assert [count(message) for message in back] == [1] * 4
    assert not old & {message["MessageId"] for message in back}


def test_a_move_task_needs_a_dead_letter_queue_and_can_be_cancelled(hands):
    dead = hands.queue("dead")
    with refused("InvalidParameterValue"):
        hands.sqs.start_message_move_task(SourceArn=hands.arn(dead))
    url = hands.queue(RedrivePolicy=redrive(hands.arn(dead), 1))
    with refused("ResourceNotFoundException"):
        hands.sqs.start_message_move_task(
            SourceArn=hands.arn(dead), DestinationArn=hands.arn(url) + "-other"
        )
    with refused("ResourceNotFoundException"):
        hands.sqs.cancel_message_move_task(TaskHandle="nonsense")
    for number in range(20):
        hands.send(url, str(number))
    hands.receive(url, 10, VisibilityTimeout=0)
    hands.receive(url, 10, VisibilityTimeout=0)
    while hands.receive(url, 10):
        pass
    handle = hands.sqs.start_message_move_task(
        SourceArn=hands.arn(dead), MaxNumberOfMessagesPerSecond=1
    )["TaskHandle"]
    hands.cloud.advance(2)
    moved = hands.sqs.cancel_message_move_task(TaskHandle=handle)
    assert 1 <= moved["ApproximateNumberOfMessagesMoved"] <= 3
    hands.cloud.advance(60)
    (task,) = hands.sqs.list_message_move_tasks(SourceArn=hands.arn(dead))["Results"]
    assert task["Status"] == "CANCELLED"
    assert task["ApproximateNumberOfMessagesMoved"] < 20


def test_a_queue_may_refuse_to_be_a_dead_letter_queue(hands):
    """SQS API SetQueueAttributes, RedriveAllowPolicy."""
    allowed = hands.queue("allowed")
    policy = {"redrivePermission": "byQueue", "sourceQueueArns": [hands.arn(allowed)]}
    dead = hands.arn(hands.queue("dead", RedriveAllowPolicy=policy))
    with refused("InvalidParameterValue"):
        hands.queue("other", RedrivePolicy=redrive(dead, 3))
    hands.sqs.set_queue_attributes(
        QueueUrl=allowed, Attributes={"RedrivePolicy": json.dumps(redrive(dead, 3))}
    )
    with refused("InvalidParameterValue"):
        hands.queue("wrong.fifo", RedrivePolicy=redrive(dead, 3))


def test_parameters_are_checked_before_anything_is_called(hands):
    with pytest.raises(validation_error_class(), match='Missing required parameter in input: "Q'):
        hands.sqs.send_message(MessageBody="m")
    with pytest.raises(validation_error_class(), match='Unknown parameter in input: "Nonsense"'):
        hands.sqs.send_message(QueueUrl="q", MessageBody="m", Nonsense=1)
    with pytest.raises(validation_error_class(), match="Invalid type for parameter MessageBody"):
        hands.sqs.send_message(QueueUrl="q", MessageBody=1)
    with pytest.raises(TypeError, match="only accepts keyword arguments"):
        hands.sqs.send_message("q")
    with pytest.raises(AttributeError, match="no operation 'nonsense'"):
        hands.sqs.nonsense  # noqa: B018
    with pytest.raises(hands.sqs.exceptions.QueueDoesNotExist):
        hands.sqs.send_message(QueueUrl="q", MessageBody="m")
