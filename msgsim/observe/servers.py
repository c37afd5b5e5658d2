"""Servers: functions and fleets — how busy, how often refused, how often cold, how long."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.gauges import Gauge
from msgsim.observe.histogram import Durations
from msgsim.observe.measure import Measure, counter, distribution, level
from msgsim.observe.queue_depths import LONG, NOTES, Times
from msgsim.observe.system import System, announces

AWS_NAMES = {
    "ConcurrentExecutions": "concurrency",
    "Invocations": "invocations",
    "Throttles": "throttles",
    "Errors": "errors",
    "Duration": "duration",
}
"""CloudWatch's name of a metric → ours."""


def _nothing() -> None:
    """Have nothing to catch up with."""


class ServerWatch:
    """What is known of one function or fleet.

    Attributes:
        concurrency: gauge of batches being worked on.
        pollers: gauge of pollers, where it has some.
        durations: how long batches took (ns); `batch_sizes`: records in each.
        cold_starts: how long initialisations took (ns).
        statuses: how batches ended.
        throttles: refused invocations, by error code.
        provisioned: gauge of environments that are ready ahead of time, and `provisioned_busy`.
        spilled_over: invocations that found all of them busy, and `from_provisioned`, none.
        store_calls: calls of the store of idempotency keys, by operation.
        crashes: workers that died, and `crashed_with`, deliveries in their hands.
        catch_up: hands on the visits (see `visits`) that are still in the journal.
    """

    def __init__(self, duration_ns: int) -> None:
        self.concurrency = Gauge(duration_ns)
        self.pollers = Gauge(duration_ns)
        self.provisioned = Gauge(duration_ns)
        self.provisioned_busy = Gauge(duration_ns)
        self.from_provisioned = 0
        self.spilled_over = 0
        self.store_calls: Counter[str] = Counter()
        self._provisioned_now = 0
        self._provisioned_busy_now = 0
        self.durations = Durations()
        self.batch_sizes = Durations()
        self.cold_starts = Durations()
        self.statuses: Counter[str] = Counter()
        self.throttles: Counter[str] = Counter()
        self.crashes = 0
        self.crashed_with = 0
        self.catch_up: Callable[[], None] = _nothing
        self._pollers_now = 0
        self._starts = array("q")
        self._ends = array("q")
        self._visits: list[Times] = []
        self._listeners: dict[str, Listener] = {}

    def forget(self) -> None:
        """End the warm-up: what was before counts no more."""
        self.concurrency.forget()
        self.pollers.forget()
        self.provisioned.forget()
        self.provisioned_busy.forget()
        self.from_provisioned = self.spilled_over = 0
        self.store_calls.clear()
        for durations in (self.durations, self.batch_sizes, self.cold_starts):
            durations.forget()
        self.statuses.clear()
        self.throttles.clear()

    def listeners(self) -> dict[str, Listener]:
        """Return what to call, by signal."""
        if not self._listeners:
            self._listeners = {
                "started": self._started(),
                "ended": self._ended(),
                "cold_start": self._cold_start,
                "invoke_throttled": self._throttled,
                "pollers": self._pollers_changed,
                "provisioned": self._provisioned_changed,
                "provisioned_busy": self._provisioned_busy_changed,
                "spilled_over": self._spilled_over,
                "store_called": self._store_called,
                "crashed": self._crashed,
            }
        return self._listeners

    def _started(self) -> Listener:
        time, size = self._starts.append, self.batch_sizes.add

        def started(now: int, records: int, cold: bool) -> None:
            time(now)
            size(records)

        return started

    def _ended(self) -> Listener:
        times, settle, statuses = self._ends, self._settle, self.statuses
        time, took = times.append, self.durations.add

        def ended(now: int, duration_ns: int, status: str) -> None:
            time(now)
            took(duration_ns)
            if status != "ok":
                statuses[status] += 1
            if len(times) > NOTES:
                settle(now)

        return ended

    def _cold_start(self, now: int, init_ns: int) -> None:
        self.cold_starts.add(init_ns)

    def _throttled(self, now: int, code: str) -> None:
        self.throttles[code] += 1

    def _pollers_changed(self, now: int, count: int) -> None:
        self.pollers.add(now, count - self._pollers_now)
        self._pollers_now = count

    def _provisioned_changed(self, now: int, count: int) -> None:
        self.provisioned.add(now, count - self._provisioned_now)
        self._provisioned_now = count

    def _provisioned_busy_changed(self, now: int, count: int) -> None:
        if count > self._provisioned_busy_now:
            self.from_provisioned += 1
        self.provisioned_busy.add(now, count - self._provisioned_busy_now)
        self._provisioned_busy_now = count

    def _spilled_over(self, now: int) -> None:
        self.spilled_over += 1

    def _store_called(self, now: int, operation: str) -> None:
        self.store_calls[operation] += 1

    def _crashed(self, now: int, deliveries: list[Any]) -> None:
        self.crashes += 1
        self.crashed_with += len(deliveries)

    def tick(self, now: int) -> None:
        """Work off what has become long."""
        if len(self._starts) >= LONG:
            self._settle(now)
        for gauge in self._gauges():
            if len(gauge.times) >= LONG:
                gauge.settle(now)
        for durations in (self.durations, self.batch_sizes, self.cold_starts):
            durations.tick()

    def settle(self, now: int) -> None:
        """Bring the gauges up to date."""
        self._settle(now)
        for gauge in self._gauges():
            gauge.settle(now)

    def note_visits(self, done: Times, received: Times) -> None:
        """Take note of messages that workers were done with, told by the journal."""
        self._visits.append(done)
        self.durations.extend(done - received)

    def _settle(self, now: int) -> None:
        self.catch_up()
        starts = np.array(self._starts, dtype=np.int64)
        times = np.concatenate([starts, np.array(self._ends, dtype=np.int64), *self._visits])
        del self._starts[:], self._ends[:], self._visits[:]
        deltas = np.full(times.size, -1)
        deltas[: starts.size] = 1
        order = np.argsort(times, kind="stable")
        self.concurrency.extend(times[order], deltas[order], now)

    def finish(self, now: int) -> None:
        """End the run."""
        self._settle(now)
        for gauge in self._gauges():
            gauge.finish(now)

    def _gauges(self) -> tuple[Gauge, ...]:
        return (self.concurrency, self.pollers, self.provisioned, self.provisioned_busy)

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "concurrency": self.concurrency.to_json(),
            "pollers": self.pollers.to_json(),
            "invocations": self.batch_sizes.count,
            "errors": dict(sorted(self.statuses.items())),
            "throttles": dict(sorted(self.throttles.items())),
            "cold_starts": self.cold_starts.count,
            "initialisation": self.cold_starts.to_json(),
            "duration": self.durations.to_json(),
            "batch_size": self.batch_sizes.to_json(unit="", scale=1),
            "crashes": self.crashes,
            "provisioned": self.provisioned.to_json(),
            "provisioned_busy": self.provisioned_busy.to_json(),
            "provisioned_invocations": self.from_provisioned,
            "spilled_over": self.spilled_over,
            "store_calls": dict(sorted(self.store_calls.items())),
        }


