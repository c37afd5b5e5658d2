"""Actions on a consumer application: its workers crash, stop and start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, cast

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.catalog import page_beside
from msgsim.model.service import Context, Finding, Service, Specs
from msgsim.model.spec import Duration, RefTo, Spec, String, Whole
from msgsim.services.kinesis_consumer.leases import Workers
from msgsim.units import format_duration

PAGE = page_beside(__file__, "action.kinesis.consumer.md")
_VERBS = ("crash_worker", "stop_worker", "start_worker")
Application = Annotated[String | None, RefTo("kinesis.consumer")]


class WorkerAction(Spec):
    """One entry of `actions:` that concerns a worker of a consumer; exactly one of the first three.

    `worker` is its number, from 0; a worker that starts gets the next one.
    """

    crash_worker: Application = None
    stop_worker: Application = None
    start_worker: Application = None
    name: String | None = None
    at: Duration
    worker: Whole | None = None

    @property
    def verb(self) -> str:
        """What is done."""
        return next(verb for verb in _VERBS if getattr(self, verb) is not None)


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find actions that say too much or too little, or concern an application without workers."""
    action = cast("WorkerAction", spec)
    given = [verb for verb in _VERBS if getattr(action, verb) is not None]
    if len(given) > 1:
        message = f"an action does one thing, but this has {' and '.join(given)}"
        yield Finding("E134", message, (), "write an entry for each")
        return
    verb, consumer = action.verb, cast("Any", specs.get(getattr(action, action.verb)))
    if consumer is not None and consumer.workers is None:
        message = f"{getattr(action, verb)} has no workers to {verb.partition('_')[0]}"
        yield Finding("E134", message, (verb,), "give it `workers: 2`, for example")
    if verb == "start_worker" and action.worker is not None:
        yield Finding("E134", "a new worker gets its own number", ("worker",), "remove it")
    elif verb != "start_worker" and action.worker is None:
        hint = f"such as {{at: 3m, {verb}: Reader, worker: 0}}"
        yield Finding("E134", f"{verb} needs `worker`", (), hint)


class WorkerActor(Component):
    """An action that waits for its moment."""

    kind = "action.kinesis.consumer"
    signals = (facts.ACTED,)

    def __init__(self, sim: Simulation, name: str, at_ns: int, description: str) -> None:
        super().__init__(sim, name)
        self.at_ns = at_ns
        self.description = description
        self.notes: tuple[str, ...] = ()
        self.act: Callable[[], Any]

    def start(self) -> None:
        """Wait for the moment."""
        self.sim.at(self.at_ns, self._act)

    def _act(self) -> None:
        code = None
        try:
            self.act()
        except ValueError as error:
            code = "NoSuchWorker"
            self.notes = (f"{self.description} at {format_duration(self.at_ns)}: {error}",)
        if self.on_acted is not None:
            self.on_acted(self.sim.now, self.description, code)


def build(name: str, spec: WorkerAction, context: Context) -> WorkerActor:
    """Make the action that the spec describes."""
    which = "" if spec.worker is None else f" {spec.worker}"
    description = f"{spec.verb}{which} of {getattr(spec, spec.verb)}"
    return WorkerActor(context.sim, name, spec.at, description)


def connect(actor: WorkerActor, spec: WorkerAction, context: Context) -> None:
    """Find the application's workers."""
    consumer: Any = context.find(getattr(spec, spec.verb))
    workers: Workers = consumer.workers
    number = spec.worker or 0
    calls: dict[str, Callable[[], Any]] = {
        "crash_worker": lambda: workers.crash(number),
        "stop_worker": lambda: workers.stop(number),
        "start_worker": workers.add,
    }
    actor.act = calls[spec.verb]


SERVICE = Service(
    kind="action.kinesis.consumer",
    spec=WorkerAction,
    build=build,
    page=PAGE,
    connect=connect,
    check=check,
)
