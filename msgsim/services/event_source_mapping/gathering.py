"""Gathering: what one slot of a queue's mapping holds, and how long it waits for more."""

from __future__ import annotations

from collections import deque
from typing import Any

from msgsim.model.message import Delivery


class Slot:
    """One of the mapping's parallel cycles: gather a batch, invoke, delete, again.

    Attributes:
        batch: what it has gathered, or is being invoked with.
        rest: received, but beyond the payload limit of `batch`; it makes the next one, as far as
            its visibility timeout still runs then.
        window_ends_ns: when gathering ends; -1 before the first message.
        tries: refused polls or invocations in a row.
        calling: True inside the call of a receive.
        again: a reply during that call asks for another one.
        poller: in provisioned mode, the event poller it belongs to.
    """

    __slots__ = ("again", "batch", "calling", "poller", "rest", "tries", "window_ends_ns")

    def __init__(self, poller: Any = None) -> None:
        self.poller = poller
        self.batch: list[Delivery] = []
        self.rest: list[Delivery] = []
        self.window_ends_ns = -1
        self.tries = 0
        self.calling = False
        self.again = False


class Window:
    """`MaximumBatchingWindowInSeconds`, which may be longer at very low traffic.

    Args:
        length_ns: how long a slot gathers.
        quiet_ns: how long it does so at least while fewer than one message per window has come in
            during this time; 0 or less than the window for no such rule.
    """

    __slots__ = ("_began_ns", "_length_ns", "_quiet_ns", "_recent")

    def __init__(self, length_ns: int, quiet_ns: int) -> None:
        self._length_ns = length_ns
        self._quiet_ns = quiet_ns if quiet_ns > length_ns > 0 else 0
        self._recent: deque[tuple[int, int]] = deque()
        self._began_ns = 0

    def begin(self, now: int) -> None:
        """Note when polling began: nobody knows yet whether traffic is low."""
        self._began_ns = now

    def note(self, now: int, messages: int) -> None:
        """Note that messages came."""
        if self._quiet_ns:
            self._recent.append((now, messages))

    def length_at(self, now: int) -> int:
        """Return how long a window lasts that begins now (ns)."""
        quiet_ns, recent = self._quiet_ns, self._recent
        if not quiet_ns:
            return self._length_ns
        while recent and recent[0][0] <= now - quiet_ns:
            recent.popleft()
        came = sum(messages for _, messages in recent)
        busy = came * self._length_ns >= quiet_ns or now - self._began_ns < quiet_ns
        return self._length_ns if busy else quiet_ns
