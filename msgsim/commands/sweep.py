"""`msgsim sweep`: every point of a grid, and which of them is best."""

from __future__ import annotations

import json as json_
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from msgsim.commands._options import (
    INTERRUPTED,
    Address,
    Backend,
    Color,
    Jobs,
    Progress,
    count,
    overrides,
    use_color,
    workers_of,
)
from msgsim.commands._shared import find_scenario
from msgsim.commands._signals import interruptible
from msgsim.commands.report import Theme, known_theme
from msgsim.files import check_named
from msgsim.problems import Problem, ProblemError, quote

PLACE = 40


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(sweep)


def sweep(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A scenario's file or name.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="PATH=VALUES", help="A knob: a list or a range."),
    ] = None,
    duration: Annotated[str | None, typer.Option(help="How long to simulate, as 10m.")] = None,
    replications: Annotated[
        int | None, typer.Option(help="Of each point.", metavar="N", parser=count)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of all points.", metavar="N", parser=count)
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(metavar="METRIC", help="What to keep; repeatable.")
    ] = None,
    minimize: Annotated[
        str | None, typer.Option(metavar="METRIC", help="Name the point where it is smallest.")
    ] = None,
    subject_to: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="What a point has to meet.")
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="Where results go.")] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="DIR", help="Go on where it stopped.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="3/10", help="Only the third of ten parts.")
    ] = None,
    fail_fast: Annotated[bool, typer.Option(help="Stop at the first point that fails.")] = False,
    yes: Annotated[bool, typer.Option(help="Run it, however large.")] = False,
    jobs: Jobs = "auto",
    backend: Backend = "local",
    address: Address = "",
    json: Annotated[bool, typer.Option(help="Print index.json instead of text.")] = False,
    theme: Theme = "auto",
    color: Color = "auto",
    progress: Progress = True,
) -> None:
    """Run every point of a grid on the same random numbers, resumable, and name the best.

    \b
      msgsim sweep hello --set Workers.workers=2,3,4 --replications 5 --out sizes
      msgsim sweep hello --resume sizes --set Workers.workers=2..6:5 --replications 5
      msgsim sweep hello --set Workers.workers=2,4 --minimize total.latency.p99 --out best
    """
    from msgsim.experiment.sweep import check_size, estimated_s, plan_points, run_sweep
    from msgsim.experiment.sweep_files import find_done

    theme = known_theme(theme)
    sets = overrides(set_, duration)
    plan = _plan(file, sets, replications, seed, metric or [], minimize, subject_to or [])
    plan = replace(plan, shard=_part(shard))
    check_size(plan, yes)
    folder = _folder(plan.scenario.name, out, resume)
    found = plan_points(plan)
    if resume is not None:
        find_done(found, folder)
    workers = _workers(workers_of(jobs, backend, address), found)
    estimate = estimated_s(found, workers)
    _announce(found, estimate, workers)
    _refuse_long(estimate, yes)
    with interruptible() as stop, _bar(progress, found) as show:
        run_sweep(found, folder, workers, fail_fast=fail_fast, progress=show, stop=stop)
    raise typer.Exit(_tell(found, folder, json=json, color=use_color(color), theme=theme))


def _plan(
    file: str,
    sets: list[str],
    replications: int | None,
    seed: int | None,
    metrics: list[str],
    minimize: str | None,
    subject_to: list[str],
) -> Any:
    from msgsim.experiment.grid import block_of, knobs_of
    from msgsim.experiment.sweep import Plan
    from msgsim.scenario.load import load

    if replications == 0:
        message = "0 replications leave nothing to look at"
        raise ProblemError([Problem("E172", message, None, "at least 1")])
    knobs, single = knobs_of(sets)
    scenario = load(find_scenario(file), single)
    block = block_of(scenario)
    named = {knob.path for knob in knobs}
    fixed = {each.partition("=")[0].strip() for each in single}
    kept = [knob for knob in block.knobs if knob.path not in named | fixed]
    return Plan(
        scenario,
        (*kept, *knobs),
        replications if replications is not None else block.replications,
        seed,
        tuple(metrics),
        minimize if minimize is not None else block.minimize,
        tuple(subject_to) or block.subject_to,
    )


