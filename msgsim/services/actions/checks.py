"""What is wrong with an action: forms that contradict each other, and what AWS would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from msgsim.model.service import Finding, Specs
from msgsim.model.spec import FieldError, Spec, read_property
from msgsim.problems import did_you_mean, quote
from msgsim.services.actions.spec import FORMS, ActionSpec

CODES = {
    "E135": "an action that contradicts itself, or says something in no known form",
    "E140": "a name that does not exist",
    "E141": "a name of the wrong kind of resource",
    "E290": "a message move task that AWS refuses",
    "E291": "a property that cannot be changed while the system runs",
    "E103": "unknown property",
}
_EXAMPLE = "such as {at: 3m, purge: Orders} or {at: 6m, set: Orders.VisibilityTimeout, to: 60}"
_OF_MOVES = "MaxNumberOfMessagesPerSecond"


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what the text of an action cannot show field by field."""
    action = cast("ActionSpec", spec)
    forms = action.forms
    if len(forms) != 1:
        found = " and ".join(forms) or "none of them"
        message = f"an action is one of {', '.join(FORMS)}, but this has {found}"
        yield Finding("E135", message, (), _EXAMPLE)
        return
    if action.to is not None and forms[0] in ("purge", "cancel"):
        yield Finding("E135", f"a {forms[0]} goes nowhere: it has no `to`", ("to",), "remove it")
    if action.MaxNumberOfMessagesPerSecond is not None and action.move is None:
        message = f"{_OF_MOVES} belongs to a move, not to a {forms[0]}"
        yield Finding("E135", message, (_OF_MOVES,), "remove it")
    if action.move is not None:
        yield from _move(action, specs)
    elif action.set_ is not None:
        yield from _set(action, specs)


def _move(action: ActionSpec, specs: Specs) -> Iterator[Finding]:
    source = specs[action.target]
    if not any(_dead_letters(other) == action.target for other in specs.values()):
        yield Finding(
            "E290",
            f"AWS refuses this (InvalidParameterValue): {action.target} is the dead-letter queue "
            "of no queue (SQS API, StartMessageMoveTask)",
            ("move",),
            f"name {action.target} in the RedrivePolicy of a queue",
        )
    if action.to is None:
        return
    target = specs.get(str(action.to))
    queues = [name for name, other in specs.items() if hasattr(other, "FifoQueue")]
    if target is None:
        guess = did_you_mean(str(action.to), queues)
        hint = f"did you mean {guess}?" if guess else f"known: {', '.join(queues)}"
        yield Finding(
            "E140", f"to names {quote(str(action.to))}, which does not exist", ("to",), hint
        )
    elif str(action.to) not in queues:
        message = f"messages can be moved to a queue only, and {action.to} is none"
        yield Finding("E141", message, ("to",), f"known: {', '.join(queues)}")
    elif getattr(source, "FifoQueue", False) != getattr(target, "FifoQueue", False):
        message = "AWS refuses this (InvalidParameterValue): source and destination of a move have "
        hint = "leave `to` out: each message goes to where it came from"
        yield Finding("E290", f"{message}the same type, both FIFO or neither", ("to",), hint)
    elif str(action.to) == action.target:
        message = f"AWS refuses this (InvalidParameterValue): {action.target} moves to itself"
        yield Finding("E290", message, ("to",), "name another queue")


def _dead_letters(spec: Spec) -> str | None:
    """Return the dead-letter queue of a queue, else None."""
    policy = getattr(spec, "RedrivePolicy", None) if hasattr(spec, "FifoQueue") else None
    return policy.deadLetterTargetArn if policy is not None else None


def _set(action: ActionSpec, specs: Specs) -> Iterator[Finding]:
    target = specs.get(action.target)
    if target is None:
        guess = did_you_mean(action.target, specs)
        hint = f"did you mean {guess}.{action.changed}?" if guess else "such as Orders.DelaySeconds"
        message = f"set names {quote(action.target)}, which does not exist"
        yield Finding("E140", message, ("set",), hint)
        return
    live, fields = sorted(target.live), type(target).model_fields
    if action.changed not in fields:
        guess = did_you_mean(action.changed, live or fields)
        hint = f"did you mean {guess}?" if guess else f"known: {', '.join(live or fields)}"
        message = f"{action.target} has no property {quote(action.changed)}"
        yield Finding("E103", message, ("set",), hint)
    elif action.changed not in live:
        possible = f"possible: {', '.join(live)}" if live else "nothing of it can be changed"
        message = f"{action.changed} of {action.target} cannot be changed while the system runs"
        yield Finding("E291", message, ("set",), f"{possible}; for two designs use variants")
    elif action.to is None:
        hint = f"such as {{at: 6m, set: {action.set_}, to: 60}}"
        yield Finding("E135", "a set needs the new value", ("set",), hint)
    else:
        yield from _value(action, target)


def _value(action: ActionSpec, target: Spec) -> Iterator[Finding]:
    try:
        read_property(type(target), action.changed, action.to)
    except FieldError as error:
        yield Finding(error.code, error.message, ("to",), error.hint)
