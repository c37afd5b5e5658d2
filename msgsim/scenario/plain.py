"""From the positioned tree to pydantic and back: values go in, places come out."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from msgsim.model.spec import FieldError, Text
from msgsim.problems import Place, Problems, did_you_mean, quote
from msgsim.scenario.tree import Mapping, Node, Scalar, Sequence

SpecType = TypeVar("SpecType", bound=BaseModel)
Path = tuple[str | int, ...]


def to_plain(node: Node) -> Any:
    """Turn a tree into dicts, lists and `Text`; a null becomes None."""
    if isinstance(node, Mapping):
        return {key.text: to_plain(value) for key, value in node}
    if isinstance(node, Sequence):
        return [to_plain(item) for item in node]
    return None if node.null else Text(node.text, not node.quoted)


def place_of(root: Node, path: SequenceOf[str | int], key: bool = False) -> Place:
    """Return the place of what stands at `path`: its value, or its key when asked.

    A path that leads further than the tree stops at the last node there is.
    """
    node, place = root, root.place
    for index, step in enumerate(path):
        if isinstance(node, Mapping) and str(step) in node:
            last = index == len(path) - 1
            place = node.key(str(step)).place
            node = node[str(step)]
            if not (last and key):
                place = node.place if isinstance(node, Scalar) else place
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node):
            node = node.items[step]
            place = node.place
        else:
            break
    return place


def validate(
    model: type[SpecType], node: Node, what: str, problems: Problems, drop: str | None = None
) -> SpecType | None:
    """Read a node as `model`, collecting every problem with its place; None when there is one.

    Args:
        model: the spec.
        node: what the user wrote.
        what: how to call it in messages, e.g. `sqs.queue`.
        problems: collects what is wrong.
        drop: a key that is not part of the spec, e.g. `type`.
    """
    if not isinstance(node, Mapping):
        problems.add("E105", f"{what} needs properties (a mapping)", node.place, "as in {name: …}")
        return None
    bare = [key for key, value in node if isinstance(value, Scalar) and value.missing]
    for key in bare:
        problems.add(
            "E106", f"{key.text}: has nothing behind it", key.place, "write a value, or remove it"
        )
    data = {k: v for k, v in to_plain(node).items() if k != drop and v is not None}
    try:
        return model.model_validate(data)
    except ValidationError as error:
        skip = {key.text for key in bare}
        for item in error.errors(include_url=False):
            if not (item["loc"] and item["loc"][0] in skip):
                _report(model, node, what, item, problems)
        return None


def _report(model: type[BaseModel], node: Node, what: str, item: Any, problems: Problems) -> None:
    path = tuple(step for step in item["loc"])
    kind = item["type"]
    if kind == "extra_forbidden":
        _unknown_property(model, node, what, path, problems)
    elif kind == "missing":
        place = place_of(node, path[:-1])
        problems.add("E104", f"{what} needs {path[-1]}", place, _where(path))
    else:
        code, message, hint = _explain(item)
        problems.add(code, _about(path, message), place_of(node, path), hint)


def _where(path: Path) -> str | None:
    inner = [str(step) for step in path[:-1]]
    return f"inside {'.'.join(inner)}" if inner else None


def _about(path: Path, message: str) -> str:
    name = ".".join(str(step) for step in path)
    return message if not name or name.split(".")[-1] in message else f"{name}: {message}"


def _explain(item: Any) -> tuple[str, str, str | None]:
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, FieldError):
        return cause.code, cause.message, cause.hint
    if cause is not None:
        return "E130", str(cause), None
    wanted = {
        "model_type": "properties (a mapping)",
        "model_attributes_type": "properties (a mapping)",
        "dict_type": "a mapping",
        "list_type": "a list",
        "tuple_type": "a list",
        "string_type": "text",
        "bool_type": "true or false",
        "int_type": "a whole number",
        "float_type": "a number",
    }.get(item["type"], "something else")
    return "E105", f"expected {wanted} here, but found {_shown(item['input'])}", None


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else quote(str(value))


def _unknown_property(
    model: type[BaseModel], node: Node, what: str, path: Path, problems: Problems
) -> None:
    name = str(path[-1])
    inner = _model_at(model, path[:-1])
    known = list(_fields(inner)) if inner is not None else []
    guess = did_you_mean(name, known)
    hint = f"did you mean {guess}?" if guess else f"known: {', '.join(sorted(known))}"
    spot = what if len(path) == 1 else f"{'.'.join(str(step) for step in path[:-1])} of {what}"
    message = f"unknown property {quote(name)} on {spot}"
    problems.add("E103", message, place_of(node, path, key=True), hint)


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    found: type[BaseModel] | None = model
    for step in path:
        if isinstance(step, int) or found is None:
            continue
        info = _fields(found).get(step)
        found = _inner_model(info.annotation) if info is not None else None
    return found


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields by the name YAML uses."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _inner_model(part)
        if found is not None:
            return found
    return None
