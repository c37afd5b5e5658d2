"""Floor 3: one AWS service, or kind of client, in each folder: code and page.

A folder that exposes `SERVICE` (or `SERVICES`) is found by walking; adding one edits no list.
Packages outside msgsim export the same object through the entry-point group `msgsim.services`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from msgsim.model.service import Service


@cache
def discover() -> dict[str, Service]:
    """Return every service by its kind, in alphabetical order."""
    found = {service.kind: service for service in (*_own(), *_foreign())}
    return dict(sorted(found.items()))


def _own() -> Iterator[Service]:
    for module_info in pkgutil.iter_modules(__path__):
        module = import_module(f"{__name__}.{module_info.name}")
        if hasattr(module, "SERVICE"):
            yield module.SERVICE
        yield from getattr(module, "SERVICES", ())


def _foreign() -> Iterator[Service]:
    for entry in entry_points(group="msgsim.services"):
        yield entry.load()
