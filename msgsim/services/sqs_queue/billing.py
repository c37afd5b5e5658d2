"""What AWS bills of a queue: every API call, in units of 64 KB of its payload.

Batches, empty receives and changes of visibility are calls like any other; data-plane calls on a
FIFO queue have a price of their own, and a standard queue whose messages carry a group id is
billed a surcharge. Source: https://aws.amazon.com/sqs/pricing/.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from msgsim.kernel.signals import Listener, Signal, Tallied
from msgsim.model.billing import Price, Prices, Usage, units_of
from msgsim.model.service import Context
from msgsim.services.sqs_queue.base import PLAIN_DELETE, PLAIN_RECEIVE, UNAVAILABLE, Queue
from msgsim.services.sqs_queue.fair import FairState
from msgsim.services.sqs_queue.rules import PAGE, REQUEST_BYTES
from msgsim.services.sqs_queue.spec import QueueSpec

UNIT_BYTES = REQUEST_BYTES
RECEIVE, DELETE = "ReceiveMessage", "DeleteMessage"
EMPTY = f"{RECEIVE} (empty)"
CONTROL = frozenset({"PurgeQueue"})
SENDS = frozenset({"SendMessage", "SendMessageBatch"})


class QueueMeter:
    """Counts the requests of one queue.

    Args:
        queue: whose calls are billed.
        prices: of the page.
        refused_billed: whether calls that AWS answers with a client's error are billed.
        surcharge: which calls of a fair queue carry the surcharge: `sends` or `requests`.
    """

    def __init__(self, queue: Queue, prices: Prices, refused_billed: bool, surcharge: str) -> None:
        self._queue = queue
        self._prices = prices
        self._refused_billed = refused_billed
        self._surcharge = surcharge
        self._units: dict[str, int] = defaultdict(int)
        self.refused: dict[str, int] = defaultdict(int)
        self.grouped = 0
        self._plain = [0, 0]
        self._requested = Tallied(self._count(), self._plain)

    def listener(self, signal: Signal) -> Listener | None:
        """Listen to API calls."""
        return self._requested if signal.name == "requested" else None

    def _count(self) -> Listener:
        """Return what counts calls, those of one message and one unit without looking further."""
        plain, most, others = self._plain, UNIT_BYTES, self._other

        def requested(now: int, action: str, items: Sequence[Any], code: str | None) -> None:
            if code is None:
                if action == DELETE:
                    plain[PLAIN_DELETE] += 1
                    return
                if action == RECEIVE and len(items) == 1 and items[0].message.size_bytes <= most:
                    plain[PLAIN_RECEIVE] += 1
                    return
            others(action, items, code)

        return requested

    def _other(self, action: str, items: Sequence[Any], code: str | None) -> None:
        if code is not None:
            if code != UNAVAILABLE:
                self.refused[action] += 1
        elif action == RECEIVE:
            sizes = [delivery.message.size_bytes for delivery in items]
            self._units[action if items else EMPTY] += units_of(sum(sizes), UNIT_BYTES)
        else:
            self._units[action] += self._sized(items) if action in SENDS else 1

    @property
    def units(self) -> dict[str, int]:
        """Billed requests by action, in alphabetical order."""
        plain = {RECEIVE: self._plain[PLAIN_RECEIVE], DELETE: self._plain[PLAIN_DELETE]}
        found = {action: units for action, units in plain.items() if units}
        for action, units in self._units.items():
            found[action] = found.get(action, 0) + units
        return dict(sorted(found.items()))

    def _sized(self, messages: Sequence[Any]) -> int:
        """Return the units of a send, and count those that carry a message group."""
        first = messages[0]
        if len(messages) == 1:
            size, grouped = first.size_bytes, first.grouped
        else:
            size = sum([message.size_bytes for message in messages])
            grouped = any(message.grouped for message in messages)
        found = 1 if size <= UNIT_BYTES else units_of(size, UNIT_BYTES)
        if grouped:
            self.grouped += found
        return found

    def usage(self, now: int) -> Iterator[Usage]:
        """Yield requests by action; empty receives are paid for although no message came."""
        for action, units in self.units.items():
            yield Usage(action, self._price(action), units, action == EMPTY)
        if self._refused_billed:
            for action, units in sorted(self.refused.items()):
                yield Usage(f"{action} (refused)", self._price(action), units)
        if not self._queue.fifo and isinstance(self._queue.state, FairState):
            everything = sum(units for action, units in self.units.items() if action not in CONTROL)
            units = self.grouped if self._surcharge == "sends" else everything
            yield Usage("fair queue surcharge", self._prices["fair_surcharge"], units)

    def _price(self, action: str) -> Price:
        fifo = self._queue.fifo and action not in CONTROL
        return self._prices["fifo_request" if fifo else "standard_request"]


def meter(queue: Queue, spec: QueueSpec, prices: Prices, context: Context) -> QueueMeter:
    """Return the meter of a queue."""
    refused = bool(int(context.assumption(PAGE.data["kind"], "refused_billed")))
    surcharge = str(context.assumption(PAGE.data["kind"], "fair_surcharged"))
    return QueueMeter(queue, prices, refused, surcharge)
