"""CloudWatch twins: the metrics that AWS would have shown of a run, under AWS's names.

An observer like the others, attached only when asked for, and constant in size for each metric and
period. A file in this folder that has `applies` and `make` brings the metrics of one kind of
component; adding one edits no list. The page `cloudwatch` defines every metric.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal, several
from msgsim.observe.cloudwatch.catalog import CATALOG, Metric
from msgsim.observe.cloudwatch.series import Point, Series
from msgsim.observe.cloudwatch.twin import Desk, Twin
from msgsim.observe.system import System

__all__ = ["CATALOG", "MINUTE_NS", "CloudWatch", "Metric", "Point", "Series"]

MINUTE_NS = 60_000_000_000


@cache
def _kinds() -> tuple[ModuleType, ...]:
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    modules = [import_module(f"{__name__}.{name}") for name in names]
    return tuple(module for module in modules if hasattr(module, "applies"))


class CloudWatch:
    """Observer: every metric of every component.

    Args:
        system: the shape of what is observed, its routes; the components are those it hears.
        period_ns: how long a period is; a minute, as these services report.
    """

    def __init__(self, system: System, period_ns: int = MINUTE_NS) -> None:
        self.period_ns = period_ns
        self._desk = Desk(system, period_ns)
        self._twins: dict[str, list[Twin]] = {}
        self._heard: dict[str, list[Mapping[str, Listener]]] = {}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Let the component's twins listen; they are made when the component is first bound."""
        name = component.name
        if name not in self._twins:
            made = [
                kind.make(component, self._desk) for kind in _kinds() if kind.applies(component)
            ]
            self._twins[name] = made
            self._heard[name] = [twin.listeners() for twin in made]
        return several([found[signal.name] for found in self._heard[name] if signal.name in found])

    def tick(self, now: int) -> None:
        """Report what is reported once a period; called at the end of each (ns)."""
        for twins in self._twins.values():
            for twin in twins:
                twin.period(now)

    def finish(self, now: int) -> None:
        """End the run: a period that was cut short is reported as far as it came."""
        if now % self.period_ns:
            self.tick(now)

    def series(self) -> Iterator[Series]:
        """Yield every metric that has data, by namespace, dimensions and catalogue."""
        order = {key: place for place, key in enumerate(CATALOG)}

        def place(series: Series) -> tuple[str, tuple[str, ...], int]:
            metric = series.metric
            values = tuple(series.dimensions.values())
            return metric.namespace, values, order[metric.namespace, metric.name]

        yield from sorted((each for each in self._desk.series.values() if each.points), key=place)

    def find(self, name: str, **dimensions: str) -> Series:
        """Return one series by its metric's name and dimensions.

        Raises:
            KeyError: there is no such series.
        """
        for series in self._desk.series.values():
            if series.metric.name == name and series.dimensions == dimensions:
                return series
        raise KeyError(name)
