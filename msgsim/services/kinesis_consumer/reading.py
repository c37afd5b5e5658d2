"""How a consumer reads a stream: what it expects of it, leases, and processors of shards."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from msgsim.model.message import Copy, Delivery, Message


class Record(Protocol):
    """A record as the stream hands it out."""

    message: Message
    arrived_ns: int


class Subscription(Protocol):
    """A shard that is pushed (enhanced fan-out)."""

    position: int

    def close(self) -> None:
        """Push nothing more."""

    def take_more(self, events: int = 1) -> None:
        """Say that there is room for more events."""

    def wake(self) -> None:
        """Begin to push."""


class Stream(Protocol):
    """What a consumer reads: shards of records by position."""

    name: str
    shard_count: int
    open_count: int

    def register(self, consumer: str) -> None:
        """Make the consumer known."""

    def register_fan_out(self, consumer: str) -> None:
        """Give the consumer its own throughput of every shard."""

    def parents(self, shard: int) -> Sequence[int]:
        """Return the shards that it came from."""

    def children(self, shard: int) -> Sequence[int]:
        """Return the shards that came from it."""

    def beginnings(self, where: Any, timestamp_ns: int | None = None) -> tuple[list[int], set[int]]:
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
        """Return a starting position; a consumer that gives its name begins there."""

    def read(
        self, shard: int, position: int, limit: int, consumer: str | None = None
    ) -> tuple[Any, int, str | None]:
        """Read from a position now."""

    def subscribe(
        self,
        consumer: str,
        shard: int,
        position: int,
        deliver: Callable[[Any, int, bool], None],
        room: int,
    ) -> Subscription:
        """Have a shard pushed from a position on."""

    def passed(self, consumer: str, shard: int, position: int) -> None:
        """Let the stream forget what is before `position`."""

    def unread(self, shard: int, position: int) -> Iterator[Message]:
        """Yield the messages from `position` on."""


class Lease:
    """What the lease table knows of one shard, and which copies are not checkpointed yet.

    Attributes:
        shard: the leaseKey.
        checkpoint: everything before this position is done with.
        checkpointed_ns: when that was written.
        read_to: the farthest position that any owner has read.
        copies: by position, the records from the checkpoint to `read_to`.
        owner: number of the worker that holds it; None for nobody.
        processor: what works on it now.
        ended: whether its shard is closed and done with (SHARD_END).
    """

    __slots__ = (
        "checkpoint",
        "checkpointed_ns",
        "copies",
        "ended",
        "owner",
        "processor",
        "read_to",
        "shard",
    )

    def __init__(self, shard: int, position: int, now: int) -> None:
        self.shard = shard
        self.checkpoint = position
        self.checkpointed_ns = now
        self.read_to = position
        self.copies: dict[int, Copy] = {}
        self.owner: int | None = None
        self.processor: Processor | None = None
        self.ended = False


class Processor:
    """A record processor: one worker's hold on one shard, from taking the lease to losing it.

    Attributes:
        lease: the shard.
        position: what it reads next.
        called_ns: when it last asked.
        began_ns: when it began its batch.
        batch: what it works on.
        inbox: pushed events that wait, each with the position behind it.
        idle: whether it waits for records.
        alive: False once the lease is lost; whatever still happens to it is ignored.
        leaving: called when its batch is over, if the lease is to be handed on.
        subscription: what pushes to it, if anything does.
    """

    __slots__ = (
        "alive",
        "batch",
        "began_ns",
        "called_ns",
        "idle",
        "inbox",
        "lease",
        "leaving",
        "position",
        "subscription",
    )

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.position = lease.checkpoint
        self.called_ns = 0
        self.began_ns = 0
        self.batch: list[Delivery] = []
        self.inbox: deque[tuple[Sequence[Record], int]] = deque()
        self.idle = True
        self.alive = True
        self.leaving: Callable[[], None] | None = None
        self.subscription: Subscription | None = None
