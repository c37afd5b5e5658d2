"""A message as its sender wrote it, with all that boto3 shows of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgsim.cloud.identity import Ids, as_bytes
from msgsim.model.message import AttributeValue, Key, Message

Attributes = Mapping[str, Mapping[str, Any]]


class Letter(Message):
    """A message sent through `ms.Cloud`.

    Attributes:
        origin: the queue or topic that took it first; with the number it makes the `MessageId`.
        typed: message attributes with their `DataType`, as sent.
        group: `MessageGroupId`, or None.
        trace: the system attribute `AWSTraceHeader`, or None.
        subject: SNS `Subject`, or None.
        protocols: with `MessageStructure: json`, the text for each protocol.
        sequence: `SequenceNumber` of a FIFO topic, or None.
    """

    __slots__ = (
        "group",
        "ids",
        "origin",
        "protocols",
        "sequence",
        "subject",
        "trace",
        "typed",
    )

    def __init__(
        self,
        number: int,
        key: Key,
        born_ns: int,
        body: str,
        ids: Ids,
        origin: str,
        typed: Attributes | None = None,
        group: str | None = None,
        deduplication_id: str | None = None,
        trace: str | None = None,
    ) -> None:
        typed = typed or {}
        super().__init__(
            number,
            key,
            key.issued,
            born_ns,
            size_of(body, typed),
            plain_attributes(typed),
            body,
            deduplication_id,
            group is not None,
        )
        key.issued += 1
        self.ids = ids
        self.origin = origin
        self.typed = typed
        self.group = group
        self.trace = trace
        self.subject: str | None = None
        self.protocols: Mapping[str, str] | None = None
        self.sequence: str | None = None

    @property
    def message_id(self) -> str:
        """`MessageId`: the move to a dead-letter queue keeps it, a move task makes a new one."""
        return self.ids.of(f"{self.origin}/{self.number}")


def size_of(body: str, attributes: Attributes) -> int:
    """Return the bytes AWS counts: body, and name, type and value of every attribute."""
    size = len(body.encode())
    for name, value in attributes.items():
        content = value.get("StringValue", value.get("BinaryValue", ""))
        size += len(name.encode()) + len(value["DataType"].encode()) + len(as_bytes(content))
    return size


def plain_attributes(attributes: Attributes) -> dict[str, AttributeValue]:
    """Return what filter policies look at: `String`, `String.Array` and `Number`, never `Binary`.

    Source: SNS Developer Guide, sns-message-attributes.html.
    """
    found: dict[str, AttributeValue] = {}
    for name, value in attributes.items():
        kind, text = value["DataType"], value.get("StringValue")
        if text is None:
            continue
        if kind == "Number":
            found[name] = _number(text)
        elif kind == "String.Array":
            found[name] = _array(text)
        elif kind == "String":
            found[name] = text
    return found


def _number(text: str) -> AttributeValue:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _array(text: str) -> AttributeValue:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, list) else text
