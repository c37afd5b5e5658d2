"""Queue attributes: what may be set, what they mean for the component, what is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgsim.cloud.account import Account, QueueEntry
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import short_name
from msgsim.kernel.simulation import NS_PER_S
from msgsim.services.sqs_queue import rules

NUMBERS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
}
POLICIES = ("RedrivePolicy", "RedriveAllowPolicy")
KEPT = ("Policy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
"""Attributes about access and encryption: kept and shown, without effect."""

FIFO_DEFAULTS = {
    "FifoQueue": "true",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
    "ContentBasedDeduplication": "false",
}
COUNTERS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
SHOWN = (
    "All",
    "QueueArn",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    *COUNTERS,
    *NUMBERS,
    *POLICIES,
    *KEPT,
    *FIFO_DEFAULTS,
)


def check_attributes(given: Mapping[str, str], fifo: bool) -> None:
    """Refuse attributes that AWS would refuse.

    Raises:
        Refused: an unknown one, one of the other queue type, or a value out of range.
    """
    for name, value in given.items():
        if name in KEPT or name in POLICIES:
            continue
        code = rules.attribute_error(name, value, fifo)
        if code == rules.INVALID_ATTRIBUTE_NAME:
            raise Refused(code, f"Unknown Attribute {name}.")
        if code is not None:
            raise Refused(code, f"Invalid value for the parameter {name}.")


def check_throughput(attributes: Mapping[str, str]) -> None:
    """Refuse a throughput limit that does not go with the deduplication scope.

    Raises:
        Refused: `perMessageGroupId` without `messageGroup`.
    """
    scope, limit = attributes.get("DeduplicationScope"), attributes.get("FifoThroughputLimit")
    code = rules.throughput_error(scope, limit)
    if code is not None:
        raise Refused(code, "Invalid value for the parameter FifoThroughputLimit.")


def specified(attributes: Mapping[str, str]) -> dict[str, Any]:
    """Return the part of the attributes that a `sqs.queue` in YAML would name."""
    names = (*NUMBERS, *FIFO_DEFAULTS)
    return {name: attributes[name] for name in names if name in attributes}


def apply_numbers(entry: QueueEntry, given: Mapping[str, str]) -> None:
    """Let changed numbers take effect at once."""
    fields = {
        "visibility_ns": ("VisibilityTimeout", NS_PER_S),
        "delay_ns": ("DelaySeconds", NS_PER_S),
        "retention_ns": ("MessageRetentionPeriod", NS_PER_S),
        "max_message_bytes": ("MaximumMessageSize", 1),
    }
    entry.queue.set_attributes(
        **{
            field: int(given[name]) * unit
            for field, (name, unit) in fields.items()
            if name in given
        }
    )


def apply_policies(account: Account, entry: QueueEntry, given: Mapping[str, str]) -> None:
    """Set or, where the value is empty, remove the redrive policies.

    Raises:
        Refused: a policy that AWS would refuse.
    """
    if "RedriveAllowPolicy" in given:
        _apply_allow_policy(account, entry, given["RedriveAllowPolicy"])
    if "RedrivePolicy" in given:
        _apply_redrive(account, entry, given["RedrivePolicy"])


def _apply_redrive(account: Account, entry: QueueEntry, text: str) -> None:
    if not text:
        entry.queue.set_redrive(None, None)
        return
    policy = _document("RedrivePolicy", text, rules.INVALID_VALUE)
    target, count = policy.get("deadLetterTargetArn"), policy.get("maxReceiveCount")
    if target is None or count is None:
        missing = "deadLetterTargetArn" if target is None else "maxReceiveCount"
        raise _bad_redrive(text, f"Redrive policy does not contain mandatory attribute: {missing}.")
    if not str(count).isdecimal() or not 1 <= int(count) <= 1_000:
        raise _bad_redrive(text, "Invalid value for maxReceiveCount: must be 1 to 1000.")
    found = account.queues.get(short_name(str(target)))
    if found is None:
        raise _bad_redrive(text, "Dead letter target does not exist.")
    if entry.queue.set_redrive(found.queue, int(count)) is not None:
        raise _bad_redrive(
            text, "Dead-letter queue must be of the same type as the source and allow it."
        )


def _bad_redrive(text: str, why: str) -> Refused:
    return Refused(
        rules.INVALID_VALUE, f"Value {text} for parameter RedrivePolicy is invalid. Reason: {why}"
    )


def _apply_allow_policy(account: Account, entry: QueueEntry, text: str) -> None:
    policy = _document("RedriveAllowPolicy", text or "{}", rules.INVALID_ATTRIBUTE_VALUE)
    sources = [str(arn) for arn in policy.get("sourceQueueArns", ())]
    names = [
        account.queues[name].queue.name if name in account.queues else name
        for name in map(short_name, sources)
    ]
    permission = str(policy.get("redrivePermission", "allowAll"))
    if entry.queue.set_allow_policy(permission, names) is not None:
        raise Refused(
            rules.INVALID_ATTRIBUTE_VALUE, "Invalid value for the parameter RedriveAllowPolicy."
        )


def _document(name: str, text: str, code: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused(code, f"Value {text} for parameter {name} is invalid. Reason: not JSON.")
    return found


def shown(entry: QueueEntry, names: list[str]) -> dict[str, str]:
    """Return the attributes asked for, `All` or by name.

    Raises:
        Refused: a name that SQS does not know.
    """
    for name in names:
        if name not in SHOWN:
            raise Refused(rules.INVALID_ATTRIBUTE_NAME, f"Unknown Attribute {name}.")
    everything = {
        "QueueArn": entry.arn,
        **dict(zip(COUNTERS, map(str, entry.queue.counters()), strict=True)),
        "CreatedTimestamp": str(entry.created_s),
        "LastModifiedTimestamp": str(entry.modified_s),
        **entry.attributes,
    }
    if "All" in names:
        return everything
    return {name: everything[name] for name in names if name in everything}
