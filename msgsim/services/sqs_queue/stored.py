"""A copy inside a queue, and the states it goes through."""

from __future__ import annotations

from typing import Any

from msgsim.model.message import Copy, Delivery, Message

DELAYED, VISIBLE, IN_FLIGHT, GONE = range(4)
STATE_WORDS = ("delayed", "waiting", "in_flight", "gone")


class Stored(Copy):
    """A copy inside a queue: its state, its valid receipt, and the shelf it stands on.

    Attributes:
        receipt: the receipt whose timeout runs; None unless the copy is in flight, so that a copy
            that is gone and its receipts are freed at once, without the garbage collector.
        sequence: tells turns where copies of one moment do not stand in line; 0 where they do.
    """

    __slots__ = ("receipt", "sequence", "shelf", "state", "visible_from_ns")

    def __init__(self, message: Message, arrived_ns: int, shelf: Any, sequence: int) -> None:
        # What `Copy` sets is set here: one call less for every message in every queue.
        self.message = message
        self.arrived_ns = arrived_ns
        self.receives = 0
        self.first_received_ns = -1
        self.starts = 0
        self.completions = 0
        self.fate = 0
        self.state = VISIBLE
        self.receipt: Delivery | None = None
        self.shelf = shelf
        self.sequence = sequence
        self.visible_from_ns = arrived_ns


class Moved(Stored):
    """A copy in a dead-letter queue: the same message, its receive count continuing.

    Attributes:
        source: the queue it came from (`DeadLetterQueueSourceArn`), or None.
        moved_ns: when it came: its age counts from then, on both types of queue (DLQ).
        receives_before: how often it had been handed out when it came.
        undone: whether no consumer of the source had processed it with success when it came.
    """

    __slots__ = ("moved_ns", "receives_before", "source", "undone")

    def __init__(
        self,
        message: Message,
        arrived_ns: int,
        moved_ns: int,
        receives: int = 0,
        source: Any = None,
    ) -> None:
        super().__init__(message, arrived_ns, None, 0)
        self.visible_from_ns = moved_ns
        self.receives = self.receives_before = receives
        self.moved_ns = moved_ns
        self.source = source
        self.undone = True

    @property
    def deduplication_id(self) -> str:
        """The id that a FIFO dead-letter queue shows: the move replaces the sender's (REDRIVE).

        AWS takes the message id, which here is the message's number.
        """
        return str(self.message.number)
