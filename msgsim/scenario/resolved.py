"""A scenario with everything filled in, each value with its origin, for `validate --resolved`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from msgsim.model.spec import Parsed, Spec
from msgsim.scenario.schema import Header, Part, Scenario
from msgsim.scenario.tree import Mapping, Node, Scalar, Sequence


def resolved_text(scenario: Scenario) -> str:
    """Return the scenario as YAML with defaults, each line of a default marked as one."""
    lines = [*_header(scenario), "resources:"]
    for part in scenario.of_section("resources"):
        lines += [f"  {part.name}:", f"    type: {part.kind}", *_properties(part, "    ")]
    for section in ("workload", "faults", "actions"):
        parts = scenario.of_section(section)
        if parts:
            lines.append(f"{section}:")
        for part in parts:
            inner = list(_properties(part, "    "))
            lines.append("  - " + inner[0].strip())
            lines += inner[1:]
    for section in ("assumptions", "expect", "variants"):
        node = scenario.tree.get(section)
        if node is not None:
            lines.append(f"{section}: {flow(node)}")
    return "\n".join(lines)


def _header(scenario: Scenario) -> Iterator[str]:
    header = scenario.header
    for name in ("msgsim", "question", "seed", "duration", "warm_up", "replications"):
        node = scenario.tree.get(name)
        value = getattr(header, name)
        written = flow(node) if node is not None else _field(Header.model_fields[name], value)
        yield f"{name}: {written}{'' if node is not None else '  # default'}"
    account = ", ".join(f"{key}: {value}" for key, value in header.account.model_dump().items())
    yield f"account: {{{account}}}"


def _properties(part: Part, indent: str) -> Iterator[str]:
    origins = _told(part.spec, "origins")
    assumed = _told(part.spec, "assumed")
    for field, info in type(part.spec).model_fields.items():
        name = info.alias or field
        if any(path.startswith(f"{name}.") for path in origins):
            yield f"{indent}{name}:"
            node = part.node.get(name) if isinstance(part.node, Mapping) else None
            yield from _group(getattr(part.spec, field), node, name, origins, indent + "  ")
            continue
        if name in assumed:
            yield f"{indent}# {name}: the assumption {assumed[name]} of {part.kind}"
        if name in origins:
            shown = _field(info, getattr(part.spec, field))
            yield f"{indent}{name}: {shown}  # {origins[name]}"
            continue
        written = part.node.get(name) if isinstance(part.node, Mapping) else None
        value = getattr(part.spec, field)
        if written is not None and field in part.spec.model_fields_set:
            yield f"{indent}{name}: {flow(written)}"
        elif value is not None:
            origin = "AWS default" if name[0].isupper() else "default"
            mark = "set inline" if field in part.spec.model_fields_set else origin
            yield f"{indent}{name}: {_field(info, value)}  # {mark}"


def _told(spec: Spec, name: str) -> MappingOf[str, str]:
    """Return what a spec says about properties that were filled in for the user."""
    tell = getattr(spec, name, None)
    return tell() if tell is not None else {}


def _group(
    spec: Spec, node: Node | None, path: str, origins: MappingOf[str, str], indent: str
) -> Iterator[str]:
    """Yield a group of properties line by line, because each has an origin of its own."""
    for field, info in type(spec).model_fields.items():
        name, value = info.alias or field, getattr(spec, field)
        here = f"{path}.{name}"
        written = node.get(name) if isinstance(node, Mapping) else None
        if any(each.startswith(f"{here}.") for each in origins):
            yield f"{indent}{name}:"
            yield from _group(value, written, here, origins, indent + "  ")
        elif written is not None:
            yield f"{indent}{name}: {flow(written)}"
        elif value is not None:
            yield f"{indent}{name}: {_field(info, value)}  # {origins.get(here, 'default')}"


def flow(node: Node) -> str:
    """Return a node as YAML on one line."""
    if isinstance(node, Mapping):
        inner = ", ".join(f"{key.text}: {flow(value)}" for key, value in node)
        return "{" + inner + "}"
    if isinstance(node, Sequence):
        return "[" + ", ".join(flow(item) for item in node) + "]"
    return _scalar(node)


def _scalar(node: Scalar) -> str:
    if node.null:
        return "null"
    plain = not node.quoted and not any(mark in node.text for mark in ",[]{}\n#:")
    return node.text if plain else json.dumps(node.text, ensure_ascii=False)


def _field(info: FieldInfo, value: Any) -> str:
    """Return a field's value as text that reads as it, with its unit."""
    parsed = next((item for item in info.metadata if isinstance(item, Parsed)), None)
    if parsed is not None and not isinstance(value, (bool, str, Spec, list, tuple, dict)):
        return parsed.show(value)
    return _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, Spec):
        inner = ", ".join(
            f"{info.alias or name}: {_field(info, getattr(value, name))}"
            for name, info in type(value).model_fields.items()
            if getattr(value, name) is not None
        )
        return "{" + inner + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    if isinstance(value, BaseModel):
        return str(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
