"""Heartbeats: a worker that renews the visibility timeout of what it has in hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from msgsim.model.message import Delivery
from msgsim.model.ports import Polled


@dataclass(frozen=True, slots=True)
class Beats:
    """How receipts are renewed.

    Attributes:
        every_ns: how often.
        to_ns: to how much from then.
        most_ns: how long after the receive a receipt is renewed at most; None without end, which
            SQS ends itself: it refuses whatever leads beyond 12 hours from the receive.
    """

    every_ns: int
    to_ns: int
    most_ns: int | None = None


class Heartbeat:
    """Sends ChangeMessageVisibility at regular times while a batch is worked.

    Args:
        queue: to whom.
        beats: how often, and to how much.
        in_hand: returns what is renewed.
    """

    __slots__ = ("_beats", "_in_hand", "_queue", "_sim", "_timer")

    def __init__(
        self, sim: Any, queue: Polled, beats: Beats, in_hand: Callable[[], Iterable[Delivery]]
    ) -> None:
        self._sim = sim
        self._queue = queue
        self._beats = beats
        self._in_hand = in_hand
        self._timer = sim.timer(self._beat)

    def begin(self, now: int) -> None:
        """Work on a batch begins."""
        self._timer.arm(now + self._beats.every_ns)

    def end(self) -> None:
        """Work on a batch is over."""
        self._timer.cancel()

    def _beat(self) -> None:
        """Renew everything; a refused renewal is not repeated before the next beat."""
        beats, now = self._beats, self._sim.now
        for delivery in self._in_hand():
            if beats.most_ns is None or now - delivery.received_ns <= beats.most_ns:
                self._queue.change_visibility(delivery, beats.to_ns)
        self._timer.arm(now + beats.every_ns)
