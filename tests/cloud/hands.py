"""Short ways to say in a test what boto3 says at length."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import Any

import pytest

import msgsim as ms
from msgsim.cloud.errors import client_error_class

STANDARD: dict[str, str] = {}
FIFO = {"FifoQueue": "true"}


class Hands:
    """A cloud, its clients, and calls in few words; the queue is `orders` unless said."""

    def __init__(self, **options: Any) -> None:
        self.cloud = ms.Cloud(**options)
        self.sqs = self.cloud.client("sqs")
        self.sns = self.cloud.client("sns")

    def queue(self, name: str = "orders", **attributes: Any) -> str:
        """Create a queue and return its URL; a name with `.fifo` makes it FIFO."""
        if name.endswith(".fifo"):
            attributes = {**FIFO, **attributes}
        text = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in attributes.items()
        }
        return self.sqs.create_queue(QueueName=name, Attributes=text)["QueueUrl"]

    def send(
        self, url: str, body: str, group: str | None = None, dedup: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Send one message."""
        if group is not None:
            more["MessageGroupId"] = group
        if dedup is not None:
            more["MessageDeduplicationId"] = dedup
        return self.sqs.send_message(QueueUrl=url, MessageBody=body, **more)

    def receive(self, url: str, most: int = 1, wait: int = 0, **more: Any) -> list[dict[str, Any]]:
        """Receive, with every attribute."""
        return self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            **more,
        ).get("Messages", [])

    def bodies(self, url: str, most: int = 10, wait: int = 0) -> list[str]:
        """Receive, and return the bodies."""
        return [message["Body"] for message in self.receive(url, most, wait)]

    def delete(self, url: str, message: dict[str, Any]) -> None:
        """Delete a received message."""
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def counts(self, url: str) -> tuple[int, int, int]:
        """Return visible, in flight, delayed."""
        names = ["", "NotVisible", "Delayed"]
        names = [f"ApproximateNumberOfMessages{name}" for name in names]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return tuple(int(found[name]) for name in names)

    def arn(self, url: str) -> str:
        """Return a queue's ARN."""
        names = ["QueueArn"]
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][
            "QueueArn"
        ]

    def topic(self, name: str = "news", **attributes: str) -> str:
        """Create a topic and return its ARN; a name with `.fifo` makes it FIFO."""
        if name.endswith(".fifo"):
            attributes = {"FifoTopic": "true", **attributes}
        return self.sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]

    def subscribe(self, topic: str, url: str, raw: bool = True, **attributes: Any) -> str:
        """Subscribe a queue, raw unless said, and return the subscription's ARN."""
        text = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in attributes.items()
        }
        text["RawMessageDelivery"] = str(raw).lower()
        return self.sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=self.arn(url), Attributes=text
        )["SubscriptionArn"]


def redrive(arn: str, count: int) -> dict[str, Any]:
    """Return a RedrivePolicy."""
    return {"deadLetterTargetArn": arn, "maxReceiveCount": count}


def count(message: dict[str, Any]) -> int:
    """Return a received message's receive count."""
    return int(message["Attributes"]["ApproximateReceiveCount"])


@contextmanager
def refused(code: str, text: str = ""):
    """Expect a ClientError with this code, and with this text in its message."""
    with pytest.raises(client_error_class()) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    assert text in error["Message"]
