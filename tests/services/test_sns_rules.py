"""What SNS refuses about publishes, topics and subscriptions, with AWS's words.

Sources: SNS API Reference (Publish, PublishBatch, CreateTopic, Subscribe), and answers of AWS that
were recorded in public test suites.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.services.sns import rules
from msgsim.services.sns.rules import Refusal


def told(refusal: Refusal | None) -> str:
    return "" if refusal is None else str(refusal)


@given(body=st.text(max_size=40), name=st.text(max_size=10), value=st.binary(max_size=10))
def test_sizes_count_bytes_of_body_names_types_and_values(
    body: str, name: str, value: bytes
) -> None:
    size = rules.message_bytes(body, [(name, "Binary", value)])
    assert size == len(body.encode()) + len(name.encode()) + len("Binary") + len(value)


@pytest.mark.parametrize(
    ("subject", "fits"),
    [
        (None, True),
        ("Hello", True),
        ("x" * 99, True),
        ("x" * 100, False),
        ("", False),
        ("two\nlines", False),
    ],
)
def test_subjects(subject: str | None, fits: bool) -> None:
    """Shorter than 100 characters, one line, not empty."""
    assert (rules.check_subject(subject) is None) == fits


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("store", True),
        ("a.b-c_d", True),
        (".a", False),
        ("a.", False),
        ("a..b", False),
        ("a b", False),
        ("x" * 257, False),
    ],
)
def test_attribute_names(name: str, fits: bool) -> None:
    refusal = rules.check_attribute_name(name)
    assert (refusal is None) == fits
    assert refusal is None or refusal.code == "ParameterValueInvalid"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('{"default": "x", "sqs": "y"}', ""),
        ('{"sqs": "y"}', "No default entry in JSON message body"),
        ('{"default": 1}', "No default entry"),
        ("[]", "No default entry"),
        ("{", "JSON message body failed to parse"),
    ],
)
def test_message_structure_json_needs_a_default(message: str, expected: str) -> None:
    found = told(rules.check_structure(message, "json"))
    assert expected in found and bool(found) == bool(expected)
    assert rules.check_structure("anything", None) is None


@pytest.mark.parametrize("name", ["MessageGroupId", "MessageDeduplicationId"])
@pytest.mark.parametrize("value", ["", "x" * 129, "a b", "ü"])
def test_ids_are_short_and_plain(name: str, value: str) -> None:
    """At most 128 alphanumeric or ASCII punctuation characters."""
    group, deduplication = (value, "d") if name == "MessageGroupId" else ("g", value)
    assert name in told(rules.check_ids(True, False, group, deduplication))


@pytest.mark.parametrize(
    ("name", "fifo", "fits"),
    [
        ("orders", False, True),
        ("orders.fifo", True, True),
        ("orders", True, False),
        ("orders.fifo", False, False),
        ("or.ders", False, False),
        ("x" * 257, False, False),
    ],
)
def test_topic_names(name: str, fifo: bool, fits: bool) -> None:
    expected = "" if fits else "InvalidParameter: Invalid parameter: Topic Name"
    assert told(rules.check_topic_name(name, fifo)) == expected


@pytest.mark.parametrize(
    ("size", "protocols", "fits"),
    [
        (1_024, [], True),
        (1_023, [], False),
        (1_048_576, ["sqs", "lambda", "firehose"], True),
        (1_048_577, [], False),
        (262_144, ["email"] * 500, True),
        (262_145, ["email"], False),
        (262_145, ["sqs"] * 100, True),
        (262_145, ["sqs"] * 101, False),
    ],
)
def test_maximum_message_size_and_its_topology(size: int, protocols: list[str], fits: bool) -> None:
    """Above 256 KiB: at most 100 subscriptions, SQS, Lambda and Firehose only
    (large-message-payloads.html).
    """
    assert (rules.check_maximum_size(size, protocols) is None) == fits


@pytest.mark.parametrize(
    ("protocol", "fifo_topic", "fifo_queue", "text"),
    [
        ("sqs", True, True, ""),
        ("sqs", True, False, ""),
        ("sqs", False, True, "FIFO SQS Queues can not be subscribed to standard SNS topics"),
        ("lambda", True, False, "FIFO topics do not support protocol lambda"),
        ("carrier-pigeon", False, False, "does not support this protocol string"),
    ],
)
def test_endpoints(protocol: str, fifo_topic: bool, fifo_queue: bool, text: str) -> None:
    found = told(rules.check_endpoint(protocol, fifo_topic, fifo_queue))
    assert text in found and bool(found) == bool(text)


def test_raw_delivery() -> None:
    assert rules.check_raw("true", "sqs") is None
    assert rules.check_raw("false", "lambda") is None
    assert "Must be true or false" in told(rules.check_raw("yes", "sqs"))
    assert "does not support raw" in told(rules.check_raw("true", "lambda"))


@pytest.mark.parametrize(
    ("policy", "fifo_endpoint", "fifo_target", "text"),
    [
        (None, True, False, ""),
        ({"deadLetterTargetArn": "a"}, False, False, ""),
        ({}, False, False, "deadLetterTargetArn is an invalid arn"),
        ({"deadLetterTargetArn": "a"}, True, False, "must use a FIFO queue as DLQ"),
        ({"deadLetterTargetArn": "a"}, False, True, "must use a standard queue as DLQ"),
    ],
)
def test_dead_letter_queues(
    policy: dict[str, Any] | None, fifo_endpoint: bool, fifo_target: bool, text: str
) -> None:
    found = told(rules.check_redrive(policy, fifo_endpoint, fifo_target))
    assert text in found and bool(found) == bool(text)
