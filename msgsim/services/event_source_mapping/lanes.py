"""What the mapping of a stream knows: records in lanes, and batches to try again.

Pure: time is an argument. A shard has one lane per unit of `ParallelizationFactor`; a key stays in
its lane, so that its records keep their order. A batch that fails blocks its lane.
"""

from __future__ import annotations

from collections import deque

from msgsim.kernel.sampling import stable_hash
from msgsim.model.message import Copy, Delivery


class Held:
    """A record that was read and is not finished.

    Attributes:
        copy: the mapping's copy of the message.
        delivery: the latest attempt to hand it to the function.
        position: where it stands in the shard.
        sequence: its sequence number in the shard.
        size_bytes: what it adds to the payload, before encoding.
        done: whether it is finished, with success or not.
        marker: whether it is no record, but stands for the state of a tumbling window.
    """

    __slots__ = ("copy", "delivery", "done", "marker", "position", "sequence", "size_bytes")

    def __init__(
        self, copy: Copy, delivery: Delivery, position: int, sequence: object, size_bytes: int
    ) -> None:
        self.copy = copy
        self.delivery = delivery
        self.position = position
        self.sequence = sequence
        self.size_bytes = size_bytes
        self.done = False
        self.marker = False

    def hand_over_again(self, now: int) -> None:
        """Begin one more attempt."""
        self.copy.receives += 1
        self.delivery = Delivery(self.copy, self.copy.receives, now)


class Batch:
    """Records that are invoked together.

    Attributes:
        records: in order.
        attempts: invocations that count against `MaximumRetryAttempts`.
        pauses: pauses since it was made, for the back-off.
        fresh: whether its records have just left the buffer.
        sent: whether they were handed to the function before.
        status: how its last invocation ended; None before that.
        final: whether this closes a tumbling window; it holds no records then, but a marker.
    """

    __slots__ = ("attempts", "final", "fresh", "pauses", "records", "sent", "status")

    def __init__(self, records: list[Held], fresh: bool = False, final: bool = False) -> None:
        self.records = records
        self.attempts = 0
        self.status: str | None = None
        self.pauses = 0
        self.fresh = fresh
        self.sent = not fresh and not final
        self.final = final

    def halves(self) -> tuple[Batch, Batch]:
        """Split in two, the smaller half first; splitting uses up no retry."""
        middle = len(self.records) // 2
        return Batch(self.records[:middle]), Batch(self.records[middle:])


class LaneOf:
    """Which lane a key belongs to: a stable hash of it, the same in every shard."""

    __slots__ = ("_count", "_known")

    def __init__(self, count: int) -> None:
        self._count = count
        self._known: dict[str, int] = {}

    def __call__(self, key: str) -> int:
        """Return the lane of a key."""
        if self._count == 1:
            return 0
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = stable_hash(key) % self._count
        return found


class Lane:
    """A line of records that are processed strictly one batch after the other.

    Args:
        batch_size: most records of one batch.
        payload_bytes: most bytes of one batch, before encoding.
        window_ns: how long records are gathered; windows follow each other without a gap.
        around_bytes: what an event says around each record, in the same measure.

    Attributes:
        busy: a batch is with the function, or waits for its next try.
        window_ends_ns: when the current window ends.
    """

    __slots__ = (
        "_around_bytes",
        "_batch_size",
        "_buffer",
        "_payload_bytes",
        "_window_ns",
        "again",
        "busy",
        "in_hand",
        "window_ends_ns",
    )

    def __init__(
        self, batch_size: int, payload_bytes: int, window_ns: int, around_bytes: int = 0
    ) -> None:
        self._around_bytes = around_bytes
        self._batch_size = batch_size
        self._payload_bytes = payload_bytes
        self._window_ns = window_ns
        self._buffer: deque[Held] = deque()
        self.again: deque[Batch] = deque()
        self.busy = False
        self.in_hand: Batch | None = None
        self.window_ends_ns = window_ns

    def __len__(self) -> int:
        return len(self._buffer)

    def add(self, now: int, held: Held) -> None:
        """Put a record at the end; the first one finds the window that is running."""
        if not self._buffer and self._window_ns and now > self.window_ends_ns:
            missed = -(-(now - self.window_ends_ns) // self._window_ns)
            self.window_ends_ns += missed * self._window_ns
        self._buffer.append(held)

    def finished(self, now: int) -> None:
        """A batch is over: the next window begins."""
        self.busy = False
        self.in_hand = None
        self.window_ends_ns = now + self._window_ns

    def next_batch(self, now: int) -> Batch | None:
        """Return what to invoke now: a batch to try again, else a new one if it is due."""
        if self.busy:
            return None
        if self.again:
            return self.again.popleft()
        buffer = self._buffer
        if not buffer:
            return None
        if self._window_ns and now < self.window_ends_ns and not self._full():
            return None
        records = [buffer.popleft()]
        around = self._around_bytes
        size = records[0].size_bytes + around
        while buffer and len(records) < self._batch_size:
            size += buffer[0].size_bytes + around
            if size > self._payload_bytes or not self._together(records[0], buffer[0]):
                break
            records.append(buffer.popleft())
        return Batch(records, fresh=True)

    def _together(self, first: Held, other: Held) -> bool:
        """Say whether two records may be in one batch."""
        return True

    def _full(self) -> bool:
        if len(self._buffer) >= self._batch_size:
            return True
        size = sum(held.size_bytes for held in self._buffer)
        return size + self._around_bytes * len(self._buffer) >= self._payload_bytes

    def carries(self, batch: Batch) -> bool:
        """Say whether an invocation can carry a batch: a single record may be too large for any."""
        if len(batch.records) > 1 or batch.final:
            return True
        return batch.records[0].size_bytes + self._around_bytes <= self._payload_bytes
