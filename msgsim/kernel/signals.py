"""Signals: the facts a component announces, declared once and bound before time zero."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

Listener = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Signal:
    """A fact in the past tense.

    Attributes:
        name: what happened, e.g. `received`; the component calls its attribute `on_received`.
        meaning: one line for people.
        carries: names of the values that follow `now`, in order.
    """

    name: str
    meaning: str
    carries: tuple[str, ...] = ()


class Observer(Protocol):
    """Something that listens."""

    def listener(self, component: Any, signal: Signal) -> Listener | None:
        """Return what to call with `(now, *carried)` when the fact occurs, or None."""


def several(listeners: list[Listener]) -> Listener | None:
    """Return one callable for any number of listeners: None, the only one, or a caller of all."""
    if not listeners:
        return None
    if len(listeners) == 1:
        return listeners[0]
    if len(listeners) == 2:
        first, second = listeners

        def call_both(*facts: Any) -> None:
            first(*facts)
            second(*facts)

        return call_both
    everyone = tuple(listeners)

    def call_all(*facts: Any) -> None:
        for listener in everyone:
            listener(*facts)

    return call_all


def bind(component: Any, signals: Iterable[Signal], observers: Iterable[Observer]) -> None:
    """Ask each observer once per signal, and store who listens as `component.on_NAME`."""
    watchers = list(observers)
    for signal in signals:
        found = [watcher.listener(component, signal) for watcher in watchers]
        heard = several([listener for listener in found if listener is not None])
        setattr(component, f"on_{signal.name}", heard)
