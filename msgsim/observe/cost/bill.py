"""A bill: units times prices, for the run and for a month at its rate.

A month is 730 hours, in which everything happens as often as in the run. Graduated prices and free
units are the account's and a month's, so that they are worked out there, over all components
together, and each line gets its part by its units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgsim.model.billing import HOURS_PER_MONTH, Price, Usage, hours


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill.

    Attributes:
        component: what it is for.
        usage: how many units of which price in the run.
        usd: what they cost in the run, at the price of the first tier.
        month_units: units in a month at this rate.
        month_usd: what those cost, graduated, free units taken off if the bill has them.
    """

    component: str
    usage: Usage
    usd: float
    month_units: float
    month_usd: float


class Bill:
    """What a system costs.

    Args:
        used: usage by component.
        elapsed_ns: time in which that was used.
        published: messages that workloads published in it.
        free_tier: whether AWS's monthly free units are taken off.
    """

    def __init__(
        self,
        used: Mapping[str, Iterable[Usage]],
        elapsed_ns: int,
        published: int,
        free_tier: bool = False,
    ) -> None:
        self.elapsed_ns = elapsed_ns
        self.published = published
        per_month = HOURS_PER_MONTH / hours(elapsed_ns) if elapsed_ns else 0.0
        self.month_published = published * per_month
        entries = [(name, usage) for name, usages in used.items() for usage in usages]
        entries = [(name, usage) for name, usage in entries if usage.units]
        total: dict[Price, float] = {}
        for _, usage in entries:
            total[usage.price] = total.get(usage.price, 0.0) + usage.units * per_month
        means = _mean_prices(total, free_tier)
        self.lines = [
            Line(
                name,
                usage,
                usage.price.list_usd(usage.units),
                usage.units * per_month,
                usage.units * per_month * means[usage.price],
            )
            for name, usage in entries
        ]

    def usd(self, component: str | None = None) -> float:
        """Return what a component, or everything, costs in the run at list prices."""
        return sum(line.usd for line in self._of(component))

    def month_usd(self, component: str | None = None) -> float:
        """Return what a component, or everything, costs in a month at this rate."""
        return sum(line.month_usd for line in self._of(component))

    def per_million(self, component: str | None = None) -> float | None:
        """Return what a million published messages cost; None if none was published."""
        if not self.month_published:
            return None
        return self.month_usd(component) / self.month_published * 1_000_000

    def idle_share(self, component: str | None = None) -> float | None:
        """Return the share paid for time and for asking in vain; None if nothing is paid."""
        lines = self._of(component)
        total = sum(line.usd for line in lines)
        if not total:
            return None
        return sum(line.usd for line in lines if line.usage.standing) / total

    def components(self) -> list[str]:
        """Return what has lines on the bill, in the order of the scenario."""
        return list(dict.fromkeys(line.component for line in self.lines))

    def _of(self, component: str | None) -> list[Line]:
        return [line for line in self.lines if component in (None, line.component)]


def _mean_prices(month_units: Mapping[Price, float], free_tier: bool) -> dict[Price, float]:
    """Return what a unit of each price costs on average in the month.

    The free units of a pool go to its prices by their units.
    """
    pools: dict[str, float] = {}
    for price, units in month_units.items():
        pools[price.pool] = pools.get(price.pool, 0.0) + units
    found = {}
    for price, units in month_units.items():
        paid = units
        if free_tier and price.pool:
            paid -= min(units, price.free * units / pools[price.pool])
        found[price] = price.month_usd(paid) / units if units else 0.0
    return found
