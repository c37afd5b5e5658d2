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


@dataclass(frozen=True, slots=True)
class Combined:
    """An offer to hear several facts in one call, where nobody else listens to them.

    Attributes:
        tell: what to call instead.
        replaces: the listeners it stands for.
    """

    tell: Listener
    replaces: tuple[Listener, ...]

    def __call__(self, *facts: Any) -> None:
        """Hear the fact."""
        self.tell(*facts)


class Observer(Protocol):
    """Something that listens."""

    def listener(self, component: Any, signal: Signal) -> Listener | None:
        """Return what to call with `(now, *carried)` when the fact occurs, or None."""


def several(listeners: list[Listener], carried: int | None = None) -> Listener | None:
    """Return one callable for any number of listeners: None, the only one, or a caller of all.

    Args:
        listeners: whom to call, in order.
        carried: how many values follow `now`, if known; most facts carry one, and a call without
            packing arguments is twice as fast.
    """
    if not listeners:
        return None
    if len(listeners) == 1:
        return listeners[0]
    if carried == 1:
        return _several_of_one(listeners)
    everyone = tuple(listeners)

    def call_all(*facts: Any) -> None:
        for listener in everyone:
            listener(*facts)

    return call_all


def _several_of_one(listeners: list[Listener]) -> Listener:
    first, second = listeners[0], listeners[1]
    rest = tuple(listeners[2:])

    def call_two(now: int, fact: Any) -> None:
        first(now, fact)
        second(now, fact)

    def call_more(now: int, fact: Any) -> None:
        first(now, fact)
        second(now, fact)
        for listener in rest:
            listener(now, fact)

    return call_more if rest else call_two


def bind(component: Any, signals: Iterable[Signal], observers: Iterable[Observer]) -> None:
    """Ask each observer once per signal, and store who listens as `component.on_NAME`."""
    watchers = list(observers)
    for signal in signals:
        found = [watcher.listener(component, signal) for watcher in watchers]
        heard = several(
            [listener for listener in found if listener is not None], len(signal.carries)
        )
        setattr(component, f"on_{signal.name}", heard)
