"""What a subscription delivers: the published message with envelope, without, or once more.

A delivered message is a message of its own only where it differs from the published one: number,
key and rank stay, so that whoever judges order and duplicates sees one and the same message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgsim.model.catalog import page_beside
from msgsim.model.message import AttributeValue, Message

Dress = Callable[[Message], Message]
"""Turns the published message into the one that travels to the endpoint."""

_PAGE = page_beside(__file__, "sns.subscription.md")
ENVELOPE_BYTES = int(_PAGE.quota("envelope"))
FIFO_ENVELOPE_BYTES = int(_PAGE.quota("envelope_fifo"))
LAMBDA_EVENT_BYTES = int(_PAGE.quota("lambda_event"))
LAMBDA_PAYLOAD_BYTES = int(_PAGE.quota("lambda_payload"))
ATTRIBUTE_SYNTAX_BYTES = 26
"""`"":{"Type":"","Value":""},` around an attribute's name, data type and value."""


class Delivered(Message):
    """A message as an endpoint gets it.

    Attributes:
        published: the message that the topic took.
        replayed: whether it comes from the topic's archive (`Replayed` in the envelope).
        sent_again: why it is delivered once more, `delivery retry` or `replay`; else None.
    """

    __slots__ = ("published",)
    replayed = False
    sent_again: str | None = None
    published: Message

    def __init__(self, source: Message, size_bytes: int) -> None:
        self.number = source.number
        self.key = source.key
        self.rank = source.rank
        self.born_ns = source.born_ns
        self.size_bytes = size_bytes
        self.attributes = source.attributes
        self.body = source.body
        self.deduplication_id = source.deduplication_id
        self.grouped = source.grouped
        self.tries = source.tries
        self.published = source.published if isinstance(source, Delivered) else source


class _SentOnce:
    """Stands for a published message of which there is no second try."""

    tries = 1


class Enveloped(Message):
    """An enveloped message that its workload never sends again: nobody asks for the published one.

    Leaving that out saves a fifth of the memory of messages that wait.
    """

    __slots__ = ()
    replayed = False
    sent_again: str | None = None
    published = _SentOnce

    def __init__(self, source: Message, size_bytes: int) -> None:
        self.number = source.number
        self.key = source.key
        self.rank = source.rank
        self.born_ns = source.born_ns
        self.size_bytes = size_bytes
        self.attributes = source.attributes
        self.body = source.body
        self.deduplication_id = source.deduplication_id
        self.grouped = source.grouped
        self.tries = 1


class Replayed(Delivered):
    """A message from the archive."""

    __slots__ = ()
    replayed = True
    sent_again = "replay"


class Retried(Delivered):
    """A message that SNS sends again because an answer was lost."""

    __slots__ = ("replayed",)
    sent_again = "delivery retry"

    def __init__(self, source: Message) -> None:
        super().__init__(source, source.size_bytes)
        self.tries += 1
        self.replayed = isinstance(source, Delivered) and source.replayed


def replayed(message: Message) -> Replayed:
    """Return the message for one more delivery; `tries` tells that a copy may exist."""
    found = Replayed(message, message.size_bytes)
    found.tries += 1
    return found


def with_id(message: Message, deduplication_id: str) -> Delivered:
    """Return the message under the id that the topic gave it (the hash of its content)."""
    found = Delivered(message, message.size_bytes)
    found.deduplication_id = deduplication_id
    return found


def without_group(message: Message) -> Message:
    """Hide group and deduplication id from a standard queue behind a FIFO topic.

    Source: SNS Developer Guide, fifo-message-grouping.html.
    """
    if not message.grouped and message.deduplication_id is None:
        return message
    found = _like(message)(message, message.size_bytes)
    found.grouped = False
    found.deduplication_id = None
    return found


def _like(message: Message) -> type[Delivered]:
    """Return the class for another form of a message: what is replayed stays so."""
    return Replayed if type(message) is Replayed else Delivered


def body_only(message: Message) -> Message:
    """Leave the attributes out, as raw delivery to Firehose does.

    Source: SNS Developer Guide, sns-large-payload-raw-message-delivery.html.
    """
    if not message.attributes:
        return message
    size = message.size_bytes - sum(
        len(name.encode()) + len(str(value).encode()) for name, value in message.attributes.items()
    )
    return _like(message)(message, max(1, size))


class Envelope:
    """The JSON around a message that is not delivered raw; subscriptions of a topic share it.

    AWS publishes no size. 815 bytes for a standard topic, 345 for a FIFO topic (no signature), and
    twice the topic's ARN, are counted from AWS's own samples; escapes and attributes come on top.

    Args:
        topic_arn: it occurs twice in every envelope.
        fifo: whether the topic is FIFO.
    """

    def __init__(self, topic_arn: str, fifo: bool) -> None:
        fixed = FIFO_ENVELOPE_BYTES if fifo else ENVELOPE_BYTES
        self._arn_bytes = len(topic_arn)
        self.overhead_bytes = fixed + 2 * len(topic_arn)
        self._source: Message | None = None
        self._made: Delivered | Enveloped | None = None
        self._size = 0

    def __call__(self, message: Message) -> Delivered | Enveloped:
        """Return the enveloped message; asked again about the same one, the same answer."""
        return self.wrap(message)

    def wrap(self, message: Message) -> Delivered | Enveloped:
        """Do so: as a method, which Python calls faster than an object."""
        made = self._made
        if made is not None and message is self._source:
            return made
        kind: type[Delivered | Enveloped] = Delivered
        if message.__class__ is not Message:
            kind = _like(message)
        elif message.key.sent_once and message.tries == 1:
            kind = Enveloped
        size = self.size_bytes(message)
        if size == self._size:
            size = self._size  # one number for all of them, not one for each
        else:
            self._size = size
        made = kind(message, size)
        self._source, self._made = message, made
        return made

    def size_bytes(self, message: Message) -> int:
        """Return how large the message is in its envelope."""
        size = message.size_bytes + self.overhead_bytes
        if message.attributes:
            size += attribute_bytes(message.attributes)
        if message.body is not None:
            size += escapes(message.body)
        return size

    def event_bytes(self, message: Message) -> int:
        """Return how large the event is that a function gets: one record around the envelope."""
        return self.size_bytes(message) + LAMBDA_EVENT_BYTES + self._arn_bytes


def attribute_bytes(attributes: Mapping[str, AttributeValue]) -> int:
    """Return what the envelope adds to attributes, whose own bytes count already."""
    return ATTRIBUTE_SYNTAX_BYTES * len(attributes)


def escapes(body: str) -> int:
    """Return how many bytes the body grows by as a JSON string."""
    return sum(body.count(character) for character in '"\\\n\r\t')
