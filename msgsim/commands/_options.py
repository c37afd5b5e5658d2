"""Options and exit codes that several verbs share."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

OK, FAILED, CANNOT, GUARD, STRICT, CRASH, INTERRUPTED = 0, 1, 2, 3, 4, 70, 130

MOST_DIGITS = 18

Files = Annotated[list[str], typer.Argument(metavar="FILE|-", help="Scenario files or names.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="PATH=VALUE", help="Override one value; repeatable."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only what failed.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="List assumptions and advice.")]
Color = Annotated[str, typer.Option(metavar="WHEN", help="auto, always or never.")]
Progress = Annotated[bool, typer.Option(help="Show progress on a terminal.")]


def count(text: str) -> int:
    """Read a whole number that is not negative."""
    if not str(text).isdecimal() or len(str(text)) > MOST_DIGITS:
        raise typer.BadParameter(f"{text!r} is not a whole number, such as 42")
    return int(text)


def overrides(set_: list[str] | None, duration: str | None) -> list[str]:
    """Return the assignments of `--set`, with `--duration` as one more."""
    given = list(set_ or [])
    return [*given, f"duration={duration}"] if duration is not None else given


def use_color(when: str) -> bool:
    """Say whether to colour what goes to standard output."""
    if when == "auto":
        return sys.stdout.isatty() and "NO_COLOR" not in os.environ
    if when not in {"always", "never"}:
        raise typer.BadParameter(f"--color is auto, always or never, not {when!r}")
    return when == "always"
