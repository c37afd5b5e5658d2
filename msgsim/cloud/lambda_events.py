"""AWS-shaped events, and the doors through which they come to a function."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgsim.cloud.identity import as_bytes, iso_time, md5_hex
from msgsim.cloud.letters import Letter
from msgsim.cloud.mailbox import CERTIFICATE, signature, text_for
from msgsim.cloud.received import system_attributes
from msgsim.model.message import Delivery, Message
from msgsim.services.event_source_mapping.reports import read_report

if TYPE_CHECKING:
    from msgsim.cloud.account import Account, QueueEntry, SubscriptionEntry
    from msgsim.cloud.lambda_functions import FunctionEntry
    from msgsim.cloud.lambda_handler import Source


class FunctionDoor:
    """A function, as a mapping sees it: found by its name, whoever has that name now.

    Args:
        account: knows the functions, and how messages are shown.
        entry: the function.
        reads_report: whether `ReportBatchItemFailures` is set on the mapping.
    """

    def __init__(self, account: Account, entry: FunctionEntry, reads_report: bool) -> None:
        self.name = entry.name
        self.reads_report = reads_report
        self.account = account

    @property
    def entry(self) -> FunctionEntry | None:
        """The function of that name; None while there is none."""
        return self.account.functions.get(self.name)

    def hand_over(
        self,
        source: Source,
        batch: Sequence[Delivery],
        reply: Callable[..., Any],
        completed: Callable[..., Any],
    ) -> str | None:
        """Invoke with a batch that `source` shows; see `Invoked.invoke`."""
        entry = self.entry
        if entry is None:
            return "ResourceNotFoundException"
        entry.handler.source = source
        try:
            code: str | None = entry.function.invoke(batch, reply, completed)
        finally:
            entry.handler.source = None
        return code


class QueueDoor(FunctionDoor):
    """A function, as the mapping of a queue sees it: what it invokes is an SQS event.

    Args:
        account: knows how messages are shown.
        entry: the function.
        queue: where the batches come from.
        reads_report: whether `ReportBatchItemFailures` is set on the mapping.
    """

    def __init__(
        self, account: Account, entry: FunctionEntry, queue: QueueEntry, reads_report: bool
    ) -> None:
        super().__init__(account, entry, reads_report)
        self._function = entry.function
        self._queue = queue

    @property
    def poller_concurrency(self) -> int:
        """How many executions pollers reckon with."""
        return int(self._function.poller_concurrency)

    def invoke(
        self,
        batch: Sequence[Delivery],
        reply: Callable[..., Any],
        completed: Callable[..., Any],
    ) -> str | None:
        """Invoke with a batch of messages."""
        return self.hand_over(self, batch, reply, completed)

    def event(self, batch: Sequence[Delivery]) -> dict[str, Any]:
        """Return the event: one record for each message."""
        return {"Records": [self._record(delivery) for delivery in batch]}

    def failed(self, batch: Sequence[Delivery], payload: Any) -> list[Delivery] | None:
        """Return the messages that a response reports as failed, by id; None for all of them."""
        ids = {delivery.message.message_id: delivery for delivery in batch}  # type: ignore[attr-defined]
        return read_report(payload, ids)

    def complaint(self, payload: Any) -> str | None:
        """Return nothing: any response will do."""
        return None

    def _record(self, delivery: Delivery) -> dict[str, Any]:
        letter: Letter = delivery.message  # type: ignore[assignment]
        body = letter.body or ""
        return {
            "messageId": letter.message_id,
            "receiptHandle": self.account.handle_of(self._queue, delivery),
            "body": body,
            "attributes": system_attributes(self.account, self._queue, delivery, letter),
            "messageAttributes": _attributes(letter.typed),
            "md5OfBody": md5_hex(body),
            "eventSource": "aws:sqs",
            "eventSourceARN": self._queue.arn,
            "awsRegion": self.account.place.region,
        }


def _attributes(typed: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return message attributes as an SQS event shows them."""
    found: dict[str, Any] = {}
    for name, value in typed.items():
        shown: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
        if "BinaryValue" in value:
            shown["binaryValue"] = base64.b64encode(as_bytes(value["BinaryValue"])).decode()
        else:
            shown["stringValue"] = value["StringValue"]
        found[name] = {**shown, "dataType": value["DataType"]}
    return found


class TopicDoor:
    """A function, as a subscription sees it: a published message becomes an SNS event.

    Args:
        account: makes the event's message.
        subscription: the one that delivers.
        entry: the function.
    """

    fifo = False

    def __init__(
        self, account: Account, subscription: SubscriptionEntry, entry: FunctionEntry
    ) -> None:
        self.name = entry.name
        self._account = account
        self._subscription = subscription
        self._entry = entry

    def invoke_async(self, message: Message) -> str | None:
        """Queue the event; a deleted function is a client-side error."""
        if not self._entry.exists:
            return "ResourceNotFoundException"
        source: Any = message
        letter: Letter = getattr(source, "published", source)
        subscription = self._subscription
        own = self._account.letter(
            f"{subscription.subscription.name}/{message.tries}/{self.name}",
            json.dumps(self._event(letter)),
            number=letter.number,
            group=None,
        )
        code: str | None = self._entry.function.invoke_async(own)
        return code

    def _event(self, letter: Letter) -> dict[str, Any]:
        region, subscription = self._account.place.region, self._subscription
        host = f"https://sns.{region}.amazonaws.com"
        topic = subscription.topic
        sns = {
            "Type": "Notification",
            "MessageId": letter.message_id,
            "TopicArn": topic.arn,
            "Subject": letter.subject,
            "Message": text_for(letter, "lambda"),
            "Timestamp": iso_time(letter.born_ns),
            "SignatureVersion": topic.attributes.get("SignatureVersion", "1"),
            "Signature": signature(letter.message_id),
            "SigningCertUrl": f"{host}/{CERTIFICATE}",
            "UnsubscribeUrl": f"{host}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}",
            "MessageAttributes": {
                name: {"Type": value["DataType"], "Value": _shown(value)}
                for name, value in letter.typed.items()
            },
        }
        return {
            "Records": [
                {
                    "EventSource": "aws:sns",
                    "EventVersion": "1.0",
                    "EventSubscriptionArn": subscription.arn,
                    "Sns": sns,
                }
            ]
        }


def _shown(value: Mapping[str, Any]) -> str:
    if "BinaryValue" in value:
        return base64.b64encode(as_bytes(value["BinaryValue"])).decode()
    return str(value["StringValue"])
