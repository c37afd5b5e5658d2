"""An allowance: so much per second, with so much at once; written unlike the kernel's bucket.

The virtual-time form: each unit pushes the moment at which everything is paid by 1/rate, and that
moment may lie at most a burst ahead. Exact in integers, and independent of `TokenBucket`, which it
is there to check.
"""

from __future__ import annotations

NS_PER_S = 1_000_000_000


class Allowance:
    """Judges after the fact whether something happened too often.

    Args:
        per_s: units per second.
        burst: units that may come at once.
    """

    __slots__ = ("_ahead", "_paid", "_per_s")

    def __init__(self, per_s: int, burst: int) -> None:
        self._per_s = per_s
        self._ahead = burst * NS_PER_S
        self._paid = 0  # in ns × units per second, so that a unit is a whole number

    def exceeded(self, now: int, units: int = 1) -> bool:
        """Take note of `units` at `now` (ns), and say whether they were too many."""
        here = now * self._per_s
        paid = max(self._paid, here) + units * NS_PER_S
        if paid - here > self._ahead:
            return True
        self._paid = paid
        return False


class SpreadAllowance:
    """The same, for what happened at unknown moments since it was last looked at.

    It is exceeded only if no moments since then would have made it enough.

    Args:
        per_s: units per second.
        burst: units that may come at once.
        now: since when there is a whole burst (ns).
    """

    __slots__ = ("_burst", "_left", "_looked", "_per_s")

    def __init__(self, per_s: int, burst: int, now: int = 0) -> None:
        self._per_s = per_s
        self._left = self._burst = burst * NS_PER_S
        self._looked = now

    def exceeded(self, now: int, units: int) -> bool:
        """Take note of `units` between the last look and `now` (ns); say if they were too many."""
        left = self._left + (now - self._looked) * self._per_s - units * NS_PER_S
        self._looked = now
        self._left = min(self._burst, max(0, left))
        return left < 0
