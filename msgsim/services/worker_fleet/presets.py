"""Presets: where a fleet runs, spelt out as the properties that this place decides.

The values are data of the page, section `presets`: property → value, source, and whether it is
there only when the fleet has the group of properties it belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgsim.model.catalog import Page


def named(page: Page) -> tuple[str, ...]:
    """Return the names of the presets."""
    return tuple(page.data["presets"])


def fill(page: Page, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what a user wrote with a preset's properties added, and where each came from.

    What the user wrote stays. A dotted property belongs to a group; an `optional` one is added
    only to a group that the user wrote.

    Returns:
        The properties, and the origin of each that was added, by its dotted name.
    """
    preset = str(data.get("preset", ""))
    entries = page.data["presets"].get(preset)
    filled = _copied(data)
    if not isinstance(entries, Mapping):
        return filled, {}
    origins: dict[str, str] = {}
    for path, entry in entries.items():
        *groups, name = path.split(".")
        inner = _group(filled, groups, create=not entry.get("optional", False))
        if inner is not None and inner.get(name) is None:
            inner[name] = _copied(entry["value"])
            origins[path] = f"preset {preset}: {_short(page.source(str(entry['source'])))}"
    return filled, origins


def _copied(value: Any) -> Any:
    return {k: _copied(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def _group(data: dict[str, Any], groups: list[str], create: bool) -> dict[str, Any] | None:
    for group in groups:
        if data.get(group) is None:
            if not create:
                return None
            data[group] = {}
        data = data[group]
        if not isinstance(data, dict):
            return None
    return data


def _short(source: str) -> str:
    return source.partition(" (http")[0]


def startup(preset: str) -> str:
    """Return the name of the assumption about how long a worker of a preset takes to start."""
    return f"{preset.replace('-', '_')}_startup"
