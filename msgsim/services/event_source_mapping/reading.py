"""How a mapping reads a stream: what it expects of one, its rules, and the reader of a shard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgsim.kernel.simulation import Timer
from msgsim.model.message import Message
from msgsim.services.event_source_mapping.backoff import Backoff
from msgsim.services.event_source_mapping.lanes import Lane, Progress


class Record(Protocol):
    """A record as the stream hands it out."""

    message: Message
    arrived_ns: int
    sequence: Any
    size_bytes: int


class Stream(Protocol):
    """What a mapping reads: shards of records by position."""

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
        """Return the position of a starting point; `AT_TIMESTAMP` takes a time."""

    def read(
        self, shard: int, position: int, limit: int, consumer: str | None = None
    ) -> tuple[Sequence[Record], int, str | None]:
        """Read from a position now (GetRecords): records, the next position, an error code."""

    def register(self, consumer: str) -> None:
        """Make a consumer known, so that the stream keeps what it has not passed."""

    def passed(self, consumer: str, shard: int, position: int) -> None:
        """Let the stream know that a consumer needs nothing before `position`."""

    def unread(self, shard: int, position: int) -> Iterable[Message]:
        """Yield the messages from `position` on, taking no quota."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a shard is read.

    Attributes:
        start: `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`.
        period_ns: time between polls of a shard that is caught up.
        behind_ns: time between polls of one that is not.
        limit: most records of one poll.
        read_ahead: most records that wait for their lanes.
        overhead_ns: from a poll to the start of the invocation, when the function is free.
        timestamp_ns: `StartingPositionTimestamp`, counted from the start of the run.
        from_ns: when polling begins.
    """

    start: str
    period_ns: int
    behind_ns: int
    limit: int
    read_ahead: int
    overhead_ns: int
    timestamp_ns: int | None = None
    from_ns: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """What happens to batches.

    Attributes:
        partial: whether the function's report of failed records is read.
        retries: `MaximumRetryAttempts`; -1 for no limit.
        max_age_ns: `MaximumRecordAgeInSeconds`; None for no limit.
        bisect: whether a failed batch is split.
        backoff: pauses between tries.
    """

    partial: bool
    retries: int
    max_age_ns: int | None
    bisect: bool
    backoff: Backoff


class Reader:
    """The reader of one shard.

    Attributes:
        shard: which one.
        progress: how far it is read and finished.
        lanes: where its records are processed.
        buffered: records that wait in the lanes.
        ended: whether the shard is closed and finished, and its children were turned to.
        behind: whether the last poll left records behind.
        last_poll_ns: when that was.
        timer: rings for the next poll.
        windows: ring when a lane's window ends, one for each.
    """

    __slots__ = (
        "behind",
        "buffered",
        "ended",
        "lanes",
        "last_poll_ns",
        "progress",
        "shard",
        "timer",
        "windows",
    )

    def __init__(self, shard: int, position: int, lanes: list[Lane]) -> None:
        self.shard = shard
        self.progress = Progress(position)
        self.lanes = lanes
        self.buffered = 0
        self.ended = False
        self.behind = False
        self.last_poll_ns = 0
        self.timer: Timer
        self.windows: list[Timer] = []
