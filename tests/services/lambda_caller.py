"""A caller of a function that writes down what it hears, for tests of functions."""

from __future__ import annotations

from typing import Any

from msgsim.model.message import Copy, Delivery
from msgsim.model.ports import Outcome
from tests.services.hand_built import HandBuilt

S = 10**9


class Caller:
    """Invokes a function and writes down what it hears."""

    def __init__(self, system: HandBuilt, name: str = "Fn") -> None:
        self.system = system
        self.function = system[name]
        self.outcomes: list[tuple[float, Outcome]] = []
        self.completed: list[tuple[float, int]] = []
        self.refusals: list[str] = []

    def batch(self, size: int, **more: Any) -> list[Delivery]:
        now = self.system.sim.now
        return [Delivery(Copy(self.system.message(**more), now), 1, now) for _ in range(size)]

    def invoke(self, batch: list[Delivery] | None = None) -> list[Delivery]:
        batch = batch or self.batch(1)
        code = self.function.invoke(batch, self._ended, self._completed)
        if code is not None:
            self.refusals.append(code)
        return batch

    def _ended(self, outcome: Outcome) -> None:
        self.outcomes.append((self.system.sim.now / S, outcome))

    def _completed(self, now: int, delivery: Delivery) -> None:
        delivery.copy.completions += 1
        self.completed.append((now / S, delivery.message.number))
