"""A publisher by hand with a target that takes what it is told to take, for tests of publishers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Signal
from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Message
from msgsim.model.service import Context
from msgsim.scenario.schema import as_text
from msgsim.services.publisher import SERVICE
from msgsim.services.publisher.publisher import Publisher
from msgsim.services.publisher.spec import WorkloadSpec

S = 1_000_000_000
MS = 1_000_000


class FakeTarget(Component):
    """Takes what it is told to take: `answers` are given in turn, then success."""

    def __init__(self, sim: Simulation, fifo: bool = False) -> None:
        super().__init__(sim, "Target")
        self.fifo = fifo
        self.answers: list[str | None] = []
        self.taken: list[tuple[int, Message]] = []
        self.calls: list[int] = []

    def accept(self, message: Message) -> str | None:
        return self.accept_batch([message])[0]

    def accept_batch(self, messages: Sequence[Message]) -> list[str | None]:
        self.calls.append(len(messages))
        codes = []
        for message in messages:
            code = "ServiceUnavailable" if self.down else None
            code = self.answers.pop(0) if self.answers else code
            codes.append(code)
            if code is None:
                self.taken.append((self.sim.now, message))
        return codes

    @property
    def times(self) -> list[int]:
        return [time for time, _ in self.taken]

    @property
    def messages(self) -> list[Message]:
        return [message for _, message in self.taken]


class Recorder:
    """Keeps every fact of every component."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, tuple[Any, ...]]] = []

    def listener(self, component: Any, signal: Signal) -> Any:
        return lambda *facts: self.facts.append((signal.name, facts))

    def count(self, name: str) -> int:
        return sum(found == name for found, _ in self.facts)


class Bench:
    """A simulation with a fake target and some publishers."""

    def __init__(self, seed: int = 1, duration_ns: int = 600 * S, fifo: bool = False) -> None:
        self.sim = Simulation(seed)
        self.target = FakeTarget(self.sim, fifo)
        self.recorder = Recorder()
        self.asked: set[str] = set()
        self.context = Context(
            sim=self.sim,
            account=None,
            assumption=self._assume,
            find=lambda name: self.target,
            shared={},
            duration_ns=duration_ns,
            base_path=Path(),
        )

    def _assume(self, kind: str, name: str) -> Any:
        self.asked.add(name)
        return SERVICE.page.assumptions()[name].value

    def publisher(self, name: str = "Shop", **spec: Any) -> Publisher:
        parsed = workload(**spec)
        publisher: Any = SERVICE.build(name, parsed, self.context)
        SERVICE.connect(publisher, parsed, self.context)
        publisher.bind([self.recorder])
        publisher.start()
        return publisher

    def run(self) -> FakeTarget:
        self.sim.run(self.context.duration_ns)
        return self.target


def workload(**spec: Any) -> WorkloadSpec:
    if "from_" in spec:
        spec["from"] = spec.pop("from_")
    return WorkloadSpec.model_validate(as_text({"to": "Target", **spec}))


def sent(duration: int = 600 * S, seed: int = 1, **spec: Any) -> FakeTarget:
    bench = Bench(seed=seed, duration_ns=duration)
    bench.publisher(**spec)
    return bench.run()
