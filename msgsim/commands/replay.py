"""`msgsim replay`: a page with the player alone, which re-enacts a finished run."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from msgsim.commands._options import Progress, Sets, count, overrides
from msgsim.commands._shared import (
    find_scenario,
    nothing_finished,
    progress_bar,
)
from msgsim.commands._signals import interruptible
from msgsim.commands.report import Theme, known_theme
from msgsim.files import check_writable, write_atomically

PLACE = 48


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(replay)


def replay(
    file: Annotated[str, typer.Argument(metavar="SCENARIO|RESULT", help="What to re-enact.")],
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FILE", help="The page (replay.html).")
    ] = None,
    set_: Sets = None,
    duration: Annotated[str | None, typer.Option(help="How long to simulate, as 10m.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the random draws.", metavar="N", parser=count)
    ] = None,
    theme: Theme = "auto",
    progress: Progress = True,
) -> None:
    """Write a page on which a run is re-enacted, message by message; open it in a browser.

    \b
      msgsim replay poison_message
      msgsim replay standard_vs_fifo -o lecture.html --theme projector
      msgsim replay hello --set Workers.workers=2 --duration 1m
    """
    from msgsim.experiment.result import to_plain
    from msgsim.experiment.saved import fitting, is_saved, read
    from msgsim.experiment.session import run_all
    from msgsim.report.page import replay_page
    from msgsim.scenario.load import load

    target = out if out is not None else "replay.html"
    theme = known_theme(theme)
    check_writable(target)
    if is_saved(file):
        results = read(file)
    else:
        path = find_scenario(file)
        scenario = load(path, overrides(set_, duration))
        with interruptible() as stop, progress_bar(progress) as show:
            results = run_all(scenario, seed=seed, replications=1, progress=show, stop=stop)
    if not results.summaries:
        raise typer.Exit(nothing_finished(results))
    again = f"msgsim replay {Path(file).name if is_saved(file) else file}"
    with fitting([file]) if is_saved(file) else nullcontext():
        write_atomically(target, replay_page(results, to_plain(results), again, theme=theme))
    print(f"wrote {target}", file=sys.stderr)
