"""The grid of a sweep: knobs with their values, and the points that are all combinations.

A knob is a path of the scenario with several values: a list `10,30,60`, a range of equal steps
`100ms..1s:5` (five values, ends included), or one of equal factors `1..1000:4:log`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from msgsim import units
from msgsim.problems import Place, Problem, ProblemError, did_you_mean, quote, register
from msgsim.scenario.schema import Scenario
from msgsim.scenario.tree import Mapping as TreeMapping
from msgsim.scenario.tree import Node, Scalar
from msgsim.scenario.tree import Sequence as TreeSequence

register("E181", "values of a knob that cannot be read", "A list 1,2,3 or a range 1..10:4[:log].")
register("E182", "a sweep without a knob", "`--set PATH=A,B,C`, or a `sweep:` block.")
register("E183", "a sweep that is too large", "`--yes` runs it all the same.")

MOST_VALUES = 1_000_000
_RANGE = re.compile(
    r"(?P<low>[^,\s]+?)\.\.(?P<high>[^,\s:]+)(?::(?P<count>[^:]+))?(?::(?P<how>\w+))?"
)
_NUMBER = re.compile(r"(?P<number>[+-]?\d[\d_]*(?:\.\d+)?)(?P<unit>[A-Za-zµ%/]*)")
BLOCK_KEYS = ("set", "minimize", "subject_to", "replications")


@dataclass(frozen=True, slots=True)
class Knob:
    """A path with the values it takes, each as text.

    Attributes:
        path: of the scenario.
        values: what is put there.
        place: where a sweep block says so; None from the command line.
    """

    path: str
    values: tuple[str, ...]
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """What a scenario's `sweep:` says.

    Attributes:
        knobs: under `set:`.
        minimize: the metric to make small, or None.
        subject_to: the rules that a point has to meet.
        replications: of each point, or None.
    """

    knobs: tuple[Knob, ...] = ()
    minimize: str | None = None
    subject_to: tuple[str, ...] = ()
    replications: int | None = None


def knobs_of(assignments: Sequence[str]) -> tuple[list[Knob], list[str]]:
    """Tell knobs (`PATH=A,B,C`) from single values, which hold for every point.

    Raises:
        ProblemError: E181, a range that cannot be read.
    """
    knobs, single = [], []
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        values = values_of(text) if equals else [text]
        if len(values) > 1:
            knobs.append(Knob(path.strip(), tuple(values)))
        else:
            single.append(assignment)
    return knobs, single


def values_of(text: str, place: Place | None = None) -> list[str]:
    """Return the values that a text stands for.

    Raises:
        ProblemError: E181.
    """
    parts = _split(text)
    if len(parts) > 1:
        if not all(parts):
            raise _unreadable(text, "a value between two commas is missing", place)
        return list(dict.fromkeys(parts))
    found = _RANGE.fullmatch(text.strip())
    return _range(text, found, place) if found is not None else [text.strip()]


def _split(text: str) -> list[str]:
    """Split at commas that are not within brackets or quotes."""
    parts, depth, quoted, begin = [], 0, "", 0
    for place, letter in enumerate(text):
        if quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "'\"":
            quoted = letter
        elif letter in "[{(":
            depth += 1
        elif letter in "]})":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(text[begin:place].strip())
            begin = place + 1
    return [*parts, text[begin:].strip()]


def _range(text: str, found: re.Match[str], place: Place | None) -> list[str]:
    low, high = _NUMBER.fullmatch(found["low"]), _NUMBER.fullmatch(found["high"])
    if low is None or high is None:
        raise _unreadable(text, "both ends of a range are numbers", place)
    if found["count"] is None:
        raise _unreadable(text, "a range says how many values it has", place)
    count = found["count"]
    if not count.isdecimal() or not 2 <= int(count) <= MOST_VALUES:
        raise _unreadable(text, f"a range has 2 to {MOST_VALUES:,} values, not {count}", place)
    if found["how"] not in {None, "log"}:
        raise _unreadable(text, f"after the number of values comes log, not {found['how']}", place)
    begin, end, unit = _ends(text, low, high, place)
    log = found["how"] == "log"
    if log and (begin <= 0 or end <= 0):
        raise _unreadable(text, "a range of equal factors has ends above 0", place)
    whole = not unit and "." not in low["number"] + high["number"]
    steps = [step / (int(count) - 1) for step in range(int(count))]
    if log:
        numbers = [math.exp(_between(math.log(begin), math.log(end), step)) for step in steps]
    else:
        numbers = [_between(begin, end, step) for step in steps]
    numbers[0], numbers[-1] = begin, end
    digits = 3 if log else 6
    shown = [str(round(each)) if whole else f"{_short(each, digits)}{unit}" for each in numbers]
    return list(dict.fromkeys(shown))


def _short(number: float, digits: int) -> str:
    """Return a number without powers of ten."""
    return np.format_float_positional(number, digits, fractional=False, trim="-")


def _between(low: float, high: float, share: float) -> float:
    return low + (high - low) * share


def _ends(
    text: str, low: re.Match[str], high: re.Match[str], place: Place | None
) -> tuple[float, float, str]:
    """Return both ends in the unit of the first."""
    begin, end = (float(each["number"].replace("_", "")) for each in (low, high))
    if low["unit"] == high["unit"]:
        return begin, end, low["unit"]
    try:
        one, dimension = units.parse_quantity(f"1{low['unit']}")
        far, other = units.parse_quantity(high[0])
    except units.UnitError as error:
        raise _unreadable(text, str(error), place) from None
    if dimension != other:
        raise _unreadable(text, f"one end is a {dimension}, the other a {other}", place)
    return begin, far / one, low["unit"]


def _unreadable(text: str, why: str, place: Place | None) -> ProblemError:
    hint = "such as 10,30,60 or 100ms..1s:5 or 1..1000:4:log"
    return ProblemError([Problem("E181", f"{quote(text)}: {why}", place, hint)])


def size(knobs: Sequence[Knob]) -> int:
    """Return how many points a grid has."""
    return math.prod(len(knob.values) for knob in knobs)


def points(knobs: Sequence[Knob]) -> Iterator[dict[str, str]]:
    """Yield every combination, the last knob turning fastest."""
    for values in product(*(knob.values for knob in knobs)):
        yield {knob.path: value for knob, value in zip(knobs, values, strict=True)}


# The `sweep:` block ------------------------------------------------------------------------


def block_of(scenario: Scenario) -> Block:
    """Read a scenario's `sweep:`.

    Raises:
        ProblemError: it is not of the shape, each problem with its place.
    """
    node = scenario.tree.get("sweep")
    if node is None or (isinstance(node, Scalar) and node.null):
        return Block()
    if not isinstance(node, TreeMapping):
        raise _shape("sweep is a mapping with set:, minimize:, subject_to:", node, scenario)
    for key, _ in node:
        if key.text not in BLOCK_KEYS:
            guess = did_you_mean(key.text, BLOCK_KEYS)
            hint = f"did you mean {guess}?" if guess else f"known: {', '.join(BLOCK_KEYS)}"
            problem = Problem("E103", f"{quote(key.text)} is no key of sweep", key.place, hint)
            raise ProblemError([problem], dict(scenario.sources))
    minimize = _text(node, "minimize", scenario)
    replications = _text(node, "replications", scenario)
    if replications is not None and not re.fullmatch("0*[1-9][0-9]{0,17}", replications):
        raise _shape("replications is a whole number above 0", node["replications"], scenario)
    return Block(
        tuple(_block_knobs(node.get("set"), scenario)),
        minimize,
        tuple(_texts(node.get("subject_to"), scenario)),
        int(replications) if replications is not None else None,
    )


def _block_knobs(node: Node | None, scenario: Scenario) -> Iterator[Knob]:
    if node is None:
        return
    if not isinstance(node, TreeMapping):
        raise _shape("set is a mapping of paths to values", node, scenario)
    for key, value in node:
        if isinstance(value, TreeSequence):
            if not len(value):
                raise _shape("the list of a knob's values is empty", value, scenario)
            values = [_flow(item) for item in value]
        elif isinstance(value, Scalar):
            try:
                values = values_of(value.text, value.place)
            except ProblemError as error:
                raise ProblemError(error.problems, dict(scenario.sources)) from None
        else:
            raise _shape("the values of a knob are a list or a range", value, scenario)
        yield Knob(key.text, tuple(values), key.place)


def _flow(node: Node) -> str:
    from msgsim.scenario.resolved import flow

    return flow(node)


def _text(node: TreeMapping, name: str, scenario: Scenario) -> str | None:
    found = node.get(name)
    if found is None:
        return None
    if not isinstance(found, Scalar) or found.null:
        raise _shape(f"{name} is one value", found, scenario)
    return found.text


def _texts(node: Node | None, scenario: Scenario) -> Iterator[str]:
    if isinstance(node, Scalar) and not node.null:
        yield node.text
    elif isinstance(node, TreeSequence):
        for item in node:
            if not isinstance(item, Scalar):
                raise _shape("subject_to is a rule, or a list of rules", item, scenario)
            yield item.text
    elif node is not None:
        raise _shape("subject_to is a rule, or a list of rules", node, scenario)


def _shape(message: str, node: Node, scenario: Scenario) -> ProblemError:
    hint = "such as sweep: {set: {Billing.VisibilityTimeout: [10, 30, 60]}}"
    return ProblemError([Problem("E105", message, node.place, hint)], dict(scenario.sources))


def told(point: Mapping[str, Any]) -> str:
    """Return a point in words: `Billing.VisibilityTimeout=30 Map.BatchSize=10`."""
    return " ".join(f"{path}={value}" for path, value in point.items())
