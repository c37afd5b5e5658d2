"""Alarms: when they went off, why, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.gauges import NS_PER_S, Gauge
from msgsim.observe.measure import Measure, counter, level, number
from msgsim.observe.system import System, announces

MOST_KEPT = 1_000
"""Changes of state that are kept with their reasons; further ones are only counted."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of state: when (ns), to which state, and why."""

    at_ns: int
    state: str
    reason: str


class AlarmWatch:
    """What is known of one alarm.

    Attributes:
        state: the state it is in.
        in_alarm: gauge, 1 while it is in `ALARM`.
        changes: the first changes of its state, and `count`, how many there were.
        alarms: how often it went into `ALARM`, and `first_ns`, when it first did.
    """

    def __init__(self, duration_ns: int) -> None:
        self.state = "INSUFFICIENT_DATA"
        self.in_alarm = Gauge(duration_ns)
        self.changes: list[Change] = []
        self.count = 0
        self.alarms = 0
        self.first_ns: int | None = None

    def changed(self, now: int, state: str, reason: str) -> None:
        """Note a change of state."""
        self.in_alarm.add(now, (state == "ALARM") - (self.state == "ALARM"))
        if state == "ALARM":
            self.alarms += 1
            if self.first_ns is None:
                self.first_ns = now
        self.state = state
        self.count += 1
        if len(self.changes) < MOST_KEPT:
            self.changes.append(Change(now, state, reason))

    def measures(self) -> dict[str, Measure]:
        """Return the metrics of the alarm."""
        return {
            "alarms": counter(lambda: self.alarms),
            "transitions": counter(lambda: self.count),
            "in_alarm": level(self.in_alarm),
            "first_alarm": number(lambda: self.first_ns, "time"),
        }

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "state": self.state,
            "alarms": self.alarms,
            "transitions": self.count,
            "in_alarm_share": self.in_alarm.mean,
            "changes": [
                {"at_s": each.at_ns / NS_PER_S, "state": each.state, "reason": each.reason}
                for each in self.changes
            ],
        }


class Alarms:
    """Observer: every component that changes its state as an alarm does."""

    def __init__(self, system: System) -> None:
        self.watches = {
            name: AlarmWatch(system.duration_ns)
            for name, component in system.components.items()
            if announces(component, "alarm_changed")
        }

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to changes of state."""
        watch = self.watches.get(component.name)
        return watch.changed if watch is not None and signal.name == "alarm_changed" else None

    def tick(self, now: int) -> None:
        """Nothing grows long: alarms change at most once a minute."""

    def settle(self, now: int) -> None:
        """Bring every gauge up to date."""
        for watch in self.watches.values():
            watch.in_alarm.settle(now)

    def forget(self) -> None:
        """End the warm-up: the share of time in `ALARM` is that of the time from now on."""
        for watch in self.watches.values():
            watch.in_alarm.forget()

    def finish(self, now: int) -> None:
        """End the run."""
        for watch in self.watches.values():
            watch.in_alarm.finish(now)

    def measures(self, target: str) -> dict[str, Measure]:
        """Return the metrics of an alarm."""
        watch = self.watches.get(target)
        return watch.measures() if watch is not None else {}

    def to_json(self) -> dict[str, Any]:
        """Return every alarm as plain data."""
        return {name: watch.to_json() for name, watch in self.watches.items()}
