"""Twin: what a file here brings for one kind of component."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgsim.kernel.signals import Listener
from msgsim.observe.cloudwatch.catalog import CATALOG
from msgsim.observe.cloudwatch.series import Series
from msgsim.observe.system import System

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Twin(Protocol):
    """The metrics of one component: it hears facts, and is asked at the end of each period."""

    def listeners(self) -> Mapping[str, Listener]:
        """Return what to call, by signal."""

    def period(self, now: int) -> None:
        """Report what is reported once a period, for the period that ends `now` (ns)."""


class Desk:
    """Where twins get their series from.

    Args:
        system: what is observed.
        period_ns: how long a period is.

    Attributes:
        series: every series by namespace, name and dimensions, in the order of first asking.
        shared: what the twins of several components keep together, by name.
    """

    def __init__(self, system: System, period_ns: int) -> None:
        self.system = system
        self.period_ns = period_ns
        self.series: dict[tuple[str, str, tuple[tuple[str, str], ...]], Series] = {}
        self.shared: dict[str, Any] = {}

    def open(self, namespace: str, name: str, **dimensions: str) -> Series:
        """Return the series of a metric and its dimensions, the same one at every asking."""
        key = (namespace, name, tuple(dimensions.items()))
        found = self.series.get(key)
        if found is None:
            metric = CATALOG[namespace, name]
            found = self.series[key] = Series(metric, dimensions, self.period_ns)
        return found
