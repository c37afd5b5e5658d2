"""Receive attempts: what a FIFO queue answered, for callers whose answer got lost."""

from __future__ import annotations

from collections import deque
from typing import Any

from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Delivery
from msgsim.model.ports import ReceiveReply
from msgsim.services.sqs_queue.rules import PAGE
from msgsim.services.sqs_queue.stored import IN_FLIGHT

REMEMBERED_NS: int = PAGE.quota("receive_attempt_interval") * 1_000_000_000


class Attempts:
    """Answers by `ReceiveRequestAttemptId`, for five minutes from the receive (SQS API)."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[int, list[Delivery]]] = {}
        self._line: deque[tuple[int, str]] = deque()

    def find(self, now: int, attempt_id: str) -> list[Delivery] | None:
        """Return the deliveries answered to this id if none of them has been touched since."""
        self._forget(now)
        found = self._answers.get(attempt_id)
        if found is None:
            return None
        if all(_running(delivery) for delivery in found[1]):
            return found[1]
        del self._answers[attempt_id]
        return None

    def note(self, now: int, attempt_id: str, deliveries: list[Delivery]) -> None:
        """Remember an answer."""
        due = now + REMEMBERED_NS
        self._answers[attempt_id] = (due, deliveries)
        self._line.append((due, attempt_id))

    def remembering(self, sim: Simulation, attempt_id: str, reply: ReceiveReply) -> ReceiveReply:
        """Return a reply that remembers what it passes on; an empty answer is nothing to repeat."""

        def remember(deliveries: list[Delivery], error: str | None) -> Any:
            if deliveries:
                self.note(sim.now, attempt_id, list(deliveries))
            return reply(deliveries, error)

        return remember

    def touch(self, delivery: Delivery) -> None:
        """Forget the answer that held this receipt: its visibility was changed."""
        for attempt_id, (_, deliveries) in list(self._answers.items()):
            if delivery in deliveries:
                del self._answers[attempt_id]

    def clear(self) -> None:
        """Forget everything."""
        self._answers.clear()
        self._line.clear()

    def _forget(self, now: int) -> None:
        line = self._line
        while line and line[0][0] <= now:
            due, attempt_id = line.popleft()
            found = self._answers.get(attempt_id)
            if found is not None and found[0] <= due:
                del self._answers[attempt_id]


def _running(delivery: Delivery) -> bool:
    copy: Any = delivery.copy
    return copy.state == IN_FLIGHT and copy.receipt is delivery
