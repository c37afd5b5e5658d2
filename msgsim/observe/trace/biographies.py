"""Biographies: everything that happened to a few messages, in order, as data and as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Signal
from msgsim.model.message import Copy, Delivery, Message
from msgsim.observe.trace.listening import Note

MOST_STEPS = 200_000
"""Steps that are kept in memory; a trace of more belongs in a file."""

SILENT = frozenset({"called", "requested"})
"""Facts about calls: they tell nothing about a message that the others do not."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fact in the life of a message.

    Attributes:
        time_ns: when.
        place: the component that announced it, and `kind`, what it is.
        what: the fact, in the past tense.
        message: what the message is called, such as `Shop#17`; `key` is its message group or
            partition key.
        attempt: of which hand-over of the copy it speaks; 0 where it is about none.
        copy: tells copies of one message apart: 0 for the first that appeared anywhere.
        detail: the further values of the fact, by their names.
    """

    time_ns: int
    place: str
    kind: str
    what: str
    message: str
    key: str
    attempt: int = 0
    copy: int = -1
    detail: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        found: dict[str, Any] = {
            "t_ns": self.time_ns,
            "at": self.place,
            "kind": self.kind,
            "what": self.what,
            "message": self.message,
            "key": self.key,
        }
        if self.attempt:
            found["attempt"] = self.attempt
        if self.copy >= 0:
            found["copy"] = self.copy
        return {**found, **self.detail}


class Biographies:
    """Recorder: keeps the steps of the messages that a tracer chooses, up to `MOST_STEPS`.

    Attributes:
        steps: in the order in which they happened.
        complete: False when there were more than could be kept.
    """

    def __init__(self, most: int = MOST_STEPS) -> None:
        self.steps: list[Step] = []
        self.complete = True
        self._most = most
        self._copies: dict[Copy, int] = {}

    def note(self, component: Component, signal: Signal) -> Note | None:
        """Keep the facts of one signal of one component."""
        if signal.name in SILENT:
            return None
        place, kind, what = component.name, component.kind, signal.name
        names = [n for n in signal.carries if n not in
                 {"message", "copy", "delivery", "deliveries", "messages"}]  # fmt: skip

        def keep(
            now: int,
            message: Message,
            copy: Copy | None,
            delivery: Delivery | None,
            rest: tuple[Any, ...],
        ) -> None:
            if len(self.steps) >= self._most:
                self.complete = False
                return
            attempt = delivery.attempt if delivery is not None else 0
            detail = {n: v for n, v in zip(names, rest, strict=False) if _plain(v)}
            number = -1 if copy is None else self._copies.setdefault(copy, len(self._copies))
            self.steps.append(Step(now, place, kind, what, message.label, message.key.name,
                                   attempt, number, detail))  # fmt: skip

        return keep

    def of(self, message: str) -> list[Step]:
        """Return the steps of one message."""
        return [step for step in self.steps if step.message == message]

    def messages(self) -> list[str]:
        """Return the messages, in the order in which they appeared."""
        return list(dict.fromkeys(step.message for step in self.steps))


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))
