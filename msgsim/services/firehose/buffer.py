"""What a delivery stream holds: records, the buffer they gather in, batches cut from it.

Pure: time is an argument. In queueing words the buffer is the gathering stage of a bulk server with
a size and a time-out: the first of the two that is reached cuts a batch.
"""

from __future__ import annotations

from msgsim.model.message import Copy

WAITING, IN_FLIGHT = "waiting", "in_flight"


class Record:
    """A record from ingestion until it is delivered, dropped or given up.

    Attributes:
        copy: the delivery stream's copy of the message.
        size_bytes: its data now; a transformation may change it.
        shard: shard of the source, 0 with Direct PUT.
        position: where it stands in that shard; -1 with Direct PUT.
        state: `waiting` in a buffer, or `in_flight` to a function or a destination.
        reason: why it goes to the error output; empty as long as it does not.
        done: whether it is finished.
        taken_ns: when Firehose got it; its copy arrived earlier where it came by a stream.
    """

    __slots__ = (
        "copy",
        "done",
        "position",
        "reason",
        "shard",
        "size_bytes",
        "state",
        "taken_ns",
    )

    def __init__(self, copy: Copy, taken_ns: int, shard: int = 0, position: int = -1) -> None:
        self.copy = copy
        self.taken_ns = taken_ns
        self.size_bytes = copy.message.size_bytes
        self.shard = shard
        self.position = position
        self.state = WAITING
        self.reason = ""
        self.done = False


class Buffer:
    """Records that gather until they are enough or one of them has waited long enough.

    Attributes:
        records: those that gather now.
        size_bytes: the sum of their sizes.
        began_ns: when the first of them came; meaningless while empty.
    """

    __slots__ = ("began_ns", "records", "size_bytes")

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.size_bytes = 0
        self.began_ns = 0

    def __len__(self) -> int:
        return len(self.records)

    def add(self, now: int, record: Record, limit_bytes: int) -> list[list[Record]]:
        """Put a record in; return the batches that are due now (none, one, or two).

        What would overflow the limit goes before, so that a batch never exceeds it; a record that
        is larger than the limit is a batch of its own.
        """
        due: list[list[Record]] = []
        if self.records and self.size_bytes + record.size_bytes > limit_bytes:
            due.append(self.take())
        if not self.records:
            self.began_ns = now
        self.records.append(record)
        self.size_bytes += record.size_bytes
        if self.size_bytes >= limit_bytes:
            due.append(self.take())
        return due

    def take(self) -> list[Record]:
        """Cut a batch: everything there is."""
        records, self.records = self.records, []
        self.size_bytes = 0
        return records


class Growth:
    """The size at which a buffer is cut: the hint, raised while delivery is behind.

    It doubles with each batch that has to wait for the one before, up to the most the destination
    takes, and falls back to the hint when nothing waits (by how much AWS raises it is an
    assumption; that it does is documented).
    """

    __slots__ = ("_hint", "_most", "limit_bytes")

    def __init__(self, hint_bytes: int, most_bytes: int) -> None:
        self._hint = hint_bytes
        self._most = max(hint_bytes, most_bytes)
        self.limit_bytes = hint_bytes

    def behind(self) -> None:
        """A batch has to wait."""
        self.limit_bytes = min(2 * self.limit_bytes, self._most)

    def caught_up(self) -> None:
        """Nothing waits."""
        self.limit_bytes = self._hint


class Batch:
    """Records on their way to a destination together: an object, a bulk request.

    Attributes:
        records: what is still to be delivered, in order.
        attempts: how often it was tried.
        tried_ns: when it was tried first.
        spent_ns: time spent on pauses between tries since the first failure.
    """

    __slots__ = ("attempts", "records", "spent_ns", "tried_ns")

    def __init__(self, records: list[Record]) -> None:
        self.records = records
        self.attempts = 0
        self.tried_ns = -1
        self.spent_ns = 0

    @property
    def size_bytes(self) -> int:
        """The data in it."""
        return sum(record.size_bytes for record in self.records)

    @property
    def oldest_ns(self) -> int:
        """When its oldest record came to Firehose."""
        return min(record.taken_ns for record in self.records)
