"""From the positioned tree to pydantic and back: values go in, places come out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Sequence as SequenceOf
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from msgsim.model.spec import FieldError, Parsed, RefTo, Text
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
    model: type[SpecType],
    node: Node,
    what: str,
    problems: Problems,
    *,
    drop: str | None = None,
    place: Place | None = None,
) -> SpecType | None:
    """Read a node as `model`, collecting every problem with its place; None when there is one.

    Args:
        model: the spec.
        node: what the user wrote.
        what: how to call it in messages, e.g. `sqs.queue`.
        problems: collects what is wrong.
        drop: a key that is not part of the spec, e.g. `type`.
        place: where it stands, for problems of the whole; the node's place if None.
    """
    if not isinstance(node, Mapping):
        message = f"{what} needs properties (a mapping)"
        problems.add("E105", message, place or node.place, f"such as {outline(model)}")
        return None
    bare = dict(_bare_keys(node, ()))
    for key in bare.values():
        message = f"`{key.text}:` has nothing behind it"
        problems.add("E106", message, key.place, "write a value, or remove the key")
    data = {k: v for k, v in to_plain(node).items() if k != drop and v is not None}
    try:
        read = model.model_validate(data)
    except ValidationError as error:
        complaints = _Complaints(model, node, what, place or node.place, problems)
        found = error.errors(include_url=False)
        complaints.add([item for item in found if item["loc"] not in bare])
        return None
    return None if bare else read


def _bare_keys(node: Node, path: Path) -> Iterator[tuple[Path, Scalar]]:
    if isinstance(node, Mapping):
        for key, value in node:
            if isinstance(value, Scalar) and value.missing:
                yield (*path, key.text), key
            else:
                yield from _bare_keys(value, (*path, key.text))
    elif isinstance(node, Sequence):
        for index, item in enumerate(node):
            yield from _bare_keys(item, (*path, index))


class _Complaints:
    """Says in plain words, and with places, what pydantic found in one node."""

    def __init__(
        self, model: type[BaseModel], node: Node, what: str, place: Place, problems: Problems
    ) -> None:
        self._model = model
        self._node = node
        self._what = what
        self._place = place
        self._problems = problems

    def add(self, items: list[Any]) -> None:
        """Report every item; what is missing because it is misspelt is only misspelt."""
        unknown = {item["loc"]: self._meant(item["loc"]) for item in items if _is_unknown(item)}
        misspelt = {(*path[:-1], meant) for path, meant in unknown.items()}
        for item in items:
            path = item["loc"]
            if _is_unknown(item):
                self._unknown(path, unknown[path])
            elif item["type"] != "missing":
                code, message, hint = _explain(item, _model_at(self._model, path))
                where = place_of(self._node, path) if path else self._place
                self._problems.add(code, _about(path, message), where, hint)
            elif path not in misspelt:
                self._missing(path)

    def _missing(self, path: Path) -> None:
        place = place_of(self._node, path[:-1]) if len(path) > 1 else self._place
        message = f"{self._spot(path)} needs {quote(str(path[-1]))}"
        inner = _model_at(self._model, path[:-1])
        example = example_of(inner, str(path[-1])) if inner is not None else None
        self._problems.add("E104", message, place, f"add it{example and f', such as {example}'}")

    def _unknown(self, path: Path, meant: str | None) -> None:
        known = _names(_model_at(self._model, path[:-1]))
        hint = f"did you mean {meant}?" if meant else f"known: {', '.join(sorted(known))}"
        message = f"unknown property {_named(str(path[-1]))} on {self._spot(path)}"
        self._problems.add("E103", message, place_of(self._node, path, key=True), hint)

    def _meant(self, path: Path) -> str | None:
        return did_you_mean(str(path[-1]), _names(_model_at(self._model, path[:-1])))

    def _spot(self, path: Path) -> str:
        inner = ".".join(str(step) for step in path[:-1])
        return f"{inner} of {self._what}" if inner else self._what


def _is_unknown(item: Any) -> bool:
    return bool(item["type"] == "extra_forbidden")


def _names(model: type[BaseModel] | None) -> list[str]:
    return list(_fields(model)) if model is not None else []


def _named(name: str) -> str:
    return name if re.fullmatch(r"[\w.-]{1,60}", name, re.ASCII) else quote(name)


def outline(model: type[BaseModel]) -> str:
    """Show the shortest mapping that a model takes, such as `{to: …, rate: 50/s}`."""
    names = [name for name, info in _fields(model).items() if info.is_required()]
    return "{" + ", ".join(f"{name}: …" for name in names) + ("}" if names else "name: …}")


def example_of(model: type[BaseModel], name: str) -> str:
    """Show a property with a value that it takes; empty when there is none to show."""
    info = _fields(model).get(name)
    if info is None:
        return ""
    inner = _inner_model(info.annotation)
    if inner is not None:
        return f"{name}: {outline(inner)}"
    for item in info.metadata:
        if isinstance(item, RefTo) and item.kinds:
            return f"{name}: the name of a resource of type {' or '.join(item.kinds)}"
    schemas = [item.schema for item in info.metadata if isinstance(item, Parsed)]
    examples = info.examples or [e for schema in schemas for e in schema.get("examples", ())]
    return f"{name}: {examples[0]}" if examples else ""


def _about(path: Path, message: str) -> str:
    name = ".".join(str(step) for step in path)
    return message if not name or name.split(".")[-1] in message else f"{name}: {message}"


def _explain(item: Any, inner: type[BaseModel] | None) -> tuple[str, str, str | None]:
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
    hint = f"such as {outline(inner)}" if inner is not None else None
    return "E105", f"expected {wanted} here, but found {_shown(item['input'])}", hint


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else quote(str(value))


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
