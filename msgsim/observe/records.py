"""Records: one row for each delivery that a consumer ended, kept only when asked, and bounded."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Delivery, Key

MOST_ROWS = 1_000_000
TABLES = ("deliveries",)
NS_PER_S = 1_000_000_000


class Deliveries:
    """Observer: a table with a row per ended delivery, in the order in which they ended.

    Args:
        most: rows beyond so many are counted and not kept.

    Attributes:
        left_out: how many rows were not kept.
    """

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._times = array("q")  # born, arrived, received, ended
        self._facts = array("q")  # number, rank, attempt, key, subscriber, outcome
        self._keys: dict[Key, int] = {}
        self._subscribers: dict[str, int] = {}
        self._outcomes: dict[str, int] = {"completed": 0}
        self._rows = 0
        self.left_out = 0

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to completions and failures of every consumer."""
        if signal.name not in {"completed", "failed"}:
            return None
        place = self._subscribers.setdefault(component.judged, len(self._subscribers))
        if signal.name == "completed":
            return lambda now, delivery: self._take(now, delivery, place, 0)

        def failed(now: int, delivery: Delivery, reason: str) -> None:
            outcome = self._outcomes.setdefault(reason, len(self._outcomes))
            self._take(now, delivery, place, outcome)

        return failed

    def _take(self, now: int, delivery: Delivery, place: int, outcome: int) -> None:
        if self._rows == self._most:
            self.left_out += 1
            return
        self._rows += 1
        message = delivery.message
        key = self._keys.setdefault(message.key, len(self._keys))
        self._times.extend((message.born_ns, delivery.copy.arrived_ns, delivery.received_ns, now))
        facts = (message.number, message.rank, delivery.attempt, key, place, outcome)
        self._facts.extend(facts)

    def columns(self) -> dict[str, Any]:
        """Return the table as numpy columns; times are seconds since the start of the run."""
        times = np.array(self._times, dtype=np.int64).reshape(-1, 4) / NS_PER_S
        facts = np.array(self._facts, dtype=np.int64).reshape(-1, 6)
        names = np.array([key.name for key in self._keys], dtype=str)
        workloads = np.array([key.workload for key in self._keys], dtype=str)
        found: dict[str, Any] = {
            "message": facts[:, 0],
            "workload": _named(workloads, facts[:, 3]),
            "key": _named(names, facts[:, 3]),
            "rank": facts[:, 1],
            "subscriber": _named(np.array(list(self._subscribers), dtype=str), facts[:, 4]),
            "attempt": facts[:, 2],
            "outcome": _named(np.array(list(self._outcomes), dtype=str), facts[:, 5]),
        }
        for index, name in enumerate(("born_s", "arrived_s", "received_s", "ended_s")):
            found[name] = times[:, index].copy()
        return found


def _named(names: Any, places: Any) -> Any:
    return names[places] if places.size else np.zeros(0, dtype="U1")
