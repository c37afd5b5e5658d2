"""Queues: depth, in flight, delayed, ages and calls of every queue, under AWS's names as well."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.gauges import NS_PER_S
from msgsim.observe.measure import Measure, counter, distribution, level, number
from msgsim.observe.queue_watch import QueueWatch
from msgsim.observe.system import System, announces


class Queues:
    """Observer: every component that stores copies and hands them out."""

    def __init__(self, system: System) -> None:
        self.watches = {
            component.name: QueueWatch(component, system.duration_ns)
            for component in system.components.values()
            if announces(component, "received")
        }

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to everything a queue announces."""
        watch = self.watches.get(component.name)
        return watch.listeners().get(signal.name) if watch is not None else None

    def tick(self, now: int) -> None:
        """Work off what has become long; sample ages."""
        for watch in self.watches.values():
            watch.tick(now)

    def settle(self, now: int) -> None:
        """Bring every queue up to date."""
        for watch in self.watches.values():
            watch.work_off(now)

    def finish(self, now: int) -> None:
        """End the run for every queue."""
        for watch in self.watches.values():
            watch.finish(now)

    def measures(self, target: str) -> dict[str, Measure]:
        """Return the metrics of a queue, under our names and AWS's."""
        watch = self.watches.get(target)
        if watch is None:
            return {}
        own = _own_measures(watch)
        for action, offered in _offered(watch).items():
            own[f"api.{action}.throttled"] = counter(*offered)
        aws = {theirs: own[ours] for theirs, ours in AWS_NAMES.items()}
        return own | aws

    def to_json(self) -> dict[str, Any]:
        """Return every queue as plain data."""
        return {name: _to_json(watch) for name, watch in self.watches.items()}


AWS_NAMES = {
    "ApproximateNumberOfMessagesVisible": "visible",
    "ApproximateNumberOfMessagesNotVisible": "in_flight",
    "ApproximateNumberOfMessagesDelayed": "delayed",
    "ApproximateAgeOfOldestMessage": "oldest_age",
    "NumberOfMessagesSent": "sent",
    "NumberOfMessagesReceived": "received",
    "NumberOfMessagesDeleted": "deleted",
    "NumberOfEmptyReceives": "empty_receives",
    "NumberOfDeduplicatedSentMessages": "send_deduplicated",
    "ApproximateNumberOfNoisyGroups": "noisy_groups",
    "NotVisible": "in_flight",
}
"""CloudWatch's name of a metric → ours."""


def _own_measures(watch: QueueWatch) -> dict[str, Measure]:
    counts = watch.counts
    return {
        "visible": level(watch.visible),
        "backlog": level(watch.visible),
        "in_flight": level(watch.in_flight),
        "delayed": level(watch.delayed),
        "stored": level(watch.stored),
        "oldest_age": _OldestAge(watch),
        "noisy_groups": _NoisyGroups(watch),
        "residence": distribution("time", lambda: watch.residences),
        "drain_time": number(lambda: watch.drain_time_ns, "time"),
        "sent": counter(lambda: watch.sent),
        "arrived": counter(lambda: watch.sent + counts["moved_in"]),
        "moved_in": counter(lambda: counts["moved_in"]),
        "never_processed": counter(lambda: counts["never_processed"]),
        "received": counter(lambda: counts["received"]),
        "delivered": counter(lambda: counts["received"]),
        "received_again": counter(lambda: counts["received_again"], lambda: counts["received"]),
        "receives_per_message": number(lambda: receives_per_message(watch)),
        "receives": counter(lambda: counts["receives"] + watch.empties.total()),
        "empty_receives": counter(lambda: watch.empty_receives, lambda: _calls(watch)),
        "deleted": counter(lambda: watch.deleted),
        "deletes_refused": counter(lambda: counts["deletes_refused"]),
        "returned": counter(lambda: counts["returned"]),
        "dead_lettered": counter(lambda: counts["dead_lettered"]),
        "expired": counter(lambda: counts["expired"]),
        "purged": counter(lambda: counts["purged"]),
        "moved_out": counter(lambda: counts["moved_out"]),
        "moved_back": counter(lambda: counts["moved_back"]),
        "ghosts": counter(lambda: counts["ghosts"]),
        "send_deduplicated": counter(lambda: counts["deduplicated"]),
        "throttled": counter(lambda: watch.throttled.total()),
    }


def _calls(watch: QueueWatch) -> int:
    return watch.counts["receives"] + watch.empties.total()


