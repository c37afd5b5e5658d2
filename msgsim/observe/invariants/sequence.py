"""Records of a shard are read in the order in which they were stored, and none is skipped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Delivery, Message
from msgsim.observe.invariants.rule import Rule
from msgsim.observe.system import System, announces

ORDER = "sequence order per shard"
Place = tuple[str, Any, int]


class SequenceOrder(Rule):
    """Invariant: what a read returns is a piece of the shard, and consumers keep its order.

    It remembers every record of the run.
    """

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self._shards: dict[tuple[str, Any], list[int]] = {}
        self._places: dict[int, list[Place]] = {}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to what streams store and return, and to what consumers take."""
        name = component.name
        if announces(component, "stored"):
            if signal.name == "stored":
                return lambda now, shard, message: self._stored(name, shard, message)
            if signal.name == "requested":
                return lambda now, action, items, code: self._read(name, now, action, items)
        elif signal.name == "taken":
            return lambda now, deliveries: self._taken(name, now, deliveries)
        return None

    def _stored(self, stream: str, shard: Any, message: Message) -> None:
        line = self._shards.setdefault((stream, shard), [])
        self._places.setdefault(message.number, []).append((stream, shard, len(line)))
        line.append(message.number)

    def _read(self, stream: str, now: int, action: str, items: Sequence[Any]) -> None:
        if action != "GetRecords" or not items:
            return
        self.checked += 1
        numbers = [record.payload.number for record in items]
        for place_stream, shard, start in self._places.get(numbers[0], ()):
            line = self._shards[place_stream, shard]
            if place_stream == stream and line[start : start + len(numbers)] == numbers:
                return
        self.note(ORDER, stream, len(numbers), 0, now, items[0].payload)

    def _taken(self, consumer: str, now: int, deliveries: Sequence[Delivery]) -> None:
        """A batch lies on one shard, in order; filters may have left some out."""
        if not deliveries or deliveries[0].message.number not in self._places:
            return
        self.checked += 1
        for stream, shard, start in self._places[deliveries[0].message.number]:
            if self._follows(stream, shard, start, deliveries):
                return
        self.note(ORDER, consumer, len(deliveries), 0, now, deliveries[0].message)

    def _follows(self, stream: str, shard: Any, start: int, batch: Sequence[Delivery]) -> bool:
        last = start - 1
        for delivery in batch:
            later = [
                index
                for there, where, index in self._places.get(delivery.message.number, ())
                if (there, where) == (stream, shard) and index > last
            ]
            if not later:
                return False
            last = min(later)
        return True
