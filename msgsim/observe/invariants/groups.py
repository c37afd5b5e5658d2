"""FIFO order as consumers see it: a group's copies are handed out from the front, without gaps.

The rule of the SQS Developer Guide (FIFO queues, understanding logic): while a message of a group
is in flight, no message behind it is handed out. A message that came back may be handed out again
although one *behind* it is still in flight; so what must not happen is that a copy overtakes one
that arrived earlier, whether that one is in somebody's hands (two holders of a group) or not.
"""

from __future__ import annotations

from collections import OrderedDict

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Delivery
from msgsim.observe.invariants.rule import Rule
from msgsim.observe.system import System, announces

ORDER = "FIFO order per group"
HOLDERS = "one holder of a FIFO group"

_EMPTY: OrderedDict[Copy, bool] = OrderedDict()


class FifoGroups(Rule):
    """Invariant: within a message group nothing overtakes."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self._queues: dict[str, _Groups] = {}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to what FIFO queues store, hand out and lose."""
        if not (announces(component, "received") and getattr(component, "fifo", False)):
            return None
        groups = self._queues.setdefault(component.name, _Groups(self, component.name))
        return groups.heard.get(signal.name)


class _Groups:
    def __init__(self, rule: FifoGroups, name: str) -> None:
        self.rule = rule
        self.name = name
        self.lines: dict[str, OrderedDict[Copy, bool]] = {}
        self.heard: dict[str, Listener] = {
            "sent": self.stored,
            "moved_in": self.stored,
            "received": self.received,
            "returned": self.returned,
            "deleted": lambda now, delivery: self.gone(now, delivery.copy),
            "expired": self.gone,
            "purged": self.gone,
            "dead_lettered": self.gone,
            "moved_out": self.gone,
        }

    def stored(self, now: int, copy: Copy) -> None:
        """A copy stands at the end of its group."""
        self.lines.setdefault(copy.message.key.name, OrderedDict())[copy] = False

    def received(self, now: int, deliveries: list[Delivery]) -> None:
        """What is handed out of a group must be its front, in order."""
        taken: dict[str, list[Copy]] = {}
        for delivery in deliveries:
            taken.setdefault(delivery.message.key.name, []).append(delivery.copy)
        for group, copies in taken.items():
            self.rule.checked += 1
            line = self.lines.get(group, _EMPTY)
            for first, copy in zip(line, copies, strict=False):
                if first is not copy:
                    name = HOLDERS if line[first] else ORDER
                    ranks = (first.message.rank, copy.message.rank)
                    self.rule.note(name, self.name, *ranks, now, copy.message)
                    break
            for copy in copies:
                if copy in line:
                    line[copy] = True

    def returned(self, now: int, delivery: Delivery) -> None:
        """A copy is in nobody's hands again."""
        line = self.lines.get(delivery.message.key.name, _EMPTY)
        if delivery.copy in line:
            line[delivery.copy] = False

    def gone(self, now: int, copy: Copy) -> None:
        """A copy leaves its group."""
        line = self.lines.get(copy.message.key.name)
        if line is not None:
            line.pop(copy, None)
            if not line:
                del self.lines[copy.message.key.name]
