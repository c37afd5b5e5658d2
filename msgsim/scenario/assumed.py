"""The section `assumptions`: other values for what AWS does not publish.

Which assumptions exist, and of what sort their values are, is on the pages of the services.
"""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingOf
from typing import Any

from msgsim import units
from msgsim.model.catalog import Number
from msgsim.model.chance import distribution
from msgsim.model.service import Service
from msgsim.model.spec import FieldError, plain
from msgsim.problems import Problems, did_you_mean, quote
from msgsim.scenario.plain import to_plain
from msgsim.scenario.tree import Mapping, Node

MOST = 1_000
"""A number may be this many times the assumed one: beyond, it is a slip of the keyboard."""


def read_assumptions(
    node: Mapping, services: MappingOf[str, Service], problems: Problems
) -> dict[str, dict[str, Any]]:
    """Read kind → name → value; both must exist on a page, and the value be of its sort."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in node:
        service = services.get(key.text)
        if service is None or not isinstance(value, Mapping):
            guess = did_you_mean(key.text, services) if service is None else None
            hint = f"did you mean {guess}?" if guess else "such as sqs.queue: {hosts: 4}"
            message = f"{quote(key.text)} has no assumptions to override"
            if service is not None:
                message = f"the assumptions of {key.text} are a mapping of names"
            problems.add("E103", message, key.place, hint)
            continue
        found[key.text] = _overridden(service, value, problems)
    return found


def _overridden(service: Service, node: Mapping, problems: Problems) -> dict[str, Any]:
    known = service.page.assumptions()
    values = {}
    for key, value in node:
        if key.text not in known:
            guess = did_you_mean(key.text, known)
            hint = f"did you mean {guess}?" if guess else f"known: {', '.join(known)}"
            message = f"{service.kind} has no assumption {quote(key.text)}"
            problems.add("E103", message, key.place, hint)
            continue
        values[key.text] = _value(known[key.text], value, problems)
    return values


def _value(number: Number, node: Node, problems: Problems) -> Any:
    value = plain(to_plain(node))
    try:
        _check(number, value)
    except FieldError as error:
        problems.add(error.code, f"{number.name}: {error.message}", node.place, error.hint)
    except units.UnitError as error:
        problems.add("E130", f"{number.name}: {error}", node.place)
    return value


def _check(number: Number, value: Any) -> None:
    assumed = number.value
    unit = "" if "time" in number.unit.split() else number.unit
    hint = f"msgsim assumes {assumed} {unit}".rstrip()
    if isinstance(assumed, bool):
        if not isinstance(value, bool):
            raise FieldError("E131", "expected true or false", hint)
    elif isinstance(assumed, (int, float)):
        _check_number(assumed, value, hint)
    elif "time" in number.unit.split() and isinstance(assumed, str):
        _check_duration(assumed, value, hint)
    elif "time" in number.unit.split():
        distribution(value)
    elif number.unit == "size":
        units.size_bytes(str(value))
    elif not isinstance(value, type(assumed)):
        raise FieldError("E130", "expected a value like the one it replaces", hint)


def _check_duration(assumed: str, value: Any, hint: str) -> None:
    if isinstance(value, (dict, list)):
        raise FieldError("E130", "expected one duration, not a distribution", hint)
    if units.duration_ns(str(value)) == 0 and units.duration_ns(assumed) > 0:
        message = "no time at all could keep the clock from moving on"
        raise FieldError("E109", message, "1ns is as good as nothing")


def _check_number(assumed: float, value: Any, hint: str) -> None:
    whole = isinstance(assumed, int)
    low = 1 if whole and assumed >= 1 else 0
    high = 1 if not whole and assumed < 1 else assumed * MOST
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or (whole and value != int(value)):
        raise FieldError("E130", f"expected a {'whole ' * whole}number", hint)
    if not low <= value <= high:
        raise FieldError("E109", f"expected {low} to {high:,}, but found {value}", hint)
