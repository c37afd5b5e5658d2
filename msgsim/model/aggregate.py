"""Aggregates: many messages that travel as one record, and arrive as themselves again."""

from __future__ import annotations

from collections.abc import Sequence

from msgsim.model.message import Message


class Aggregate(Message):
    """One Kinesis record with several user records in it, as the Kinesis Producer Library makes.

    It is written, throttled and repeated as a whole, under the key and number of its first part.

    Attributes:
        parts: the messages in it, in order.
        deadline_ns: when its producer has to send it.
        kept: whether a try without an answer has placed it at the stream already.
    """

    __slots__ = ("deadline_ns", "kept", "parts", "shard")

    def __init__(
        self, parts: Sequence[Message], shard: int, size_bytes: int, deadline_ns: int
    ) -> None:
        first = parts[0]
        super().__init__(first.number, first.key, first.rank, first.born_ns, size_bytes)
        self.parts = list(parts)
        self.shard = shard
        self.deadline_ns = deadline_ns
        self.kept = False

    @property
    def explicit_hash_key(self) -> str | None:  # type: ignore[override]
        """Where its first part is put, and with it the whole record."""
        return self.parts[0].explicit_hash_key

    def add(self, message: Message, size_bytes: int) -> None:
        """Put one more message in, which adds so many bytes."""
        self.parts.append(message)
        self.size_bytes += size_bytes
