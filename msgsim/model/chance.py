"""Chance: how YAML writes a random time, size or number, and the distribution behind it.

A plain quantity is a constant; anything else is a mapping with `dist`:

    200ms
    {dist: lognormal, mean: 200ms, p99: 1s}         also {dist: lognormal, median: .., p99: ..}
    {dist: exponential, mean: 200ms}                 {dist: uniform, low: 1ms, high: 5ms}
    {dist: gamma, mean: 200ms, cv: 0.5}              {dist: pareto, minimum: 10ms, alpha: 2.5}
    {dist: constant, value: 1s}                      {dist: shifted, by: 5ms, part: {dist: ..}}
    {dist: mixture, parts: [{weight: 90%, dist: .., ..}, {weight: 10%, ..}]}
    {dist: empirical, file: calls.csv, column: duration, unit: ms}

For people who write services: declare the field as `TimeDistribution` (nanoseconds),
`SizeDistribution` (bytes) or `NumberDistribution`. Its value is a `Chance`; `build` calls
`spec.field.resolve(context.base_path)` and gets a `Distribution`. A file is read only then,
because a spec is parsed before the scenario's folder is known; `Chance.known` and `Chance.mean`
are None until then. `distribution(value)` reads a value that did not pass through a spec, such as
an assumption of a page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from msgsim import units
from msgsim.kernel.compound import Mixture, Shifted
from msgsim.kernel.distributions import (
    Constant,
    Distribution,
    Exponential,
    Gamma,
    Lognormal,
    Pareto,
    Uniform,
)
from msgsim.kernel.empirical import Empirical
from msgsim.model.spec import FieldError, Parsed
from msgsim.problems import did_you_mean, quote, register

Read = Callable[[str], float]

register("E132", "a distribution that cannot be used")
register("E133", "a recorded file that cannot be used")


@dataclass(frozen=True, slots=True)
class _Reader:
    """How the quantities of one field are read.

    Attributes:
        read: text → nanoseconds, bytes or a plain number.
        unit: what an error message calls the result.
        example: a text that reads well.
        bare: the text of 1 in the smallest unit, for the unit of a recorded column.
    """

    read: Read
    unit: str
    example: str
    bare: str


_READERS: dict[Any, _Reader] = {
    units.duration_ns: _Reader(units.duration_ns, "in ns", "200ms", "ns"),
    units.size_bytes: _Reader(units.size_bytes, "in bytes", "4KiB", "B"),
    units.number: _Reader(units.number, "", "1.5", ""),
}


def _reader(read: Read) -> _Reader:
    return _READERS.get(read) or _Reader(read, "", "1", "")


@dataclass(frozen=True, slots=True)
class Chance:
    """A random quantity as a scenario describes it.

    Attributes:
        written: what the user wrote.
        read: how its quantities are read.
        known: the distribution, or None when part of it comes from a file.
    """

    written: Any
    read: Read
    known: Distribution | None

    @property
    def mean(self) -> float | None:
        """The expectation in the field's base unit; None while a file has not been read."""
        return None if self.known is None else self.known.mean

    def resolve(self, base_path: Path) -> Distribution:
        """Return the distribution; files are looked for in `base_path`.

        Raises:
            FieldError: E133, the file cannot be used.
        """
        if self.known is not None:
            return self.known
        return distribution(self.written, self.read, base_path)

    def __str__(self) -> str:
        """Return the text as written."""
        return _shown(self.written)


def chance(value: Any, read: Read = units.duration_ns) -> Chance:
    """Read a value as a `Chance`; an existing one is returned as it is.

    Raises:
        FieldError: E130 for a wrong quantity, E132 for a wrong shape, name or parameter.
        UnitError: a quantity without or with a wrong unit.
    """
    if isinstance(value, Chance):
        return value
    return Chance(value, read, _parse(value, _reader(read), None))


