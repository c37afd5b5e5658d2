"""CloudTrail: every API call of a run as a data event, in the shape of a log file.

Source: AWS CloudTrail User Guide, cloudtrail-event-reference-record-contents.html, and the
services' pages about logging with CloudTrail. What a log never shows (bodies, handles) is not shown
here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import IO, Any

from msgsim.cloud.identity import ACCOUNT, EPOCH_S, Ids, Names
from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Message
from msgsim.observe.trace import Choice

NS_PER_S = 1_000_000_000
EVENT_VERSION = "1.11"
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
SOURCES = {"sqs.queue": "sqs", "sns.topic": "sns", "kinesis.stream": "kinesis"}
TYPES = {"sqs": "AWS::SQS::Queue", "sns": "AWS::SNS::Topic", "kinesis": "AWS::Kinesis::Stream"}
CARRIES = ("Send", "Publish", "Put", "Receive", "Get")
READS = ("Receive", "Get", "Subscribe")
CONTROL = frozenset({"PurgeQueue"})


class CallLog:
    """Observer: writes a record for every API call that a queue, topic or stream has answered.

    Args:
        stream: where to.
        region: of the account.
        seed, replication: what ids follow from.
        choice: only calls that carry a chosen message; all of them if None.
    """

    def __init__(
        self, stream: IO[str], region: str, seed: int, replication: int, choice: Choice = None
    ) -> None:
        self._stream = stream
        self._region = region
        self._names = Names(region)
        self._ids = Ids(seed * 1_000_003 + replication)
        self._choice = choice
        self._written = 0
        stream.write('{"Records":[')

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to API calls."""
        if signal.name != "requested" or component.kind not in SOURCES:
            return None
        source = SOURCES[component.kind]
        place = self._place(source, component.name)
        grouped = bool(getattr(component, "fifo", False))
        choice = self._choice

        def requested(now: int, action: str, items: Sequence[Any], code: str | None) -> None:
            if choice is None or any(choice(_message(item).number) for item in items):
                self._write(now, source, place, grouped, action, items, code)

        return requested

    def _place(self, source: str, name: str) -> tuple[dict[str, str], str]:
        """Return how a call names the resource, and its ARN."""
        names = self._names
        if source == "sqs":
            return {"queueUrl": names.queue_url(name)}, names.queue_arn(name)
        if source == "sns":
            return {"topicArn": names.topic_arn(name)}, names.topic_arn(name)
        return {"streamName": name}, names.stream_arn(name)

    def _write(
        self,
        now: int,
        source: str,
        place: tuple[dict[str, str], str],
        grouped: bool,
        action: str,
        items: Sequence[Any],
        code: str | None,
    ) -> None:
        messages = [_message(item) for item in items]
        moment = datetime.fromtimestamp(EPOCH_S, UTC) + timedelta(seconds=now // NS_PER_S)
        reads = action.startswith(READS)
        record: dict[str, Any] = {
            "eventVersion": EVENT_VERSION,
            "userIdentity": {"type": "AWSAccount", "accountId": ACCOUNT},
            "eventTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": f"{source}.amazonaws.com",
            "eventName": action,
            "awsRegion": self._region,
            "sourceIPAddress": "msgsim",
            "userAgent": "msgsim",
            "requestParameters": place[0] | _parameters(source, action, messages, grouped),
            "responseElements": None,
            "additionalEventData": {
                "simulatedTimeNs": now,
                "messages": [message.label for message in messages],
                **_payload(action, items),
            },
            "requestID": self._ids.uuid(),
            "eventID": self._ids.uuid(),
            "readOnly": reads,
            "resources": [{"accountId": ACCOUNT, "type": TYPES[source], "ARN": place[1]}],
            "eventType": "AwsApiCall",
            "managementEvent": action in CONTROL,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management" if action in CONTROL else "Data",
        }
        if code is not None:
            record["errorCode"] = code
        comma = ",\n" if self._written else "\n"
        self._stream.write(comma + json.dumps(record, separators=(",", ":"), allow_nan=False))
        self._written += 1

    def close(self) -> None:
        """End the file."""
        self._stream.write("\n]}\n")


def _message(item: Any) -> Message:
    """Return the message of what a call carries: itself, of a delivery, or of a record."""
    found: Message = item if isinstance(item, Message) else item.message
    return found


def _payload(action: str, items: Sequence[Any]) -> dict[str, int]:
    """Return how many bytes a call carries, and in which direction."""
    if not action.startswith(CARRIES):
        return {}
    sized = [item if hasattr(item, "size_bytes") else item.message for item in items]
    direction = "Out" if action.startswith(READS) else "In"
    return {f"bytesTransferred{direction}": sum(each.size_bytes for each in sized)}


def _parameters(
    source: str, action: str, messages: Sequence[Message], grouped: bool
) -> dict[str, Any]:
    """Return what is in a request beside the resource; a FIFO one gets a group with each send."""
    described = _DESCRIBED.get((source, action))
    return {} if described is None or not messages else described(messages, grouped)


def _send(messages: Sequence[Message], grouped: bool) -> dict[str, Any]:
    message = messages[0]
    found: dict[str, Any] = {"messageBody": HIDDEN}
    if message.grouped or grouped:
        found["messageGroupId"] = message.key.name
    if message.deduplication_id is not None:
        found["messageDeduplicationId"] = message.deduplication_id
    return found


def _publish(messages: Sequence[Message], grouped: bool) -> dict[str, Any]:
    found = _send(messages, grouped)
    found["message"] = found.pop("messageBody")
    return found


def _entries(messages: Sequence[Message], grouped: bool) -> dict[str, Any]:
    listed = [{"id": str(place)} | _send([one], grouped) for place, one in enumerate(messages)]
    return {"entries": listed}


def _handle(messages: Sequence[Message], grouped: bool) -> dict[str, Any]:
    return {"receiptHandle": HIDDEN}


def _handles(messages: Sequence[Message], grouped: bool) -> dict[str, Any]:
    listed = [{"id": str(place), "receiptHandle": HIDDEN} for place in range(len(messages))]
    return {"entries": listed}


def _record(messages: Sequence[Message], grouped: bool) -> dict[str, Any]:
    return {"partitionKey": messages[0].key.name, "data": HIDDEN}


def _records(messages: Sequence[Message], grouped: bool) -> dict[str, Any]:
    return {"records": [_record([message], grouped) for message in messages]}


_DESCRIBED: dict[tuple[str, str], Callable[[Sequence[Message], bool], dict[str, Any]]] = {
    ("sqs", "SendMessage"): _send,
    ("sqs", "SendMessageBatch"): _entries,
    ("sqs", "DeleteMessage"): _handle,
    ("sqs", "DeleteMessageBatch"): _handles,
    ("sqs", "ChangeMessageVisibility"): _handle,
    ("sqs", "ChangeMessageVisibilityBatch"): _handles,
    ("sns", "Publish"): _publish,
    ("sns", "PublishBatch"): _entries,
    ("kinesis", "PutRecord"): _record,
    ("kinesis", "PutRecords"): _records,
}
