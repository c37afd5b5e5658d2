"""Interest: which messages of a run are worth a look, because they were slow or came often.

Only numbers of messages are kept, a fixed count of each sort. What happened to those messages is
found by running the same scenario with the same seed again and tracing them alone: a run repeats
exactly, so that no run has to keep biographies just in case.
"""

from __future__ import annotations

from heapq import heappush, heappushpop
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Delivery

KINDS = ("slowest", "most_received", "dead_lettered", "duplicated")
Ranked = tuple[int, int, str]
"""How much, the message's number (negative, so that the first published wins), and where."""


class Interest:
    """Observer: the numbers of the most interesting messages.

    Args:
        most: how many messages of each sort.
    """

    def __init__(self, most: int = 5) -> None:
        self._most = most
        self._heaps: dict[str, list[Ranked]] = {kind: [] for kind in KINDS}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to completions, receives and dead letters."""
        place = component.judged if signal.name == "completed" else component.name
        makers = {
            "completed": self._completed,
            "received": self._received,
            "taken": self._received,
            "dead_lettered": self._dead_lettered,
        }
        maker = makers.get(signal.name)
        return maker(place) if maker is not None else None

    def numbers(self, kind: str, most: int | None = None) -> list[int]:
        """Return message numbers of a sort, the most interesting first, each once.

        Args:
            kind: `slowest` (from birth to first completion at a subscriber), `most_received` (by
                one queue or consumer), `dead_lettered` (the first ones), `duplicated` (completed
                most often).
            most: how many; all that are kept if None.
        """
        found = dict.fromkeys(-number for _, number, _ in sorted(self._heaps[kind], reverse=True))
        return list(found)[:most]

    def ranked(self, kind: str) -> list[tuple[int, int, str]]:
        """Return `(message number, how much, where)` of a sort; times in ns."""
        return [(-n, much, place) for much, n, place in sorted(self._heaps[kind], reverse=True)]

    def _completed(self, place: str) -> Listener:
        slowest, twice, keep = self._heaps["slowest"], self._heaps["duplicated"], self._keep

        def completed(now: int, delivery: Delivery) -> None:
            message = delivery.message
            took = now - message.born_ns
            if delivery.copy.completions == 1:
                if len(slowest) < self._most or took > slowest[0][0]:
                    keep(slowest, took, message.number, place)
            else:
                keep(twice, delivery.copy.completions, message.number, place)

        return completed

    def _received(self, place: str) -> Listener:
        heap, keep = self._heaps["most_received"], self._keep

        def received(now: int, deliveries: list[Delivery]) -> None:
            for delivery in deliveries:
                if delivery.attempt > 1 and (
                    len(heap) < self._most or delivery.attempt > heap[0][0]
                ):
                    keep(heap, delivery.attempt, delivery.message.number, place)

        return received

    def _dead_lettered(self, place: str) -> Listener:
        heap, keep = self._heaps["dead_lettered"], self._keep

        def dead_lettered(now: int, copy: Copy, *reason: Any) -> None:
            keep(heap, -now, copy.message.number, place)

        return dead_lettered

    def _keep(self, heap: list[Ranked], much: int, number: int, place: str) -> None:
        """Keep the largest; one message at one place has one entry, its largest."""
        entry = (much, -number, place)
        for index, (before, known, where) in enumerate(heap):
            if known == -number and where == place:
                if much > before:
                    heap[index] = entry
                    heap.sort()
                return
        if len(heap) < self._most:
            heappush(heap, entry)
        else:
            heappushpop(heap, entry)
