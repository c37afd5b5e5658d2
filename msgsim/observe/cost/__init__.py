"""Cost: what the run and a month at its rate cost with AWS, by component and request type.

Units are counted by the meters that services declare; this observer binds them, multiplies, and
answers metrics. `explain cost` says what is billed and what is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.billing import HOME_REGION, Meter
from msgsim.observe.cost.bill import Bill, Line
from msgsim.observe.entries import Entries
from msgsim.observe.measure import Measure, Number
from msgsim.observe.system import System

__all__ = ["Bill", "Cost", "Line"]


class Cost:
    """Observer: the bill of a system.

    Args:
        system: what is observed; its `meters` count, its `free_tier` and `region` are asked.
        entries: knows how many messages were published.
    """

    def __init__(self, system: System, entries: Entries) -> None:
        self._system = system
        self._entries = entries
        self.meters: dict[str, Meter] = getattr(system, "meters", {})
        self.region: str = getattr(system, "region", HOME_REGION)
        self._free_tier: bool = getattr(system, "free_tier", False)
        self._final: Bill | None = None

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Let the component's meter listen."""
        meter = self.meters.get(component.name)
        return None if meter is None else meter.listener(signal)

    def tick(self, now: int) -> None:
        """Nothing to work off."""

    def finish(self, now: int) -> None:
        """Make out the last bill: many metrics will be read from it."""
        self._final = self._made_out()

    def bill(self) -> Bill:
        """Return the bill from time zero to now, a warm-up included."""
        return self._made_out() if self._final is None else self._final

    def _made_out(self) -> Bill:
        now = self._system.sim.now
        published = sum(sender.published for sender in self._entries.senders.values())
        used = {name: list(meter.usage(now)) for name, meter in self.meters.items()}
        return Bill(used, now, published, self._free_tier)

    def measures(self, target: str) -> dict[str, Measure]:
        """Return the metrics of what a component costs."""
        return self._measures(target) if target in self.meters else {}

    def total(self) -> dict[str, Measure]:
        """Return the metrics of what everything costs together."""
        return self._measures(None) if self.meters else {}

    def _measures(self, component: str | None) -> dict[str, Measure]:
        def asked(what: Callable[[Bill], float | None]) -> Measure:
            return Number(lambda: what(self.bill()))

        return {
            "cost": asked(lambda bill: bill.usd(component)),
            "cost.per_million": asked(lambda bill: bill.per_million(component)),
            "cost.per_month": asked(lambda bill: bill.month_usd(component)),
            "cost.idle_share": asked(lambda bill: bill.idle_share(component)),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the bill as plain data."""
        bill = self.bill()
        return {
            "currency": "USD",
            "region": self.region,
            "free_tier": self._free_tier,
            "notes": list(self._notes(bill)),
            **_figures(bill, None),
            "components": {
                name: {**_figures(bill, name), "lines": [_line(line) for line in lines]}
                for name, lines in _by_component(bill).items()
            },
        }

    def _notes(self, bill: Bill) -> Iterator[str]:
        """Yield what a reader of the bill has to know: whose prices it takes."""
        kinds = {line.usage.price.kind for line in bill.lines if self._foreign(line)}
        if kinds:
            yield (
                f"no prices of {self.region} are known for {', '.join(sorted(kinds))}: "
                f"those of {HOME_REGION} are taken"
            )

    def _foreign(self, line: Line) -> bool:
        return line.usage.price.region != self.region


def _figures(bill: Bill, component: str | None) -> dict[str, Any]:
    return {
        "usd": bill.usd(component),
        "per_million_usd": bill.per_million(component),
        "per_month_usd": bill.month_usd(component),
        "idle_share": bill.idle_share(component),
    }


def _by_component(bill: Bill) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in bill.lines:
        found.setdefault(line.component, []).append(line)
    return found


def _line(line: Line) -> dict[str, Any]:
    usage, price = line.usage, line.usage.price
    return {
        "request": usage.request,
        "units": usage.units,
        "unit": price.unit,
        "price": price.name,
        "price_usd": price.usd,
        "price_per": price.per,
        "price_read_on": price.read_on,
        "standing": usage.standing,
        "usd": line.usd,
        "per_month_units": line.month_units,
        "per_month_usd": line.month_usd,
    }
