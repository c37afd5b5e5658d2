"""Tracer: hears every fact that concerns a message, whoever announces it, and passes it on.

A fact says by the names of what it carries whether it is about a message, a copy, a delivery or
several deliveries. So a service that is added is traced without anybody having heard of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Combined, Listener, Signal
from msgsim.model import facts
from msgsim.model.message import Copy, Delivery, Message
from msgsim.observe.trace.choice import Choice

Note = Callable[[int, Message, "Copy | None", "Delivery | None", tuple[Any, ...]], Any]
"""Called with the time (ns), the message, its copy and delivery if there are any, and the rest."""

ABOUT = ("message", "copy", "delivery", "deliveries", "messages")
"""What a fact may carry that leads to messages."""


class Recorder(Protocol):
    """Something that keeps what a tracer hears."""

    def note(self, component: Component, signal: Signal) -> Note | None:
        """Return what takes the facts of one signal of one component, or None."""


class Hearing(Recorder, Protocol):
    """A recorder that listens itself to what carries one thing, where every message is wanted."""

    def hears(self, component: Component, signal: Signal) -> Listener | None:
        """Return what hears the facts of one signal of one component; None leaves it to `note`."""

    def hears_visits(self, fleet: Component, queue: Component) -> Listener:
        """Return what hears in one that a fleet completed a delivery, and its queue deleted it."""


class Tracer:
    """Observer: hands every fact about the chosen messages to a recorder.

    Args:
        recorder: who keeps them.
        choice: which messages.
    """

    def __init__(self, recorder: Recorder, choice: Choice = None) -> None:
        self._recorder = recorder
        self._choice = choice
        self._made: dict[tuple[str, str], Listener | None] = {}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to facts that carry something that leads to a message."""
        known = (component.name, signal.name)
        if known not in self._made:
            make = self._visits if signal.name == facts.VISITED.name else self._listener
            self._made[known] = make(component, signal)
        return self._made[known]

    def _visits(self, component: Component, signal: Signal) -> Listener | None:
        """Offer to hear a completion and a delete in one, if the recorder knows how."""
        queue = getattr(component, "queue", None)
        hears = getattr(self._recorder, "hears_visits", None)
        if hears is None or not isinstance(queue, Component) or self._choice is not None:
            return None
        apart = self.listener(component, facts.COMPLETED), self.listener(queue, facts.DELETED)
        return Combined(hears(component, queue), tuple(each for each in apart if each is not None))

    def _listener(self, component: Component, signal: Signal) -> Listener | None:
        place = next((i for i, name in enumerate(signal.carries) if name in ABOUT), None)
        if place is None:
            return None
        hears = getattr(self._recorder, "hears", None)
        if hears is not None and self._choice is None and len(signal.carries) == 1:
            found: Listener | None = hears(component, signal)
            if found is not None:
                return found
        note = self._recorder.note(component, signal)
        if note is None:
            return None
        return _SHAPES[signal.carries[place]](note, place, self._choice)


def _of_message(note: Note, place: int, choice: Choice) -> Listener:
    def heard(now: int, *facts: Any) -> None:
        message = facts[place]
        if choice is None or choice(message.number):
            note(now, message, None, None, facts[:place] + facts[place + 1 :])

    return heard


def _of_copy(note: Note, place: int, choice: Choice) -> Listener:
    """Listen to facts about copies; where a component keeps none, it announces the message."""

    def heard(now: int, *facts: Any) -> None:
        copy = facts[place]
        message = copy if isinstance(copy, Message) else copy.message
        if choice is None or choice(message.number):
            kept = None if message is copy else copy
            note(now, message, kept, None, facts[:place] + facts[place + 1 :])

    return heard


def _of_delivery(note: Note, place: int, choice: Choice) -> Listener:
    def heard(now: int, *facts: Any) -> None:
        delivery = facts[place]
        message = delivery.message
        if choice is None or choice(message.number):
            note(now, message, delivery.copy, delivery, facts[:place] + facts[place + 1 :])

    return heard


def _of_deliveries(note: Note, place: int, choice: Choice) -> Listener:
    def heard(now: int, *facts: Any) -> None:
        rest = facts[:place] + facts[place + 1 :]
        for delivery in facts[place]:
            message = delivery.message
            if choice is None or choice(message.number):
                note(now, message, delivery.copy, delivery, rest)

    return heard


def _of_messages(note: Note, place: int, choice: Choice) -> Listener:
    def heard(now: int, *facts: Any) -> None:
        if not isinstance(facts[place], (list, tuple)):  # only how many there were
            return
        rest = facts[:place] + facts[place + 1 :]
        for message in facts[place]:
            if choice is None or choice(message.number):
                note(now, message, None, None, rest)

    return heard


_SHAPES: dict[str, Callable[[Note, int, Choice], Listener]] = {
    "message": _of_message,
    "messages": _of_messages,
    "copy": _of_copy,
    "delivery": _of_delivery,
    "deliveries": _of_deliveries,
}
