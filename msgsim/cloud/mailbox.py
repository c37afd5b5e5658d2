"""Where SNS meets SQS: a published message becomes the queue's own, in its envelope or raw."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from msgsim.cloud.account import Account, QueueEntry, SubscriptionEntry
from msgsim.cloud.identity import as_bytes, iso_time
from msgsim.cloud.letters import Letter
from msgsim.model.message import Message

MAX_RAW_ATTRIBUTES = 10
NO_SUCH_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
CERTIFICATE = "SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"


class Mailbox:
    """A queue, as one subscription sees it: what is handed over arrives as a message of the queue.

    Args:
        account: makes the queue's messages.
        entry: the subscription that delivers.
        queue: where to.
    """

    def __init__(self, account: Account, entry: SubscriptionEntry, queue: QueueEntry) -> None:
        self.name = queue.name
        self._account = account
        self._entry = entry
        self._queue = queue

    @property
    def fifo(self) -> bool:
        """Whether the queue is FIFO."""
        return self._queue.fifo

    def accept(self, message: Message) -> str | None:
        """Hand a published message over; a deleted queue is a client-side error."""
        if not self._queue.queue.exists:
            return NO_SUCH_QUEUE
        source: Any = message
        published: Letter = getattr(source, "published", source)
        entry, typed = self._entry, {}
        if entry.raw:
            if len(published.typed) > MAX_RAW_ATTRIBUTES:
                return "InvalidParameter"
            body, typed = text_for(published, entry.protocol), dict(published.typed)
        else:
            replayed = bool(getattr(source, "replayed", False))
            body = envelope(self._account, entry, published, replayed)
        forwards = entry.topic.fifo == self._queue.fifo
        own = self._account.letter(
            f"{entry.subscription.name}/{message.tries}/{self.name}",
            body,
            number=published.number,
            typed=typed,
            group=published.group if forwards else None,
            deduplication_id=published.deduplication_id if self._queue.fifo else None,
        )
        code: str | None = self._queue.queue.deliver(own)
        return code


def text_for(letter: Letter, protocol: str) -> str:
    """Return the text for a protocol: with `MessageStructure: json` it may have its own."""
    if letter.protocols is None:
        return letter.body or ""
    return letter.protocols.get(protocol, letter.protocols["default"])


def envelope(
    account: Account, entry: SubscriptionEntry, letter: Letter, replayed: bool = False
) -> str:
    """Return the JSON around a message that is not delivered raw, laid out as SNS does.

    Signature and certificate have the right length and form, and sign nothing.
    """
    region, topic = account.place.region, entry.topic
    fields: dict[str, Any] = {"Type": "Notification", "MessageId": letter.message_id}
    if letter.sequence is not None:
        fields["SequenceNumber"] = letter.sequence
    fields["TopicArn"] = topic.arn
    if letter.subject is not None:
        fields["Subject"] = letter.subject
    fields["Message"] = text_for(letter, entry.protocol)
    fields["Timestamp"] = iso_time(letter.born_ns)
    host = f"https://sns.{region}.amazonaws.com"
    if not topic.fifo:
        fields["SignatureVersion"] = topic.attributes.get("SignatureVersion", "1")
        fields["Signature"] = signature(letter.message_id)
        fields["SigningCertURL"] = f"{host}/{CERTIFICATE}"
    fields["UnsubscribeURL"] = f"{host}/?Action=Unsubscribe&SubscriptionArn={entry.arn}"
    if replayed:
        fields["Replayed"] = True
    if letter.typed:
        fields["MessageAttributes"] = {
            name: {"Type": value["DataType"], "Value": _shown(value)}
            for name, value in letter.typed.items()
        }
    return json.dumps(fields, indent=2, separators=(",", " : "), ensure_ascii=False)


def signature(message_id: str) -> str:
    """Return 256 bytes in base64, as long as a signature of SNS is."""
    blocks = [hashlib.sha256(f"{message_id}{part}".encode()).digest() for part in range(8)]
    return base64.b64encode(b"".join(blocks)).decode()


def _shown(value: Any) -> str:
    if "BinaryValue" in value:
        return base64.b64encode(as_bytes(value["BinaryValue"])).decode()
    return str(value["StringValue"])
