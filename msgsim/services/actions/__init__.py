"""Actions (the section `actions:`): what an operator does while the system runs."""

from __future__ import annotations

from typing import Any

from msgsim.model.acting import Actor
from msgsim.model.service import Context, Service
from msgsim.model.spec import read_property
from msgsim.services.actions.checks import CODES, check
from msgsim.services.actions.spec import PAGE, ActionSpec

KIND = "action"


def build(name: str, spec: ActionSpec, context: Context) -> Actor:
    """Make the action that the spec describes."""
    return Actor(context.sim, name, spec.at, spec.description)


def connect(action: Actor, spec: ActionSpec, context: Context) -> None:
    """Find what the action is done to."""
    target: Any = context.find(spec.target)
    if spec.purge is not None:
        action.act = target.purge
    elif spec.cancel is not None:
        action.act = target.cancel_move_task
    elif spec.move is not None:
        destination = context.find(str(spec.to)) if spec.to is not None else None
        rate = spec.MaxNumberOfMessagesPerSecond
        action.act = lambda: _refusal(target.start_move_task(destination, rate))
    else:
        value = read_property(type(context.specs[spec.target]), spec.changed, spec.to)
        action.act = lambda: target.set_property(spec.changed, value)


def _refusal(task: Any) -> str | None:
    """Return the error code of a message move task that was refused."""
    return task if isinstance(task, str) else None


SERVICE = Service(
    kind=KIND,
    spec=ActionSpec,
    build=build,
    page=PAGE,
    connect=connect,
    check=check,
    codes=CODES,
)
