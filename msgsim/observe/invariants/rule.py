"""What every invariant is: an observer that notes what must never happen."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.conservation import Violation
from msgsim.observe.system import System

KEPT = 20
"""Violations kept of one rule: the first says what is wrong, and the others follow from it."""


class Rule:
    """An invariant: listens to facts, and keeps the first violations.

    Attributes:
        checked: how often it was looked at.
        violations: the first `KEPT`.
        broken: how many there were.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.checked = 0
        self.broken = 0
        self.violations: list[Violation] = []

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Return what to call when a fact of interest occurs."""
        return None

    def finish(self, now: int) -> None:
        """Look at what only the end shows."""

    def note(
        self,
        name: str,
        component: str,
        expected: int,
        found: int,
        at_ns: int = -1,
        message: Any = None,
    ) -> None:
        """Keep a violation."""
        self.broken += 1
        if len(self.violations) < KEPT:
            label = "" if message is None else message.label
            self.violations.append(Violation(name, component, expected, found, at_ns, label))
