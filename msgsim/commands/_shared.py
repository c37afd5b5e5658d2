"""What several verbs do: find a scenario, show progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgsim.bundled import scenario_names, scenario_path
from msgsim.commands._options import INTERRUPTED
from msgsim.problems import Problem, ProblemError, did_you_mean, quote


def find_scenario(file: str) -> str:
    """Return the path of a scenario: a file as it is, or a bundled one by its bare name."""
    if file == "-" or os.path.isfile(file):
        return file
    try:
        return str(scenario_path(file))
    except KeyError:
        if file.endswith((".yaml", ".yml")) or os.path.exists(file):
            return file  # reading it says what is wrong
    message = f"{quote(file)} is neither a file nor a bundled scenario"
    raise ProblemError([Problem("E110", message, None, which(file))])


def which(name: str) -> str:
    """Return a hint: the bundled scenario that was meant, or all of them."""
    guess = did_you_mean(name, scenario_names())
    return f"did you mean {guess}?" if guess else f"bundled: {', '.join(scenario_names())}"


@contextmanager
def progress_bar(wanted: bool) -> Iterator[Callable[[str, float, int], None] | None]:
    """Show how far simulated time has come, on a terminal only."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} % of simulated time · {task.fields[events]:,} events"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("simulating", total=1.0, events=0)

        def show(variant: str, share: float, events: int) -> None:
            bar.update(task, completed=share, events=events, description=variant or "simulating")

        yield show


def nothing_finished(results: Any) -> int:
    """Say why there is nothing to show, and return the exit code."""
    for failure in results.failures[:5]:
        print(f"msgsim: failed: {failure}", file=sys.stderr)
    if results.partial:
        print("msgsim: interrupted before a run was finished", file=sys.stderr)
        return INTERRUPTED
    return 1
