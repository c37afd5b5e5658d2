"""`msgsim validate`: everything short of running."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from msgsim.commands._options import Color, Files, Sets, use_color
from msgsim.commands._shared import find_scenario
from msgsim.problems import Problem, ProblemError, quote, render, to_json

PLACE = 20


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(validate)


def validate(
    files: Files,
    set_: Sets = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    strict: Annotated[bool, typer.Option(help="Warnings fail too (exit 4).")] = False,
    resolved: Annotated[bool, typer.Option(help="Print it with every default filled in.")] = False,
    color: Color = "auto",
) -> None:
    """Check scenarios without running them: what AWS refuses, advises against, or makes no sense.

    \b
      msgsim validate scenarios/fanout.yaml
      msgsim validate mine.yaml --strict --format json
      msgsim validate mine.yaml --resolved
    """
    code = validate_files(
        files, set_ or [], format_, strict=strict, resolved=resolved, color=use_color(color)
    )
    raise typer.Exit(code)


def validate_files(
    files: Sequence[str],
    overrides: Sequence[str],
    form: str,
    *,
    strict: bool = False,
    resolved: bool = False,
    color: bool = False,
) -> int:
    """Check files and print what was found; return the exit code."""
    if form not in {"text", "json"}:
        message = f"--format is text or json, not {quote(form)}"
        raise ProblemError([Problem("E172", message)])
    worst = 0
    found: list[dict[str, Any]] = []
    for file in files:
        worst = max(worst, _validate(file, overrides, form, strict, resolved, color, found))
    if form == "json":
        print(json.dumps(found, indent=2))
    return worst


def _validate(
    file: str,
    overrides: Sequence[str],
    form: str,
    strict: bool,
    resolved: bool,
    color: bool,
    found: list[dict[str, Any]],
) -> int:
    from msgsim.experiment.session import check_rules
    from msgsim.experiment.sweep import check_block
    from msgsim.scenario.load import load
    from msgsim.scenario.resolved import resolved_text

    try:
        scenario = load(find_scenario(file), overrides)
        check_rules(scenario)
        check_block(scenario)
    except ProblemError as error:
        found.extend(to_json(error.problems))
        if form == "text":
            print(render(error.problems, error.sources, color=color), file=sys.stderr)
        return 2
    warnings = list(scenario.warnings)
    found.extend(to_json(warnings))
    if form == "text":
        if warnings:
            print(render(warnings, dict(scenario.sources), color=color), file=sys.stderr)
        if resolved:
            print(resolved_text(scenario))
        else:
            pieces = "1 piece" if len(warnings) == 1 else f"{len(warnings)} pieces"
            advice = f", {pieces} of advice" if warnings else ""
            print(f"{file}: valid{advice}")
    return 4 if strict and warnings else 0
