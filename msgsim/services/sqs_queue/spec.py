"""What YAML may say about a queue, and what AWS would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, cast

from msgsim.model.service import Finding, Specs
from msgsim.model.spec import AwsNumber, Bool, RefTo, Spec, String, refs
from msgsim.services.sqs_queue.rules import (
    CHANGES,
    CHOICES,
    FIFO_ONLY,
    INVALID_ATTRIBUTE_VALUE,
    MAX_SOURCES,
    PAGE,
    PERMISSIONS,
    throughput_error,
)


class Redrive(Spec):
    """Where messages go that were received too often."""

    deadLetterTargetArn: Annotated[String, RefTo("sqs.queue")]  # noqa: N815 - AWS's spelling
    maxReceiveCount: Annotated[int, AwsNumber(PAGE, "maxReceiveCount")]  # noqa: N815


class RedriveAllow(Spec):
    """Which queues may name this one their dead-letter queue."""

    redrivePermission: String = "allowAll"  # noqa: N815 - AWS's spelling
    sourceQueueArns: tuple[String, ...] = ()  # noqa: N815


class QueueSpec(Spec):
    """Properties of `sqs.queue`, in AWS's spelling and units."""

    live: ClassVar[frozenset[str]] = frozenset(CHANGES)

    FifoQueue: Bool = False
    VisibilityTimeout: Annotated[int, AwsNumber(PAGE, "VisibilityTimeout")] = 30
    DelaySeconds: Annotated[int, AwsNumber(PAGE, "DelaySeconds")] = 0
    ReceiveMessageWaitTimeSeconds: Annotated[
        int, AwsNumber(PAGE, "ReceiveMessageWaitTimeSeconds")
    ] = 0
    MessageRetentionPeriod: Annotated[int, AwsNumber(PAGE, "MessageRetentionPeriod")] = 345_600
    MaximumMessageSize: Annotated[int, AwsNumber(PAGE, "MaximumMessageSize")] = 1_048_576
    RedrivePolicy: Redrive | None = None
    RedriveAllowPolicy: RedriveAllow | None = None
    ContentBasedDeduplication: Bool | None = None
    DeduplicationScope: String | None = None
    FifoThroughputLimit: String | None = None


CODES = {
    "E202": "a FIFO-only property on a standard queue",
    "E203": "a dead-letter queue of the other type, or the queue itself",
    "E204": "a value that AWS does not know for this property",
    "E205": "a dead-letter queue that does not allow its source, or a bad RedriveAllowPolicy",
    "E206": "high-throughput FIFO without deduplication per message group",
    "W341": "a queue that nobody consumes",
}

