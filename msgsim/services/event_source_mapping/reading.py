"""How a mapping reads a stream: its rules, and the reader of a shard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgsim.kernel.simulation import Timer
from msgsim.model.streams import Progress
from msgsim.services.event_source_mapping.backoff import Backoff
from msgsim.services.event_source_mapping.lanes import Held, Lane


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
        owed: pushed events that were taken and not made room for again.
        subscription: what pushes, with enhanced fan-out.
        timer: rings for the next poll.
        windows: ring when a lane's window ends, one for each.
    """

    __slots__ = (
        "behind",
        "buffered",
        "ended",
        "lanes",
        "last_poll_ns",
        "owed",
        "progress",
        "shard",
        "subscription",
        "timer",
        "windows",
    )

    def __init__(self, shard: int, position: int, lanes: list[Lane]) -> None:
        self.shard = shard
        self.progress: Progress[Held] = Progress(position)
        self.lanes = lanes
        self.buffered = 0
        self.ended = False
        self.behind = False
        self.last_poll_ns = 0
        self.owed = 0
        self.subscription: Any = None
        self.timer: Timer
        self.windows: list[Timer] = []
