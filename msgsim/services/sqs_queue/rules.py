"""What SQS refuses before it looks at a queue: pure functions, AWS's error codes as answers.

Each returns None where AWS accepts. Numbers come from the page; sources are the page's. The queue
itself asks only for sizes; everything that depends on how a call is written (empty bodies,
characters, ids) is asked by whoever takes calls by hand.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from msgsim.model.catalog import Page, page_beside

PAGE: Page = page_beside(__file__, "sqs.queue.md")

MAX_MESSAGE_BYTES: int = PAGE.limit("MaximumMessageSize").default
MAX_BATCH_BYTES: int = PAGE.quota("batch_bytes")
MAX_BATCH_ENTRIES: int = PAGE.quota("batch_entries")
MAX_ATTRIBUTES: int = PAGE.quota("message_attributes")
BACK_OF_QUEUE_RECEIVES: int = PAGE.quota("back_of_queue_receives")
SCAN_WINDOW: int = PAGE.quota("scan_window")
IN_FLIGHT_LIMIT: int = PAGE.quota("in_flight_messages")
REQUEST_BYTES: int = PAGE.billed("request_bytes")

_NS_PER_S = 1_000_000_000
MAX_VISIBILITY_NS: int = PAGE.limit("VisibilityTimeout").high * _NS_PER_S
DEFAULT_RETENTION_NS: int = PAGE.limit("MessageRetentionPeriod").default * _NS_PER_S
DEDUPLICATION_NS: int = PAGE.quota("deduplication_interval") * _NS_PER_S
PURGE_INTERVAL_NS: int = PAGE.quota("purge_interval") * _NS_PER_S

INVALID_VALUE = "InvalidParameterValue"
MISSING = "MissingParameter"
INVALID_CONTENTS = "InvalidMessageContents"
INVALID_ATTRIBUTE_NAME = "InvalidAttributeName"
INVALID_ATTRIBUTE_VALUE = "InvalidAttributeValue"
NOT_FOUND = "ResourceNotFoundException"
PREFIX = "AWS.SimpleQueueService."
EMPTY_BATCH = f"{PREFIX}EmptyBatchRequest"
TOO_MANY_ENTRIES = f"{PREFIX}TooManyEntriesInBatchRequest"
BATCH_TOO_LONG = f"{PREFIX}BatchRequestTooLong"
IDS_NOT_DISTINCT = f"{PREFIX}BatchEntryIdsNotDistinct"
INVALID_ENTRY_ID = f"{PREFIX}InvalidBatchEntryId"
PURGE_IN_PROGRESS = f"{PREFIX}PurgeQueueInProgress"

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ID = re.compile(r"[!-~]{1,128}")  # letters, digits and all ASCII punctuation, no blank
FIFO_SUFFIX = ".fifo"
FIFO_ONLY = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
CHANGES = {
    "VisibilityTimeout": ("visibility_ns", _NS_PER_S),
    "DelaySeconds": ("delay_ns", _NS_PER_S),
    "MessageRetentionPeriod": ("retention_ns", _NS_PER_S),
    "MaximumMessageSize": ("max_message_bytes", 1),
    "ContentBasedDeduplication": ("content_based", 1),
}
"""Attributes that SetQueueAttributes changes on a live queue: our name, and our units in one."""

CHOICES = {
    "FifoQueue": ("true",),
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
PERMISSIONS = ("allowAll", "denyAll", "byQueue")
MAX_SOURCES: int = PAGE.quota("redrive_allow_sources")


# Messages ---------------------------------------------------------------------------------------


def size_of(body: str, attributes: Mapping[str, tuple[str, str | bytes]] = {}) -> int:
    """Return a message's size in bytes: body, and name, type and value of every attribute.

    System attributes are not counted (QUOTAS).

    Args:
        body: the text.
        attributes: name → (data type, value).
    """
    total = len(body.encode())
    for name, (kind, value) in attributes.items():
        total += len(name.encode()) + len(kind.encode())
        total += len(value if isinstance(value, bytes) else value.encode())
    return total


def body_error(body: str) -> str | None:
    """Refuse an empty body, and characters that XML 1.0 does not allow (API SendMessage)."""
    if not body:
        return MISSING
    return INVALID_CONTENTS if _FORBIDDEN.search(body) else None


def size_error(size_bytes: int, maximum_bytes: int = MAX_MESSAGE_BYTES) -> str | None:
    """Refuse a message larger than `MaximumMessageSize`; exactly that size is accepted."""
    return INVALID_VALUE if size_bytes > maximum_bytes else None


def attributes_error(names: Collection[str]) -> str | None:
    """Refuse more than ten message attributes, and names longer than 256 characters (QUOTAS)."""
    if len(names) > MAX_ATTRIBUTES or any(not 0 < len(name) <= 256 for name in names):
        return INVALID_VALUE
    return None


def delay_error(seconds: int, fifo: bool = False) -> str | None:
    """Refuse a message's own `DelaySeconds` outside 0 to 900, on FIFO queues any but 0."""
    limit = PAGE.limit("DelaySeconds")
    most = 0 if fifo else limit.high
    return None if limit.low <= seconds <= most else INVALID_VALUE


