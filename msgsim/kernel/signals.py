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

    Where several make such an offer, it stands if all who listen to the facts are among them.

    Attributes:
        tell: what to call instead.
        replaces: the listeners it stands for.
    """

    tell: Listener
    replaces: tuple[Listener, ...]

    def __call__(self, *facts: Any) -> None:
        """Hear the fact."""
        self.tell(*facts)


@dataclass(frozen=True, slots=True)
class Tallied:
    """A listener that lets a component count its plainest facts instead of announcing each.

    Most facts of a busy component are alike; where nobody but this listener hears them, the
    component may add to `counts` what its kind says they are, and calls `tell` for all others.

    Attributes:
        tell: what to call for a fact that is not counted.
        counts: numbers of facts, by the component's own places; None if the listener has no need of
            them, because other facts tell it as much.
    """

    tell: Listener
    counts: list[int] | None

    def __call__(self, *facts: Any) -> None:
        """Hear the fact."""
        self.tell(*facts)


class Observer(Protocol):
    """Something that listens."""

    def listener(self, component: Any, signal: Signal) -> Listener | None:
        """Return what to call with `(now, *carried)` when the fact occurs, or None."""


def several(listeners: list[Listener], carried: int | None = None) -> Listener | None:
    """Return one callable for any number of listeners: None, the only one, or a caller of all.

    Offers of one sort become one: `Combined`, and `Tallied` if at most one of them counts.

    Args:
        listeners: whom to call, in order.
        carried: how many values follow `now`, if known; most facts carry one, and a call without
            packing arguments is twice as fast.
    """
    if not listeners:
        return None
    if len(listeners) == 1:
        return listeners[0]
    combined = [each for each in listeners if isinstance(each, Combined)]
    if len(combined) == len(listeners):
        replaced = tuple(listener for each in combined for listener in each.replaces)
        return Combined(_all([each.tell for each in combined], carried), replaced)
    tallied = [each for each in listeners if isinstance(each, Tallied)]
    counts = [each.counts for each in tallied if each.counts is not None]
    if len(tallied) == len(listeners) and len(counts) == 1:
        return Tallied(_all([each.tell for each in tallied], carried), counts[0])
    return _all(listeners, carried)


def parts(listener: Listener | None) -> tuple[Listener, ...]:
    """Return whom a bound listener calls: nobody, itself, or all that `several` put together."""
    if listener is None:
        return ()
    found: tuple[Listener, ...] = getattr(listener, "parts", (listener,))
    return found


def _all(listeners: list[Listener], carried: int | None) -> Listener:
    found = _several_of_one(listeners) if carried == 1 else _several_of_many(listeners)
    setattr(found, "parts", tuple(listeners))  # noqa: B010 - a function has no such attribute
    return found


def _several_of_many(listeners: list[Listener]) -> Listener:
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
