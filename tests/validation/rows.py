"""One figure of a published measurement beside the simulated one, and how it is judged.

Bounds and roles were fixed before the runs: a row says itself whether the measured figure chose a
default (*calibration*: the comparison shows only that it arrives) or not (*validation*).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.scenario.build import System, build
from msgsim.scenario.load import load_text

CALIBRATION, VALIDATION = "calibration", "validation"
NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000


@dataclass(frozen=True)
class Row:
    """A measured figure beside the simulated one.

    Attributes:
        what: the system, or the case of it.
        figure: what was measured there.
        measured: as published, with its unit.
        simulated: as msgsim gives it.
        low, high: bounds for the simulated figure.
        role: `calibration` or `validation`.
        unit: of both figures.
        digits: decimals shown.
        said: what was published in words, where it is no number.
    """

    what: str
    figure: str
    measured: float
    simulated: float
    low: float
    high: float
    role: str = VALIDATION
    unit: str = "ms"
    digits: int = 0
    said: str = ""

    @property
    def within(self) -> bool:
        """Whether the simulated figure lies in its bounds."""
        return self.low <= self.simulated <= self.high

    @property
    def name(self) -> str:
        """What identifies the row."""
        return f"{self.what}, {self.figure}"


def about(
    what: str, figure: str, measured: float, simulated: float, share: float, **more: object
) -> Row:
    """Return a row whose figure may differ from the measured one by a share of it."""
    low, high = measured * (1 - share), measured * (1 + share)
    return Row(what, figure, measured, simulated, low, high, **more)  # type: ignore[arg-type]


def quantile(values: Iterable[float], share: float) -> float:
    """Return the nearest-rank quantile."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


class Heard:
    """An observer that keeps what one sort of fact carried, by component and in order."""

    def __init__(self, *signals: str) -> None:
        self._signals = signals
        self.facts: dict[tuple[str, str], list[tuple]] = {}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Keep `(now, …)` of every fact that is wanted."""
        if signal.name not in self._signals:
            return None
        kept = self.facts.setdefault((component.name, signal.name), [])
        return lambda *values: kept.append(values)

    def of(self, component: str, signal: str) -> list[tuple]:
        """Return the facts of one component."""
        return self.facts.get((component, signal), [])


class Caught:
    """An observer that calls a function with every fact of one sort at one component."""

    def __init__(self, component: str, signal: str, call: Callable[..., object]) -> None:
        self._wanted = component, signal
        self._call = call

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Return the function for the fact that is wanted."""
        return self._call if (component.name, signal.name) == self._wanted else None


def ran(text: str, *observers: object, replication: int = 0) -> System:
    """Run a scenario with these observers alone; return its system as it stands at the end."""
    system = build(load_text(text), replication=replication)
    system.observe(observers)  # type: ignore[arg-type]
    system.start()
    system.sim.run(system.duration_ns)
    return system
