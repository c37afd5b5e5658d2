"""What moves: a message, a consumer's copy of it, and each attempt to hand the copy over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AttributeValue = str | int | float | bool | list[Any]

NO_ATTRIBUTES: Mapping[str, AttributeValue] = {}

NUMBERS_PER_WORKLOAD = 1 << 40
"""How many numbers a workload has for its messages; where they begin follows from its name."""


class Key:
    """The identity by which order is judged: one key of one workload.

    It is the Kinesis partition key and the FIFO message group of its messages.

    Attributes:
        name: the text of the key.
        workload: name of the workload that draws it.
        issued: how many messages of the key have been published so far.
    """

    __slots__ = ("issued", "name", "workload")

    def __init__(self, name: str, workload: str = "") -> None:
        self.name = name
        self.workload = workload
        self.issued = 0

    def __repr__(self) -> str:
        return f"<Key {self.name}>"


class Message:
    """A message (entity, job): fixed once published.

    Attributes:
        number: unique in the run; it picks the message's own random draws.
        key: the identity by which order is judged.
        rank: 0, 1, 2 … within its key, in order of publication.
        born_ns: when the publisher first tried to send it.
        size_bytes: body plus attributes, as AWS counts them.
        attributes: message attributes, read by filter policies.
        body: the text, where a scenario gives one.
        deduplication_id: what FIFO targets compare; None leaves it to them.
        grouped: whether the key is sent as `MessageGroupId` to standard queues as well.
        tries: how often the publisher sent it; above 1 a second copy may exist.
    """

    __slots__ = (
        "attributes",
        "body",
        "born_ns",
        "deduplication_id",
        "grouped",
        "key",
        "number",
        "rank",
        "size_bytes",
        "tries",
    )

    def __init__(
        self,
        number: int,
        key: Key,
        rank: int,
        born_ns: int,
        size_bytes: int = 1024,
        attributes: Mapping[str, AttributeValue] = NO_ATTRIBUTES,
        body: str | None = None,
        deduplication_id: str | None = None,
        grouped: bool = False,
    ) -> None:
        self.number = number
        self.key = key
        self.rank = rank
        self.born_ns = born_ns
        self.size_bytes = size_bytes
        self.attributes = attributes
        self.body = body
        self.deduplication_id = deduplication_id
        self.grouped = grouped
        self.tries = 1

    @property
    def label(self) -> str:
        """What people call it: its workload and the place in it, from 1: `Shop#17`."""
        return f"{self.key.workload}#{self.number % NUMBERS_PER_WORKLOAD + 1}"

    def __repr__(self) -> str:
        return f"<Message {self.number} key={self.key.name} rank={self.rank}>"


class Copy:
    """One subscriber's copy of a message.

    Attributes:
        message: what it is a copy of.
        arrived_ns: when the subscriber (queue, stream consumer, function) got it.
        receives: how often it has been handed out.
        first_received_ns: when it was handed out first, or -1.
        starts: how often a consumer began to process it (a throttled invocation does not).
        completions: how often a consumer finished processing it with success.
        gone: True once it was dead-lettered, expired or given up.
        ghost: True while a deleted copy is back from a replica.
    """

    __slots__ = (
        "arrived_ns",
        "completions",
        "first_received_ns",
        "ghost",
        "gone",
        "message",
        "receives",
        "starts",
    )

    def __init__(self, message: Message, arrived_ns: int) -> None:
        self.message = message
        self.arrived_ns = arrived_ns
        self.receives = 0
        self.first_received_ns = -1
        self.starts = 0
        self.completions = 0
        self.gone = False
        self.ghost = False


class Delivery:
    """One attempt to hand a copy over (a visit, a service attempt); it is the receipt handle.

    Attributes:
        copy: the copy handed over.
        message: shortcut to `copy.message`.
        attempt: 1 for the first hand-over of this copy.
        received_ns: when it was handed over.
        deadline_ns: when the visibility timeout of this receipt ends (queues only, else -1).
    """

    __slots__ = ("attempt", "copy", "deadline_ns", "message", "received_ns")

    def __init__(self, copy: Copy, attempt: int, received_ns: int, deadline_ns: int = -1) -> None:
        self.copy = copy
        self.message = copy.message
        self.attempt = attempt
        self.received_ns = received_ns
        self.deadline_ns = deadline_ns

    def __repr__(self) -> str:
        return f"<Delivery of {self.message.number}, attempt {self.attempt}>"
