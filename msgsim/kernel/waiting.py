"""Waiting and rationing: a line of waiters, a number of slots, a bucket of tokens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class WaitingLine(Generic[T]):
    """Waiters in order of arrival, each of which may leave early, at constant cost.

    A waiter that left is skipped when its turn comes; the line is rebuilt when most of it left.
    """

    __slots__ = ("_gone", "_line", "_present")

    def __init__(self) -> None:
        self._line: deque[T] = deque()
        self._gone: set[int] = set()
        self._present = 0

    def __len__(self) -> int:
        return self._present

    def join(self, waiter: T) -> None:
        """Stand at the end; a waiter stands in a line at most once."""
        if self._gone and id(waiter) in self._gone:
            self._sweep()
        self._line.append(waiter)
        self._present += 1

    def leave(self, waiter: T) -> None:
        """Step out before being called."""
        self._gone.add(id(waiter))
        self._present -= 1
        if len(self._gone) > 32 and len(self._gone) > self._present:
            self._sweep()

    def call(self) -> T | None:
        """Take the first waiter out of the line, or None when nobody waits."""
        line, gone = self._line, self._gone
        while line:
            waiter = line.popleft()
            if gone and id(waiter) in gone:
                gone.discard(id(waiter))
                continue
            self._present -= 1
            return waiter
        return None

    def _sweep(self) -> None:
        self._line = deque(w for w in self._line if id(w) not in self._gone)
        self._gone.clear()


class Slots:
    """A number of servers, some of them busy; those without one wait in line."""

    __slots__ = ("_waiting", "busy", "capacity")

    def __init__(self, capacity: int) -> None:
        if capacity < 0:
            raise ValueError(f"capacity must not be negative: {capacity}")
        self.capacity = capacity
        self.busy = 0
        self._waiting: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()

    @property
    def free(self) -> int:
        """How many servers are idle."""
        return self.capacity - self.busy

    @property
    def waiting(self) -> int:
        """How many calls wait for a server."""
        return len(self._waiting)

    def try_take(self) -> bool:
        """Take a server if one is idle (a loss system when the caller gives up otherwise)."""
        if self.busy >= self.capacity:
            return False
        self.busy += 1
        return True

    def take(self, fn: Callable[..., Any], *args: Any) -> None:
        """Call `fn(*args)` with a server taken: at once, or in order of asking when one frees."""
        if self.try_take():
            fn(*args)
        else:
            self._waiting.append((fn, args))

    def give(self) -> None:
        """Give a server back; the first who waits gets it."""
        if self._waiting and self.busy <= self.capacity:
            fn, args = self._waiting.popleft()
            fn(*args)
            return
        self.busy -= 1


class TokenBucket:
    """A bucket that refills steadily: a call that finds too few tokens is refused.

    Exact in integers: the level is kept in billionths of a token, so that no rounding drifts.

    Args:
        capacity: most tokens it holds; it starts full.
        refill_per_s: tokens added per second, continuously.
    """

    __slots__ = ("_capacity", "_level", "_rate", "_updated", "capacity", "refill_per_s")

    _UNIT = 1_000_000_000

    def __init__(self, capacity: int, refill_per_s: int, now: int = 0) -> None:
        if capacity <= 0 or refill_per_s < 0:
            raise ValueError(f"a bucket needs capacity > 0 and refill >= 0: {capacity}")
        self.capacity = capacity
        self.refill_per_s = refill_per_s
        self._capacity = capacity * self._UNIT
        self._level = self._capacity
        self._rate = refill_per_s  # tokens/s == billionths of a token per nanosecond
        self._updated = now

    def level(self, now: int) -> float:
        """Return the tokens available at `now` (ns)."""
        return self._fill(now) / self._UNIT

    def take(self, now: int, amount: int = 1) -> bool:
        """Take `amount` tokens at `now` (ns) if that many are there; say whether."""
        level = self._level  # what `_fill` does, without a call
        if now > self._updated:
            level += (now - self._updated) * self._rate
            if level > self._capacity:
                level = self._capacity
            self._updated = now
        need = amount * self._UNIT
        if level < need:
            self._level = level
            return False
        self._level = level - need
        return True

    def put_back(self, amount: int = 1) -> None:
        """Return tokens taken for a call that did not happen after all."""
        self._level = min(self._capacity, self._level + amount * self._UNIT)

    def wait_ns(self, now: int, amount: int = 1) -> int | None:
        """Return how long until `amount` tokens are there (ns, 0 = now), or None for never."""
        missing = amount * self._UNIT - self._fill(now)
        if missing <= 0:
            return 0
        if amount > self.capacity or not self._rate:
            return None
        return -(-missing // self._rate)

    def _fill(self, now: int) -> int:
        if now > self._updated:
            level = self._level + (now - self._updated) * self._rate
            self._level = self._capacity if level > self._capacity else level
            self._updated = now
        return self._level
