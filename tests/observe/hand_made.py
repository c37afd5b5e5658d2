"""Small systems for the tests of observers, driven by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Copy, Delivery, Key, Message
from msgsim.model.routes import Route
from msgsim.observe import Observers, default_observers
from msgsim.services.sqs_queue.base import Queue
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.fifo_queue import FifoQueue
from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.standard_queue import StandardQueue

S = 1_000_000_000


@dataclass
class HandSystem:
    """What observers are told about a system."""

    sim: Simulation
    components: dict[str, Component]
    routes: list[Route]
    duration_ns: int = 600 * S
    observers: Observers = field(init=False)

    def observe(self) -> Observers:
        self.observers = default_observers(self)
        for component in self.components.values():
            component.bind(self.observers.list)
        return self.observers

    def finish(self, at_s: float) -> Observers:
        self.sim.run(round(at_s * S))
        self.observers.tick(self.sim.now)
        self.observers.finish(self.sim.now)
        return self.observers


class Source(Component):
    """A workload that publishes when told."""

    kind = "workload"
    signals = (facts.PUBLISHED, facts.CALLED, facts.RETRIED, facts.REFUSED)

    def __init__(self, sim: Simulation, name: str) -> None:
        super().__init__(sim, name)
        self.keys: dict[str, Key] = {}
        self.count = 0
        self.held: list[Message] = []

    def make(self, key: str = "A", **more: Any) -> Message:
        found = self.keys.setdefault(key, Key(key, self.name))
        message = Message(self.count, found, found.issued, self.sim.now, **more)
        found.issued += 1
        self.count += 1
        self.on_published(self.sim.now, message)
        return message

    def send(self, target: Any, key: str = "A", **more: Any) -> Message:
        message = self.make(key, **more)
        self.call(target, message)
        return message

    def call(self, target: Any, message: Message) -> str | None:
        code = target.accept(message)
        self.on_called(self.sim.now, 1, code)
        return code

    def send_again(self, target: Any, message: Message) -> str | None:
        message.tries += 1
        self.on_retried(self.sim.now, message)
        return self.call(target, message)

    def refuse(self, message: Message, code: str = "RequestThrottled") -> None:
        self.on_refused(self.sim.now, message, code)

    def holds(self) -> Any:
        return [("in_transit", message) for message in self.held]


class Worker(Component):
    """A consumer that receives, works and deletes when told; judged at its source."""

    kind = "worker"
    signals = (
        facts.TAKEN,
        facts.COMPLETED,
        facts.FAILED,
        facts.DROPPED,
        facts.DEAD_LETTERED,
    )

    def __init__(self, sim: Simulation, name: str, judged: str | None = None) -> None:
        super().__init__(sim, name)
        self.judged = judged or name
        self.held: list[Copy | Message] = []

    def take(self, queue: Queue, limit: int = 1) -> list[Delivery]:
        taken: list[Delivery] = []
        queue.receive(limit, 0, lambda deliveries, error: taken.extend(deliveries))
        return taken

    def complete(self, delivery: Delivery) -> None:
        delivery.copy.starts += 1
        delivery.copy.completions += 1
        self.on_completed(self.sim.now, delivery)

    def fail(self, delivery: Delivery) -> None:
        delivery.copy.starts += 1
        self.on_failed(self.sim.now, delivery, "error")

    def holds(self) -> Any:
        return [("waiting", copy) for copy in self.held]


def standard(sim: Simulation, name: str, **more: Any) -> StandardQueue:
    return StandardQueue(sim, name, StandardState(**{"visibility_ns": 30 * S} | more))


def fifo(sim: Simulation, name: str, **more: Any) -> FifoQueue:
    return FifoQueue(sim, name, FifoState(**{"visibility_ns": 30 * S} | more))


def queue_system(
    fifo_queue: bool = False, dead_letters: bool = False, **state: Any
) -> tuple[HandSystem, Source, Queue, Worker]:
    """A workload `w`, a queue `q`, a worker `c`, and perhaps a dead-letter queue `d`."""
    sim = Simulation()
    source = Source(sim, "w")
    queue = (fifo if fifo_queue else standard)(sim, "q", **state)
    worker = Worker(sim, "c", "q")
    components: dict[str, Component] = {"w": source, "q": queue, "c": worker}
    letters = None
    if dead_letters:
        components["d"] = queue.dead_letter_queue = (fifo if fifo_queue else standard)(sim, "d")
        letters = "d"
    system = HandSystem(sim, components, [Route("q", "q", None, ("w",), letters)])
    system.observe()
    return system, source, queue, worker
