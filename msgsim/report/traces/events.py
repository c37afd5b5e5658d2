"""Events: every fact about every message as JSON lines, written while the run goes on.

One object a line, in the order of time: `t_ns`, `at` (the component), `kind`, `what` (the fact),
`message` (its workload and place in it: `Shop#17`), `key`, `attempt` where the fact is about a
hand-over, then what else the fact carries. `msgsim explain traces` describes them.
"""

from __future__ import annotations

import json
from typing import IO, Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Signal
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
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._keys = _Escaped()
        self._labels = _Labels()

    def note(self, component: Component, signal: Signal) -> Note | None:
        """Return what writes the facts of one signal of one component."""
        if signal.name in SILENT:
            return None
        lines, flush, keys, labels = self._lines, self.flush, self._keys, self._labels
        fixed = {"at": component.name, "kind": component.kind, "what": signal.name}
        head = json.dumps(fixed)[1:-1]
        names = [json.dumps(name) for name in signal.carries if name not in ABOUT]

        def write(
            now: int,
            message: Message,
            copy: Copy | None,
            delivery: Delivery | None,
            rest: tuple[Any, ...],
        ) -> None:
            key, place = message.key, message.number % NUMBERS_PER_WORKLOAD + 1
            line = f'{{"t_ns":{now},{head},"message":{labels[key]}{place}","key":{keys[key]}'
            if delivery is not None:
                line = f'{line},"attempt":{delivery.attempt}'
            if rest:
                line += _more(names, rest)
            lines.append(line + "}\n")
            if len(lines) >= LINES:
                flush()

        return write

    def flush(self) -> None:
        """Write what has been gathered."""
        self._stream.write("".join(self._lines))
        self._lines.clear()


def _more(names: list[str], rest: tuple[Any, ...]) -> str:
    return "".join(
        f",{name}:{json.dumps(value)}"
        for name, value in zip(names, rest, strict=False)
        if value is None or isinstance(value, (str, int, float))
    )
