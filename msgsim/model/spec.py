"""Specs: what YAML may say about a thing, with types that parse text and know their limits.

The text pass hands every scalar over as `Text`, so that a field decides itself how to read it and
an error can quote what the user wrote. A field's parser raises `FieldError` (or `UnitError`), never
anything with pydantic's own phrasing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import core_schema

from msgsim import units
from msgsim.model.catalog import Limit, Page
from msgsim.problems import did_you_mean, quote


class Text(str):
    """A scalar as the user wrote it; `plain` tells unquoted text from quoted."""

    __slots__ = ("plain",)
    plain: bool

    def __new__(cls, text: str, plain: bool = True) -> Text:
        """Wrap the text of a scalar."""
        self = super().__new__(cls, text)
        self.plain = plain
        return self


class FieldError(ValueError):
    """What is wrong with one value: a problem code, a sentence and, where known, the fix."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class Spec(BaseModel):
    """Base of all specs: frozen, unknown keys refused, defaults are AWS's or labelled."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True
    )  # a run needs few of the specs, so each is built when it is used

    live: ClassVar[frozenset[str]] = frozenset()
    """Properties that an action may change while the system runs."""


@dataclass(frozen=True)
class Parsed:
    """Field metadata: how to read the text, and what the JSON Schema says about it.

    Attributes:
        parse: text (or an already typed value) → value; raises ValueError.
        schema: the JSON Schema of the text.
        show: value → the text that reads as it.
    """

    parse: Callable[[Any], Any]
    schema: dict[str, Any]
    show: Callable[[Any], str] = str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Let pydantic call `parse` and nothing else."""
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        """Return the schema given."""
        return dict(self.schema)

    def __hash__(self) -> int:
        return id(self)


def written(name: str) -> Any:
    """Return field metadata: how YAML spells a property that Python cannot, such as `for`."""
    return Field(alias=name)


@dataclass(frozen=True)
class RefTo:
    """Field metadata: the value is the logical name of a resource of one of these kinds."""

    kinds: tuple[str, ...]

    def __init__(self, *kinds: str) -> None:
        object.__setattr__(self, "kinds", kinds)


