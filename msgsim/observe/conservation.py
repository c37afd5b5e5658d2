"""Conservation: what the facts say a queue holds is what the queue says it holds.

And every row of the ledger sums. A violation means that the model is wrong, not the design it
simulates; it is reported, not raised, so that the rest of the run can still be looked at.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.ledger import Ledger
from msgsim.observe.queues import Queues


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold.

    Attributes:
        name: of the invariant.
        component: where.
        expected: what it should be, in whole units (or units × ns).
        found: what it is.
        at_ns: when, where it broke at a moment; -1 where only the whole run shows it.
        message: which message, as people call it; empty where there is none.
    """

    name: str
    component: str
    expected: int
    found: int
    at_ns: int = -1
    message: str = ""

    def __str__(self) -> str:
        when = "over the whole run" if self.at_ns < 0 else f"at {self.at_ns / 1e9:.9f} s"
        about = f", message {self.message}" if self.message else ""
        figures = f"expected {self.expected:,}, found {self.found:,}"
        return f"{self.name} at {self.component}, {when}{about}: {figures}"

    def to_json(self) -> dict[str, Any]:
        """Return the violation as plain data."""
        return asdict(self)


class Conservation:
    """Observer: nothing appears or vanishes, per queue and per subscriber."""

    def __init__(self, queues: Queues, ledger: Ledger) -> None:
        self._queues = queues
        self._ledger = ledger
        self.checked = 0
        self.violations: list[Violation] = []

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to nothing: the accounts of others are compared at the end."""
        return None

    def tick(self, now: int) -> None:
        """Nothing to work off."""

    def finish(self, now: int) -> None:
        """Compare; the ledger and the queues must have finished before."""
        self.violations = []
        self.checked = 0
        for name, watch in self._queues.watches.items():
            held = Counter(state for state, _ in watch.queue.holds())
            self._compare(name, "visible", held["waiting"], watch.visible.value)
            self._compare(name, "in flight", held["in_flight"], watch.in_flight.value)
            self._compare(name, "delayed", held["delayed"], watch.delayed.value)
        for name in self._ledger.rows:
            self._compare(name, "lost", 0, self._ledger.lost(name))

    def _compare(self, component: str, name: str, expected: int, found: int) -> None:
        self.checked += 1
        if expected != found:
            self.violations.append(Violation(f"conservation: {name}", component, expected, found))
