"""What observers are told about the system they watch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgsim.kernel.component import Component
from msgsim.model.message import Copy, Message
from msgsim.model.routes import Route


class System(Protocol):
    """A wired system: its components by name (workloads and subscriptions too), its routes."""

    @property
    def components(self) -> Mapping[str, Component]:
        """Every component by its name."""

    @property
    def routes(self) -> Sequence[Route]:
        """Every path from an entry point to a subscriber."""

    @property
    def duration_ns(self) -> int:
        """How long the run lasts."""

    @property
    def sim(self) -> Any:
        """The simulation; `sim.now` is the time in ns."""


def announces(component: Component, signal: str) -> bool:
    """Say whether a component declares a signal of that name."""
    return any(declared.name == signal for declared in component.signals)


def consumers(system: System) -> dict[str, list[Component]]:
    """Return the components that process what a subscriber holds, by its name."""
    found: dict[str, list[Component]] = {}
    for component in system.components.values():
        if announces(component, "completed"):
            found.setdefault(component.judged, []).append(component)
    return found


def subscribers_of(system: System) -> list[str]:
    """Return every name at which messages are judged: on a route, or with a consumer."""
    names = {route.subscriber: None for route in system.routes}
    for component in system.components.values():
        if announces(component, "completed") and component.judged != component.name:
            names.setdefault(component.judged)
    return [name for name in names if name in system.components]


def holding(component: Component) -> Iterable[tuple[str, Message, Copy | None]]:
    """Yield `(state, message, copy)` of everything a component holds; the copy may be None."""
    for state, thing in component.holds():
        if isinstance(thing, Message):
            yield state, thing, None
        else:
            yield state, thing.message, thing
