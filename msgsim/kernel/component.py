"""Component: anything that holds or handles messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from msgsim.kernel.signals import Listener, Observer, Signal, bind
from msgsim.kernel.simulation import Simulation


class _SlotsForSignals(type):
    """Gives every signal of a component a slot, `on_NAME`.

    A signal is looked up for every message, and Python is quick about slots, and about the other
    attributes of an object as long as it has fewer than thirty of these.
    """

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **more: Any
    ) -> _SlotsForSignals:
        known = {slot for base in bases for kind in base.__mro__ for slot in vars(kind)}
        own = [f"on_{signal.name}" for signal in namespace.get("signals", ())]
        slots = (*namespace.get("__slots__", ()), *(slot for slot in own if slot not in known))
        return super().__new__(cls, name, bases, {**namespace, "__slots__": slots}, **more)


class Component(metaclass=_SlotsForSignals):
    """A station of the system: it lives on a simulation, has a name, and announces signals.

    A subclass lists its `signals`. Each becomes an attribute `on_NAME`, which is None while
    nobody listens; the component tests it and calls it with `(now, *carried)`.

    `judged` names the subscriber whose messages this component processes: a fleet or a mapping on
    a queue is judged at the queue, a stream consumer and an asynchronous function at themselves.

    Faults act through two attributes that the component respects: while `down`, calls on it fail;
    its own times (hops, handlers, answers) are multiplied by `slowness`.
    """

    __slots__ = ("__dict__", "__weakref__", "down", "judged", "name", "sim", "slowness")

    kind: ClassVar[str] = ""
    signals: ClassVar[tuple[Signal, ...]] = ()

    def __init__(self, sim: Simulation, name: str) -> None:
        self.sim = sim
        self.name = name
        self.judged = name
        self.down = False
        self.slowness = 1.0
        self._attending: list[Observer] = []
        self.bind(())

    if TYPE_CHECKING:  # at run time it would slow every look-up of every attribute down

        def __getattr__(self, name: str) -> Listener | None: ...

    def bind(self, observers: Iterable[Observer]) -> None:
        """Connect observers; done once, when the system is wired and before time zero."""
        bind(self, self.signals, [*self._attending, *observers])

    def attend(self, listener: Observer) -> None:
        """Let another part of the model hear the facts, before observers are bound.

        What an alarm counts is part of the model: it is heard whoever observes, and first.
        """
        self._attending.append(listener)
        self.bind(())

    def start(self) -> None:
        """Begin to act at time zero; components that only react leave this as it is."""

    def fail(self) -> None:
        """An outage begins."""
        self.down = True

    def recover(self) -> None:
        """The outage ends."""
        self.down = False

    def holds(self) -> Iterable[tuple[str, Any]]:
        """Yield `(state, copy or message)` for everything this component holds now.

        States: `waiting`, `delayed`, `in_flight`, `in_transit`. The ledger calls it at the end.
        """
        return ()

    def __repr__(self) -> str:
        return f"<{self.kind or type(self).__name__} {self.name}>"
