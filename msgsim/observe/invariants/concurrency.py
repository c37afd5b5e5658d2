"""Concurrency: never more invocations at once than the account has, or a function has reserved."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.invariants.rule import Rule
from msgsim.observe.system import System, announces

ACCOUNT = "quota: concurrent executions of the account"
RESERVED = "quota: reserved concurrency"


class Concurrency(Rule):
    """Invariant: `started` without their `ended` stay within the account and the reserved part."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self._running: dict[str, int] = {}
        self._total = 0

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to invocations of functions."""
        if not (announces(component, "cold_start") and hasattr(component, "share")):
            return None
        function: Any = component
        if signal.name == "started":
            return lambda now, records, cold: self._started(function, now)
        if signal.name == "ended":
            return lambda now, duration_ns, status: self._ended(function.name)
        return None

    def _started(self, function: Any, now: int) -> None:
        self.checked += 1
        self._total += 1
        running = self._running[function.name] = self._running.get(function.name, 0) + 1
        share = function.share
        if self._total > share.account.quota:
            self.note(ACCOUNT, function.name, share.account.quota, self._total, now)
        if share.reserved is not None and running > share.reserved:
            self.note(RESERVED, function.name, share.reserved, running, now)

    def _ended(self, name: str) -> None:
        self._total -= 1
        self._running[name] = self._running.get(name, 0) - 1
