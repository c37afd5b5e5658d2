"""Little's law, exactly: the area under the number in a queue is the time all copies spent in it.

The clipped-window identity holds for every run, not only on average: ∫ N(t) dt over the run equals
the sum over all copies of the time each of them spent in the queue within the run. The left side
comes from announced facts (arrivals and departures), the right side from the copies themselves:
each carries when it arrived, and those that remain are asked for at the end. Both are whole
numbers of copies × ns, so they must be equal to the last digit. A warm-up is part of the identity,
though not of what is reported: nothing is forgotten on either side.
"""

from __future__ import annotations

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.conservation import Violation
from msgsim.observe.queues import Queues
from msgsim.observe.system import holding


class LittlesLaw:
    """Observer: checks the identity for every queue when the run ends."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self.checked = 0
        self.violations: list[Violation] = []

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to nothing: the queues' gauges and residences are compared at the end."""
        return None

    def tick(self, now: int) -> None:
        """Nothing to work off."""

    def finish(self, now: int) -> None:
        """Compare; the queues must have finished before."""
        self.violations = []
        self.checked = 0
        for name, watch in self._queues.watches.items():
            remaining = sum(
                now - watch.entered_ns(copy)
                for _, _, copy in holding(watch.queue)
                if copy is not None
            )
            spent = watch.forgotten_ns + watch.residences.total + remaining
            self.checked += 1
            if spent != watch.stored.area:
                self.violations.append(
                    Violation("Little's law (copies × ns)", name, spent, watch.stored.area)
                )
