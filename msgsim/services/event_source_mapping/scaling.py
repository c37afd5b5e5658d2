"""How many slots the mapping of a queue has: what it knows about growing and shrinking.

Pure: time is an argument. Documented are the start (5), the rate (300 per minute), the ceiling
(1,250) and the two pollers of an idle mapping (Lambda developer guide, services-sqs-scaling.html).
The shape within a minute and the reaction to failures are labelled assumptions of the page.
"""

from __future__ import annotations

from msgsim.kernel.simulation import NS_PER_S

_MINUTE_NS = 60 * NS_PER_S


class Scaling:
    """The number of slots of one mapping.

    Args:
        start: slots as soon as there are messages.
        idle: slots while polls come back empty.
        ceiling: most slots.
        per_minute: growth while messages remain.
        interval_ns: how often it grows: a second for a linear ramp, a minute for steps.
        keep: share of the slots that a minute with failures leaves.
    """

    def __init__(
        self,
        *,
        start: int,
        idle: int,
        ceiling: int,
        per_minute: int,
        interval_ns: int,
        keep: float,
    ) -> None:
        self.interval_ns = interval_ns
        self.active = 0
        self._target = 0
        self._ceiling = ceiling
        self._most = ceiling
        self._first = start
        self._least = idle
        self._per_minute = per_minute
        self._keep = keep
        self._credit = 0
        self._held_until_ns = 0

    def cap(self, concurrency: int) -> None:
        """Respect the concurrency that the account leaves now; slots beyond it end their cycle."""
        self._most = max(1, min(self._ceiling, concurrency))
        self._target = min(self._target, self._most)

    @property
    def _start(self) -> int:
        return min(self._first, self._most)

    @property
    def _idle(self) -> int:
        return min(self._least, self._start)

    def messages_appear(self) -> int:
        """Return how many slots to open because there are messages."""
        self._target = max(self._target, self._start)
        return self._fill()

    def grow(self, now: int) -> int:
        """Return how many slots to open because messages remain after one more interval."""
        if now < self._held_until_ns:
            return 0
        self._credit += self._per_minute * self.interval_ns
        whole, self._credit = divmod(self._credit, _MINUTE_NS)
        self._target = min(self._target + whole, self._most)
        return self._fill()

    def failure(self, now: int) -> None:
        """Take note of a throttled or failed invocation: at most one reduction per minute."""
        if now >= self._held_until_ns:
            self._held_until_ns = now + _MINUTE_NS
            self._credit = 0
            self._target = max(self._start, int(self._target * self._keep))

    def retire(self) -> bool:
        """Say whether a slot that has finished its cycle closes; if so, it is counted out."""
        if self.active <= self._target:
            return False
        self.active -= 1
        return True

    def empty_poll(self) -> bool:
        """Say whether a slot whose poll came back empty closes; if so, it is counted out."""
        if self.active <= self._idle:
            return False
        self.active -= 1
        self._target = min(self._target, self.active)
        return True

    def _fill(self) -> int:
        missing = max(0, self._target - self.active)
        self.active += missing
        return missing
