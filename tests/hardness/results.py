"""Spoilt results put in again: saved ones, those compared or re-enacted, and those of a sweep."""

from __future__ import annotations

import contextlib
import io
import tempfile
from functools import cache
from pathlib import Path

from msgsim.cli import main
from msgsim.experiment.grid import knobs_of
from msgsim.experiment.result import to_plain
from msgsim.experiment.saved import read, save
from msgsim.experiment.session import run_all
from msgsim.experiment.sweep import Plan, Sweep, plan_points, run_sweep
from msgsim.experiment.sweep_files import find_done, write_index
from msgsim.experiment.workers import Workers
from msgsim.report.page import replay_page
from msgsim.report.sweeping import sweep_text
from msgsim.scenario.load import load_text, replaced
from tests.hardness import mutants, questions

SMALL = """
duration: 10s
resources:
  Q: {type: sqs.queue}
  W: {type: worker.fleet, queue: Q, workers: 1, handler: {time: 100ms}}
workload: [{to: Q, arrivals: {poisson: 5/s}}]
expect: [Q.lost == 0]
"""
MOST_EVENTS = 20_000


@cache
def whole(workers: int = 1) -> bytes:
    """Return saved results as they should be, of two replications."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "whole.msgsim"
        scenario = load_text(SMALL, "small.yaml", [f"W.workers={workers}"])
        save(run_all(scenario, replications=2, keep=True), file)
        return file.read_bytes()


def saved(number: int, folder: Path) -> str:
    """Read spoilt results; many of them have a digest that fits what was spoilt."""
    target = folder / "saved.msgsim"
    target.write_bytes(mutants.saved(whole(), number, forged=True))
    read(target)
    return "read"


def compared(number: int, folder: Path) -> str:
    """Compare results, a few of them spoilt, through the command line."""
    content = mutants.saved(whole(), number) if number % 3 == 0 else whole()
    (folder / "saved.msgsim").write_bytes(content)
    (folder / "other.msgsim").write_bytes(whole(2))
    return called(questions.comparison(number, str(folder)))


def re_enacted(number: int, folder: Path) -> str:
    """Write the page of spoilt results, or of a mutant that is valid and was run for a moment."""
    if number % 3 == 0:
        (folder / "saved.msgsim").write_bytes(mutants.saved(whole(), number))
        page = str(folder / "page.html")
        return called(["replay", str(folder / "saved.msgsim"), "--out", page])
    scenario = replaced(load_text(mutants.mutant(number), "mutant.yaml"), "duration", "1s")
    found = run_all(scenario, replications=1, max_events=MOST_EVENTS, stop=lambda: True)
    if found.summaries:
        replay_page(found, to_plain(found), "msgsim replay mutant.yaml")
    return "re-enacted"


def called(arguments: list[str]) -> str:
    """Call the command line in this process; raise `AssertionError` where it says a bug of ours."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(arguments)
    except SystemExit as left:
        said = out.getvalue() + err.getvalue()
        if left.code not in {0, 1, 2} or "internal error" in said or "Traceback" in said:
            raise AssertionError(f"{arguments} ended with {left.code}: {said}") from None
        return f"exit {left.code}"
    raise AssertionError("the command line did not end")


@cache
def _swept() -> tuple[Sweep, tuple[str, ...]]:
    """Return a sweep of two points, and what their files hold."""
    knobs, _ = knobs_of(["W.workers=1,2"])
    plan = Plan(load_text(SMALL, "small.yaml"), tuple(knobs), replications=2)
    with tempfile.TemporaryDirectory() as name:
        sweep = plan_points(plan)
        run_sweep(sweep, Path(name), Workers())
        home = Path(name) / "points"
        files = tuple((home / point.key / "point.json").read_text() for point in sweep.points)
    return sweep, files


def resumed(number: int, folder: Path) -> str:
    """Go on with a sweep in a folder where one point's file is spoilt."""
    before, files = _swept()
    again = plan_points(before.plan) if number % 5 == 0 else before
    spoilt = questions.point_file(files[0], number)
    for point, content in zip(before.points, (spoilt, files[1]), strict=True):
        home = folder / "points" / point.key
        home.mkdir(parents=True, exist_ok=True)
        (home / "point.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    for point in again.points:
        point.status, point.result = "open", {}
    find_done(again, folder)
    write_index(again, folder)
    sweep_text(again, None)
    return "resumed"
