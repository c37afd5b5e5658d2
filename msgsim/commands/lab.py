"""`msgsim lab`: systems to repair, and predictions to make."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from msgsim.bundled import is_lab, lab_name, lab_number, scenario_names, scenario_path
from msgsim.commands._options import Color, use_color
from msgsim.problems import Problem, ProblemError, did_you_mean, quote

PLACE = 65


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(lab)


def lab(
    name: Annotated[
        str | None, typer.Argument(help="A lab such as 03, or a question such as q07.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="KNOB=VALUE", help="Turn a knob; repeatable."),
    ] = None,
    hint: Annotated[
        int, typer.Option("--hint", count=True, help="Show a hint; repeat it for the next.")
    ] = 0,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show what is wrong and why.")] = False,
    color: Color = "auto",
) -> None:
    """Learn by repair: labs with a symptom, a few knobs, and expectations to satisfy.

    \b
      msgsim lab
      msgsim lab 03
      msgsim lab 03 --set keys=200 --set MaximumConcurrency=20
      msgsim lab 03 --hint
      msgsim lab q07 --reveal
    """
    if name is None:
        list_labs()
        return
    raise typer.Exit(show_lab(name, set_ or [], hint, reveal, use_color(color)))


@dataclass(frozen=True)
class _OnlyRules:
    """The expectations are all that a learner needs to see."""

    color: bool
    only_expect: bool = True
    quiet: bool = False
    verbose: bool = False


def list_labs() -> None:
    """Print the labs, easiest first."""
    from msgsim.report.learning import labs_text

    print(labs_text())


def show_lab(
    word: str, assignments: Sequence[str], hint: int, reveal: bool, color: bool = False
) -> int:
    """Print a lab or a question's lesson; run the lab. Returns 1 while a lab is not solved.

    Args:
        word: the lab's number or name, a question such as `q07`, or a file.
        assignments: texts `KNOB=VALUE`.
        hint: how many hints to show instead of running; 0 for none.
        reveal: show the explanation instead of running.
        color: whether colour is on.
    """
    from msgsim.report import learning
    from msgsim.report.text import Paint
    from msgsim.scenario.lesson import solution_of
    from msgsim.scenario.load import load

    name, path = _found(word)
    scenario = load(path)
    lesson = scenario.header.lesson
    if lesson is None or not (lesson.is_lab or lesson.reveal):
        message = f"{quote(word)} has no lesson"
        raise ProblemError([Problem("E170", message, None, "`msgsim lab` lists the labs")])
    paint = Paint(color)
    if reveal:
        print(learning.reveal_text(name, lesson, solution_of(scenario.tree)))
        return 0
    if hint and lesson.hints:
        print(learning.hint_text(name, lesson, hint))
        return 0
    if not lesson.is_lab:
        _refuse_knobs(word, assignments)
        print(learning.lesson_text(name, scenario, lesson, paint))
        return 0
    return _run(name, path, assignments, color)


def _run(name: str, path: Path, assignments: Sequence[str], color: bool) -> int:
    from msgsim.experiment.lab import attempt
    from msgsim.experiment.result import to_plain
    from msgsim.report import learning
    from msgsim.report.terminal import summary
    from msgsim.report.text import Paint

    paint = Paint(color)
    results = attempt(path, assignments)
    scenario = results.scenario
    lesson = scenario.header.lesson
    assert lesson is not None
    solved = not results.failed
    print(learning.lab_text(name, scenario, lesson, paint), end="\n\n")
    print(summary(to_plain(results), _OnlyRules(color), ""), end="\n\n")
    print(learning.verdict_text(name, scenario, solved, paint))
    return 0 if solved else 1


def _refuse_knobs(word: str, assignments: Sequence[str]) -> None:
    if assignments:
        message = f"{quote(word)} is a question, not a lab: it has no knobs"
        hint = f"msgsim run {word} --set {assignments[0]}"
        raise ProblemError([Problem("E192", message, None, hint)])


def _found(word: str) -> tuple[str, Path]:
    """Return the name and the file of a lab, of a question, or of a file of the user's."""
    try:
        name = lab_name(word)
        return name, scenario_path(name)
    except KeyError:
        pass
    try:
        path = scenario_path(word)
    except KeyError:
        if os.path.isfile(word):
            return word, Path(word)
    else:
        return _full_name(path), path
    names = scenario_names()
    guess = did_you_mean(word, [*(lab_number(each) for each in names if is_lab(each)), *names])
    hint = f"did you mean {guess}? " if guess else ""
    message = f"no lab is called {quote(word)}"
    raise ProblemError([Problem("E170", message, None, f"{hint}`msgsim lab` lists them")])


def _full_name(path: Path) -> str:
    return next(name for name in scenario_names() if scenario_path(name) == path)
