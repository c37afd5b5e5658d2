"""The JSON Schema of scenario files, made from the specs, for completion and hover in editors."""

from __future__ import annotations

from typing import Any

from msgsim.model.service import Service
from msgsim.scenario.schema import Header, section_of
from msgsim.services import discover

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema as plain data."""
    definitions: dict[str, Any] = {}
    header = _schema_of(Header, "Header", definitions)
    resources = []
    listed: dict[str, Any] = {}
    for kind, service in discover().items():
        section = section_of(kind)
        if section == "resources":
            resources.append(_resource(kind, service, definitions))
        else:
            items = _schema_of(service.spec, kind, definitions)
            if section in listed:
                items = {"anyOf": [listed[section]["items"], items]}
            listed[section] = {"type": "array", "items": items}
    rule = {"anyOf": [{"type": "string"}, {"type": "object", "required": ["that"]}]}
    return {
        "$schema": DIALECT,
        "title": "msgsim scenario",
        "type": "object",
        "required": ["duration", "resources", "workload"],
        "additionalProperties": False,
        "patternProperties": {"^x-": {}},
        "properties": {
            **header["properties"],
            "resources": {"type": "object", "additionalProperties": {"oneOf": resources}},
            **listed,
            "assumptions": {"type": "object"},
            "expect": {"type": "array", "items": rule},
            "variants": {"type": "object"},
        },
        "$defs": definitions,
    }


def _resource(kind: str, service: Service, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _schema_of(service.spec, kind, definitions)
    properties = {"type": {"const": kind}, **schema.get("properties", {})}
    return {**schema, "properties": properties, "required": ["type", *schema.get("required", [])]}


def _schema_of(spec: Any, kind: str, definitions: dict[str, Any]) -> dict[str, Any]:
    prefix = f"{kind}."
    schema: dict[str, Any] = spec.model_json_schema(ref_template="#/$defs/" + prefix + "{model}")
    for name, inner in schema.pop("$defs", {}).items():
        definitions[prefix + name] = inner
    schema["title"] = kind
    return schema
