"""Actions: what an operator does to the system at a moment of the scenario."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.service import Finding
from msgsim.model.spec import Spec


class Actor(Component):
    """What an operator does at a moment: an intervention, in the words of simulation.

    It waits, makes one call, and announces how that went.

    Args:
        at_ns: when.
        description: what, in words.

    Attributes:
        act: makes the call; it may return AWS's error code.
        notes: what a reader of the results should know of it.
    """

    kind = "action"
    signals = (facts.ACTED,)

    def __init__(self, sim: Simulation, name: str, at_ns: int, description: str) -> None:
        super().__init__(sim, name)
        self.at_ns = at_ns
        self.description = description
        self.notes: tuple[str, ...] = ()
        self.act: Callable[[], Any] = lambda: None

    def start(self) -> None:
        """Wait for the moment."""
        self.sim.at(self.at_ns, self._act)

    def attempt(self) -> str | None:
        """Make the call; return the error code of one that was refused."""
        code: str | None = self.act()
        return code

    def _act(self) -> None:
        code = self.attempt()
        if self.on_acted is not None:
            self.on_acted(self.sim.now, self.description, code)


class ActionSpec(Spec):
    """One entry of `actions:` that says what is done by naming exactly one of a few verbs."""

    verbs: ClassVar[tuple[str, ...]] = ()

    @property
    def given(self) -> list[str]:
        """The verbs that were written."""
        return [verb for verb in self.verbs if getattr(self, verb) is not None]

    @property
    def verb(self) -> str:
        """What is done."""
        return self.given[0]

    @property
    def target(self) -> str:
        """The name of what it is done to."""
        return str(getattr(self, self.verb))


def too_many(action: ActionSpec) -> Finding:
    """Return the finding about an action that names more than one verb."""
    message = f"an action does one thing, but this has {' and '.join(action.given)}"
    return Finding("E134", message, (), "write an entry for each")
