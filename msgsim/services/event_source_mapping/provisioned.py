"""Provisioned mode of a queue's mapping: event pollers that are paid for and always there.

One event poller makes up to 10 receives per second, carries up to 1 MB per second, and has up to 10
invocations in progress, whichever binds first. Pollers stay between a minimum and a maximum and
grow by up to 1,000 invocations per minute. Source: Lambda developer guide,
services-sqs-scaling.html.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgsim.kernel.simulation import NS_PER_S
from msgsim.kernel.waiting import TokenBucket
from msgsim.model.message import Delivery
from msgsim.services.event_source_mapping.gathering import Slot
from msgsim.services.event_source_mapping.sqs import QueueMapping

_MINUTE_NS = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class PollerRules:
    """What event pollers may do.

    Attributes:
        minimum: pollers that are always there.
        maximum: most pollers.
        invocations: invocations in progress of one poller.
        receives_per_s: receive calls of one poller.
        bytes_per_s: what one poller carries.
        per_minute: growth, in invocations.
    """

    minimum: int
    maximum: int
    invocations: int
    receives_per_s: int
    bytes_per_s: int
    per_minute: int


class Poller:
    """One event poller.

    Attributes:
        slots: its cycles of gathering, invoking and deleting; one waits for messages if it can.
        waiting: how many of them have a receive outstanding.
        calls: its receive calls.
        free_ns: when it has carried what it received; before, it does not receive.
    """

    __slots__ = ("calls", "free_ns", "slots", "waiting")

    def __init__(self, rules: PollerRules, now: int) -> None:
        self.slots = 0
        self.waiting = 0
        self.calls = TokenBucket(rules.receives_per_s, rules.receives_per_s, now)
        self.free_ns = now

    def pause_ns(self, now: int) -> int:
        """Return how long until it may receive; 0 takes the call."""
        if now < self.free_ns:
            return self.free_ns - now
        if self.calls.take(now):
            return 0
        return self.calls.wait_ns(now) or 1


class ProvisionedMapping(QueueMapping):
    """The mapping of an SQS queue in provisioned mode; what a slot does is the same.

    Args:
        rules: what event pollers may do.
        more: as for `QueueMapping`.
    """

    paced = True

    def __init__(self, *args: Any, rules: PollerRules, **more: Any) -> None:
        super().__init__(*args, **more)
        self.rules = rules
        self.pollers: list[Poller] = []
        self._credit = 0

    def _open_first(self) -> None:
        for _ in range(self.rules.minimum - len(self.pollers)):
            self._add_poller()

    def _add_poller(self) -> None:
        poller = Poller(self.rules, self.sim.now)
        self.pollers.append(poller)
        self._announce_pollers()
        self._open_in(poller)

    def _open_in(self, poller: Poller) -> None:
        poller.slots += 1
        self._gather(Slot(poller))

    def pause_ns(self, slot: Slot) -> int:
        """Return how long a slot waits for its poller's calls and bytes."""
        pause_ns = slot.poller.pause_ns(self.sim.now)
        if not pause_ns:
            slot.poller.waiting += 1
        return int(pause_ns)

    def _received(self, slot: Slot, deliveries: list[Delivery], error: str | None) -> None:
        slot.poller.waiting -= 1
        super()._received(slot, deliveries, error)

    def messages_remain(self, slot: Slot, deliveries: list[Delivery]) -> None:
        """Let the poller wait for more with another slot, and the number of pollers grow."""
        poller: Poller = slot.poller
        size = sum(delivery.message.size_bytes for delivery in deliveries)
        now = self.sim.now
        poller.free_ns = max(poller.free_ns, now) + size * NS_PER_S // self.rules.bytes_per_s
        if not self._enabled:
            return
        if not poller.waiting and poller.slots < self.rules.invocations:
            self.sim.after(0, self._widen, poller)
        if self._ramp.due is None:
            self._ramp.arm(now + NS_PER_S)

    def _widen(self, poller: Poller) -> None:
        if not poller.waiting and poller.slots < self.rules.invocations and poller in self.pollers:
            self._open_in(poller)

    def retires(self, slot: Slot) -> bool:
        """Keep every slot until its poll comes back empty."""
        return False

    def closes_when_idle(self, slot: Slot) -> bool:
        """Say whether a slot closes whose poll came back empty: one per poller stays."""
        return slot.poller.slots > 1 or len(self.pollers) > self.rules.minimum

    def _close(self, slot: Slot) -> None:
        poller: Poller = slot.poller
        poller.slots -= 1
        if not poller.slots:
            self.pollers.remove(poller)
            self._announce_pollers()

    def _grow(self) -> None:
        """Add pollers at the rate of provisioned mode while no slot waits for a message."""
        if not self._enabled or self._waiting:
            self._credit = 0
            return
        self._ramp.arm(self.sim.now + NS_PER_S)
        room = self.rules.maximum - len(self.pollers)
        if room <= 0:
            return
        self._credit += self.rules.per_minute * NS_PER_S
        share_ns = self.rules.invocations * _MINUTE_NS
        whole, self._credit = divmod(self._credit, share_ns)
        for _ in range(min(whole, room)):
            self._add_poller()

    def _announce_pollers(self) -> None:
        if self.on_pollers is not None:
            self.on_pollers(self.sim.now, len(self.pollers))
