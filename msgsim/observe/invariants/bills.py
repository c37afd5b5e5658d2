"""The bill equals the call log: units counted again from the announced calls, by AWS's rules.

SQS and SNS bill each 64 KB of the payload of a call as one request (a FIFO topic: each call), and
Lambda bills invocations; each call of a store of idempotency keys is a whole number of DynamoDB's
write request units, the same for all. Sources: the pricing pages of the four services. Calls that
AWS refuses are left out here; whether they are billed is an assumption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.cost import Cost
from msgsim.observe.invariants.rule import Rule
from msgsim.observe.system import System, announces

BILL = "cost equals the bill of the call log"
TOTAL = "cost equals the sum of its lines (nano-USD)"
UNIT_BYTES = 65_536
SIZED = {"SendMessage", "SendMessageBatch", "ReceiveMessage", "Publish", "PublishBatch"}
KEYS = "write request units of idempotency keys"
LEFT_OUT = ("(refused)", "surcharge")


class Bills(Rule):
    """Invariant: what the meters bill is what the calls come to."""

    def __init__(self, system: System, cost: Cost) -> None:
        super().__init__(system)
        self._cost = cost
        self._units: dict[str, int] = {}
        self._store_calls: dict[str, int] = {}
        self._billed: dict[str, Callable[[str], bool]] = {}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to the calls on queues and topics, to invocations and to key stores."""
        name = component.name
        if name not in self._cost.meters:
            return None
        if signal.name == "requested" and announces(component, "received"):
            self._watch(name, lambda request: not any(word in request for word in LEFT_OUT))
            return lambda now, action, items, code: self._call(name, action, items, code)
        if signal.name == "requested" and announces(component, "accepted"):
            self._watch(name, lambda request: request in SIZED)
            whole = getattr(component, "fifo", False)
            return lambda now, action, items, code: self._call(name, action, items, code, whole)
        if signal.name == "started" and announces(component, "cold_start"):
            self._watch(name, lambda request: request == "invocations")
            return lambda now, records, cold: self._count(name, 1)
        if signal.name == "store_called":
            self._store_calls[name] = 0
            return lambda now, operation: self._store_called(name)
        return None

    def _watch(self, name: str, billed: Callable[[str], bool]) -> None:
        self._units[name] = 0
        self._billed[name] = billed

    def _count(self, name: str, units: int) -> None:
        self._units[name] += units

    def _store_called(self, name: str) -> None:
        self._store_calls[name] += 1

    def _call(
        self, name: str, action: str, items: Sequence[Any], code: str | None, whole: bool = False
    ) -> None:
        if code is not None:
            return
        size = sum(_size(item) for item in items) if action in SIZED and not whole else 0
        self._units[name] += max(1, -(-size // UNIT_BYTES))

    def finish(self, now: int) -> None:
        """Compare units, and the total with the sum of the lines."""
        bill = self._cost.bill()
        for name, units in self._units.items():
            self.checked += 1
            usage: Iterable[Any] = self._cost.meters[name].usage(now)
            billed = sum(each.units for each in usage if self._billed[name](each.request))
            if billed != units:
                self.note(BILL, name, units, round(billed))
        for name, calls in self._store_calls.items():
            self.checked += 1
            usage = self._cost.meters[name].usage(now)
            billed = round(sum(each.units for each in usage if each.request == KEYS))
            if (billed > 0) != (calls > 0) or billed % max(calls, 1):
                self.note(BILL, name, calls, billed)
        self.checked += 1
        total = sum(line.usd for line in bill.lines)
        found = bill.usd(None)
        if abs(total - found) > 1e-9 * max(1.0, abs(total)):
            self.note(TOTAL, "total", round(total * 1e9), round(found * 1e9))


def _size(item: Any) -> int:
    size: int = getattr(item, "message", item).size_bytes
    return size
