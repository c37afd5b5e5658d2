"""Lines: every fact about every message as JSON lines, written while the run goes on.

One object a line, in the order of time: `t_ns`, `at` (the component), `kind`, `what` (the fact),
`message` (its workload and place in it: `Shop#17`), `key`, `attempt` where the fact is about a
hand-over, then what else the fact carries. `msgsim explain traces` describes them.

A message of an everyday system makes twenty facts. A listener only notes them; lines are made of
a thousand notes at once, from parts that are made once for a moment, a signal or a message. Where a
fact carries nothing but a message, copy or delivery, and every message is wanted, the recorder
listens itself, which saves two calls for each line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model import facts
from msgsim.model.message import NUMBERS_PER_WORKLOAD, Copy, Delivery, Key, Message
from msgsim.observe.trace.biographies import SILENT
from msgsim.observe.trace.listening import ABOUT, Note

LINES = 1_024
"""Lines that are gathered before they are written: more would not fit a processor's cache."""

PARTS = 4
"""Of a note: when (ns), what a signal's lines have in common, the message, how the line ends."""

FULL = LINES * PARTS

END = "}\n"


class _Escaped(dict[Key, str]):
    """Keys as JSON text, each escaped once."""

    def __missing__(self, key: Key) -> str:
        text = self[key] = json.dumps(key.name)
        return text


class _Labels(dict[Key, str]):
    """What the labels of a key's messages begin with, as JSON text whose quotes stay open."""

    def __missing__(self, key: Key) -> str:
        text = self[key] = json.dumps(f"{key.workload}#")[:-1]
        return text


class _Ends(dict[int, str]):
    """How a line about a hand-over ends, by the attempt."""

    def __missing__(self, attempt: int) -> str:
        text = f',"attempt":{attempt}{END}'
        if len(self) < LINES:
            self[attempt] = text
        return text


class EventLines:
    """Recorder: writes a line for every fact.

    Args:
        stream: where to; it is neither opened nor closed here.

    Attributes:
        notes: what has been noted and not written, the parts of one note after the other.
        ends: how lines about hand-overs end.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._keys = _Escaped()
        self._labels = _Labels()
        self._known: dict[int, str] = {}
        self.notes: list[Any] = []
        self.ends = _Ends()

    def note(self, component: Component, signal: Signal) -> Note | None:
        """Return what writes the facts of one signal of one component."""
        if signal.name in SILENT:
            return None
        notes, ends, flush, head = self.notes, self.ends, self.flush, _head(component, signal)
        names = [json.dumps(name) for name in signal.carries if name not in ABOUT]

        def note(
            now: int,
            message: Message,
            copy: Copy | None,
            delivery: Delivery | None,
            rest: tuple[Any, ...],
        ) -> None:
            end = END if delivery is None else ends[delivery.attempt]
            if rest:
                end = f"{end[: -len(END)]}{_more(names, rest)}{END}"
            notes.extend((now, head, message, end))
            if len(notes) >= FULL:
                flush()

        return note

    def hears(self, component: Component, signal: Signal) -> Listener | None:
        """Return what hears a signal that carries one thing and writes about every message."""
        make = _HEARS.get(signal.carries[0])
        if make is None or signal.name in SILENT:
            return None
        return make(self, _head(component, signal))

    def hears_visits(self, fleet: Component, queue: Component) -> Listener:
        """Return what hears in one that a fleet completed a delivery, and its queue deleted it."""
        notes, note, flush, ends = self.notes, self.notes.extend, self.flush, self.ends
        done, deleted = _head(fleet, facts.COMPLETED), _head(queue, facts.DELETED)

        def visited(now: int, delivery: Delivery) -> None:
            message, end = delivery.message, ends[delivery.attempt]
            note((now, done, message, end, now, deleted, message, end))
            if len(notes) >= FULL:
                flush()

        return visited

    def flush(self) -> None:
        """Write what has been noted: whole columns of notes become text, without a loop of ours."""
        notes, known = self.notes, self._known
        moments, messages = notes[0::PARTS], notes[2::PARTS]
        starts = {now: f'{{"t_ns":{now}' for now in set(moments)}
        told = {each: known.get(each.number) or self._tell(each) for each in set(messages)}
        notes[0::PARTS] = map(starts.__getitem__, moments)
        notes[2::PARTS] = map(told.__getitem__, messages)
        self._stream.write("".join(notes))
        notes.clear()
        if len(known) > LINES:
            known.clear()

    def _tell(self, message: Message) -> str:
        """Return what each line tells of a message, and remember it for its next lines."""
        key, place = message.key, message.number % NUMBERS_PER_WORKLOAD + 1
        text = f'{self._labels[key]}{place}","key":{self._keys[key]}'
        self._known[message.number] = text
        return text


def _head(component: Component, signal: Signal) -> str:
    fixed = {"at": component.name, "kind": component.kind, "what": signal.name}
    return f',{json.dumps(fixed)[1:-1]},"message":'


def _more(names: list[str], rest: tuple[Any, ...]) -> str:
    return "".join(
        f",{name}:{json.dumps(value)}"
        for name, value in zip(names, rest, strict=False)
        if value is None or isinstance(value, (str, int, float))
    )


# What hears facts that carry one thing: a call of ours would take longer than what is done here.


def _hears_message(to: EventLines, head: str) -> Listener:
    notes, note, flush = to.notes, to.notes.extend, to.flush

    def heard(now: int, message: Message) -> None:
        note((now, head, message, END))
        if len(notes) >= FULL:
            flush()

    return heard


def _hears_copy(to: EventLines, head: str) -> Listener:
    notes, note, flush = to.notes, to.notes.extend, to.flush

    def heard(now: int, copy: Copy | Message) -> None:
        note((now, head, copy if isinstance(copy, Message) else copy.message, END))
        if len(notes) >= FULL:
            flush()

    return heard


def _hears_delivery(to: EventLines, head: str) -> Listener:
    notes, note, flush, ends = to.notes, to.notes.extend, to.flush, to.ends

    def heard(now: int, delivery: Delivery) -> None:
        note((now, head, delivery.message, ends[delivery.attempt]))
        if len(notes) >= FULL:
            flush()

    return heard


def _hears_deliveries(to: EventLines, head: str) -> Listener:
    notes, note, flush, ends = to.notes, to.notes.extend, to.flush, to.ends

    def heard(now: int, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            note((now, head, delivery.message, ends[delivery.attempt]))
        if len(notes) >= FULL:
            flush()

    return heard


_HEARS: dict[str, Callable[[EventLines, str], Listener]] = {
    "message": _hears_message,
    "copy": _hears_copy,
    "delivery": _hears_delivery,
    "deliveries": _hears_deliveries,
}
