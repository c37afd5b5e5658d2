"""Lines: every fact about every message as JSON lines, written while the run goes on.

One object a line, in the order of time: `t_ns`, `at` (the component), `kind`, `what` (the fact),
`message` (its workload and place in it: `Shop#17`), `key`, `attempt` where the fact is about a
hand-over, then what else the fact carries. `msgsim explain traces` describes them.

A message of an everyday system makes twenty facts. What its lines have in common is made once: the
beginning for all facts of a moment, the middle for a signal, the end for a message. Where a fact
carries nothing but a message, copy or delivery, and every message is wanted, the recorder listens
itself, which saves two calls for each line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import NUMBERS_PER_WORKLOAD, Copy, Delivery, Key, Message
from msgsim.observe.trace.biographies import SILENT
from msgsim.observe.trace.listening import ABOUT, Note

LINES = 4_096
"""Lines that are gathered before they are written."""


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


class EventLines:
    """Recorder: writes a line for every fact.

    Args:
        stream: where to; it is neither opened nor closed here.

    Attributes:
        lines: what has been gathered.
        now: the moment (ns) of the last line, and `start`, what its lines begin with.
        tails: number of a message → what tells of it in each line; emptied with the lines.
    """

    __slots__ = ("_keys", "_labels", "_stream", "lines", "now", "start", "tails")

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._keys = _Escaped()
        self._labels = _Labels()
        self.lines: list[str] = []
        self.now = -1
        self.start = ""
        self.tails: dict[int, str] = {}

    def note(self, component: Component, signal: Signal) -> Note | None:
        """Return what writes the facts of one signal of one component."""
        if signal.name in SILENT:
            return None
        lines, turn, head = self.lines, self.turn, _head(component, signal)
        names = [json.dumps(name) for name in signal.carries if name not in ABOUT]

        def write(
            now: int,
            message: Message,
            copy: Copy | None,
            delivery: Delivery | None,
            rest: tuple[Any, ...],
        ) -> None:
            turn(now)
            line = f"{self.start}{head}{self.tail(message)}"
            if delivery is not None:
                line = f'{line},"attempt":{delivery.attempt}'
            if rest:
                line += _more(names, rest)
            lines.append(line + "}\n")

        return write

    def hears(self, component: Component, signal: Signal) -> Listener | None:
        """Return what hears a signal that carries one thing and writes about every message."""
        make = _HEARS.get(signal.carries[0])
        if make is None or signal.name in SILENT:
            return None
        return make(self, _head(component, signal))

    def turn(self, now: int) -> None:
        """Begin lines of another moment; write what has come together, if that is much."""
        if len(self.lines) >= LINES:
            self.flush()
        self.now, self.start = now, f'{{"t_ns":{now}'

    def tail(self, message: Message) -> str:
        """Return what tells of a message, and remember it until the lines are written."""
        key, place = message.key, message.number % NUMBERS_PER_WORKLOAD + 1
        text = f'{self._labels[key]}{place}","key":{self._keys[key]}'
        self.tails[message.number] = text
        return text

    def flush(self) -> None:
        """Write what has been gathered."""
        self._stream.write("".join(self.lines))
        self.lines.clear()
        self.tails.clear()


def _head(component: Component, signal: Signal) -> str:
    fixed = {"at": component.name, "kind": component.kind, "what": signal.name}
    return f',{json.dumps(fixed)[1:-1]},"message":'


def _more(names: list[str], rest: tuple[Any, ...]) -> str:
    return "".join(
        f",{name}:{json.dumps(value)}"
        for name, value in zip(names, rest, strict=False)
        if value is None or isinstance(value, (str, int, float))
    )


# What hears facts that carry one thing. A line is made in place, and messages that are known are
# looked up in place: calls would take longer than the rest.


def _hears_message(to: EventLines, head: str) -> Listener:
    write, tails, turn, tail = to.lines.append, to.tails, to.turn, to.tail

    def heard(now: int, message: Message) -> None:
        if now != to.now:
            turn(now)
        number = message.number
        told = tails[number] if number in tails else tail(message)
        write(f"{to.start}{head}{told}}}\n")

    return heard


def _hears_copy(to: EventLines, head: str) -> Listener:
    write, tails, turn, tail = to.lines.append, to.tails, to.turn, to.tail

    def heard(now: int, copy: Copy | Message) -> None:
        if now != to.now:
            turn(now)
        message = copy if isinstance(copy, Message) else copy.message
        number = message.number
        told = tails[number] if number in tails else tail(message)
        write(f"{to.start}{head}{told}}}\n")

    return heard


def _hears_delivery(to: EventLines, head: str) -> Listener:
    write, tails, turn, tail = to.lines.append, to.tails, to.turn, to.tail

    def heard(now: int, delivery: Delivery) -> None:
        if now != to.now:
            turn(now)
        number = delivery.message.number
        told = tails[number] if number in tails else tail(delivery.message)
        write(f'{to.start}{head}{told},"attempt":{delivery.attempt}}}\n')

    return heard


def _hears_deliveries(to: EventLines, head: str) -> Listener:
    write, tails, turn, tail, lines = to.lines.append, to.tails, to.turn, to.tail, to.lines

    def heard(now: int, deliveries: list[Delivery]) -> None:
        if now != to.now or len(lines) >= LINES:
            turn(now)
        for delivery in deliveries:
            number = delivery.message.number
            told = tails[number] if number in tails else tail(delivery.message)
            write(f'{to.start}{head}{told},"attempt":{delivery.attempt}}}\n')

    return heard


_HEARS: dict[str, Callable[[EventLines, str], Listener]] = {
    "message": _hears_message,
    "copy": _hears_copy,
    "delivery": _hears_delivery,
    "deliveries": _hears_deliveries,
}
