"""Entries: what workloads published and how much of it their target took.

A client that got no answer, or an application that repeats itself, may place a message twice. An
*extra copy* is every effect of a send (stored, accepted, or recognised as a duplicate) after the
message's first effect at the same entry; what a message move task brings is none. Ranks of a key
are dense, so one number per key, and the messages that clients still try to send, are all that
needs remembering.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Message, redrive_of
from msgsim.observe.measure import Measure, counter
from msgsim.observe.ranks import Ranks
from msgsim.observe.system import System, announces


@dataclass(slots=True)
class Sender:
    """What one workload did.

    Attributes:
        published: messages born.
        retried: messages sent once more.
        calls: API calls, and `call_errors`, how many ended in which error code.
        refused: messages given up, by error code.
    """

    published: int = 0
    retried: int = 0
    calls: int = 0
    call_errors: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Entry:
    """What one entry point took from one workload.

    Attributes:
        stored_again: extra copies that were kept.
        deduplicated: sends that were acknowledged and not kept.
        deduplicated_again: those of them that were extra.
    """

    stored_again: int = 0
    deduplicated: int = 0
    deduplicated_again: int = 0

    @property
    def extra(self) -> int:
        """Effects beyond the first of each message."""
        return self.stored_again + self.deduplicated_again


@dataclass(slots=True)
class Stored:
    """How many sends an entry kept."""

    count: int = 0


class _Effects:
    """Which messages have had an effect at one entry, of the workloads that send to it."""

    __slots__ = ("_ranks", "_workloads", "in_turn")

    def __init__(self, workloads: set[str]) -> None:
        self._workloads = workloads
        self._ranks = Ranks()
        self.in_turn = self._ranks.in_turn

    def first(self, message: Message) -> bool | None:
        """Say whether this is the message's first effect; None if it did not come directly."""
        key = message.key
        if key.workload not in self._workloads:
            return None
        return self._ranks.arrive(key, message.rank)

    def refuse(self, message: Message) -> None:
        """Forget a message that never had an effect and is given up."""
        self._ranks.skip(message.key, message.rank)


class Entries:
    """Observer: workloads and the entry points they send to.

    Attributes:
        senders: by workload.
        taken: by `(entry, workload)`.
        stored: sends that each entry kept, repeated ones included.
        on_duplicate: called with `(entry, now, message)` for a message of which the entry keeps no
            copy at all, because another one had the same deduplication id.
    """

    def __init__(self, system: System) -> None:
        self.senders: dict[str, Sender] = {}
        self.taken: dict[tuple[str, str], Entry] = {}
        self.stored: dict[str, Stored] = {}
        self.on_duplicate: list[Callable[[str, int, Message], None]] = []
        self._target: dict[str, str] = {}
        self._alarms = {
            name for name, each in system.components.items() if announces(each, "alarm_changed")
        }
        self._effects: dict[str, _Effects] = {}
        sources: dict[str, set[str]] = {}
        for route in system.routes:
            sources.setdefault(route.entry, set()).update(route.workloads)
        for entry, workloads in sources.items():
            self._effects[entry] = _Effects(workloads)
            self.stored[entry] = Stored()
            for workload in sorted(workloads):
                self.senders.setdefault(workload, Sender())
                self.taken[entry, workload] = Entry()
                self._target[workload] = entry

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to workloads, and to what their targets take."""
        if component.kind == "workload" or component.name in self.senders:
            return self._of_workload(component.name, signal.name)
        if component.name in self._effects:
            return self._of_entry(component.name, signal.name)
        return None

    def _of_workload(self, name: str, signal: str) -> Listener | None:
        sender = self.senders.setdefault(name, Sender())
        effects = self._effects.get(self._target.get(name, ""))

        def published(now: int, message: Message) -> None:
            sender.published += 1

        def retried(now: int, message: Message) -> None:
            sender.retried += 1

        def called(now: int, messages: Any, code: str | None) -> None:
            sender.calls += 1
            if code is not None:
                sender.call_errors[code] += 1

        def refused(now: int, message: Message, code: str) -> None:
            sender.refused[code] += 1
            if effects is not None:
                effects.refuse(message)

        heard: dict[str, Listener] = {
            "published": published,
            "retried": retried,
            "called": called,
            "refused": refused,
        }
        return heard.get(signal)

    def _accepted(self, name: str) -> Listener:
        effects, taken, total = self._effects[name], self.taken, self.stored[name]
        first, in_turn = effects.first, effects.in_turn

        def accepted(now: int, message: Message) -> None:
            total.count += 1
            key = message.key
            if in_turn.get(key) == message.rank:  # a key of ours: a first effect, in its turn
                in_turn[key] = message.rank + 1
            elif first(message) is False:
                taken[name, key.workload].stored_again += 1

        return accepted

    def _of_entry(self, name: str, signal: str) -> Listener | None:
        first, taken, total = self._effects[name].first, self.taken, self.stored[name]
        accepted = self._accepted(name)

        def sent(now: int, copy: Copy) -> None:
            total.count += 1
            if first(copy.message) is False and redrive_of(copy.message) is None:
                taken[name, copy.message.key.workload].stored_again += 1

        def stored(now: int, shard: Any, message: Message) -> None:
            accepted(now, message)

        def deduplicated(now: int, message: Message) -> None:
            found = first(message)
            if found is None:
                return
            entry = taken[name, message.key.workload]
            entry.deduplicated += 1
            if found:
                for told in self.on_duplicate:
                    told(name, now, message)
            else:
                entry.deduplicated_again += 1

        heard: dict[str, Listener] = {
            "accepted": accepted,
            "sent": sent,
            "ingested": sent,
            "stored": stored,
            "deduplicated": deduplicated,
        }
        return heard.get(signal)

    def published_by(self, workloads: tuple[str, ...]) -> int:
        """Return how many messages these workloads published."""
        return sum(self.senders[name].published for name in workloads if name in self.senders)

    def measures(self, target: str) -> dict[str, Measure]:
        """Return the metrics of a workload, or of an entry point."""
        found: dict[str, Measure] = {}
        sender = self.senders.get(target)
        if sender is not None and target not in self._alarms:
            found |= _sender_measures(sender)
        if target in self.stored:
            stored = self.stored[target]
            taken = [entry for (name, _), entry in self.taken.items() if name == target]
            found["accepted"] = counter(lambda: stored.count)
            found["deduplicated"] = counter(
                lambda: sum(entry.deduplicated for entry in taken),
                lambda: stored.count + sum(entry.deduplicated for entry in taken),
            )
        return found

    def tick(self, now: int) -> None:
        """Nothing to work off."""

    def finish(self, now: int) -> None:
        """Nothing to work off."""

    def to_json(self) -> dict[str, Any]:
        """Return what each workload did, as plain data."""
        return {
            name: {
                "published": sender.published,
                "retried": sender.retried,
                "calls": sender.calls,
                "call_errors": dict(sorted(sender.call_errors.items())),
                "refused": dict(sorted(sender.refused.items())),
            }
            for name, sender in self.senders.items()
        }


def _sender_measures(sender: Sender) -> dict[str, Measure]:
    return {
        "published": counter(lambda: sender.published),
        "retried": counter(lambda: sender.retried, lambda: sender.published),
        "calls": counter(lambda: sender.calls),
        "calls_failed": counter(lambda: sender.call_errors.total(), lambda: sender.calls),
        "refused": counter(lambda: sender.refused.total(), lambda: sender.published),
    }