def distribution(
    value: Any, read: Read = units.duration_ns, base_path: Path | None = None
) -> Distribution:
    """Read a value as a `Distribution`: durations in nanoseconds unless `read` says otherwise.

    Raises:
        FieldError: as `chance`; E133 when it needs a file and that cannot be used.
    """
    if isinstance(value, Chance):
        return value.resolve(base_path or Path())
    found = _parse(value, _reader(read), base_path or Path())
    assert found is not None
    return found


def _parse(value: Any, reader: _Reader, base: Path | None) -> Distribution | None:
    """Build a distribution; None when it needs a file and `base` is not known yet."""
    if not isinstance(value, Mapping):
        return _built(lambda: Constant(_quantity(value, reader)), reader)
    kind = value.get("dist")
    if kind is None:
        hint = f"such as {{dist: exponential, mean: {reader.example}}}"
        raise FieldError("E132", "a random quantity needs `dist`, the name of its shape", hint)
    shape = _SHAPES.get(str(kind))
    if shape is None:
        guess = did_you_mean(str(kind), _SHAPES)
        hint = f"did you mean {guess}?" if guess else f"known: {', '.join(_SHAPES)}"
        raise FieldError("E132", f"unknown distribution {quote(str(kind))}", hint)
    given = {str(key): item for key, item in value.items() if key != "dist"}
    return shape(given, reader, base)


def _built(make: Callable[[], Distribution], reader: _Reader) -> Distribution:
    """Call `make`, turning a refused parameter into an error that says its unit."""
    try:
        return make()
    except (FieldError, units.UnitError):
        raise
    except ValueError as error:
        unit = f" ({reader.unit})" if reader.unit else ""
        raise FieldError("E132", f"{error}{unit}") from error


def _quantity(value: Any, reader: _Reader) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        found = "nothing" if value is None else "a list or mapping"
        raise FieldError("E130", f"expected a quantity such as {reader.example}, found {found}")
    return reader.read(str(value))


def _ratio(value: Any) -> float:
    text = str(value)
    return units.share(text) if text.strip().endswith("%") else float(units.number(text))


def _only(kind: str, given: Mapping[str, Any], *choices: tuple[str, ...]) -> tuple[str, ...]:
    """Return the choice of parameter names that `given` has, exactly."""
    for names in choices:
        if set(given) == set(names):
            return names
    wanted = " or ".join(f"{{{', '.join(names)}}}" for names in choices)
    allowed = {name for names in choices for name in names}
    strange = [name for name in given if name not in allowed]
    guess = did_you_mean(strange[0], allowed) if strange else None
    hint = f"did you mean {guess}?" if guess else None
    found = f"{{{', '.join(given)}}}" if given else "nothing"
    raise FieldError("E132", f"{kind} takes {wanted}, but has {found}", hint)


def _constant(given: Mapping[str, Any], reader: _Reader, base: Path | None) -> Distribution:
    _only("constant", given, ("value",))
    return _built(lambda: Constant(_quantity(given["value"], reader)), reader)


def _uniform(given: Mapping[str, Any], reader: _Reader, base: Path | None) -> Distribution:
    _only("uniform", given, ("low", "high"))
    low, high = _quantity(given["low"], reader), _quantity(given["high"], reader)
    if high < low:
        message = f"uniform: high is {given['high']}, but it must be at least low, {given['low']}"
        raise FieldError("E132", message)
    return _built(lambda: Uniform(low, high), reader)


def _exponential(given: Mapping[str, Any], reader: _Reader, base: Path | None) -> Distribution:
    _only("exponential", given, ("mean",))
    return _built(lambda: Exponential(_quantity(given["mean"], reader)), reader)


def _gamma(given: Mapping[str, Any], reader: _Reader, base: Path | None) -> Distribution:
    _only("gamma", given, ("mean", "cv"))
    mean, cv = _quantity(given["mean"], reader), _ratio(given["cv"])
    return _built(lambda: Gamma.from_mean_cv(mean, cv), reader)


