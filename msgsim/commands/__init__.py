"""The verbs of the command line: a file each, which registers itself.

A file here that does not begin with `_` has `PLACE`, by which the help orders verbs, and
`register(app)`, which adds its verbs to the application. Adding a verb edits no list. What a file
imports at its top is paid at every start: Typer, and nothing heavier.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

from msgsim.problems import register

register("E170", "nothing of that name", "A bundled scenario, a type or a code was misspelt.")
register("E171", "the file exists", "`msgsim new` does not overwrite without --force.")
register("E172", "options that do not go together", "See `msgsim run --help`.")


def register_all(app: Any) -> None:
    """Add the verbs of every file in this folder to the application."""
    names = [info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")]
    modules = [import_module(f"{__name__}.{name}") for name in names]
    for module in sorted(modules, key=lambda found: found.PLACE):
        module.register(app)
