"""A message as ReceiveMessage shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgsim.cloud.account import Account, QueueEntry
from msgsim.cloud.identity import md5_hex, md5_of_attributes, short_name
from msgsim.cloud.letters import Letter
from msgsim.model.message import Delivery
from msgsim.services.sqs_queue.stored import Moved, Stored

SENDER = "AIDAMSGSIM00000000000"
FIRST_SEQUENCE = 18_850_000_000_000_000_000


def received(
    account: Account,
    entry: QueueEntry,
    delivery: Delivery,
    handle: str,
    asked: Mapping[str, Any],
) -> dict[str, Any]:
    """Return one entry of `Messages`, with the attributes that the receive asked for."""
    letter: Letter = delivery.message  # type: ignore[assignment]
    body = letter.body or ""
    found: dict[str, Any] = {
        "MessageId": letter.message_id,
        "ReceiptHandle": handle,
        "MD5OfBody": md5_hex(body),
        "Body": body,
    }
    names = [*asked.get("AttributeNames", ()), *asked.get("MessageSystemAttributeNames", ())]
    if names:
        everything = system_attributes(account, entry, delivery, letter)
        found["Attributes"] = {
            name: value for name, value in everything.items() if "All" in names or name in names
        }
    chosen = _chosen(letter.typed, asked.get("MessageAttributeNames", ()))
    if chosen:
        found["MD5OfMessageAttributes"] = md5_of_attributes(chosen)
        found["MessageAttributes"] = chosen
    return found


def system_attributes(
    account: Account, entry: QueueEntry, delivery: Delivery, letter: Letter
) -> dict[str, str]:
    """Return the system attributes of a message that was handed out."""
    copy: Stored = delivery.copy  # type: ignore[assignment]
    found = {
        "SenderId": SENDER,
        "ApproximateFirstReceiveTimestamp": account.timestamp_ms(copy.first_received_ns),
        "ApproximateReceiveCount": str(delivery.attempt),
        "SentTimestamp": account.timestamp_ms(copy.arrived_ns),
    }
    if letter.group is not None:
        found["MessageGroupId"] = letter.group
    if entry.fifo:
        moved = isinstance(copy, Moved)
        found["MessageDeduplicationId"] = (
            letter.message_id if moved else str(letter.deduplication_id)
        )
        found["SequenceNumber"] = sequence_number(copy.sequence)
    if letter.trace is not None:
        found["AWSTraceHeader"] = letter.trace
    if isinstance(copy, Moved) and copy.source is not None:
        found["DeadLetterQueueSourceArn"] = account.place.queue_arn(
            short_name(copy.source.name.partition("#")[0])
        )
    return found


def sequence_number(sequence: int) -> str:
    """Return a FIFO sequence number as 20 digits: it grows within a queue, with gaps."""
    return str(FIRST_SEQUENCE + 256 * sequence)


def _chosen(
    attributes: Mapping[str, Mapping[str, Any]], names: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    """Return the message attributes asked for: `All` and `.*` for all, `prefix.*` for some."""
    if "All" in names or ".*" in names:
        return dict(attributes)
    prefixes = tuple(name[:-1] for name in names if name.endswith(".*"))
    return {
        name: value
        for name, value in attributes.items()
        if name in names or (prefixes and name.startswith(prefixes))
    }
