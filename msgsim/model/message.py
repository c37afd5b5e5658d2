"""What moves: a message, a consumer's copy of it, and each attempt to hand the copy over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
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
        sent_once: whether its workload never sends what a target has taken a second time.
    """

    __slots__ = ("issued", "name", "sent_once", "workload")

    def __init__(self, name: str, workload: str = "") -> None:
        self.name = name
        self.workload = workload
        self.issued = 0
        self.sent_once = False

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

    explicit_hash_key: str | None = None
    """Where in a stream's hash space it is put, in decimal; None lets the key decide."""

    @property
    def label(self) -> str:
        """What people call it: its workload and the place in it, from 1: `Shop#17`."""
        return f"{self.key.workload}#{self.number % NUMBERS_PER_WORKLOAD + 1}"

    def __repr__(self) -> str:
        return f"<Message {self.number} key={self.key.name} rank={self.rank}>"


class PlacedMessage(Message):
    """A message whose producer says where in a stream's hash space it is put."""

    __slots__ = ("explicit_hash_key",)


def placed(message: Message, hash_key: str | None) -> Message:
    """Return a message of a kind that carries an explicit hash key, which few do."""
    made: Any = _copied(message, PlacedMessage)
    made.explicit_hash_key = hash_key
    found: Message = made
    return found


@dataclass(frozen=True, slots=True)
class Redrive:
    """Where a message comes from that a message move task sent anew.

    Attributes:
        given_up_by: names of the queues that had dead-lettered it undone.
        origin: what the message was called before it was moved.
    """

    given_up_by: frozenset[str] = frozenset()
    origin: str = ""


def redriven(message: Message, number: int, redrive: Redrive) -> Message:
    """Return the new message of a message move task: same key, rank and birth, another number.

    Whoever judges it sees the same piece of work come back; `redrive_of` tells where from.
    """
    made = _copied(message, _redriven_kind(type(message)))  # type: ignore[arg-type]
    made.number = number
    made.redrive = redrive  # type: ignore[attr-defined]
    return made


def _copied(message: Message, kind: type[Message]) -> Message:
    """Return a message of another kind that says the same."""
    made = kind.__new__(kind)
    for part in kind.__mro__:
        for slot in getattr(part, "__slots__", ()):
            if hasattr(message, slot):
                setattr(made, slot, getattr(message, slot))
    return made


@cache
def _redriven_kind(kind: Any) -> Any:
    """Return a kind of message that remembers its redrive, at no cost to those that have none."""
    if hasattr(kind, "redrive"):
        return kind
    named = property(lambda message: f"{message.redrive.origin} moved back")
    body = {"__slots__": ("redrive",), "label": named}
    return type(f"Redriven{kind.__name__}", (kind,), body)


def redrive_of(message: Message) -> Redrive | None:
    """Return what is known of a message that a message move task sent anew, else None."""
    return getattr(message, "redrive", None)


_GIVEN_UP, _GHOST = 1, 2


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
        fate: both in one number, 0 for nearly every copy: millions of copies may wait.
    """

    __slots__ = (
        "arrived_ns",
        "completions",
        "fate",
        "first_received_ns",
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
        self.fate = 0

    @property
    def gone(self) -> bool:
        """Whether it was dead-lettered, expired or given up."""
        return bool(self.fate & _GIVEN_UP)

    @gone.setter
    def gone(self, gone: bool) -> None:
        self.fate = self.fate | _GIVEN_UP if gone else self.fate & ~_GIVEN_UP

    @property
    def ghost(self) -> bool:
        """Whether it was deleted and is back from a replica."""
        return bool(self.fate & _GHOST)

    @ghost.setter
    def ghost(self, ghost: bool) -> None:
        self.fate = self.fate | _GHOST if ghost else self.fate & ~_GHOST


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
