"""Tumbling windows: lanes that close each window of arrival times with an invocation of its own.

Windows are aligned on the time at which records arrived in the stream. A batch holds records of one
window only. When a window is over and all of it has been processed, the function is invoked once
more, with the state and no records (`isFinalInvokeForWindow`); a state above 1 MB ends the window
early, and what follows begins a new one. A final invocation that fails blocks its lane, too.
Source: Lambda developer guide, with-kinesis.html, "Using Lambda for stream analytics".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from msgsim.model.message import Copy, Delivery, Key, Message
from msgsim.services.event_source_mapping.lanes import Batch, Held, Lane

Mark = Callable[[Held], Held]
"""Makes what stands for the state in a final invocation, given the last record of the window."""


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """A window that has begun: what a lane needs that goes on with it.

    Attributes:
        length_ns: of the windows.
        number: which window, counted from time zero.
        last: the last record of it that was processed.
        state: what the function returned for it.
        state_bytes: how large that is.
    """

    length_ns: int
    number: int
    last: Held
    state: Any
    state_bytes: int


class WindowLane(Lane):
    """A lane with tumbling windows.

    Args:
        batch_size, payload_bytes, window_ns, around_bytes: as of any lane (`window_ns` gathers
            batches).
        length_ns: `TumblingWindowInSeconds`.
        state_limit: most bytes of a window's state.
        state_per_record: what each record adds to it (the scenario's to say).
        mark: makes what stands for the state.

    Attributes:
        known_to_ns: everything that arrived before this has been put into the lane.
        state: what the function has returned for the open window; None before that, and where only
            its size is of interest.
        state_bytes: how large it is.
    """

    __slots__ = (
        "_last",
        "_length_ns",
        "_mark",
        "_open",
        "_state_limit",
        "_state_per_record",
        "known_to_ns",
        "state",
        "state_bytes",
    )

    def __init__(
        self,
        batch_size: int,
        payload_bytes: int,
        window_ns: int,
        around_bytes: int = 0,
        *,
        length_ns: int,
        state_limit: int,
        state_per_record: int,
        mark: Mark,
    ) -> None:
        super().__init__(batch_size, payload_bytes, window_ns, around_bytes)
        self._length_ns = length_ns
        self._state_limit = state_limit
        self._state_per_record = state_per_record
        self._mark = mark
        self._open: int | None = None
        self._last: Held | None = None
        self.known_to_ns = 0
        self.state: Any = None
        self.state_bytes = 0

    def open_window(self) -> OpenWindow | None:
        """Return the window that has begun, if any."""
        if self._open is None or self._last is None:
            return None
        return OpenWindow(self._length_ns, self._open, self._last, self.state, self.state_bytes)

    def go_on_with(self, window: OpenWindow) -> None:
        """Go on with a window of another lane; one of another length is given up."""
        if window.length_ns == self._length_ns:
            self._open, self._last = window.number, window.last
            self.state, self.state_bytes = window.state, window.state_bytes

    @property
    def overflows(self) -> bool:
        """Whether the state has grown beyond what a window may have, and ends it early."""
        return self.state_bytes > self._state_limit

    def bounds(self, held: Held) -> tuple[int, int]:
        """Return when the window of a record begins and ends (ns)."""
        window = self._window_of(held)
        return window * self._length_ns, (window + 1) * self._length_ns

    def _window_of(self, held: Held) -> int:
        return held.copy.arrived_ns // self._length_ns

    def next_batch(self, now: int) -> Batch | None:
        """Return what to invoke now; a window that is over comes before the next one."""
        if self.busy:
            return None
        if not self.again and self._closes():
            assert self._last is not None
            return Batch([self._mark(self._last)], final=True)
        return super().next_batch(now)

    def _closes(self) -> bool:
        """Say whether the open window has nothing more to process, or too large a state."""
        if self._open is None:
            return False
        if self.overflows:
            return True
        if self._buffer:
            return self._window_of(self._buffer[0]) > self._open
        return self.known_to_ns >= (self._open + 1) * self._length_ns

    def _full(self) -> bool:
        """Say whether a batch is due: also when its window can get no more records."""
        first = self._window_of(self._buffer[0])
        if self._window_of(self._buffer[-1]) > first:
            return True
        return self.known_to_ns >= (first + 1) * self._length_ns or super()._full()

    def _together(self, first: Held, other: Held) -> bool:
        return self._window_of(first) == self._window_of(other)

    def finished(self, now: int) -> None:
        """A batch is over: the state grows, or its window is closed."""
        batch = self.in_hand
        super().finished(now)
        if batch is None or not batch.records:
            return
        if batch.final:  # also when it was given up: the next window begins without a state
            self._open = None
            self.state = None
            self.state_bytes = 0
        else:
            self._last = batch.records[-1]
            self._open = self._window_of(self._last)
            self.state_bytes += self._state_per_record * len(batch.records)


def window_marker(key: Key, numbers: Iterator[int], last: Held) -> Held:
    """Return what stands for the state of a window, as old as its last record."""
    arrived_ns = last.copy.arrived_ns
    message = Message(next(numbers), key, key.issued, arrived_ns, 1)
    key.issued += 1
    copy = Copy(message, arrived_ns)
    found = Held(copy, Delivery(copy, 1, arrived_ns), last.position, last.sequence, 1)
    found.marker = True
    return found