def _offered(watch: QueueWatch) -> dict[str, tuple[Any, Any]]:
    """Return per API action what was throttled and what was asked: messages, receives in calls."""
    lost, calls = watch.throttled_messages, watch.throttled

    def sends() -> int:
        return lost["SendMessage"] + watch.sent + watch.counts["deduplicated"]

    def deletes() -> int:
        refused = lost["DeleteMessage"] + watch.counts["deletes_refused"]
        return refused + watch.deleted

    return {
        "SendMessage": (lambda: lost["SendMessage"], sends),
        "ReceiveMessage": (lambda: calls["ReceiveMessage"], lambda: _calls(watch)),
        "DeleteMessage": (lambda: lost["DeleteMessage"], deletes),
    }


class _OldestAge:
    """The age of the oldest copy: sampled, but its maximum is exact."""

    dimension = "time"
    default = "max"
    stats = ("max", "mean", "end")
    window_stats = ("max",)

    def __init__(self, watch: QueueWatch) -> None:
        self._watch = watch

    def value(self, stat: str, elapsed_ns: int) -> float | None:
        """Return the largest, the mean sampled, or the last age in seconds."""
        watch = self._watch
        ages = [age for _, age in watch.oldest]
        if stat == "max":
            return watch.age_max_ns / NS_PER_S
        if not ages:
            return None
        return (ages[-1] if stat == "end" else sum(ages) / len(ages)) / NS_PER_S

    def snapshot(self) -> tuple[int, int]:
        """Return the age now, and how many samples there are."""
        watch = self._watch
        return watch.oldest_age_ns(watch.stored.settled_ns), len(watch.oldest)

    def at(self, snapshot: tuple[int, int]) -> float | None:
        """Return the age at that moment in seconds."""
        return snapshot[0] / NS_PER_S

    def between(self, window: Any, stat: str) -> float | None:
        """Return the largest sampled age of the window in seconds."""
        ages = [age for _, age in self._watch.oldest[window.before[1] : window.after[1]]]
        ends = [window.before[0], window.after[0]]
        return max(ages + ends) / NS_PER_S


class _NoisyGroups:
    """How many message groups of a fair queue are noisy: sampled, none where there are none."""

    dimension = "number"
    default = "max"
    stats = ("max", "mean", "end")
    window_stats = ("max",)

    def __init__(self, watch: QueueWatch) -> None:
        self._watch = watch

    def value(self, stat: str, elapsed_ns: int) -> float | None:
        """Return the largest number, the mean of the samples, or the last one."""
        numbers = [number for _, number in self._watch.noisy]
        if not numbers:
            return None
        if stat == "mean":
            return sum(numbers) / len(numbers)
        return float(max(numbers) if stat == "max" else numbers[-1])

    def snapshot(self) -> tuple[int, int]:
        """Return the number now, and how many samples there are."""
        return self._watch.noisy_now(), len(self._watch.noisy)

    def at(self, snapshot: tuple[int, int]) -> float | None:
        """Return the number at that moment."""
        return float(snapshot[0])

    def between(self, window: Any, stat: str) -> float | None:
        """Return the largest number sampled in the window."""
        samples = self._watch.noisy[window.before[1] : window.after[1]]
        return float(max([number for _, number in samples] + [window.before[0], window.after[0]]))


def receives_per_message(watch: QueueWatch) -> float | None:
    """Return receives per copy that was handed out at least once; None if none was."""
    received = watch.counts["received"]
    copies = received - watch.counts["received_again"]
    return received / copies if copies else None


def _to_json(watch: QueueWatch) -> dict[str, Any]:
    drained = watch.drain_time_ns
    return {
        "visible": watch.visible.to_json(),
        "in_flight": watch.in_flight.to_json(),
        "delayed": watch.delayed.to_json(),
        "oldest_age": {
            "max_s": watch.age_max_ns / NS_PER_S,
            "time_s": [moment / NS_PER_S for moment, _ in watch.oldest],
            "age_s": [age / NS_PER_S for _, age in watch.oldest],
        },
        "residence": watch.residences.to_json(),
        "drain_time_s": None if drained is None else drained / NS_PER_S,
        "receives_per_message": receives_per_message(watch),
        "receive_errors": {str(code): n for code, n in watch.empties.items() if code is not None},
        "throttled_calls": dict(sorted(watch.throttled.items())),
        "throttled_messages": dict(sorted(watch.throttled_messages.items())),
        "counts": {
            "sent": watch.sent,
            "received": watch.counts["received"],
            "deleted": watch.deleted,
            "empty_receives": watch.empty_receives,
            **{name: watch.counts[name] for name in _COUNTED},
        },
    }


_COUNTED = (
    "moved_in",
    "never_processed",
    "received_again",
    "returned",
    "deletes_refused",
    "dead_lettered",
    "expired",
    "purged",
    "moved_out",
    "moved_back",
    "ghosts",
    "deduplicated",
)