def _text(value: Any, wanted: str, example: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise FieldError("E130", f"expected {wanted}, such as {example}, but found {_kind(value)}")
    return str(value)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    return "a mapping" if isinstance(value, dict) else "a list"


def _quantity(
    read: Callable[[str], Any], wanted: str, example: str, show: Callable[[Any], str] = str
) -> Parsed:
    def parse(value: Any) -> Any:
        return read(_text(value, wanted, example))

    return Parsed(parse, {"type": ["string", "number"], "examples": [example]}, show)


def _show_duration(value: int) -> str:
    for unit in ("h", "m", "s", "ms", "us"):
        if value % units.TIME_UNITS_NS[unit] == 0 and (value or unit == "s"):
            return f"{value // units.TIME_UNITS_NS[unit]}{unit}"
    return f"{value}ns"


Duration = Annotated[
    int, _quantity(units.duration_ns, "a duration with a unit", "200ms", _show_duration)
]
Size = Annotated[int, _quantity(units.size_bytes, "a size with a unit", "256KiB", "{}B".format)]
Rate = Annotated[float, _quantity(units.rate_per_s, "a rate with a unit", "50/s", "{}/s".format)]
Share = Annotated[
    float, _quantity(units.share, "a share", "1%", lambda value: f"{value * 100:.10g}%")
]
Factor = Annotated[float, _quantity(units.factor, "a factor", "5x", "{}x".format)]
Number = Annotated[float, _quantity(units.number, "a number", "1.5")]


def _whole(value: Any) -> int:
    text = _text(value, "a whole number", "10")
    found = units.number(text)
    if found != int(found):
        raise FieldError("E130", f"expected a whole number, but found {quote(text)}")
    return int(found)


Whole = Annotated[int, Parsed(_whole, {"type": "integer", "examples": [10]})]


def _positive(value: Any) -> int:
    found = _whole(value)
    if found < 1:
        raise FieldError("E130", f"expected a whole number of at least 1, but found {found}")
    return found


Positive = Annotated[int, Parsed(_positive, {"type": "integer", "minimum": 1, "examples": [10]})]

_TRAPS = {"on", "off", "yes", "no", "y", "n"}


def read_bool(value: Any) -> bool:
    """Read an AWS boolean: `true` or `false`, quoted or not, nothing else."""
    if isinstance(value, bool):
        return value
    text = _text(value, "true or false", "true")
    lowered = text.lower()
    if lowered in {"true", "false"}:
        return lowered == "true"
    hint = "YAML 1.1 reads this as a boolean, AWS does not" if lowered in _TRAPS else None
    raise FieldError("E131", f"expected true or false, but found {quote(text)}", hint)


Bool = Annotated[bool, Parsed(read_bool, {"type": "boolean"})]


def _string(value: Any) -> str:
    return str(_text(value, "text", "orders"))


String = Annotated[str, Parsed(_string, {"type": "string"})]


def plain(value: Any) -> Any:
    """Turn text, lists and mappings into ordinary YAML values (numbers, booleans, null)."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, Text):
        return _resolve(value)
    return value


_WORDS = {"true": True, "false": False, "null": None, "~": None}
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?")


def _resolve(text: Text) -> Any:
    """Read an unquoted scalar as JSON would: YAML 1.1 makes 8 of `010` and 90 of `1:30`."""
    if not text.plain:
        return str(text)
    if text in _WORDS:
        return _WORDS[text]
    found = _JSON_NUMBER.fullmatch(text)
    if found is None:
        return str(text)
    return float(text) if found[2] or found[3] else int(text)


Plain = Annotated[Any, Parsed(plain, {})]


_WHICH_PART = re.compile(r",[^()]*(?= \()")
_UNIT_WORDS = {"s": "seconds", "B": "bytes"}


class AwsNumber(Parsed):
    """A whole number bound by a limit of the service's page.

    Seconds are written as AWS writes them (`30`) or with a unit (`30s`), bytes likewise.
    """

    def __init__(self, page: Page, name: str) -> None:
        limit = page.limit(name)
        schema = {
            "type": ["integer", "string"],
            "minimum": limit.low,
            "maximum": limit.high,
            "default": limit.default,
            "description": f"{limit.unit}; {limit.source}",
        }
        super().__init__(lambda value: _bounded(value, limit), schema)


def _bounded(value: Any, limit: Limit) -> int:
    wanted = f"a number of {_UNIT_WORDS.get(limit.unit, limit.unit)}" if limit.unit else "a number"
    text = _text(value, wanted, str(limit.default or limit.low))
    below = text.startswith("-")
    found = _in_unit(text.removeprefix("-"), limit.unit) * (-1 if below else 1)
    if (limit.low is not None and found < limit.low) or (
        limit.high is not None and found > limit.high
    ):
        unit = f" {limit.unit}" if limit.unit else ""
        allowed = f"{limit.low:,} to {limit.high:,}" if limit.high else f"at least {limit.low:,}"
        raise FieldError(
            "E201",
            f"AWS refuses this ({limit.error}): {limit.name} is {text}, allowed is {allowed}{unit}",
            f"source: {_WHICH_PART.sub('', limit.source)}",
        )
    return found


def _in_unit(text: str, unit: str) -> int:
    if unit == "s":
        nanoseconds = units.duration_ns(text, bare_unit="s")
        if nanoseconds % 1_000_000_000:
            message = f"AWS takes whole seconds here, but found {quote(text)}"
            raise FieldError("E130", message, f"such as {nanoseconds // 1_000_000_000 + 1}s")
        return nanoseconds // 1_000_000_000
    if unit == "B":
        return units.size_bytes(text, bare_unit="B")
    return _whole(text)


def one_of(*words: str) -> Parsed:
    """Return field metadata for one of a few words."""

    def parse(value: Any) -> str:
        text = _text(value, "one word", words[0])
        if text not in words:
            guess = did_you_mean(text, words)
            hint = f"did you mean {guess}?" if guess else None
            message = f"{quote(text)} is unknown; allowed: {', '.join(words)}"
            raise FieldError("E130", message, hint)
        return text

    return Parsed(parse, {"enum": list(words)})


def read_property(kind: type[Spec], name: str, value: Any) -> Any:
    """Return the value of one property, read as a spec of that kind reads it.

    Raises:
        FieldError: the property does not take such a value.
    """
    info = kind.model_fields[name]
    hint: Any = info.annotation
    if info.metadata:
        hint = Annotated[(info.annotation, *info.metadata)]
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        causes = [item.get("ctx", {}).get("error") for item in error.errors(include_url=False)]
        known = [cause for cause in causes if isinstance(cause, FieldError)]
        if known:
            raise known[0] from None
        said = next((str(cause) for cause in causes if cause is not None), "such a value")
        raise FieldError("E130", f"{name} does not take {quote(str(value))}: {said}") from None


def refs(spec: BaseModel, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield `(path, name, kinds)` of every reference in a spec, nested ones included."""
    for field_name, info in type(spec).model_fields.items():
        value = getattr(spec, field_name)
        here = (*path, info.alias or field_name)
        ref = next((item for item in info.metadata if isinstance(item, RefTo)), None)
        if ref is not None and value is not None:
            yield here, value, ref.kinds
        elif isinstance(value, BaseModel):
            yield from refs(value, here)
        elif isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                if isinstance(item, BaseModel):
                    yield from refs(item, (*here, index))
