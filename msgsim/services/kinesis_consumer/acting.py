"""Actions on a consumer application: its workers crash, stop and start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, cast

from msgsim.model.acting import ActionSpec, Actor, too_many
from msgsim.model.catalog import page_beside
from msgsim.model.service import Context, Finding, Service, Specs
from msgsim.model.spec import Duration, RefTo, Spec, String, Whole
from msgsim.services.kinesis_consumer.leases import Workers
from msgsim.units import format_duration

PAGE = page_beside(__file__, "action.kinesis.consumer.md")
Application = Annotated[String | None, RefTo("kinesis.consumer")]


class WorkerAction(ActionSpec):
    """One entry of `actions:` that concerns a worker of a consumer; exactly one of the first three.

    `worker` is its number, from 0; a worker that starts gets the next one.
    """

    verbs = ("crash_worker", "stop_worker", "start_worker")

    crash_worker: Application = None
    stop_worker: Application = None
    start_worker: Application = None
    name: String | None = None
    at: Duration
    worker: Whole | None = None


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find actions that say too much or too little, or concern an application without workers."""
    action = cast("WorkerAction", spec)
    if len(action.given) > 1:
        yield too_many(action)
        return
    verb, consumer = action.verb, cast("Any", specs.get(action.target))
    if consumer is not None and consumer.workers is None:
        message = f"{action.target} has no workers to {verb.partition('_')[0]}"
        yield Finding("E134", message, (verb,), "give it `workers: 2`, for example")
    if verb == "start_worker" and action.worker is not None:
        yield Finding("E134", "a new worker gets its own number", ("worker",), "remove it")
    elif verb != "start_worker" and action.worker is None:
        hint = f"such as {{at: 3m, {verb}: Reader, worker: 0}}"
        yield Finding("E134", f"{verb} needs `worker`", (), hint)


class WorkerActor(Actor):
    """An action on a worker; one that there is not is noted."""

    kind = "action.kinesis.consumer"

    def attempt(self) -> str | None:
        """Let it happen to the worker."""
        try:
            self.act()
        except ValueError as error:
            self.notes = (f"{self.description} at {format_duration(self.at_ns)}: {error}",)
            return "NoSuchWorker"
        return None


def build(name: str, spec: WorkerAction, context: Context) -> WorkerActor:
    """Make the action that the spec describes."""
    which = "" if spec.worker is None else f" {spec.worker}"
    description = f"{spec.verb}{which} of {spec.target}"
    return WorkerActor(context.sim, name, spec.at, description)


def connect(actor: WorkerActor, spec: WorkerAction, context: Context) -> None:
    """Find the application's workers."""
    consumer: Any = context.find(spec.target)
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
