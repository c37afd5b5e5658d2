"""What SNS refuses about a publish, a batch or a subscription, as pure functions.

Each returns the refusal, or None. Codes and texts are those of the API model and of recorded AWS
answers; time, state and quotas live elsewhere. Sources: SNS API Reference, Publish, PublishBatch,
Subscribe; SNS Developer Guide, large-message-payloads.html, fifo-message-dedup.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgsim.model.catalog import page_beside
from msgsim.model.message import AttributeValue

_PAGE = page_beside(__file__, "sns.topic.md")
_SIZE = _PAGE.limit("MaximumMessageSize")

DEFAULT_BYTES = int(_SIZE.default)
SMALLEST_BYTES, LARGEST_BYTES = int(_SIZE.low), int(_SIZE.high)
LARGE_SUBSCRIPTIONS = int(_PAGE.quota("large_message_subscriptions"))
MAX_BATCH_ENTRIES = int(_PAGE.quota("batch_entries"))
LARGE_PROTOCOLS = ("sqs", "lambda", "firehose")
RAW_PROTOCOLS = ("sqs", "http", "https", "firehose")
PROTOCOLS = (
    "sqs",
    "lambda",
    "firehose",
    "http",
    "https",
    "email",
    "email-json",
    "sms",
    "application",
)
NO_CODE = "InvalidParameter"

_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TOKEN = re.compile(r"[!-~]{1,128}")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of AWS: the error code and the text that comes with it."""

    code: str
    message: str

    def __str__(self) -> str:
        """Return both, as a client library shows them."""
        return f"{self.code}: {self.message}"


def _invalid(reason: str) -> Refusal:
    return Refusal(NO_CODE, f"Invalid parameter: {reason}")


# Publishing -------------------------------------------------------------------------------------


def data_type(value: AttributeValue) -> str:
    """Return the data type under which a plain value travels."""
    if isinstance(value, list):
        return "String.Array"
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "Number" if numeric else "String"


