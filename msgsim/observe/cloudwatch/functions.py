"""The twins of `AWS/Lambda` for functions: invocations, errors, concurrency, asynchronous events.

Source: Lambda developer guide, monitoring-metrics-types.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener
from msgsim.observe.cloudwatch.series import Series
from msgsim.observe.cloudwatch.twin import NS_PER_MS, Desk
from msgsim.observe.system import announces


def applies(component: Component) -> bool:
    """Say whether it is a function."""
    return announces(component, "invoke_throttled")


class FunctionTwin:
    """The metrics of one function; it counts for the account as well."""

    def __init__(self, function: Any, desk: Desk) -> None:
        self._function = function
        self._desk = desk
        self._opened: dict[str, Series] = {}
        self._running = Level(self._of("ConcurrentExecutions"))
        self._busy = Level(self._of("ProvisionedConcurrentExecutions"))
        self._ready = 0
        self._together = [_account(desk, "ConcurrentExecutions")]
        if function.share.reserved is None:
            self._together.append(_account(desk, "UnreservedConcurrentExecutions"))

    def _of(self, name: str) -> Series:
        series = self._opened.get(name)
        if series is None:
            series = self._desk.open("AWS/Lambda", name, FunctionName=self._function.name)
            self._opened[name] = series
        return series

    def listeners(self) -> Mapping[str, Listener]:
        """Return what to call, by signal."""
        return {
            "started": self._started,
            "ended": self._ended,
            "invoke_throttled": self._throttled,
            "provisioned": self._provisioned,
            "provisioned_busy": self._provisioned_busy,
            "spilled_over": lambda now: self._of("ProvisionedConcurrencySpilloverInvocations").add(
                now
            ),
            "taken": self._taken,
            "event_started": self._event_started,
            "given_up": lambda now, reason: self._of("AsyncEventsDropped").add(now),
            "destination_failed": self._destination_failed,
        }

    def _started(self, now: int, records: int, cold: bool) -> None:
        self._of("Invocations").add(now)
        self._of("Throttles").add(now, 0.0)
        for level in (self._running, *self._together):
            level.change(now, 1)

    def _ended(self, now: int, duration_ns: int, status: str) -> None:
        """An error stands at the moment at which its invocation began."""
        self._of("Duration").add(now, duration_ns / NS_PER_MS)
        self._of("Errors").add(now - duration_ns, float(status != "ok"))
        for level in (self._running, *self._together):
            level.change(now, -1)

    def _throttled(self, now: int, code: str) -> None:
        self._of("Throttles").add(now)

    def _provisioned(self, now: int, count: int) -> None:
        self._ready = count

    def _provisioned_busy(self, now: int, count: int) -> None:
        if count > self._busy.value:
            self._of("ProvisionedConcurrencyInvocations").add(now)
        self._busy.change(now, count - self._busy.value)
        if self._ready:
            self._of("ProvisionedConcurrencyUtilization").add(now, count / self._ready)

    def _taken(self, now: int, deliveries: Any) -> None:
        self._of("AsyncEventsReceived").tally(now, len(deliveries))

    def _event_started(self, now: int, age_ns: int) -> None:
        self._of("AsyncEventAge").add(now, age_ns / NS_PER_MS)

    def _destination_failed(self, now: int, code: str) -> None:
        self._of("DestinationDeliveryFailures").add(now)

    def period(self, now: int) -> None:
        """Report the peak of what runs at once, where anything ran."""
        for level in (self._running, self._busy, *self._together):
            level.period(now)


class Level:
    """How much is going on at once; its peak is the one sample of a period."""

    def __init__(self, series: Series) -> None:
        self.value = 0
        self._series = series
        self._peak = 0
        self._reported_ns = 0

    def change(self, now: int, delta: int) -> None:
        """Add to what is going on."""
        self.value += delta
        self._peak = max(self._peak, self.value)

    def period(self, now: int) -> None:
        """Report the peak of the period that ends `now`, once; nothing where there was none."""
        if now == self._reported_ns:
            return
        self._reported_ns = now
        if self._peak:
            self._series.level(now, self._peak)
        self._peak = self.value


def _account(desk: Desk, name: str) -> Level:
    """Return what all functions of the account do together."""
    levels: dict[str, Level] = desk.shared
    if name not in levels:
        levels[name] = Level(desk.open("AWS/Lambda", name))
    return levels[name]


make = FunctionTwin
