"""Invariants: what must hold in every run of every scenario, or msgsim is broken.

They are observers. Conservation by queue and row, and Little's law, cost nothing and are always
on; those here look at every fact and are on in tests, in `msgsim fuzz` and with `run --check`.
"""

from __future__ import annotations

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal, several
from msgsim.observe.conservation import Violation
from msgsim.observe.cost import Cost
from msgsim.observe.invariants.bills import Bills
from msgsim.observe.invariants.clock import Clock
from msgsim.observe.invariants.concurrency import Concurrency
from msgsim.observe.invariants.deduplication import Deduplication
from msgsim.observe.invariants.groups import FifoGroups
from msgsim.observe.invariants.lives import Lives
from msgsim.observe.invariants.quotas import CallQuotas, ShardQuotas
from msgsim.observe.invariants.rule import Rule
from msgsim.observe.invariants.sequence import SequenceOrder
from msgsim.observe.system import System

__all__ = ["Invariants", "Rule"]


class Invariants:
    """Observer: all rules together.

    Args:
        system: what is observed.
        cost: the observer of costs, whose bill is made out again.
    """

    def __init__(self, system: System, cost: Cost) -> None:
        self.rules: tuple[Rule, ...] = (
            Clock(system),
            Lives(system),
            FifoGroups(system),
            Deduplication(system),
            CallQuotas(system),
            ShardQuotas(system),
            Concurrency(system),
            SequenceOrder(system),
            Bills(system, cost),
        )

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Let every rule listen."""
        found = [rule.listener(component, signal) for rule in self.rules]
        heard = [listener for listener in found if listener is not None]
        return several(heard, len(signal.carries))

    def finish(self, now: int) -> None:
        """End the run; called once, after the default observers have finished."""
        for rule in self.rules:
            rule.finish(now)

    @property
    def checked(self) -> int:
        """How often a rule was looked at."""
        return sum(rule.checked for rule in self.rules)

    @property
    def violations(self) -> list[Violation]:
        """What must not have happened, the earliest first."""
        found = [violation for rule in self.rules for violation in rule.violations]
        return sorted(found, key=lambda each: (each.at_ns < 0, each.at_ns))
