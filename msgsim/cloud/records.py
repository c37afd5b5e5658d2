"""A Kinesis record as its producer put it."""

from __future__ import annotations

from typing import Any

from msgsim.model.message import Key, Message
from msgsim.services.kinesis.sequence import shown_sequence, shown_shard


class KinesisRecord(Message):
    """A record put through `ms.Cloud`.

    Attributes:
        data: the bytes put.
        shard: index of the shard that stored it; -1 before.
        sequence: its sequence number there.
    """

    __slots__ = ("data", "sequence", "shard")

    def __init__(self, number: int, key: Key, born_ns: int, data: bytes) -> None:
        text = data.decode(errors="replace")
        super().__init__(number, key, key.issued, born_ns, len(data), body=text)
        key.issued += 1
        self.data = data
        self.shard = -1
        self.sequence = 0

    def stored(self, result: Any) -> None:
        """Note where it was stored: what a put answers."""
        self.shard = result.shard_index
        self.sequence = result.sequence_number

    @property
    def sequence_number(self) -> str:
        """`SequenceNumber`."""
        return shown_sequence(self.shard, self.sequence)

    @property
    def message_id(self) -> str:
        """What identifies it in a function's event (`eventID`): its shard and sequence number."""
        return f"{shown_shard(self.shard)}:{self.sequence_number}"