def group_id_error(group_id: str | None, fifo: bool, in_batch: bool = False) -> str | None:
    """Refuse a bad `MessageGroupId`, and on FIFO queues a missing one.

    A missing one in a batch refuses the whole request.
    """
    if group_id is None:
        missing = INVALID_VALUE if in_batch else MISSING
        return missing if fifo else None
    return None if _ID.fullmatch(group_id) else INVALID_VALUE


def deduplication_id_error(name: str | None, fifo: bool, content_based: bool) -> str | None:
    """Refuse a bad `MessageDeduplicationId`, and a missing one without content-based ids."""
    if name is None:
        return INVALID_VALUE if fifo and not content_based else None
    return None if fifo and _ID.fullmatch(name) else INVALID_VALUE


# Calls ------------------------------------------------------------------------------------------


def batch_error(entries: int, total_bytes: int = 0) -> str | None:
    """Refuse a whole batch request for its number of entries or its size together."""
    if entries == 0:
        return EMPTY_BATCH
    if entries > MAX_BATCH_ENTRIES:
        return TOO_MANY_ENTRIES
    return BATCH_TOO_LONG if total_bytes > MAX_BATCH_BYTES else None


def entry_ids_error(ids: Sequence[str]) -> str | None:
    """Refuse a whole batch request for the ids of its entries."""
    if len(set(ids)) < len(ids):
        return IDS_NOT_DISTINCT
    return None if all(_ENTRY_ID.fullmatch(each) for each in ids) else INVALID_ENTRY_ID


def receive_error(
    limit: int = 1,
    wait_s: int = 0,
    visibility_s: int | None = None,
    attempt_id: str | None = None,
) -> str | None:
    """Refuse what ReceiveMessage does not take: 1 to 10 messages, 0 to 20 s, 0 to 12 h."""
    longest = PAGE.limit("ReceiveMessageWaitTimeSeconds").high
    in_range = 1 <= limit <= MAX_BATCH_ENTRIES and 0 <= wait_s <= longest
    if not in_range or (attempt_id is not None and not _ID.fullmatch(attempt_id)):
        return INVALID_VALUE
    return None if visibility_s is None else visibility_error(visibility_s)


def visibility_error(seconds: int) -> str | None:
    """Refuse a visibility timeout outside 0 to 43,200 s."""
    limit = PAGE.limit("VisibilityTimeout")
    return None if limit.low <= seconds <= limit.high else INVALID_VALUE


# Queues -----------------------------------------------------------------------------------------


def queue_name_error(name: str, fifo: bool) -> str | None:
    """Refuse a queue name: 1 to 80 characters; `.fifo` ends FIFO names, and only those."""
    stem = name.removesuffix(FIFO_SUFFIX)
    right = fifo == (stem != name) and bool(_QUEUE_NAME.fullmatch(stem)) and len(name) <= 80
    return None if right else INVALID_VALUE


def attribute_error(name: str, value: str, fifo: bool) -> str | None:
    """Refuse a queue attribute as CreateQueue does: unknown, FIFO-only, or out of range.

    Policies (`RedrivePolicy`, `RedriveAllowPolicy`) are the business of `redrive`.
    """
    if name in FIFO_ONLY:
        if not fifo:
            return INVALID_ATTRIBUTE_NAME
        return None if value in CHOICES[name] else INVALID_ATTRIBUTE_VALUE
    if name not in PAGE.data["limits"] or name[:1].islower():
        return INVALID_ATTRIBUTE_NAME
    limit = PAGE.limit(name)
    whole = re.fullmatch(r"[0-9]{1,9}", value)
    return None if whole and limit.low <= int(value) <= limit.high else INVALID_ATTRIBUTE_VALUE


def throughput_error(scope: str | None, throughput_limit: str | None) -> str | None:
    """Refuse `perMessageGroupId` without the deduplication scope `messageGroup` (API)."""
    per_group = throughput_limit == "perMessageGroupId"
    return INVALID_ATTRIBUTE_VALUE if per_group and scope != "messageGroup" else None


def allow_policy_error(permission: str, sources: Collection[str]) -> str | None:
    """Refuse a `RedriveAllowPolicy`: a permission unknown, or queues listed without `byQueue`."""
    if permission not in PERMISSIONS or len(sources) > MAX_SOURCES:
        return INVALID_ATTRIBUTE_VALUE
    return INVALID_ATTRIBUTE_VALUE if sources and permission != "byQueue" else None
