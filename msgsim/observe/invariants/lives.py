"""The life of every copy in a queue: stored, perhaps handed out and back, and ended once.

Two rules come from one picture. *Conservation per message*: nothing happens to a copy before it
is stored or after it has ended (but for a ghost, which a replica brings back), and at the end the
queue holds exactly the copies that have not ended. *Invisible means invisible*: a copy whose
visibility timeout runs is handed to nobody else, and does not come back before the timeout ends.
"""

from __future__ import annotations

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Delivery
from msgsim.observe.invariants.rule import Rule
from msgsim.observe.system import System, announces, holding

CONSERVATION = "conservation per message"
INVISIBLE = "invisible means invisible"
IN_FLIGHT = "quota: messages in flight"


class Lives(Rule):
    """Invariant: one life per copy, one holder at a time, and no more in flight than AWS allows."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.queues: dict[str, _Queue] = {}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to everything that happens to the copies of queues."""
        if not announces(component, "received"):
            return None
        queue = self.queues.setdefault(component.name, _Queue(self, component))
        return queue.heard.get(signal.name)

    def finish(self, now: int) -> None:
        """Compare the copies that have not ended with those that the queues hold."""
        for queue in self.queues.values():
            queue.finish()


class _Queue:
    def __init__(self, rule: Lives, queue: Component) -> None:
        self.rule = rule
        self.queue = queue
        self.name = queue.name
        self.living: dict[Copy, Delivery | None] = {}
        self.held = 0
        self.heard: dict[str, Listener] = {
            "sent": self.began,
            "moved_in": self.began,
            "ghost": self.began,
            "received": self.received,
            "returned": self.returned,
            "deleted": lambda now, delivery: self.ended(now, delivery.copy),
            "expired": self.ended,
            "purged": self.ended,
            "dead_lettered": self.ended,
            "moved_out": self.ended,
        }

    def began(self, now: int, copy: Copy) -> None:
        """A copy is stored, or back from a replica: it must not be there already."""
        self.rule.checked += 1
        if copy in self.living:
            self.rule.note(CONSERVATION, self.name, 0, 1, now, copy.message)
        self.living[copy] = None

    def received(self, now: int, deliveries: list[Delivery]) -> None:
        """Copies are handed out: each must be there, and in nobody's hands."""
        rule, living = self.rule, self.living
        for delivery in deliveries:
            rule.checked += 1
            copy = delivery.copy
            if copy not in living:
                rule.note(CONSERVATION, self.name, 1, 0, now, copy.message)
                continue
            holder = living[copy]
            if holder is not None:
                ends = holder.deadline_ns
                rule.note(INVISIBLE, self.name, ends, now, now, copy.message)
            else:
                self.held += 1
            living[copy] = delivery
        limit: int = getattr(self.queue, "in_flight_limit", self.held)
        if self.held > limit:
            rule.note(IN_FLIGHT, self.name, limit, self.held, now, deliveries[-1].message)

    def returned(self, now: int, delivery: Delivery) -> None:
        """A timeout ended: not before its time, and only that of the one who holds the copy."""
        self.rule.checked += 1
        copy = delivery.copy
        holder = self.living.get(copy)
        if holder is None:
            self.rule.note(CONSERVATION, self.name, 1, 0, now, copy.message)
            return
        if now < holder.deadline_ns:
            self.rule.note(INVISIBLE, self.name, holder.deadline_ns, now, now, copy.message)
        self.living[copy] = None
        self.held -= 1

    def ended(self, now: int, copy: Copy) -> None:
        """A copy is gone: it must have been there."""
        self.rule.checked += 1
        if copy not in self.living:
            self.rule.note(CONSERVATION, self.name, 1, 0, now, copy.message)
        elif self.living.pop(copy) is not None:
            self.held -= 1

    def finish(self) -> None:
        """Name copies that the queue holds and that have ended, or the other way round."""
        holds = {copy: None for _, _, copy in holding(self.queue) if copy is not None}
        self.rule.checked += len(holds)
        for copy in holds:
            if copy not in self.living:
                self.rule.note(CONSERVATION, self.name, 0, 1, -1, copy.message)
        for copy in self.living:
            if copy not in holds:
                self.rule.note(CONSERVATION, self.name, 1, 0, -1, copy.message)
