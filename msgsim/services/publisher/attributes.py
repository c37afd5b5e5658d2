"""Message attributes: constants, weighted values, random numbers, and marks on chosen messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

from msgsim import units
from msgsim.kernel.distributions import Uniform
from msgsim.kernel.simulation import Simulation
from msgsim.model.chance import Chance, chance
from msgsim.model.message import NO_ATTRIBUTES, AttributeValue
from msgsim.model.service import Context
from msgsim.model.spec import FieldError, Parsed
from msgsim.problems import did_you_mean, quote
from msgsim.services.publisher.keys import check_weights, read_weight

_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?")
_MARK_OPTIONS = {"value", "nth", "key", "share"}

ValueOf = Callable[[int, str, int], AttributeValue | None]
"""(number in the workload, key, rank within the key) → the value, or None for no attribute."""

DrawAttributes = Callable[[int, str, int], Mapping[str, AttributeValue]]


@dataclass(frozen=True, slots=True)
class Same:
    """The same value on every message."""

    value: AttributeValue


@dataclass(frozen=True, slots=True)
class Weighted:
    """One of several values, drawn by weight."""

    values: tuple[AttributeValue, ...]
    weights: tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A value on some messages only.

    Attributes:
        value: the value.
        nth: which message of its key gets it, counted from 1; None for any.
        key: the only key whose messages get it; None for any.
        share: the share of those messages that get it, drawn.
    """

    value: AttributeValue
    nth: int | None
    key: str | None
    share: float


Attribute = Same | Weighted | Mark | Chance


def read_attributes(value: Any) -> dict[str, Attribute]:
    """Read `attributes:` of a workload.

    Raises:
        FieldError: E130 for a wrong number, E134 for a wrong form.
    """
    if not isinstance(value, Mapping):
        hint = "such as attributes: {type: order}"
        raise FieldError("E134", "attributes: expected names with values", hint)
    return {str(name): _attribute(str(name), item) for name, item in value.items()}


def _attribute(name: str, value: Any) -> Attribute:
    if isinstance(value, (Same, Weighted, Mark, Chance)):
        return value
    if not isinstance(value, Mapping):
        return Same(_value(name, value))
    if "dist" in value:
        return chance(value, units.number)
    if "value" in value:
        return _mark(name, value)
    if not value:
        raise FieldError("E134", f"attribute {name}: there is no value")
    weights = tuple(read_weight(item, f"attribute {name}: a weight") for item in value.values())
    check_weights(list(value.values()), weights, f"attribute {name}")
    return Weighted(tuple(_value(name, str(key)) for key in value), weights)


def _value(name: str, value: Any) -> AttributeValue:
    if isinstance(value, list):
        return [_value(name, item) for item in value]
    if value is None or isinstance(value, Mapping):
        raise FieldError("E134", f"attribute {name}: expected text, a number, a boolean or a list")
    return scalar(value)


def scalar(value: Any) -> str | int | float | bool:
    """Read an attribute's value as JSON would: `true`, `false` and numbers; the rest is text.

    `yes`, `010` and `1:30`, which YAML 1.1 turns into something else, stay what they are.
    """
    if not isinstance(value, str) or not getattr(value, "plain", True):
        return str(value) if isinstance(value, str) else value
    if value in ("true", "false"):
        return value == "true"
    return units.number(value) if _JSON_NUMBER.fullmatch(value) else str(value)


def _mark(name: str, value: Mapping[str, Any]) -> Mark:
    for option in value:
        if option not in _MARK_OPTIONS:
            guess = did_you_mean(str(option), _MARK_OPTIONS)
            hint = f"did you mean {guess}?" if guess else "a mark has value, nth, key and share"
            raise FieldError("E134", f"attribute {name}: unknown {quote(str(option))}", hint)
    nth = value.get("nth")
    number = None if nth is None else units.number(str(nth))
    if number is not None and (number != int(number) or number < 1):
        raise FieldError("E130", f"attribute {name}: nth counts from 1, but it is {nth}")
    return Mark(
        _value(name, value["value"]),
        None if number is None else int(number),
        None if value.get("key") is None else str(value["key"]),
        units.share(str(value.get("share", "100%"))),
    )


Attributes = Annotated[
    dict[str, Attribute],
    Parsed(read_attributes, {"type": "object"}),
]


def drawing(
    attributes: Mapping[str, Attribute], sim: Simulation, workload: str, context: Context
) -> DrawAttributes:
    """Return what gives the attributes of a message; substreams `<workload>/attribute <name>`."""
    fixed = {name: item.value for name, item in attributes.items() if isinstance(item, Same)}
    varying = [
        (name, _value_of(item, sim, workload, name, context))
        for name, item in attributes.items()
        if not isinstance(item, Same)
    ]
    if not varying:
        same = fixed or NO_ATTRIBUTES
        return lambda n, key, rank: same

    def draw(n: int, key: str, rank: int) -> Mapping[str, AttributeValue]:
        found = fixed.copy()
        for name, value_of in varying:
            value = value_of(n, key, rank)
            if value is not None:
                found[name] = value
        return found or NO_ATTRIBUTES

    return draw


def _value_of(
    item: Attribute, sim: Simulation, workload: str, name: str, context: Context
) -> ValueOf:
    purpose = f"attribute {name}"
    if isinstance(item, Weighted):
        values = item.values
        choice = sim.choice(workload, purpose, [float(weight) for weight in item.weights])
        return lambda n, key, rank: values[choice.at(n)]
    if isinstance(item, Chance):
        numbers = sim.sampler(workload, purpose, item.resolve(context.base_path))
        return lambda n, key, rank: numbers.at(n)
    assert isinstance(item, Mark)
    return _marked(item, sim, workload, purpose)


def _marked(mark: Mark, sim: Simulation, workload: str, purpose: str) -> ValueOf:
    uniform = sim.sampler(workload, purpose, Uniform(0, 1))

    def value_of(n: int, key: str, rank: int) -> AttributeValue | None:
        if mark.key is not None and key != mark.key:
            return None
        if mark.nth is not None and rank + 1 != mark.nth:
            return None
        return mark.value if mark.share >= 1 or uniform.at(n) < mark.share else None

    return value_of
