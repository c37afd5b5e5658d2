"""How a consumer reads a stream: leases, and processors of shards."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from msgsim.model.message import Copy, Delivery
from msgsim.model.streams import Record, Subscription


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
