"""One knob of a lab: a path and the values that the learner may put there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from msgsim import units
from msgsim.model.spec import FieldError, plain
from msgsim.problems import quote
from msgsim.scenario.plain import to_plain
from msgsim.scenario.tree import Node, Scalar, Sequence

_EXAMPLE = "a list such as [10, 30, 60], or a range such as 10..900"


@dataclass(frozen=True)
class Knob:
    """What may be changed, and to what.

    Attributes:
        path: where the value stands, as `--set` names it.
        values: the values allowed; empty for a range.
        low: the smallest number or time allowed.
        high: the largest.
        example: a node that may be put there.
        shown: the values allowed, as text.
    """

    path: str
    values: tuple[Any, ...]
    low: str
    high: str
    example: Node
    shown: str

    @property
    def first(self) -> str:
        """The first value allowed, as it would be written."""
        return self.low or as_written(self.values[0])

    def allows(self, value: Any) -> bool:
        """Say whether a value, as plain data, may be put there."""
        size = _size(value)
        if not self.values:
            low, high = _size(self.low), _size(self.high)
            return size is not None and low is not None and high is not None and low <= size <= high
        return any(
            value == allowed or (size is not None and size == _size(allowed))
            for allowed in self.values
        )


def read_knob(path: str, node: Node) -> Knob:
    """Read the values allowed at a path.

    Raises:
        FieldError: they are neither a list nor a range.
    """
    if isinstance(node, Sequence) and len(node.items):
        values = tuple(plain(to_plain(item)) for item in node)
        shown = ", ".join(as_written(value) for value in values)
        return Knob(path, values, "", "", node.items[0], shown)
    if isinstance(node, Scalar) and node.text.count("..") == 1:
        low, high = (part.strip() for part in node.text.split(".."))
        smallest, largest = _size(low), _size(high)
        if smallest is not None and largest is not None and smallest < largest:
            example = Scalar(low, node.place)
            return Knob(path, (), low, high, example, f"{low}..{high}")
    raise FieldError("E191", f"the values of knob {quote(path)} cannot be read", _EXAMPLE)


def _size(value: Any) -> float | None:
    """Return a number, or a time in seconds; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    for read in (units.number, lambda text: units.duration_ns(text) / 1e9, units.share):
        try:
            return float(read(str(value)))
        except ValueError:
            continue
    return None


def as_written(value: Any) -> str:
    """Return plain data as YAML on one line."""
    if isinstance(value, dict):
        inner = ", ".join(f"{key}: {as_written(item)}" for key, item in value.items())
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_written(item) for item in value) + "]"
    if isinstance(value, str):
        return value
    return json.dumps(value)
