"""Small systems wired by hand from the real services, for tests of one service at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Key, Message
from msgsim.model.service import Context, Finding, Service
from msgsim.model.spec import Spec
from msgsim.services.cloudwatch_alarm import SERVICE as ALARM
from msgsim.services.faults import SERVICE as FAULT
from msgsim.services.lambda_function import SERVICE as FUNCTION
from msgsim.services.sns import SERVICES as SNS
from msgsim.services.sqs_queue import SERVICE as QUEUE
from msgsim.services.worker_fleet import SERVICE as FLEET
from msgsim.units import duration_ns

KINDS: dict[str, Service] = {
    service.kind: service for service in (*SNS, QUEUE, FLEET, FUNCTION, FAULT, ALARM)
}

NO_LATENCY = {"receive_time": "0s", "delete_time": "0s"}

ORDERLY = {
    ("sqs.queue", "hosts"): 1,
    ("sqs.queue", "missed_delete_share"): 0.0,
    ("sns.subscription", "duplicate_probability"): 0.0,
}
"""Standard queues and subscriptions without their own disorder and duplicates."""


class Log:
    """An observer that writes down every fact."""

    def __init__(self) -> None:
        self.facts: list[tuple[int, str, str, tuple[Any, ...]]] = []

    def listener(self, component: Any, signal: Signal) -> Listener:
        def write(now: int, *carried: Any) -> None:
            self.facts.append((now, component.name, signal.name, carried))

        return write

    def of(self, component: str, signal: str) -> list[tuple[Any, ...]]:
        """Return `(seconds, *carried)` of every such fact."""
        return [
            (now / 1e9, *carried)
            for now, name, fact, carried in self.facts
            if (name, fact) == (component, signal)
        ]


class Stub(Component):
    """An endpoint whose answers a test decides."""

    fifo = False

    def __init__(self, sim: Simulation, name: str, answers: Any) -> None:
        super().__init__(sim, name)
        self.answers = answers
        self.taken: list[tuple[float, Message]] = []
        self.tries: list[float] = []

    def accept(self, message: Message) -> str | None:
        """Take a message, unless `answers(seconds, message)` returns an error."""
        now_s = self.sim.now / 1e9
        self.tries.append(now_s)
        error = self.answers(now_s, message)
        if error is None:
            self.taken.append((now_s, message))
        return error

    invoke_async = accept


class HandBuilt:
    """A wired system: `resources` maps names to `{type: …, properties}` as in YAML, or to stubs."""

    def __init__(
        self,
        resources: Mapping[str, Any],
        *,
        seed: int = 1,
        replication: int = 0,
        region: str = "us-east-1",
        assumptions: Mapping[tuple[str, str], Any] | None = None,
        logged: bool = True,
    ) -> None:
        self.sim = Simulation(seed, replication)
        self.overrides = {**ORDERLY, **(assumptions or {})}
        self.components: dict[str, Any] = {}
        self.specs = read(resources)
        self.context = Context(
            sim=self.sim,
            account=SimpleNamespace(Region=region, ConcurrentExecutions=1000),
            assumption=self._assumption,
            find=self.components.__getitem__,
            shared={},
            duration_ns=duration_ns("1h"),
            base_path=Path(),
        )
        for name, answers in resources.items():
            if callable(answers):
                self.components[name] = Stub(self.sim, name, answers)
        for name, (kind, spec) in self.specs.items():
            self.components[name] = KINDS[kind].build(name, spec, self.context)
        for name, (kind, spec) in self.specs.items():
            KINDS[kind].connect(self.components[name], spec, self.context)
        self.log = Log()
        if logged:
            for component in self.components.values():
                component.bind([self.log])
        for component in self.components.values():
            component.start()
        self.numbers = 0
        self.keys: dict[str, Key] = {}

    def _assumption(self, kind: str, name: str) -> Any:
        found = KINDS[kind].page.assumptions()[name].value
        return self.overrides.get((kind, name), found)

    def __getitem__(self, name: str) -> Any:
        return self.components[name]

    def message(self, key: str = "A", **more: Any) -> Message:
        """Make the next message of a key."""
        found = self.keys.setdefault(key, Key(key))
        message = Message(self.numbers, found, found.issued, self.sim.now, **more)
        self.numbers += 1
        found.issued += 1
        return message

    def send(self, to: str, key: str = "A", **more: Any) -> str | None:
        """Send a new message now; return the error code or None."""
        return self[to].accept(self.message(key, **more))

    def send_at(self, at: str, to: str, key: str = "A", **more: Any) -> None:
        """Send a new message at a time such as `5s`."""
        self.sim.at(duration_ns(at), lambda: self.send(to, key, **more))

    def run(self, until: str) -> HandBuilt:
        """Run up to a time such as `1h`."""
        self.sim.run(duration_ns(until))
        return self


def read(resources: Mapping[str, Any]) -> dict[str, tuple[str, Spec]]:
    """Return kind and spec by name, inline resources included; stubs are left out."""
    found: dict[str, tuple[str, Spec]] = {}
    for name, written in resources.items():
        if callable(written):
            continue
        kind = written["type"]
        spec = KINDS[kind].spec.model_validate({k: v for k, v in written.items() if k != "type"})
        found[name] = (kind, spec)
        for part, (part_kind, properties) in KINDS[kind].parts(name, spec).items():
            found[part] = (part_kind, KINDS[part_kind].spec.model_validate(properties))
    return found


def findings(resources: Mapping[str, Any]) -> list[Finding]:
    """Return what the checks of all resources have to say.

    Not that nobody consumes a queue (W341): what is wired by hand is a part of a system.
    """
    read_specs = read(resources)
    specs = {name: spec for name, (_, spec) in read_specs.items()}
    return [
        finding
        for name, (kind, spec) in read_specs.items()
        for finding in KINDS[kind].check(name, spec, specs)
        if finding.code != "W341"
    ]


def codes(resources: Mapping[str, Any]) -> list[str]:
    """Return the codes of `findings`."""
    return [finding.code for finding in findings(resources)]
