"""What parameters an operation takes, checked with botocore's words before anything is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msgsim.cloud.errors import validation_error_class


@dataclass(frozen=True, slots=True)
class Plain:
    """A parameter that is one Python value of certain types."""

    types: tuple[type, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose items have one shape."""

    item: Shape


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping from text to values of one shape."""

    value: Shape


class Members:
    """A structure: its members in AWS's order, those it must have marked with `*`."""

    __slots__ = ("members", "required")

    def __init__(self, **members: Shape) -> None:
        self.members = members
        self.required: tuple[str, ...] = ()

    def needs(self, *names: str) -> Members:
        """Say which members must be given."""
        self.required = names
        return self


Shape = Plain | ListOf | MapOf | Members

STRING = Plain((str,))
INTEGER = Plain((int,))
BOOLEAN = Plain((bool,))
BLOB = Plain((bytes, bytearray, str))
STRINGS = ListOf(STRING)
STRING_MAP = MapOf(STRING)


def check(parameters: Mapping[str, Any], shape: Members) -> None:
    """Refuse what botocore would not send.

    Raises:
        ParamValidationError: a parameter is missing, unknown or of the wrong type.
    """
    report = list(_problems(parameters, shape, ""))
    if report:
        raise validation_error_class()(report="\n".join(report))  # type: ignore[call-arg]


def _problems(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, Plain):
        yield from _of_type(value, shape.types, path)
    elif isinstance(shape, ListOf):
        yield from _in_list(value, shape, path)
    elif isinstance(shape, MapOf):
        yield from _in_map(value, shape, path)
    else:
        yield from _in_structure(value, shape, path)


def _of_type(value: Any, types: tuple[type, ...], path: str) -> Iterator[str]:
    if not isinstance(value, types):
        valid = ", ".join(str(each) for each in types)
        yield (
            f"Invalid type for parameter {path}, value: {value}, type: {type(value)}, "
            f"valid types: {valid}"
        )


def _in_list(value: Any, shape: ListOf, path: str) -> Iterator[str]:
    wrong = list(_of_type(value, (list, tuple), path))
    yield from wrong
    if not wrong:
        for index, item in enumerate(value):
            yield from _problems(item, shape.item, f"{path}[{index}]")


def _in_map(value: Any, shape: MapOf, path: str) -> Iterator[str]:
    wrong = list(_of_type(value, (dict,), path))
    yield from wrong
    if not wrong:
        for key, item in value.items():
            yield from _of_type(key, (str,), f"{path} (key: {key})")
            yield from _problems(item, shape.value, f"{path}.{key}")


def _in_structure(value: Any, shape: Members, path: str) -> Iterator[str]:
    wrong = list(_of_type(value, (dict,), path))
    yield from wrong
    if wrong:
        return
    place = path or "input"
    for name in shape.required:
        if name not in value:
            yield f'Missing required parameter in {place}: "{name}"'
    known = ", ".join(shape.members)
    for name in value:
        if name not in shape.members:
            yield f'Unknown parameter in {place}: "{name}", must be one of: {known}'
    for name, item in value.items():
        if name in shape.members:
            yield from _problems(item, shape.members[name], f"{path}.{name}" if path else name)
