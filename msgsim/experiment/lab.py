"""A try at a lab: only its knobs are turned, then it is run and judged like any scenario."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from msgsim.experiment.results import Results
from msgsim.experiment.session import run_all
from msgsim.scenario.knobs import as_written
from msgsim.scenario.lesson import solution_of, turned
from msgsim.scenario.load import load


def attempt(
    path: str | os.PathLike[str], assignments: Sequence[str] = (), **options: Any
) -> Results:
    """Run a lab with some of its knobs turned.

    Args:
        path: the lab's file.
        assignments: texts `KNOB=VALUE`.
        options: as for `run_all`.

    Raises:
        ProblemError: E192 where something else than a knob is changed, or to a value that the lab
            does not allow; and as `load` and `run_all`.
    """
    lab = load(path)
    overrides = [turned(lab.tree, assignment) for assignment in assignments]
    return run_all(load(path, overrides), **options)


def solving(path: str | os.PathLike[str]) -> list[str]:
    """Return the `KNOB=VALUE` of a lab's reference solution."""
    return [f"{knob}={as_written(value)}" for knob, value in solution_of(load(path).tree).items()]
