"""Surprises: the first time that something happened which people do not expect.

A film begins a little before the earliest of them, so that a short one shows what matters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Delivery, Key, Message

REDELIVERED, DEAD_LETTER, THROTTLED, TWICE, OVERTAKEN, FAILED = (
    "redelivered", "dead letter", "throttled", "twice", "overtaken", "failed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Surprise:
    """One surprise.

    Attributes:
        kind: one of the six above.
        time_ns: when it happened, and `place`, where.
        born_ns: when its message was published; the time itself where it is about none.
    """

    kind: str
    time_ns: int
    place: str
    born_ns: int


class Surprises:
    """Observer: keeps the first surprise of each kind.

    Attributes:
        first: by kind.
        published: how many messages there were.
    """

    def __init__(self) -> None:
        self.first: dict[str, Surprise] = {}
        self.published = 0
        self._newest: dict[tuple[str, Key], int] = {}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to what may surprise."""
        makers: dict[str, Callable[[str], Listener]] = {
            "published": self._counting,
            "returned": self._of(REDELIVERED),
            "dead_lettered": self._of(DEAD_LETTER),
            "invoke_throttled": self._of(THROTTLED),
            "shard_throttled": self._of(THROTTLED),
            "failed": self._of(FAILED),
        }
        if signal.name == "completed":
            return self._completed(component.judged)
        maker = makers.get(signal.name)
        return maker(component.name) if maker is not None else None

    def _counting(self, place: str) -> Listener:
        def published(now: int, message: Message) -> None:
            self.published += 1

        return published

    def _of(self, kind: str) -> Callable[[str], Listener]:
        def make(place: str) -> Listener:
            def heard(now: int, *facts: Any) -> None:
                if kind not in self.first:
                    self._keep(kind, now, place, facts[0])

            return heard

        return make

    def _completed(self, place: str) -> Listener:
        newest = self._newest

        def completed(now: int, delivery: Delivery) -> None:
            message = delivery.message
            if delivery.copy.completions > 1:
                if TWICE not in self.first:
                    self._keep(TWICE, now, place, message)
            elif OVERTAKEN not in self.first:
                key = (place, message.key)
                if newest.get(key, -1) > message.rank:
                    self._keep(OVERTAKEN, now, place, message)
                newest[key] = max(message.rank, newest.get(key, -1))

        return completed

    def _keep(self, kind: str, now: int, place: str, about: Any) -> None:
        message = getattr(about, "message", about)
        born_ns = message.born_ns if isinstance(message, Message) else now
        self.first[kind] = Surprise(kind, now, place, born_ns)