def _pareto(given: Mapping[str, Any], reader: _Reader, base: Path | None) -> Distribution:
    _only("pareto", given, ("minimum", "alpha"))
    minimum, alpha = _quantity(given["minimum"], reader), _ratio(given["alpha"])
    return _built(lambda: Pareto(minimum, alpha), reader)


def _lognormal(given: Mapping[str, Any], reader: _Reader, base: Path | None) -> Distribution:
    centre, _ = _only("lognormal", given, ("mean", "p99"), ("median", "p99"))
    middle, p99 = _quantity(given[centre], reader), _quantity(given["p99"], reader)
    if p99 <= middle:
        message = f"lognormal: p99 is {given['p99']}, but it must be above the {centre}"
        raise FieldError("E132", f"{message}, {given[centre]}")
    make = Lognormal.from_mean_p99 if centre == "mean" else Lognormal.from_median_p99
    return _built(lambda: make(middle, p99), reader)


def _shifted(given: Mapping[str, Any], reader: _Reader, base: Path | None) -> Distribution | None:
    _only("shifted", given, ("by", "part"))
    offset = _quantity(given["by"], reader)
    part = _parse(given["part"], reader, base)
    return None if part is None else _built(lambda: Shifted(offset, part), reader)


def _mixture(given: Mapping[str, Any], reader: _Reader, base: Path | None) -> Distribution | None:
    _only("mixture", given, ("parts",))
    listed = given["parts"]
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        hint = "such as parts: [{weight: 90%, dist: constant, value: 1}, …]"
        raise FieldError("E132", "mixture: `parts` is a list of distributions with weights", hint)
    weights, parts = [], []
    for position, item in enumerate(listed, start=1):
        if not isinstance(item, Mapping) or "weight" not in item:
            raise FieldError("E132", f"mixture: part {position} needs a `weight`", "such as 10%")
        weights.append(_ratio(item["weight"]))
        rest = {key: value for key, value in item.items() if key != "weight"}
        parts.append(_parse(rest, reader, base))
    known = [part for part in parts if part is not None]
    return _built(lambda: Mixture(weights, known), reader) if len(known) == len(parts) else None


def _empirical(given: Mapping[str, Any], reader: _Reader, base: Path | None) -> Distribution | None:
    needed = ("file", "column", "unit") if reader.bare else ("file", "column")
    _only("empirical", given, needed)
    unit = str(given.get("unit", ""))
    scale = _quantity(f"1{unit}", reader) if reader.bare else 1.0
    if base is None:
        return None
    try:
        recorded = Empirical.from_csv(base / str(given["file"]), str(given["column"]))
    except ValueError as error:
        raise FieldError("E133", str(error)) from error
    if recorded.minimum < 0 and reader.bare:
        message = f"{given['file']}: column {given['column']} has a value below zero"
        raise FieldError("E133", message)
    return recorded.scaled(scale)


_Shape = Callable[[Mapping[str, Any], _Reader, Path | None], Distribution | None]
_SHAPES: dict[str, _Shape] = {
    "constant": _constant,
    "uniform": _uniform,
    "exponential": _exponential,
    "gamma": _gamma,
    "lognormal": _lognormal,
    "pareto": _pareto,
    "shifted": _shifted,
    "mixture": _mixture,
    "empirical": _empirical,
}


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    return str(value)


def _field(read: Read, example: str) -> Parsed:
    mapping = {
        "type": "object",
        "properties": {"dist": {"enum": list(_SHAPES)}},
        "required": ["dist"],
    }
    plain = {"type": ["string", "number"], "examples": [example]}
    return Parsed(lambda value: chance(value, read), {"anyOf": [plain, mapping]})


TimeDistribution = Annotated[Chance, _field(units.duration_ns, "200ms")]
SizeDistribution = Annotated[Chance, _field(units.size_bytes, "4KiB")]
NumberDistribution = Annotated[Chance, _field(units.number, "1.5")]
