"""`msgsim schema`: the JSON Schema of scenario files."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from msgsim.files import write_atomically

PLACE = 70


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(schema)


def schema(
    write: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write it instead of printing it.")
    ] = None,
) -> None:
    """Print the JSON Schema of scenario files, for completion in editors.

    \b
      msgsim schema --write msgsim.schema.json
    """
    print_schema(write)


def print_schema(target: str | None) -> None:
    """Print the JSON Schema, or write it to `target`."""
    from msgsim.scenario.json_schema import json_schema

    text = json.dumps(json_schema(), indent=2) + "\n"
    if target is None:
        sys.stdout.write(text)
    else:
        write_atomically(target, text)
        print(f"wrote {target}", file=sys.stderr)
