"""What AWS bills of a mapping: event pollers of provisioned mode, by the hour.

Polls are requests and billed at the queue; without provisioned mode the mapping itself is free.
Source: https://aws.amazon.com/lambda/pricing/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgsim.kernel.signals import Listener, Signal
from msgsim.model.billing import Prices, Usage, hours
from msgsim.model.service import Context
from msgsim.services.event_source_mapping.spec import PAGE, MappingSpec


class PollerMeter:
    """Counts the hours of one mapping's event pollers.

    Args:
        prices: of the page.
        units: event poller units of one event poller; None without provisioned mode.
    """

    def __init__(self, prices: Prices, units: float | None) -> None:
        self._prices = prices
        self._units = units
        self._count = 0
        self._since_ns = 0
        self._poller_ns = 0

    def listener(self, signal: Signal) -> Listener | None:
        """Listen to the number of event pollers."""
        return self._pollers if signal.name == "pollers" and self._units is not None else None

    def _pollers(self, now: int, count: int) -> None:
        self._poller_ns += self._count * (now - self._since_ns)
        self._count, self._since_ns = count, now

    def usage(self, now: int) -> Iterator[Usage]:
        """Yield event poller unit hours."""
        if self._units is not None:
            poller_ns = self._poller_ns + self._count * (now - self._since_ns)
            price = self._prices["event_poller_unit_hour"]
            yield Usage("event poller unit hours", price, hours(poller_ns) * self._units, True)


def meter(mapping: Any, spec: MappingSpec, prices: Prices, context: Context) -> PollerMeter | None:
    """Return the meter of a queue's mapping; a stream's is free."""
    if spec.StartingPosition is not None:
        return None
    units = None
    if spec.ProvisionedPollerConfig is not None:
        units = float(context.assumption(PAGE.data["kind"], "units_per_poller"))
    return PollerMeter(prices, units)