def _part(shard: str | None) -> tuple[int, int] | None:
    if shard is None:
        return None
    part, slash, parts = shard.partition("/")
    if slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts) <= 10_000:
        return int(part), int(parts)
    message = f"{quote(shard)} is no part of a sweep"
    raise ProblemError([Problem("E172", message, None, "such as 3/10, the third of ten parts")])


def _folder(name: str, out: str | None, resume: str | None) -> Path:
    if out is not None and resume is not None:
        message = "--out begins a sweep, --resume goes on with one"
        raise ProblemError([Problem("E172", message, None, "use one of them")])
    if resume is not None:
        if not os.path.isdir(resume):
            message = f"there is no folder {quote(resume)} to go on in"
            raise ProblemError([Problem("E110", message, None, "begin with --out")])
        return Path(resume)
    if out is not None:
        check_named(out)
    folder = Path(out if out is not None else f"{name}-sweep")
    if os.path.exists(folder / "points"):
        message = f"{quote(str(folder))} holds a sweep"
        hint = f"--resume {folder} goes on with it, --out begins elsewhere"
        raise ProblemError([Problem("E171", message, None, hint)])
    return folder


def _workers(workers: Any, found: Any) -> Any:
    from msgsim.experiment.session import WORTH_PROCESSES_S
    from msgsim.experiment.sweep import estimated_s
    from msgsim.experiment.workers import cores

    if workers.jobs or workers.backend != "local":
        return workers
    if estimated_s(found, workers) < WORTH_PROCESSES_S:
        return replace(workers, jobs=1)
    todo = sum(point.status == "open" for point in found.points)
    return replace(workers, jobs=max(1, min(cores(), todo)))


def _announce(found: Any, estimate: float, workers: Any) -> None:
    from msgsim.report.text import counted
    from msgsim.units import format_seconds

    points = counted(len(found.points), "point")
    repeated = counted(found.plan.count, "replication")
    sizes = " × ".join(str(len(knob.values)) for knob in found.plan.knobs)
    grid = f"{sizes} = " if len(found.plan.knobs) > 1 else ""
    done = f", {found.done_before} of them done before" if found.done_before else ""
    where = f"on {workers.jobs} processes" if workers.jobs > 1 else "in one process"
    print(
        f"{grid}{points}{done}, {repeated} of each {where}: about {format_seconds(estimate)}",
        file=sys.stderr,
    )


def _refuse_long(estimate: float, confirmed: bool) -> None:
    from msgsim.experiment.sweep import MOST_SECONDS
    from msgsim.units import format_seconds

    if estimate > MOST_SECONDS and not confirmed:
        message = f"that takes about {format_seconds(estimate)}, more than an hour"
        hint = "take fewer points, a part of it (--shard 1/10), or --yes"
        raise ProblemError([Problem("E183", message, None, hint)])


@contextmanager
def _bar(wanted: bool, found: Any) -> Iterator[Callable[[int, int], Any] | None]:
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        todo = sum(point.status == "open" for point in found.points)
        task = bar.add_task("points", total=todo)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield show


def _tell(found: Any, folder: Path, *, json: bool, color: bool, theme: str) -> int:
    """Print what came of a sweep, draw it, and return the exit code."""
    from msgsim.experiment.best import best_of
    from msgsim.experiment.sweep_files import to_plain
    from msgsim.report.sweep_figures import write_pictures
    from msgsim.report.sweeping import sweep_text

    minimize = found.plan.minimize
    best = best_of(found, minimize) if minimize is not None else None
    if json:
        print(json_.dumps(to_plain(found), indent=1, allow_nan=False))
    else:
        print(sweep_text(found, best, color=color))
    write_pictures(found, best, folder, theme)
    print(f"wrote {folder}: index.csv, index.json, report.html, points/", file=sys.stderr)
    if found.partial:
        print(f"msgsim: interrupted; `--resume {folder}` goes on", file=sys.stderr)
        return INTERRUPTED
    nothing_chosen = best is not None and best.winner is None
    return 1 if found.failed or nothing_chosen else 0
