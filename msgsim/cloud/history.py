"""Biographies: what happened to each message, told from the announced facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Message
from msgsim.units import format_duration

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about a message.

    Attributes:
        at_s: when, in seconds since the start.
        place: the queue, topic or subscription that announced it.
        fact: the signal's name, e.g. `received`.
        meaning: the signal in words.
        attempt: with a receipt: how often the copy had been received.
        code: the error code, where the fact carries one.
    """

    at_s: float
    place: str
    fact: str
    meaning: str
    attempt: int | None = None
    code: str | None = None

    def __str__(self) -> str:
        more = f" (receive {self.attempt})" if self.attempt is not None else ""
        why = f": {self.code}" if self.code else ""
        at = format_duration(round(self.at_s * NS_PER_S))
        return f"{at:>9}  {self.place}: {self.meaning}{more}{why}"


@dataclass(slots=True)
class Biography:
    """One message's life, over every hop.

    Attributes:
        number: the message's number in the run.
        message_id: `MessageId` given by the queue or topic it was first sent to.
        body: its text.
        events: what happened to it, in order.
    """

    number: int
    message_id: str
    body: str | None
    events: list[Event] = field(default_factory=list)

    @property
    def facts(self) -> list[str]:
        """The names of what happened, in order."""
        return [event.fact for event in self.events]

    def __str__(self) -> str:
        return "\n".join([f"{self.message_id}  {self.body!r}", *map(str, self.events)])


class Historian:
    """An observer that notes every fact that carries messages."""

    def __init__(self) -> None:
        self._lives: dict[int, Biography] = {}

    def listener(self, component: Any, signal: Signal) -> Listener | None:
        """Listen to facts about messages."""
        reads = _READERS.get(signal.carries[0] if signal.carries else "")
        if reads is None:
            return None
        place = component.name.partition("#")[0]
        has_code = "code" in signal.carries

        def note(now: int, carried: Any, *more: Any) -> None:
            code = more[-1] if has_code and more else None
            for message, attempt in reads(carried):
                event = Event(now / NS_PER_S, place, signal.name, signal.meaning, attempt, code)
                self._life(message).events.append(event)

        return note

    def _life(self, message: Message) -> Biography:
        life = self._lives.get(message.number)
        if life is None:
            first: Any = getattr(message, "published", message)
            life = Biography(message.number, first.message_id, first.body)
            self._lives[message.number] = life
        return life

    def lives(self) -> Iterator[Biography]:
        """Yield every message's biography, in order of their first event."""
        yield from self._lives.values()


def _of_message(message: Message) -> Iterable[tuple[Message, int | None]]:
    return [(message, None)]


def _of_copy(copy: Any) -> Iterable[tuple[Message, int | None]]:
    return [(copy.message, None)]


def _of_delivery(delivery: Any) -> Iterable[tuple[Message, int | None]]:
    return [(delivery.message, delivery.attempt)]


def _of_deliveries(deliveries: Any) -> Iterable[tuple[Message, int | None]]:
    return [(delivery.message, delivery.attempt) for delivery in deliveries]


_READERS: dict[str, Any] = {
    "message": _of_message,
    "copy": _of_copy,
    "delivery": _of_delivery,
    "deliveries": _of_deliveries,
}
