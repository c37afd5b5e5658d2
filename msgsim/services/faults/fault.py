"""Faults: outages and slowdowns of a component for a while."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts


@dataclass(slots=True)
class Strain:
    """All faults that act on one component now, so that overlapping ones combine.

    Attributes:
        target: the component.
        outages: how many outages overlap; it is down until the last one ends.
        factors: slowdowns in force, which multiply.
        normal: its slowness without any fault.
        denials: client-side errors in force; the latest one counts.
    """

    target: Component
    normal: float
    outages: int = 0
    factors: list[float] = field(default_factory=list)
    denials: list[str] = field(default_factory=list)

    def begin_outage(self) -> None:
        """Take the component down, if it is not down already."""
        self.outages += 1
        if self.outages == 1:
            self.target.fail()

    def end_outage(self) -> None:
        """Bring the component back, if this was the last outage."""
        self.outages -= 1
        if self.outages == 0:
            self.target.recover()

    def begin_slowdown(self, by: float) -> None:
        """Multiply the component's own times."""
        self.factors.append(by)
        self._settle()

    def end_slowdown(self, by: float) -> None:
        """Take one factor back, exactly."""
        self.factors.remove(by)
        self._settle()

    def begin_denial(self, error: str) -> None:
        """Let the endpoint refuse what SNS brings, for good."""
        self.denials.append(error)
        self._answer()

    def end_denial(self, error: str) -> None:
        """Take one reason back; the endpoint admits SNS again when none is left."""
        self.denials.remove(error)
        self._answer()

    def _answer(self) -> None:
        subscription: Any = self.target
        if self.denials:
            subscription.deny(self.denials[-1])
        else:
            subscription.permit()

    def _settle(self) -> None:
        self.target.slowness = self.normal * math.prod(self.factors)


class Fault(Component):
    """A fault (a breakdown or a degraded server, in queueing words) with its beginning and end.

    Args:
        at_ns: when it begins.
        for_ns: how long it lasts; None for the rest of the run.
        slow_by: the factor of a slowdown; None for an outage or a denial.
        target: the name of what it strikes.
        denied: the client-side error of a denial; None for any other fault.
    """

    kind = "fault"
    signals = (facts.FAULT_BEGAN, facts.FAULT_ENDED)

    def __init__(
        self,
        sim: Simulation,
        name: str,
        target: str,
        at_ns: int,
        for_ns: int | None,
        slow_by: float | None,
        denied: str | None = None,
    ) -> None:
        super().__init__(sim, name)
        self.at_ns = at_ns
        self.for_ns = for_ns
        self.slow_by = slow_by
        self.denied = denied
        self.strain: Strain | None = None
        self.description = f"{target} {_what(slow_by, denied)}"

    def start(self) -> None:
        """Wait for the beginning."""
        self.sim.at(self.at_ns, self._begin)

    def _begin(self) -> None:
        assert self.strain is not None
        if self.denied is not None:
            self.strain.begin_denial(self.denied)
        elif self.slow_by is None:
            self.strain.begin_outage()
        else:
            self.strain.begin_slowdown(self.slow_by)
        if self.on_fault_began is not None:
            self.on_fault_began(self.sim.now, self.description)
        if self.for_ns is not None:
            self.sim.after(self.for_ns, self._end)

    def _end(self) -> None:
        assert self.strain is not None
        if self.denied is not None:
            self.strain.end_denial(self.denied)
        elif self.slow_by is None:
            self.strain.end_outage()
        else:
            self.strain.end_slowdown(self.slow_by)
        if self.on_fault_ended is not None:
            self.on_fault_ended(self.sim.now, self.description)


def _what(slow_by: float | None, denied: str | None) -> str:
    if denied is not None:
        return f"is refused by its endpoint ({denied})"
    return "is down" if slow_by is None else f"takes {slow_by:g} times as long"