def value_text(value: AttributeValue) -> str:
    """Return the text in which an attribute's value travels."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def message_bytes(body: str, attributes: Iterable[tuple[str, str, str | bytes]] = ()) -> int:
    """Return the bytes that SNS counts: the body, and name, data type and value of attributes.

    Args:
        body: the message.
        attributes: `(name, data type, value)` of each.
    """
    total = len(body.encode())
    for name, kind, value in attributes:
        octets = value.encode() if isinstance(value, str) else value
        total += len(name.encode()) + len(kind.encode()) + len(octets)
    return total


def check_size(size_bytes: int, largest_bytes: int) -> Refusal | None:
    """Refuse an empty or too long message; `size_bytes` counts body and attributes."""
    if size_bytes < 1:
        return _invalid("Empty message")
    return _invalid("Message too long") if size_bytes > largest_bytes else None


def check_subject(subject: str | None) -> Refusal | None:
    """Refuse a subject that is empty, longer than 100 characters, or not a single line."""
    if subject is None:
        return None
    plain = all(character.isprintable() for character in subject)
    return None if plain and 0 < len(subject) < 100 else _invalid("Subject")


def check_attribute_name(name: str) -> Refusal | None:
    """Refuse a name with other characters than `A-Za-z0-9_-.`, or with misplaced dots."""
    if len(name.encode()) <= 256 and _ATTRIBUTE_NAME.fullmatch(name):
        return None
    return Refusal(
        "ParameterValueInvalid",
        f"The message attribute name '{name}' is invalid: at most 256 characters of A-Z, a-z, "
        "0-9, underscore, hyphen and period, no period at the ends or twice in a row",
    )


def check_structure(message: str, structure: str | None) -> Refusal | None:
    """Refuse a `MessageStructure` of `json` without valid JSON or a `default` text."""
    if structure is None:
        return None
    if structure != "json":
        return _invalid("MessageStructure")
    try:
        found = json.loads(message)
    except ValueError:
        return _invalid("Message Structure - JSON message body failed to parse")
    if not isinstance(found, dict) or not isinstance(found.get("default"), str):
        return _invalid("Message Structure - No default entry in JSON message body")
    return None


def check_ids(
    fifo: bool, content_based: bool, group_id: str | None, deduplication_id: str | None
) -> Refusal | None:
    """Refuse what does not fit the topic's type: group and deduplication id.

    A standard topic takes a group id (it goes on to standard queues) but no deduplication id; a
    FIFO topic needs a group id, and a deduplication id unless it deduplicates by content.
    """
    for name, value in (
        ("MessageGroupId", group_id),
        ("MessageDeduplicationId", deduplication_id),
    ):
        if value is not None and not _TOKEN.fullmatch(value):
            return _invalid(
                f"{name} Reason: The request includes {name} parameter that is not valid: "
                "1 to 128 alphanumeric or punctuation characters"
            )
    if not fifo:
        if deduplication_id is None:
            return None
        return _invalid(
            "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter "
            "that is not valid for this topic type"
        )
    if group_id is None:
        return _invalid("The MessageGroupId parameter is required for FIFO topics")
    if deduplication_id is None and not content_based:
        return _invalid(
            "The topic should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )
    return None


def check_batch(
    ids: Sequence[str], sizes_bytes: Sequence[int], largest_bytes: int
) -> Refusal | None:
    """Refuse a batch as a whole: 1 to 10 entries, valid distinct ids, a limited total."""
    if not ids:
        return Refusal("EmptyBatchRequest", "The batch request doesn't contain any entries.")
    if len(ids) > MAX_BATCH_ENTRIES:
        return Refusal(
            "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible (more than 10).",
        )
    if any(not _ENTRY_ID.fullmatch(name) for name in ids):
        return Refusal(
            "InvalidBatchEntryId",
            "The Id of a batch entry in a batch request doesn't abide by the specification.",
        )
    if len(set(ids)) < len(ids):
        return Refusal(
            "BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id."
        )
    if sum(sizes_bytes) > largest_bytes:
        return Refusal(
            "BatchRequestTooLong",
            "The length of all the batch messages put together is more than the limit.",
        )
    return None


# Topics and subscriptions -----------------------------------------------------------------------


def check_topic_name(name: str, fifo: bool) -> Refusal | None:
    """Refuse a name that is too long, has odd characters, or whose ending belies the type."""
    bare = name.removesuffix(".fifo")
    fits = re.fullmatch(r"[A-Za-z0-9_-]+", bare) and len(name) <= 256
    return None if fits and name.endswith(".fifo") == fifo else _invalid("Topic Name")


def check_maximum_size(largest_bytes: int, protocols: Collection[str]) -> Refusal | None:
    """Refuse a `MaximumMessageSize` out of range, or too large for the topic's subscriptions.

    Above 256 KiB a topic has at most 100 subscriptions, all of them SQS, Lambda or Firehose.

    Args:
        largest_bytes: the value to be set, or in force.
        protocols: protocols of all subscriptions, a new one included.
    """
    if not SMALLEST_BYTES <= largest_bytes <= LARGEST_BYTES:
        return _invalid(
            f"MaximumMessageSize Reason: must be {SMALLEST_BYTES} to {LARGEST_BYTES} bytes"
        )
    if largest_bytes <= DEFAULT_BYTES:
        return None
    if len(protocols) > LARGE_SUBSCRIPTIONS:
        return _invalid(
            f"MaximumMessageSize Reason: above {DEFAULT_BYTES} bytes a topic has at most "
            f"{LARGE_SUBSCRIPTIONS} subscriptions"
        )
    odd = sorted(set(protocols) - set(LARGE_PROTOCOLS))
    if odd:
        return _invalid(
            f"MaximumMessageSize Reason: above {DEFAULT_BYTES} bytes a topic delivers to "
            f"{', '.join(LARGE_PROTOCOLS)} only, not to {', '.join(odd)}"
        )
    return None


def check_endpoint(protocol: str, fifo_topic: bool, fifo_queue: bool) -> Refusal | None:
    """Refuse a protocol that does not exist or does not fit the topic's type.

    Args:
        protocol: of the subscription.
        fifo_topic: whether the topic is FIFO: only queues subscribe to it.
        fifo_queue: whether the endpoint is a FIFO queue: it needs a FIFO topic.
    """
    if protocol not in PROTOCOLS:
        return _invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    if fifo_topic and protocol != "sqs":
        return _invalid(f"Protocol Reason: FIFO topics do not support protocol {protocol}")
    if fifo_queue and not fifo_topic:
        return _invalid(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to "
            "standard SNS topics"
        )
    return None


def check_raw(value: str, protocol: str) -> Refusal | None:
    """Refuse a `RawMessageDelivery` that is no boolean, or true where it is not offered."""
    if value.lower() not in ("true", "false"):
        return _invalid(f"RawMessageDelivery: Invalid value [{value}]. Must be true or false.")
    if value.lower() == "true" and protocol not in RAW_PROTOCOLS:
        return _invalid(f"Delivery protocol [{protocol}] does not support raw message delivery.")
    return None


def check_redrive(
    target: Mapping[str, object] | None, fifo_endpoint: bool, fifo_target: bool
) -> Refusal | None:
    """Refuse a subscription's dead-letter queue of another type than its endpoint.

    Args:
        target: the `RedrivePolicy`, as read from JSON.
        fifo_endpoint: whether the subscribed queue is FIFO.
        fifo_target: whether the dead-letter queue is FIFO.
    """
    if target is None:
        return None
    if not isinstance(target.get("deadLetterTargetArn"), str):
        return _invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")
    if fifo_endpoint and not fifo_target:
        return _invalid(
            "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."
        )
    if fifo_target and not fifo_endpoint:
        return _invalid("RedrivePolicy: must use a standard queue as DLQ for this Subscription.")
    return None
