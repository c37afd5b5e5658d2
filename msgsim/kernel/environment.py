"""SimPy's environment with calls on its heap: the only place that touches it.

SimPy puts events on the heap and lets each call its callbacks. Hot paths need no event: an entry
here is `(time, order, fn, item)`, and handling it is `fn(item)`. SimPy's own events (processes,
time-outs, conditions) are entries whose `fn` does for the event what SimPy's `step` does; they
behave as in SimPy, and so do its priorities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Any

import simpy
from simpy.core import EmptySchedule
from simpy.events import NORMAL

_URGENT = -(1 << 62)
"""Added to the order of urgent events: before everything else of their moment."""

_LAST = 1 << 62
"""The order of a pause: behind everything else of its moment."""

Once = Callable[[int, Callable[[Any], Any], Any], None]


class _Paused(Exception):
    """A run has come to its pause."""


class Environment(simpy.Environment):
    """The clock and the heap.

    Attributes:
        once: `once(delay_ns, fn, item)` calls `fn(item)` after `delay_ns` nanoseconds, behind the
            calls that were made before for that moment; `ValueError` if the delay is negative.
        handled: entries of all stretches so far.
    """

    def __init__(self) -> None:
        super().__init__(initial_time=0)
        self.handled = 0
        self._heap: list[Any] = self._queue
        self._looked_at: tuple[int, int, float] | None = None
        self._waiting: dict[Any, list[Any]] = {}
        self.once = self._make_once()

    def _make_once(self) -> Once:
        """Return `once`: made once, because looking its parts up is half of a call."""
        heap, next_order = self._heap, self._eid.__next__

        def once(delay_ns: int, fn: Callable[[Any], Any], item: Any) -> None:
            if delay_ns < 0:
                raise ValueError(f"negative delay: {delay_ns} ns")
            # A sum of whole numbers has room for a carry: `| 0` is a copy without, a third smaller.
            # Waiting messages keep two such times each, so that a million of them save 32 MB.
            heappush(heap, (self._now + delay_ns | 0, next_order(), fn, item))  # type: ignore[operator]

        return once

    def schedule(self, event: simpy.Event, priority: int = NORMAL, delay: float = 0) -> None:
        """Schedule one of SimPy's events; `simpy.Event` and its kin call this.

        Raises:
            ValueError: the delay is no whole number of nanoseconds.
        """
        whole = int(delay)
        if whole != delay:
            raise ValueError(f"a delay is a whole number of nanoseconds, not {delay}")
        order = next(self._eid) + (_URGENT if priority < NORMAL else 0)
        heappush(self._heap, (self._now + whole, order, _happen, event))

    def step(self) -> None:
        """Handle the next entry.

        Raises:
            simpy.core.EmptySchedule: there is none.
        """
        if not self._heap:
            raise EmptySchedule
        self._now, _, fn, item = heappop(self._heap)
        fn(item)

    def stretch(self, until: int, most: int) -> bool:
        """Handle entries up to and including `until` (ns), but no more than `most`.

        Returns:
            Whether there may be more before `until`.
        """
        heap, handled = self._heap, 0
        # The pause stands on the heap, and counting is left to `range`: two tests less per entry.
        heappush(heap, (until, _LAST, _pause, None))
        try:
            for handled in range(most):  # noqa: B007 - read at the end
                self._now, _, fn, item = heappop(heap)
                fn(item)
            handled += 1
            self._remove_pause()
        except _Paused:
            return False
        except BaseException:
            self._remove_pause()
            raise
        finally:
            self.handled += handled
        return True

    def pending(self, fn: Callable[[Any], Any]) -> list[Any]:
        """Return what `fn` will still be called with, in order.

        All calls are looked through once for everybody who asks between two events.
        """
        looked_at = (self.handled, len(self._heap), self._now)
        if looked_at != self._looked_at:
            self._looked_at, self._waiting = looked_at, {}
            for _, _, each, item in sorted(self._heap, key=_place):
                self._waiting.setdefault(each, []).append(item)
        return self._waiting.get(fn, [])

    def sample(self) -> Iterator[tuple[Callable[[Any], Any], Any]]:
        """Handle the entries that come next, and yield each before."""
        while self._heap:
            self._now, _, fn, item = heappop(self._heap)
            yield fn, item
            fn(item)

    def _remove_pause(self) -> None:
        """Take the pause of a run that broke off from the heap."""
        self._heap[:] = [entry for entry in self._heap if entry[1] != _LAST]
        heapify(self._heap)


def _place(entry: tuple[int, int, Any, Any]) -> tuple[int, int]:
    return entry[:2]


def _pause(_: None) -> None:
    raise _Paused


def _happen(event: Any) -> None:
    """Do for one of SimPy's own events what its `step` does."""
    callbacks = event.callbacks
    event.callbacks = None
    for callback in callbacks:
        callback(event)
    if not event._ok and not hasattr(event, "_defused"):
        raise event._value