_SENDERS = {"to", "Endpoint"}
_OTHERS = {"deadLetterTargetArn", "TargetArn", "Destination", "slow", "down", "deny"}
_OPERATORS = {"purge", "cancel"}


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what CreateQueue and SetQueueAttributes would refuse."""
    queue = cast("QueueSpec", spec)
    yield from _fifo_only(name, queue)
    yield from _choices(queue)
    yield from _throughput(queue)
    yield from _allow_policy(queue)
    yield from _redrive(name, queue, specs)
    yield from _unconsumed(name, specs)


def _fifo_only(name: str, queue: QueueSpec) -> Iterator[Finding]:
    if queue.FifoQueue:
        return
    for attribute in FIFO_ONLY:
        if attribute != "FifoQueue" and getattr(queue, attribute) is not None:
            yield Finding(
                "E202",
                f"AWS refuses this (InvalidAttributeName): {attribute} is for FIFO queues, "
                f"and {name} is a standard queue",
                (attribute,),
                f"remove it (even as false), or add FifoQueue: true to {name}",
            )


def _choices(queue: QueueSpec) -> Iterator[Finding]:
    for attribute in ("DeduplicationScope", "FifoThroughputLimit"):
        value, allowed = getattr(queue, attribute), CHOICES[attribute]
        if value is not None and value not in allowed:
            yield Finding(
                "E204",
                f"AWS refuses this (InvalidAttributeValue): {attribute} is {value!r}",
                (attribute,),
                f"allowed: {' or '.join(allowed)}",
            )


def _throughput(queue: QueueSpec) -> Iterator[Finding]:
    if queue.FifoQueue and throughput_error(queue.DeduplicationScope, queue.FifoThroughputLimit):
        yield Finding(
            "E206",
            "AWS refuses this (InvalidAttributeValue): FifoThroughputLimit perMessageGroupId needs "
            "DeduplicationScope messageGroup (SQS API, CreateQueue)",
            ("FifoThroughputLimit",),
            "add DeduplicationScope: messageGroup; deduplication ids are then compared per group",
        )


def _allow_policy(queue: QueueSpec) -> Iterator[Finding]:
    policy = queue.RedriveAllowPolicy
    if policy is None:
        return
    permission, sources = policy.redrivePermission, policy.sourceQueueArns
    if permission not in PERMISSIONS:
        said, hint = f"redrivePermission is {permission!r}", f"allowed: {', '.join(PERMISSIONS)}"
    elif sources and permission != "byQueue":
        said, hint = f"sourceQueueArns with {permission}", "they go with redrivePermission byQueue"
    elif len(sources) > MAX_SOURCES:
        said, hint = f"{len(sources)} sourceQueueArns", f"at most {MAX_SOURCES}, or allowAll"
    else:
        return
    yield Finding(
        "E205",
        f"AWS refuses this ({INVALID_ATTRIBUTE_VALUE}): {said} (SQS API, SetQueueAttributes)",
        ("RedriveAllowPolicy",),
        hint,
    )


def _allows(policy: RedriveAllow | None, source: str) -> bool:
    if policy is None or policy.redrivePermission == "allowAll":
        return True
    return policy.redrivePermission == "byQueue" and source in policy.sourceQueueArns


def _redrive(name: str, queue: QueueSpec, specs: Specs) -> Iterator[Finding]:
    if queue.RedrivePolicy is None:
        return
    target = queue.RedrivePolicy.deadLetterTargetArn
    path = ("RedrivePolicy", "deadLetterTargetArn")
    other = specs.get(target)
    if target == name:
        yield Finding("E203", f"{name} is its own dead-letter queue", path, "name another queue")
    elif isinstance(other, QueueSpec) and other.FifoQueue != queue.FifoQueue:
        kinds = {True: "FIFO", False: "standard"}
        yield Finding(
            "E203",
            f"AWS refuses this (InvalidParameterValue): {name} is a {kinds[queue.FifoQueue]} "
            f"queue, its dead-letter queue {target} a {kinds[other.FifoQueue]} one",
            path,
            "a dead-letter queue has the type of its source: set FifoQueue alike on both",
        )
    elif isinstance(other, QueueSpec) and not _allows(other.RedriveAllowPolicy, name):
        yield Finding(
            "E205",
            f"AWS refuses this (InvalidParameterValue): the RedriveAllowPolicy of {target} does "
            f"not allow {name} as a source (SQS API, SetQueueAttributes)",
            path,
            f"list {name} in sourceQueueArns of {target} with byQueue, or use allowAll",
        )


def _unconsumed(name: str, specs: Specs) -> Iterator[Finding]:
    """Advise on a queue that is sent to, and which nobody receives from.

    Whoever names it without sending to it, or naming it as a dead-letter queue, counts as a
    consumer, and so does a message move task. Dead-letter queues may well fill up: that is what
    they are for.
    """
    uses = _uses_in(specs).get(name, ())
    consumed = any(use not in _SENDERS | _OTHERS | _OPERATORS for use in uses)
    if not consumed and any(use in _SENDERS for use in uses):
        yield Finding(
            "W341",
            f"nobody receives from {name}: its messages wait until their retention ends",
            (),
            f"add a worker.fleet with queue: {name}, or a mapping with EventSourceArn: {name}",
        )


class _LastUses:
    """What was found in the specs that were looked through last: every queue of them asks."""

    specs: Specs | None = None
    found: dict[str, list[str]] = {}


def _uses_in(specs: Specs) -> dict[str, list[str]]:
    """Return, by name, under which properties it is named, in one walk over all specs."""
    if _LastUses.specs is not specs:
        found: dict[str, list[str]] = {}
        for spec in specs.values():
            for path, target, _ in refs(spec):
                use = next(step for step in reversed(path) if isinstance(step, str))
                found.setdefault(target, []).append(use)
        _LastUses.specs, _LastUses.found = specs, found
    return _LastUses.found
