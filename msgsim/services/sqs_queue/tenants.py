"""Tenants of a fair queue: who holds how much, and from when on that is too much."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgsim.services.sqs_queue.rules import PAGE
from msgsim.services.sqs_queue.stored import VISIBLE, Stored
from msgsim.units import duration_ns

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class FairRules:
    """When a tenant is noisy; AWS declares its thresholds approximate (FAIR).

    Attributes:
        share: a noisy tenant has more than this share of the queue's messages in flight,
        in_flight: and at least so many of its own, both averaged over `recent_ns`.
        idle_ns: without any in flight for so long it is no longer noisy.
        recent_ns: the time over which shares are averaged.
        evaluation_ns: how often tenants are looked at.
        time_rule: whether the share of processing time is enough by itself.
        resorts: whether messages sent before the tenant was found noisy step back too.
    """

    share: float
    in_flight: int
    idle_ns: int
    recent_ns: int
    evaluation_ns: int
    time_rule: bool
    resorts: bool


def _of_page(name: str) -> Any:
    return PAGE.assumptions()[name].value


def fair_rules(assumption: Callable[[str], Any] = _of_page) -> FairRules:
    """Return the rules in force; `assumption` gives the value of an assumption by name."""
    return FairRules(
        share=PAGE.quota("noisy_share"),
        in_flight=PAGE.quota("noisy_in_flight"),
        idle_ns=PAGE.quota("noisy_idle") * NS_PER_S,
        recent_ns=duration_ns(str(assumption("fair_recent"))),
        evaluation_ns=duration_ns(str(assumption("fair_evaluation"))),
        time_rule=bool(int(assumption("fair_time_rule"))),
        resorts=bool(int(assumption("fair_resorts"))),
    )


class Tenant:
    """The messages of one `MessageGroupId`, counted.

    Attributes:
        name: the group id.
        visible, in_flight: how many messages it has in these states.
        noisy: whether its messages step back behind those of others.
        idle_since_ns: since when none of its messages is in flight.
        lines: while it is noisy, its visible messages by host.
    """

    __slots__ = (
        "_area",
        "_history",
        "_since_ns",
        "idle_since_ns",
        "in_flight",
        "lines",
        "name",
        "noisy",
        "visible",
    )

    def __init__(self, name: str, now: int, windows: int, in_flight: int = 0) -> None:
        self.name = name
        self.visible = 0
        self.in_flight = in_flight
        self.noisy = False
        self.idle_since_ns = now
        self.lines: list[deque[Stored]] = []
        self._since_ns = now
        self._area = 0  # messages in flight × ns: the time spent on processing
        self._history: deque[int] = deque([0] * windows, maxlen=windows)

    def change_in_flight(self, now: int, change: int) -> None:
        """Count messages that go into flight or leave it."""
        self._settle(now)
        self.in_flight += change
        if not self.in_flight:
            self.idle_since_ns = now

    def recent_work(self, now: int) -> int:
        """Return messages in flight × ns over the window that ends now, and begin the next."""
        self._settle(now)
        work = self._area - self._history[0]
        self._history.append(self._area)
        return work

    def _settle(self, now: int) -> None:
        self._area += self.in_flight * (now - self._since_ns)
        self._since_ns = now

    def next(self, hosts: list[int]) -> Stored | None:
        """Take its first visible message on one of these hosts."""
        for host in hosts:
            line = self.lines[host]
            while line:
                copy = line.popleft()
                if copy.state == VISIBLE:
                    return copy
        return None
