"""Time: facts carry the time of the clock, and the clock never goes back."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.invariants.rule import Rule
from msgsim.observe.system import System

PAST = "no event in the past"


class Clock(Rule):
    """Invariant: every fact is announced at the time at which it happens."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self._latest = 0

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to everything."""
        name, sim = component.name, self.system.sim

        def heard(now: int, *carried: Any) -> None:
            self.checked += 1
            clock = sim.now
            if now != clock or now < self._latest:
                self.note(PAST, name, max(clock, self._latest), now, clock)
            self._latest = max(now, self._latest)

        return heard