class Servers:
    """Observer: every component that begins and ends batches, or has pollers."""

    def __init__(self, system: System) -> None:
        self.watches = {
            component.name: ServerWatch(system.duration_ns)
            for component in system.components.values()
            if any(announces(component, name) for name in ("started", "pollers", "crashed"))
        }
        self._kinds = {
            name: {signal.name for signal in system.components[name].signals}
            for name in self.watches
        }

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to everything a function, fleet or mapping announces about its servers."""
        watch = self.watches.get(component.name)
        return watch.listeners().get(signal.name) if watch is not None else None

    def tick(self, now: int) -> None:
        """Work off what has become long."""
        for watch in self.watches.values():
            watch.tick(now)

    def settle(self, now: int) -> None:
        """Bring every server up to date."""
        for watch in self.watches.values():
            watch.settle(now)

    def finish(self, now: int) -> None:
        """End the run for every server."""
        for watch in self.watches.values():
            watch.finish(now)

    def measures(self, target: str) -> dict[str, Measure]:
        """Return the metrics of a function, fleet or mapping, under our names and AWS's."""
        watch = self.watches.get(target)
        if watch is None:
            return {}
        signals = self._kinds[target]
        found: dict[str, Measure] = {}
        if "pollers" in signals:
            found["pollers"] = level(watch.pollers)
        if "crashed" in signals:
            found["crashes"] = counter(lambda: watch.crashes)
        if "provisioned" in signals:
            found |= _provisioned_measures(watch)
        if "store_called" in signals:
            found["store_calls"] = counter(lambda: watch.store_calls.total())
        if "started" in signals:
            own = _server_measures(watch)
            found |= own | {theirs: own[ours] for theirs, ours in AWS_NAMES.items()}
        return found

    def to_json(self) -> dict[str, Any]:
        """Return every server as plain data."""
        return {name: watch.to_json() for name, watch in self.watches.items()}


def _provisioned_measures(watch: ServerWatch) -> dict[str, Measure]:
    invocations = counter(lambda: watch.from_provisioned, lambda: watch.batch_sizes.count)
    spilled = counter(lambda: watch.spilled_over, lambda: watch.batch_sizes.count)
    busy = level(watch.provisioned_busy)
    return {
        "provisioned": level(watch.provisioned),
        "provisioned_busy": busy,
        "provisioned_invocations": invocations,
        "spilled_over": spilled,
        "ProvisionedConcurrentExecutions": busy,
        "ProvisionedConcurrencyInvocations": invocations,
        "ProvisionedConcurrencySpilloverInvocations": spilled,
    }


def _server_measures(watch: ServerWatch) -> dict[str, Measure]:
    def invocations() -> int:
        return watch.batch_sizes.count

    def attempts() -> int:
        return invocations() + watch.throttles.total()

    return {
        "concurrency": level(watch.concurrency),
        "invocations": counter(invocations),
        "throttles": counter(lambda: watch.throttles.total(), attempts),
        "throttled": counter(lambda: watch.throttles.total(), attempts),
        "errors": counter(lambda: watch.statuses.total(), invocations),
        "timeouts": counter(lambda: watch.statuses["timeout"], invocations),
        "cold_starts": counter(lambda: watch.cold_starts.count, invocations),
        "initialisation": distribution("time", lambda: watch.cold_starts),
        "duration": distribution("time", lambda: watch.durations),
        "batch_size": distribution("number", lambda: watch.batch_sizes),
    }
