"""What SQS refuses about a message before it reaches the queue, with AWS's sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgsim.cloud.account import QueueEntry
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import as_bytes, content_id
from msgsim.services.sqs_queue import rules

Parameters = Mapping[str, Any]

_IDS = "can only include alphanumeric and punctuation characters. 1 to 128 in length"
_BATCH_SENTENCES = {
    rules.EMPTY_BATCH: "There should be at least one {what} in the request.",
    rules.TOO_MANY_ENTRIES: "Maximum number of entries per request are 10. You have sent {count}.",
    rules.BATCH_TOO_LONG: (
        "Batch requests cannot be longer than 1048576 bytes. You have sent {size} bytes."
    ),
    rules.IDS_NOT_DISTINCT: "Id {id} repeated.",
    rules.INVALID_ENTRY_ID: (
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
        "It can be at most 80 letters long."
    ),
}


def refuse(code: str | None, sentence: str) -> None:
    """Raise a refusal, unless there is no code.

    Raises:
        Refused: with the code and the sentence.
    """
    if code is not None:
        raise Refused(code, sentence)


def check_batch(entries: Sequence[Parameters], what: str, total_bytes: int = 0) -> None:
    """Refuse a whole batch request.

    Raises:
        Refused: for the number of entries, their ids or their size together.
    """
    ids = [entry["Id"] for entry in entries]
    code = rules.batch_error(len(entries)) or rules.entry_ids_error(ids)
    code = code or rules.batch_error(len(entries), total_bytes)
    if code is not None:
        repeated = next((each for each in ids if ids.count(each) > 1), "")
        sentence = _BATCH_SENTENCES[code]
        raise Refused(
            code,
            sentence.format(what=what, count=len(ids), size=total_bytes, id=repeated),
        )


def check_groups(entry: QueueEntry, message: Parameters, in_batch: bool) -> None:
    """Refuse group and deduplication ids that do not fit the queue; in a batch, all of it.

    Raises:
        Refused: an id is missing or malformed.
    """
    group = message.get("MessageGroupId")
    code = rules.group_id_error(group, entry.fifo, in_batch)
    if code is not None and group is None:
        raise Refused(code, "The request must contain the parameter MessageGroupId.")
    refuse(code, f"Value {group} for parameter MessageGroupId is invalid. Reason: {_IDS}.")
    own = message.get("MessageDeduplicationId")
    by_content = entry.attributes.get("ContentBasedDeduplication") == "true"
    code = rules.deduplication_id_error(own, entry.fifo, by_content)
    if code is not None and own is None:
        raise Refused(
            code,
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly",
        )
    refuse(code, f"Value {own} for parameter MessageDeduplicationId is invalid. Reason: {_IDS}.")


def check_message(entry: QueueEntry, message: Parameters) -> None:
    """Refuse a message for itself; in a batch, only this entry fails.

    Raises:
        Refused: body, attributes or delay are not allowed.
    """
    body = message["MessageBody"]
    code = rules.body_error(body)
    if code == rules.MISSING:
        raise Refused(code, "The request must contain the parameter MessageBody.")
    refuse(code, "Invalid characters were found in the message body.")
    attributes = message.get("MessageAttributes", {})
    refuse(
        rules.attributes_error(attributes),
        "Number of message attributes is at most 10, their names have 1 to 256 characters.",
    )
    for name, value in attributes.items():
        _check_attribute(name, value)
    delay = message.get("DelaySeconds")
    if delay is not None:
        refuse(
            rules.delay_error(delay, entry.fifo),
            f"Value {delay} for parameter DelaySeconds is invalid. Reason: "
            + (
                "The request include parameter that is not valid for this queue type."
                if entry.fifo
                else "DelaySeconds must be >= 0 and <= 900."
            ),
        )


def _check_attribute(name: str, value: Mapping[str, Any]) -> None:
    kind = value["DataType"].partition(".")[0]
    field = {"String": "StringValue", "Number": "StringValue", "Binary": "BinaryValue"}.get(kind)
    if field is None:
        raise Refused(
            rules.INVALID_VALUE,
            f"The type of message (user) attribute '{name}' is invalid. You must use only the "
            "following supported type prefixes: Binary, Number, String.",
        )
    if not value.get(field):
        raise Refused(
            rules.INVALID_VALUE,
            f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'.",
        )
    if kind == "Number" and not _is_number(value["StringValue"]):
        raise Refused(
            rules.INVALID_VALUE,
            f"Can't cast the value of message (user) attribute '{name}' to a number.",
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def deduplication_id(entry: QueueEntry, message: Parameters) -> str | None:
    """Return the id the queue compares: the sender's own, else the hash of the body."""
    own: str | None = message.get("MessageDeduplicationId")
    if own is None and entry.fifo:
        return content_id(message["MessageBody"])
    return own


def attribute_bytes(message: Parameters) -> int:
    """Return the bytes of body and attributes, as AWS counts them."""
    attributes = {
        name: (
            value["DataType"],
            as_bytes(value.get("StringValue") or value.get("BinaryValue", b"")),
        )
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return rules.size_of(message["MessageBody"], attributes)
