"""Driving components by hand in tests: messages by name, receives that note their answer."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.signals import Signal
from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Delivery, Key, Message
from msgsim.services.sqs_queue.base import Queue
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.fifo_queue import FifoQueue
from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.standard_queue import StandardQueue
from msgsim.units import duration_ns


def ns(text: str) -> int:
    """Return a duration such as `30s` in nanoseconds."""
    return duration_ns(text)


class Mail:
    """Makes messages that carry a name in their body."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.keys: dict[str, Key] = {}
        self.made = 0

    def message(self, body: str, group: str = "g", **more: Any) -> Message:
        """Return a new message."""
        key = self.keys.setdefault(group, Key(group))
        message = Message(self.made, key, key.issued, self.sim.now, body=body, **more)
        self.made += 1
        key.issued += 1
        return message


class Answer:
    """What a receive answered, and when."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.at_ns: int | None = None
        self.deliveries: list[Delivery] = []
        self.error: str | None = None

    def __call__(self, deliveries: list[Delivery], error: str | None) -> None:
        self.at_ns = self.sim.now
        self.deliveries = deliveries
        self.error = error

    @property
    def bodies(self) -> list[str | None]:
        """The bodies of the messages received."""
        return [delivery.message.body for delivery in self.deliveries]


class Recorder:
    """An observer that keeps every fact."""

    def __init__(self) -> None:
        self.facts: list[tuple[Any, ...]] = []

    def listener(self, component: Any, signal: Signal) -> Any:
        """Listen to everything."""
        return lambda *facts: self.facts.append((component.name, signal.name, *facts))

    def count(self, signal: str) -> int:
        """Say how often a fact was announced."""
        return sum(1 for fact in self.facts if fact[1] == signal)


def standard(sim: Simulation, name: str = "queue", hosts: int = 1, **more: Any) -> StandardQueue:
    """Return a standard queue without replica faults."""
    more.setdefault("visibility_ns", ns("30s"))
    asked = more.pop("hosts_asked", None)
    state = StandardState(
        host_count=hosts,
        pick_host=sim.integers(name, "host", hosts).at,
        visit_order=sim.permutations(name, "order", hosts).draw,
        **more,
    )
    return StandardQueue(sim, name, state, hosts_asked=asked)


def fifo(sim: Simulation, name: str = "queue.fifo", **more: Any) -> FifoQueue:
    """Return a FIFO queue without a call quota."""
    more.setdefault("visibility_ns", ns("30s"))
    return FifoQueue(sim, name, FifoState(**more))


def receive(
    queue: Queue, limit: int = 1, wait: str = "0s", visibility: str | None = None
) -> Answer:
    """Receive now; the answer fills in when it comes."""
    answer = Answer(queue.sim)
    timeout = ns(visibility) if visibility is not None else None
    queue.receive(limit, ns(wait), answer, timeout)
    return answer
