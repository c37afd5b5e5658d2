"""What SQS refuses before it looks at a queue: codes as in AWS's tests and API reference."""

from __future__ import annotations

import pytest

from msgsim.services.sqs_queue import rules

BATCH = "AWS.SimpleQueueService."


def test_the_size_of_a_message_counts_body_and_attributes_in_bytes() -> None:
    """Name, type and value of each attribute, UTF-8 (quotas page)."""
    assert rules.size_of("é") == 2
    assert rules.size_of("body", {"Name": ("String", "välue"), "N": ("Binary", b"\x00\x01")}) == (
        4 + 4 + 6 + 6 + 1 + 6 + 2
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("x", None),
        ("\t\n\r \ud7ff\ue000\ufffd\U00010000\U0010ffff", None),
        ("", "MissingParameter"),
        ("\x00", "InvalidMessageContents"),
        ("a\x0bb", "InvalidMessageContents"),
        ("\ufffe", "InvalidMessageContents"),
    ],
)
def test_bodies(body: str, code: str | None) -> None:
    """At least one character, all of XML 1.0 (SQS API SendMessage)."""
    assert rules.body_error(body) == code


@pytest.mark.parametrize(
    ("seconds", "fifo", "code"),
    [
        (0, False, None),
        (900, False, None),
        (901, False, "InvalidParameterValue"),
        (-1, False, "InvalidParameterValue"),
        (0, True, None),
        (1, True, "InvalidParameterValue"),
    ],
)
def test_delays(seconds: int, fifo: bool, code: str | None) -> None:
    """0 to 900 s; FIFO messages have none of their own."""
    assert rules.delay_error(seconds, fifo) == code


@pytest.mark.parametrize(
    ("group", "fifo", "in_batch", "code"),
    [
        ("g", True, False, None),
        ("g" * 128, False, False, None),
        ("g" * 129, True, False, "InvalidParameterValue"),
        ("", False, False, "InvalidParameterValue"),
        ("a b", False, False, "InvalidParameterValue"),
        ("!~{}", True, False, None),
        (None, False, False, None),
        (None, True, False, "MissingParameter"),
        (None, True, True, "InvalidParameterValue"),
    ],
)
def test_group_ids(group: str | None, fifo: bool, in_batch: bool, code: str | None) -> None:
    """1 to 128 characters without a blank, required on FIFO queues (S20)."""
    assert rules.group_id_error(group, fifo, in_batch) == code


@pytest.mark.parametrize(
    ("name", "fifo", "content_based", "code"),
    [
        (None, True, True, None),
        (None, True, False, "InvalidParameterValue"),
        ("x", True, False, None),
        ("x y", True, False, "InvalidParameterValue"),
        (None, False, False, None),
    ],
)
def test_deduplication_ids(name: str | None, fifo: bool, content_based: bool, code: str | None):
    """Required unless the queue takes the body's hash (S20)."""
    assert rules.deduplication_id_error(name, fifo, content_based) == code


def test_batches() -> None:
    """Whole requests are refused for their entries, ids and size (S20)."""
    assert rules.batch_error(0) == f"{BATCH}EmptyBatchRequest"
    assert rules.batch_error(11) == f"{BATCH}TooManyEntriesInBatchRequest"
    assert rules.batch_error(10, 1_048_577) == f"{BATCH}BatchRequestTooLong"
    assert rules.batch_error(10, 1_048_576) is None
    assert rules.entry_ids_error(["a", "b-_9"]) is None
    assert rules.entry_ids_error(["a", "a"]) == f"{BATCH}BatchEntryIdsNotDistinct"
    for bad in ("", "a b", "x" * 81, "é"):
        assert rules.entry_ids_error([bad]) == f"{BATCH}InvalidBatchEntryId"


def test_attributes_of_messages() -> None:
    """Ten at most, names of up to 256 characters (quotas page)."""
    assert rules.attributes_error([str(n) for n in range(10)]) is None
    assert rules.attributes_error([str(n) for n in range(11)]) == "InvalidParameterValue"
    assert rules.attributes_error(["x" * 257]) == "InvalidParameterValue"


def test_receives() -> None:
    """1 to 10 messages, 0 to 20 s, timeouts up to 12 h, attempt ids up to 128 characters."""
    assert rules.receive_error(10, 20, 43_200, "x" * 128) is None
    for bad in ((0,), (11,), (1, -1), (1, 21), (1, 0, -1), (1, 0, 43_201), (1, 0, 0, "x" * 129)):
        assert rules.receive_error(*bad) == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("name", "fifo", "good"),
    [
        ("orders", False, True),
        ("orders.fifo", True, True),
        ("orders.fifo", False, False),
        ("orders", True, False),
        ("x" * 75 + ".fifo", True, True),
        ("x" * 76 + ".fifo", True, False),
        ("a.b", False, False),
        ("", False, False),
    ],
)
def test_queue_names(name: str, fifo: bool, good: bool) -> None:
    """Up to 80 characters with the suffix (SQS API CreateQueue)."""
    assert rules.queue_name_error(name, fifo) == (None if good else "InvalidParameterValue")


@pytest.mark.parametrize(
    ("name", "value", "fifo", "code"),
    [
        ("VisibilityTimeout", "43200", False, None),
        ("VisibilityTimeout", "43201", False, "InvalidAttributeValue"),
        ("DelaySeconds", "-1", False, "InvalidAttributeValue"),
        ("MessageRetentionPeriod", "59", False, "InvalidAttributeValue"),
        ("MaximumMessageSize", "1023", False, "InvalidAttributeValue"),
        ("MaximumMessageSize", "many", False, "InvalidAttributeValue"),
        ("Colour", "1", False, "InvalidAttributeName"),
        ("maxReceiveCount", "1", False, "InvalidAttributeName"),
        ("FifoQueue", "false", False, "InvalidAttributeName"),
        ("FifoQueue", "false", True, "InvalidAttributeValue"),
        ("DeduplicationScope", "queue", False, "InvalidAttributeName"),
        ("DeduplicationScope", "queue", True, None),
        ("DeduplicationScope", "all", True, "InvalidAttributeValue"),
    ],
)
def test_queue_attributes(name: str, value: str, fifo: bool, code: str | None) -> None:
    """Ranges of the page; FIFO-only attributes are unknown to standard queues (S20)."""
    assert rules.attribute_error(name, value, fifo) == code
