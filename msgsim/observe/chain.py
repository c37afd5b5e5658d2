"""A chain of hashes over all facts: two runs are the same as long as their chains are.

Every fact is written down with its time, component and what it carries, and hashed; at each pause
of a run the chain has a link. Names and numbers are hashed, never addresses or hash values, so that
the chain is the same in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from hashlib import blake2b
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Delivery, Message

BUFFERED = 4_096
MOST_FACTS = 200_000
"""Facts that are kept as text when a span is asked for."""


class Chain:
    """Observer: hashes every fact.

    Args:
        only: names of the components to listen to; None for all.
        span: times (ns, from and up to) whose facts are kept as text as well.

    Attributes:
        links: time of each pause and the hash of everything up to it.
        facts: those of the span, as text.
    """

    def __init__(
        self, only: Container[str] | None = None, span: tuple[int, int] | None = None
    ) -> None:
        self._only = only
        self._span = span
        self._hash = blake2b(digest_size=12)
        self._lines: list[str] = []
        self.links: list[tuple[int, str]] = []
        self.facts: list[tuple[int, str]] = []

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to everything, or to everything of some components."""
        if self._only is not None and component.name not in self._only:
            return None
        start = f"{component.name} {signal.name}"
        return self._keeping(start) if self._span is not None else self._hashing(start)

    def _hashing(self, start: str) -> Listener:
        lines = self._lines

        def heard(now: int, *carried: Any) -> None:
            lines.append(f"{now} {start} {' '.join([words(each) for each in carried])}")
            if len(lines) >= BUFFERED:
                self._flush()

        return heard

    def _keeping(self, start: str) -> Listener:
        assert self._span is not None
        begins, ends = self._span
        hashing = self._hashing(start)

        def heard(now: int, *carried: Any) -> None:
            hashing(now, *carried)
            if begins <= now <= ends and len(self.facts) < MOST_FACTS:
                self.facts.append((now, f"{start} {' '.join(words(each) for each in carried)}"))

        return heard

    def _flush(self) -> None:
        if self._lines:
            self._hash.update("\n".join([*self._lines, ""]).encode("utf-8", "surrogatepass"))
            self._lines.clear()

    def look(self, now: int) -> None:
        """Add a link: called at each pause of a run."""
        self._flush()
        self.links.append((now, self._hash.hexdigest()))

    @property
    def digest(self) -> str:
        """The hash of everything so far."""
        self._flush()
        return self._hash.hexdigest()


def words(value: Any) -> str:
    """Write down what a fact carries."""
    write = _WRITE.get(type(value))
    if write is not None:
        return write(value)
    for kind, written in _KINDS:
        if isinstance(value, kind):
            return written(value)
    payload = getattr(value, "payload", None)
    return type(value).__name__ if payload is None else words(payload)


def _message(message: Message) -> str:
    return f"{message.number}/{message.tries}"


def _copy(copy: Copy) -> str:
    return f"{copy.message.number}@{copy.arrived_ns}x{copy.receives}"


def _delivery(delivery: Delivery) -> str:
    return f"{delivery.message.number}:{delivery.attempt}:{delivery.received_ns}"


def _several(values: Any) -> str:
    return f"[{' '.join([words(each) for each in values])}]"


_KINDS: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    (Message, _message),
    (Copy, _copy),
    (Delivery, _delivery),
)
_WRITE: dict[type, Callable[[Any], str]] = {
    Message: _message,
    Delivery: _delivery,
    int: str,
    str: str,
    bool: str,
    float: repr,
    type(None): str,
    list: _several,
    tuple: _several,
}
