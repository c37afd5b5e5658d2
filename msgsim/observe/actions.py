"""Actions: what was done to the system while it ran, and what AWS would have refused."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal

NS_PER_S = 1_000_000_000


class Actions:
    """Observer: every action of the scenario, in the order in which they came.

    Attributes:
        done: when (ns), which, what in words, and the error code or None.
    """

    def __init__(self) -> None:
        self.done: list[tuple[int, str, str, str | None]] = []

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to actions."""
        if signal.name != "acted":
            return None
        name, note = component.name, self.done.append

        def acted(now: int, description: str, code: str | None) -> None:
            note((now, name, description, code))

        return acted

    def tick(self, now: int) -> None:
        """Nothing to work off."""

    def finish(self, now: int) -> None:
        """Nothing to work off."""

    def to_json(self) -> list[dict[str, Any]]:
        """Return the actions as plain data."""
        return [
            {"at_s": at / NS_PER_S, "name": name, "what": what, "refused": code}
            for at, name, what, code in self.done
        ]
