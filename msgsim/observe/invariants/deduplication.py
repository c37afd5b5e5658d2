"""Deduplication is honoured: one acceptance per id within five minutes, and no loss without one.

Source: SQS Developer Guide, exactly-once processing; SNS Developer Guide, FIFO message
deduplication. Two topics or queues with another scope agree on what is judged here: the same id in
the same message group.
"""

from __future__ import annotations

from collections import deque

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Message, redrive_of
from msgsim.observe.invariants.rule import Rule
from msgsim.observe.system import System, announces

INTERVAL_NS = 300_000_000_000
TWICE = "deduplication: an id accepted twice"
UNFOUNDED = "deduplication: a first send dropped"

Id = tuple[str, str]


class Deduplication(Rule):
    """Invariant: FIFO queues and topics take an id once in five minutes, and the first time."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self._targets: dict[str, _Ids] = {}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to what FIFO queues and topics keep, and to what they drop as repeated."""
        if not (getattr(component, "fifo", False) and announces(component, "deduplicated")):
            return None
        ids = self._targets.setdefault(component.name, _Ids(self, component.name))
        return ids.heard.get(signal.name)


class _Ids:
    def __init__(self, rule: Deduplication, name: str) -> None:
        self.rule = rule
        self.name = name
        self.accepted: dict[Id, int] = {}
        self.line: deque[tuple[int, Id]] = deque()
        self.any_group: dict[str, int] = {}
        self.heard: dict[str, Listener] = {
            "sent": self.sent,
            "accepted": self.kept,
            "deduplicated": self.dropped,
            "requested": self.requested,
        }

    def sent(self, now: int, copy: Copy) -> None:
        """A queue stored a message."""
        self.kept(now, copy.message)

    def kept(self, now: int, message: Message) -> None:
        """An id was accepted: it must not have been within five minutes."""
        name = message.deduplication_id
        if name is None or redrive_of(message) is not None:
            return
        self.rule.checked += 1
        self._forget(now)
        found = (message.key.name, name)
        if found in self.accepted:
            since = now - self.accepted[found]
            self.rule.note(TWICE, self.name, INTERVAL_NS, since, now, message)
        self.accepted[found] = now
        self.any_group[name] = now
        self.line.append((now, found))

    def dropped(self, now: int, message: Message) -> None:
        """A send was dropped: its id must have been accepted, at least in some group."""
        name = message.deduplication_id
        if name is None:
            return
        self.rule.checked += 1
        self._forget(now)
        if name not in self.any_group:
            self.rule.note(UNFOUNDED, self.name, 1, 0, now, message)

    def requested(self, now: int, action: str, items: object, code: str | None) -> None:
        """A purge clears the queue's memory of ids, also where there is nothing to remove."""
        if action == "PurgeQueue" and code is None:
            self.accepted.clear()
            self.line.clear()
            self.any_group.clear()

    def _forget(self, now: int) -> None:
        line = self.line
        while line and line[0][0] + INTERVAL_NS <= now:
            since, found = line.popleft()
            if self.accepted.get(found) == since:
                del self.accepted[found]
            if self.any_group.get(found[1]) == since:
                del self.any_group[found[1]]
