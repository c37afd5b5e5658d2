"""What YAML may say about a queue, and what AWS would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

from msgsim.model.catalog import page_beside
from msgsim.model.service import Finding, Specs
from msgsim.model.spec import AwsNumber, Bool, RefTo, Spec, String

PAGE = page_beside(__file__, "sqs.queue.md")


class Redrive(Spec):
    """Where messages go that were received too often."""

    deadLetterTargetArn: Annotated[String, RefTo("sqs.queue")]  # noqa: N815 - AWS's spelling
    maxReceiveCount: Annotated[int, AwsNumber(PAGE, "maxReceiveCount")]  # noqa: N815


class QueueSpec(Spec):
    """Properties of `sqs.queue`, in AWS's spelling and units."""

    FifoQueue: Bool = False
    VisibilityTimeout: Annotated[int, AwsNumber(PAGE, "VisibilityTimeout")] = 30
    DelaySeconds: Annotated[int, AwsNumber(PAGE, "DelaySeconds")] = 0
    ReceiveMessageWaitTimeSeconds: Annotated[
        int, AwsNumber(PAGE, "ReceiveMessageWaitTimeSeconds")
    ] = 0
    MessageRetentionPeriod: Annotated[int, AwsNumber(PAGE, "MessageRetentionPeriod")] = 345_600
    MaximumMessageSize: Annotated[int, AwsNumber(PAGE, "MaximumMessageSize")] = 1_048_576
    RedrivePolicy: Redrive | None = None
    ContentBasedDeduplication: Bool | None = None
    DeduplicationScope: String | None = None
    FifoThroughputLimit: String | None = None


FIFO_ONLY = ("ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
CHOICES = {
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}

CODES = {
    "E202": "a FIFO-only property on a standard queue",
    "E203": "a dead-letter queue of the other type, or the queue itself",
    "E204": "a value that AWS does not know for this property",
    "E301": "a property that msgsim does not model yet",
}


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what CreateQueue and SetQueueAttributes would refuse."""
    queue = cast("QueueSpec", spec)
    yield from _fifo_only(name, queue)
    for attribute, allowed in CHOICES.items():
        value = getattr(queue, attribute)
        if value is not None and value not in allowed:
            yield Finding(
                "E204",
                f"AWS refuses this (InvalidAttributeValue): {attribute} is {value!r}",
                (attribute,),
                f"allowed: {' or '.join(allowed)}",
            )
    if queue.FifoThroughputLimit == "perMessageGroupId":
        yield Finding(
            "E301",
            "high-throughput FIFO (FifoThroughputLimit: perMessageGroupId) is not modelled yet",
            ("FifoThroughputLimit",),
            "leave it out: the queue then has the normal quota of 300 calls per second and action",
        )
    yield from _redrive(name, queue, specs)


def _fifo_only(name: str, queue: QueueSpec) -> Iterator[Finding]:
    if queue.FifoQueue:
        return
    for attribute in FIFO_ONLY:
        if getattr(queue, attribute) is not None:
            yield Finding(
                "E202",
                f"AWS refuses this (InvalidAttributeName): {attribute} is for FIFO queues, "
                f"and {name} is a standard queue",
                (attribute,),
                f"remove it (even as false), or add FifoQueue: true to {name}",
            )


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
