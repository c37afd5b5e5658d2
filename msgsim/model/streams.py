"""Streams as their readers see them: shards of records by position, polled or pushed.

Whoever reads a stream (a mapping, a consumer application, a delivery stream) is built on these
words, and so is whatever offers one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from msgsim.model.message import Message


class Record(Protocol):
    """A record as the stream hands it out."""

    message: Message
    arrived_ns: int
    sequence: Any
    size_bytes: int


class Stream(Protocol):
    """What a reader polls: shards of records by position."""

    name: str
    shard_count: int

    def parents(self, shard: int) -> Sequence[int]:
        """Return the shards that it came from."""

    def children(self, shard: int) -> Sequence[int]:
        """Return the shards that came from it."""

    def beginnings(self, where: str, timestamp_ns: int | None = None) -> tuple[list[int], set[int]]:
        """Return the shards to begin with, and those before the starting position."""

    def at_end(self, shard: int, position: int) -> bool:
        """Say whether the shard is closed and nothing follows at that position."""

    def position(
        self,
        shard: int,
        where: Any,
        consumer: str | None = None,
        timestamp_ns: int | None = None,
    ) -> int:
        """Return a starting position; a consumer that gives its name begins there.

        `AT_TIMESTAMP` takes a time.
        """

    def read(
        self, shard: int, position: int, limit: int, consumer: str | None = None
    ) -> tuple[Sequence[Any], int, str | None]:
        """Read from a position now (GetRecords): records, the next position, an error code."""

    def register(self, consumer: str) -> None:
        """Make a consumer known, so that the stream keeps what it has not passed."""

    def begin_at(self, shard: int, position: int, consumer: str) -> None:
        """Note that a consumer begins at a position, where another one stopped."""

    def forget(self, consumer: str) -> None:
        """Keep nothing for a consumer any more."""

    def passed(self, consumer: str, shard: int, position: int) -> None:
        """Let the stream know that a consumer needs nothing before `position`."""

    def unread(self, shard: int, position: int) -> Iterable[Message]:
        """Yield the messages from `position` on, taking no quota."""


class Subscription(Protocol):
    """A shard that is pushed (enhanced fan-out)."""

    position: int

    def close(self) -> None:
        """Push nothing more."""

    def take_more(self, events: int = 1) -> None:
        """Say that there is room for more events."""

    def wake(self) -> None:
        """Begin to push."""


class PushingStream(Stream, Protocol):
    """A stream with enhanced fan-out: registered consumers have shards pushed to them."""

    open_count: int

    def register_fan_out(self, consumer: str) -> None:
        """Give the consumer its own throughput of every shard."""

    def subscribe(
        self,
        consumer: str,
        shard: int,
        position: int,
        deliver: Callable[[Any, int, bool], None],
        room: int,
    ) -> Subscription:
        """Have a shard pushed from a position on."""


class Taken(Protocol):
    """A record that a reader holds: where it stands in its shard, and whether it is finished."""

    position: int
    done: bool


T = TypeVar("T", bound=Taken)


class Progress(Generic[T]):
    """How far a reader has finished a shard: everything before the checkpoint is.

    Attributes:
        checkpoint: position of the oldest unfinished record, or of the next one to be read.
        read_to: position of the next one to be read.
    """

    __slots__ = ("_line", "checkpoint", "read_to")

    def __init__(self, position: int) -> None:
        self.checkpoint = position
        self.read_to = position
        self._line: deque[T] = deque()

    def add(self, record: T) -> None:
        """Take note of a record that was read."""
        self._line.append(record)

    def advance(self) -> bool:
        """Move the checkpoint past what is finished; say whether it moved."""
        line, before = self._line, self.checkpoint
        while line and line[0].done:
            line.popleft()
        self.checkpoint = line[0].position if line else self.read_to
        return self.checkpoint != before

    def unfinished(self) -> list[T]:
        """Return the records read and not finished, in order."""
        return [record for record in self._line if not record.done]
