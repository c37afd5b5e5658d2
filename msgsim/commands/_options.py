"""Options and exit codes that several verbs share."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

OK, FAILED, CANNOT, GUARD, STRICT, CRASH, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 4, 70, 130, 143

LARGEST = 2**63 - 1
"""The largest whole number on the command line, as in a scenario."""

Files = Annotated[list[str], typer.Argument(metavar="FILE|-", help="Scenario files or names.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="PATH=VALUE", help="Override one value; repeatable."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only what failed.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="List assumptions and advice.")]
Color = Annotated[str, typer.Option(metavar="WHEN", help="auto, always or never.")]
Progress = Annotated[bool, typer.Option(help="Show progress on a terminal.")]

Jobs = Annotated[str, typer.Option(metavar="N|auto", help="Processes to run in.")]
Backend = Annotated[str, typer.Option(metavar="NAME", help="local, or dask (with --address).")]
Address = Annotated[str, typer.Option(metavar="ADDRESS", help="Of a Dask scheduler.")]


def count(text: str) -> int:
    """Read a whole number that is not negative."""
    digits = str(text)
    if not digits.isdecimal():
        raise typer.BadParameter(f"{text!r} is not a whole number, such as 42")
    significant = digits.lstrip("0")
    if len(significant) > len(str(LARGEST)) or int(significant or "0") > LARGEST:
        shown = digits if len(digits) <= 40 else f"{digits[:40]}…"
        raise typer.BadParameter(f"{shown} is too large; numbers end at {LARGEST}")
    return int(digits)


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


def workers_of(jobs: str, backend: str, address: str) -> Any:
    """Return where to run, from `--jobs`, `--backend` and `--address`."""
    from msgsim.experiment.workers import BACKENDS, Workers

    if backend not in BACKENDS:
        raise typer.BadParameter(f"--backend is {' or '.join(BACKENDS)}, not {backend!r}")
    if backend == "dask" and not address:
        raise typer.BadParameter("--backend dask needs --address, such as tcp://10.0.0.5:8786")
    if jobs != "auto" and count(jobs) == 0:
        raise typer.BadParameter("--jobs is auto or at least 1")
    if backend == "dask" and jobs == "auto":
        jobs = "1"  # the cluster knows how many it has
    return Workers(0 if jobs == "auto" else count(jobs), backend, address)
