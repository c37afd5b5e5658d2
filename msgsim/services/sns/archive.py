"""Archive and replay of FIFO topics: what the topic keeps, and a subscription that reads it.

Source: SNS Developer Guide, message-archiving-and-replay-topic-owner.html, …-subscriber.html.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Message
from msgsim.services.sns.delivered import replayed

NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S

LIVE, PENDING, IN_PROGRESS, COMPLETED = "", "Pending", "In progress", "Completed"
"""`ReplayStatus`; without a replay policy there is none."""


class Archive:
    """What a FIFO topic accepted lately, in order: a log with retention.

    Pure: time is an argument.

    Args:
        retention_ns: how long a message is kept (1 to 365 days).
        now: when archiving begins (ns).
    """

    def __init__(self, retention_ns: int, now: int = 0) -> None:
        self.retention_ns = retention_ns
        self._begun_ns = now
        self._kept: deque[tuple[int, Message]] = deque()
        self._first = 0

    @property
    def end(self) -> int:
        """The position behind the last message."""
        return self._first + len(self._kept)

    def add(self, now: int, message: Message) -> None:
        """Keep a message."""
        self._expire(now)
        self._kept.append((now, message))

    def beginning_ns(self, now: int) -> int:
        """Return the oldest instant that can be replayed (`BeginningArchiveTime`)."""
        return max(self._begun_ns, now - self.retention_ns)

    def find(self, now: int, from_ns: int) -> int:
        """Return the position of the first kept message that was accepted at or after a time."""
        self._expire(now)
        low, high = 0, len(self._kept)
        while low < high:
            middle = (low + high) // 2
            if self._kept[middle][0] < from_ns:
                low = middle + 1
            else:
                high = middle
        return self._first + low

    def read(self, position: int) -> tuple[int, int, Message] | None:
        """Return `(position, accepted_ns, message)` of the first kept one from a position on."""
        index = max(0, position - self._first)
        if index >= len(self._kept):
            return None
        accepted_ns, message = self._kept[index]
        return self._first + index, accepted_ns, message

    def from_position(self, position: int) -> Iterator[Message]:
        """Yield every kept message from a position on."""
        for _, message in islice(self._kept, max(0, position - self._first), None):
            yield message

    def _expire(self, now: int) -> None:
        kept, oldest = self._kept, now - self.retention_ns
        while kept and kept[0][0] < oldest:
            kept.popleft()
            self._first += 1


class Replay:
    """A reader of the archive: it delivers what was published before, then catches up or stops.

    While it runs, new messages are not delivered directly: they are in the archive, and their turn
    comes. Without an ending point the subscription is live again once the reader has caught up.
    With one it stops there, and new messages are not delivered at all.

    Args:
        sim: the clock.
        archive: of the topic.
        start_ns: `StartingPoint`: messages accepted at or after it.
        end_ns: `EndingPoint`: up to and including it; None for all.
        gap_ns: time between two replayed messages.
        deliver: called with each message, and whether it had been published to this subscription.
        miss: called with each message that was published during the replay, behind its end.
    """

    def __init__(
        self,
        sim: Simulation,
        archive: Archive,
        start_ns: int,
        end_ns: int | None,
        gap_ns: int,
        deliver: Callable[[Message, bool], None],
        miss: Callable[[Message], None],
    ) -> None:
        self.status = PENDING
        self._cancelled = False
        self._sim = sim
        self._archive = archive
        self._end_ns = end_ns
        self._gap_ns = gap_ns
        self._deliver = deliver
        self._miss = miss
        self._position = archive.find(sim.now, start_ns)
        self._new_from = archive.end

    @property
    def live(self) -> bool:
        """Whether new messages are delivered directly."""
        return self.status == COMPLETED and self._end_ns is None

    @property
    def paused(self) -> bool:
        """Whether new messages are not delivered, since the ending point has been reached."""
        return self.status == COMPLETED and self._end_ns is not None

    def start(self) -> None:
        """Begin to read, at once."""
        self._sim.after(0, self._step)

    def cancel(self) -> None:
        """End the replay early, because the subscription gets another replay policy."""
        self._cancelled = True
        self._finish()

    def _step(self) -> None:
        """Deliver the next message; the one after it follows `gap_ns` later."""
        if self._cancelled:
            return
        self.status = IN_PROGRESS
        found = self._archive.read(self._position)
        if found is None:
            if self._end_ns is None or self._sim.now > self._end_ns:
                self._finish()
            else:
                self._sim.at(self._end_ns + 1, self._step)
            return
        position, accepted_ns, message = found
        if self._end_ns is not None and accepted_ns > self._end_ns:
            self._finish()
            return
        self._position = position + 1
        self._deliver(replayed(message), position < self._new_from)
        self._sim.after(self._gap_ns, self._step)

    def _finish(self) -> None:
        """Stop: what came meanwhile behind the ending point will not be delivered."""
        for message in self.unread():
            self._miss(message)
        self.status = COMPLETED

    def unread(self) -> Iterator[Message]:
        """Yield what was published since the replay began and has not been delivered yet."""
        if self.status != COMPLETED:
            yield from self._archive.from_position(max(self._position, self._new_from))
