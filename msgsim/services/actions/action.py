"""An action as a component: at its moment it makes one call, and says how that ended."""

from __future__ import annotations

from collections.abc import Callable

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts


class Action(Component):
    """What an operator does at a moment: an intervention, in the words of simulation.

    Args:
        at_ns: when.
        description: what, in words.

    Attributes:
        act: makes the call; it returns AWS's error code, or None.
    """

    kind = "action"
    signals = (facts.ACTED,)

    def __init__(self, sim: Simulation, name: str, at_ns: int, description: str) -> None:
        super().__init__(sim, name)
        self.at_ns = at_ns
        self.description = description
        self.act: Callable[[], str | None] = lambda: None

    def start(self) -> None:
        """Wait for the moment."""
        self.sim.at(self.at_ns, self._act)

    def _act(self) -> None:
        code = self.act()
        if self.on_acted is not None:
            self.on_acted(self.sim.now, self.description, code)
