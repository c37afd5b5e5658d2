"""Fleets: how many workers there were, should have been, came and went."""

from __future__ import annotations

from collections import Counter
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.gauges import Gauge
from msgsim.observe.measure import Measure, counter, level
from msgsim.observe.queue_depths import LONG
from msgsim.observe.system import System, announces


class FleetWatch:
    """What is known of the size of one fleet.

    Attributes:
        running, desired, starting: gauges of workers.
        scalings: how often a policy changed the desired size, by policy.
        left: workers that left for good, by reason, and `abandoned`, deliveries they left behind.
    """

    def __init__(self, duration_ns: int) -> None:
        self.running = Gauge(duration_ns)
        self.desired = Gauge(duration_ns)
        self.starting = Gauge(duration_ns)
        self.scalings: Counter[str] = Counter()
        self.left: Counter[str] = Counter()
        self.abandoned = 0
        self._last = (0, 0, 0)

    @property
    def gauges(self) -> tuple[Gauge, Gauge, Gauge]:
        """Desired, running, starting."""
        return self.desired, self.running, self.starting

    def listeners(self) -> dict[str, Listener]:
        """Return what to call, by signal."""
        return {"resized": self._resized, "scaled": self._scaled, "left": self._went}

    def _resized(self, now: int, *sizes: int) -> None:
        for gauge, size, before in zip(self.gauges, sizes, self._last, strict=True):
            if size != before:
                gauge.add(now, size - before)
        self._last = sizes  # type: ignore[assignment]

    def _scaled(self, now: int, policy: str, desired: int) -> None:
        self.scalings[policy] += 1

    def _went(self, now: int, reason: str, deliveries: list[Any]) -> None:
        self.left[reason] += 1
        self.abandoned += len(deliveries)

    def measures(self) -> dict[str, Measure]:
        """Return the metrics of the fleet's size."""
        return {
            "workers": level(self.running),
            "desired": level(self.desired),
            "starting": level(self.starting),
            "scalings": counter(lambda: self.scalings.total()),
            "interrupted": counter(lambda: self.left["spot"], lambda: self.left.total()),
            "abandoned": counter(lambda: self.abandoned),
        }

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "workers": self.running.to_json(),
            "desired": self.desired.to_json(),
            "starting": self.starting.to_json(),
            "scalings": dict(sorted(self.scalings.items())),
            "left": dict(sorted(self.left.items())),
            "abandoned": self.abandoned,
        }


class Fleets:
    """Observer: every component that has a size."""

    def __init__(self, system: System) -> None:
        self.watches = {
            name: FleetWatch(system.duration_ns)
            for name, component in system.components.items()
            if announces(component, "resized")
        }

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to what fleets announce about their size."""
        watch = self.watches.get(component.name)
        return watch.listeners().get(signal.name) if watch is not None else None

    def tick(self, now: int) -> None:
        """Work off what has become long."""
        for watch in self.watches.values():
            for gauge in watch.gauges:
                if len(gauge.times) >= LONG:
                    gauge.settle(now)

    def settle(self, now: int) -> None:
        """Bring every gauge up to date."""
        for watch in self.watches.values():
            for gauge in watch.gauges:
                gauge.settle(now)

    def forget(self) -> None:
        """End the warm-up: means and extremes are those of the time from now on."""
        for watch in self.watches.values():
            for gauge in watch.gauges:
                gauge.forget()

    def finish(self, now: int) -> None:
        """End the run."""
        for watch in self.watches.values():
            for gauge in watch.gauges:
                gauge.finish(now)

    def measures(self, target: str) -> dict[str, Measure]:
        """Return the metrics of a fleet's size."""
        watch = self.watches.get(target)
        return watch.measures() if watch is not None else {}

    def to_json(self) -> dict[str, Any]:
        """Return every fleet as plain data."""
        return {name: watch.to_json() for name, watch in self.watches.items()}
