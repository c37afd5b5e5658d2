"""One trial: run a random scenario with all invariants, and say what went wrong."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from msgsim.experiment.fuzz.generator import Tree, text_of
from msgsim.experiment.run import InvariantBroken, drive, prepare
from msgsim.kernel.simulation import BudgetExceeded
from msgsim.observe.conservation import Violation
from msgsim.problems import ProblemError
from msgsim.scenario.load import load_text

MOST_EVENTS = 3_000_000
"""Events of one trial; the scenarios are small, so that more of them feed themselves."""


@dataclass(frozen=True)
class Failure:
    """What a scenario does that no scenario may do.

    Attributes:
        kind: which invariant broke, `crash`, `runaway` or `refused`; shrinking keeps it.
        detail: when and where, for people.
    """

    kind: str
    detail: str


def attempt(tree: Tree, repeat: bool = False) -> Failure | None:
    """Run a scenario with all invariants on; return what went wrong, else None.

    Args:
        tree: the scenario as plain data.
        repeat: run it a second time, and compare.
    """
    try:
        scenario = load_text(text_of(tree), "fuzz.yaml")
    except ProblemError as error:
        problem = error.problems[0]
        return Failure(f"refused: {problem.code}", problem.message)
    except Exception as error:
        return _crash(error)
    try:
        run = prepare(scenario, check=True)
        drive(run, max_events=MOST_EVENTS)
    except ProblemError as error:
        return Failure(f"refused: {error.problems[0].code}", error.problems[0].message)
    except BudgetExceeded as error:
        return Failure("runaway", str(error))
    except InvariantBroken:
        return _broken(run.violations)
    except Exception as error:
        return _crash(error)
    if run.violations:
        return _broken(run.violations)
    if repeat:
        from msgsim.experiment.repeat import difference

        found = difference(scenario)
        return None if found is None else Failure("runs differ", str(found))
    return None


def _broken(violations: list[Violation]) -> Failure:
    first = violations[0]
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return Failure(first.name, f"{first}{more}")


def _crash(error: Exception) -> Failure:
    frames = traceback.extract_tb(error.__traceback__)
    place = frames[-1]
    where = f"{place.filename.rpartition('msgsim/')[2]}:{place.lineno}, {place.name}"
    return Failure(f"crash: {type(error).__name__} in {place.name}", f"{error} ({where})")
