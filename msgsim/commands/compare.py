"""`msgsim compare`: designs side by side, and whether they differ by more than noise."""

from __future__ import annotations

import json as json_
import sys
from contextlib import nullcontext
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
    Sets,
    count,
    overrides,
    use_color,
    workers_of,
)
from msgsim.commands._shared import (
    find_scenario,
    nothing_finished,
    progress_bar,
)
from msgsim.commands._signals import interruptible
from msgsim.files import check_writable, write_atomically
from msgsim.problems import Problem, ProblemError, did_you_mean, quote

PLACE = 30
REPLICATIONS = 10


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(compare)


def compare(
    designs: Annotated[
        list[str],
        typer.Argument(metavar="DESIGN…", help="Scenarios, FILE:VARIANT, or saved results."),
    ],
    baseline: Annotated[
        str | None, typer.Option(metavar="NAME", help="Compare with this one, not with the first.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(metavar="METRIC", help="What to compare; repeatable.")
    ] = None,
    replications: Annotated[
        int | None, typer.Option(help="Of each design (10).", metavar="N", parser=count)
    ] = None,
    set_: Sets = None,
    duration: Annotated[str | None, typer.Option(help="How long to simulate, as 10m.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the random draws.", metavar="N", parser=count)
    ] = None,
    jobs: Jobs = "auto",
    backend: Backend = "local",
    address: Address = "",
    json: Annotated[str | None, typer.Option(metavar="FILE|-", help="Write it as JSON.")] = None,
    report: Annotated[str | None, typer.Option(metavar="FILE", help="Write an HTML page.")] = None,
    save: Annotated[str | None, typer.Option(metavar="FILE", help="Keep all results.")] = None,
    color: Color = "auto",
    progress: Progress = True,
) -> None:
    """Compare two to four designs on the same random numbers: was, now, ratio with interval.

    \b
      msgsim compare standard_vs_fifo --replications 5
      msgsim compare standard_vs_fifo:fifo hello --metric total.latency.p99 --replications 5
      msgsim compare before.msgsim after.msgsim --baseline before
    """
    for target in (json if json != "-" else None, report, save):
        if target is not None:
            check_writable(target)
    if replications == 0:
        message = "0 replications leave nothing to look at"
        raise ProblemError([Problem("E172", message, None, "at least 2, for an interval")])
    with interruptible() as stop, progress_bar(progress) as show:
        options = {
            "workers": workers_of(jobs, backend, address), "progress": show, "stop": stop,
        }  # fmt: skip
        sets = overrides(set_, duration)
        results = _gather(designs, sets, baseline, seed, replications, metric or [], options)
    if set(results.firsts()) < set(results.variants):
        raise typer.Exit(nothing_finished(results))
    from msgsim.experiment.compare import compare as compare_results
    from msgsim.experiment.compare import to_plain
    from msgsim.experiment.saved import fitting, is_saved

    kept = [design for design in designs if is_saved(design)]
    with fitting(kept) if kept else nullcontext():
        found = compare_results(results, baseline, metric or [])
        if json != "-":
            from msgsim.report.comparing import comparison_text

            print(comparison_text(found, color=use_color(color)))
        _write(results, to_plain(found), json, report, save, "msgsim compare " + " ".join(designs))
    raise typer.Exit(INTERRUPTED if results.partial else 1 if results.failures else 0)


def _gather(
    designs: list[str],
    sets: list[str],
    baseline: str | None,
    seed: int | None,
    replications: int | None,
    metrics: list[str],
    options: dict[str, Any],
) -> Any:
    """Run the scenarios among the designs, read the others, and return all of it as one."""
    from msgsim.experiment.compare import in_order, together
    from msgsim.experiment.saved import is_saved, read
    from msgsim.experiment.session import run_all

    read_ones = [(_stem(design), read(design)) for design in designs if is_saved(design)]
    if len(read_ones) == len(designs) and sets:
        message = "--set changes scenarios; these are saved results"
        raise ProblemError([Problem("E172", message, None, "run them again with --set")])
    kept = [each for _, each in read_ones]
    if seed is None and kept:
        seed = kept[0].summaries[0].seed
    if replications is None:
        replications = kept[0].replications if kept else None
    flat: dict[str, Any] = {}
    for design in designs:
        if not is_saved(design):
            flat.update(_named(_scenarios(design, sets), flat))
    in_order([*(together(read_ones).variants if kept else ()), *flat], baseline)
    ran = None
    if flat:
        wanted = max(each.header.replications for each in flat.values())
        ran = run_all(
            flat,
            seed=seed,
            replications=replications or max(wanted, REPLICATIONS),
            metrics=metrics,
            keep=True,
            **options,
        )
    if ran is not None and not kept:
        return ran
    return together([*read_ones, *([] if ran is None else [("", ran)])])


def _scenarios(design: str, sets: list[str]) -> dict[str, Any]:
    """Return the variants of a design by name; `FILE:VARIANT` is one of them."""
    from msgsim.scenario.load import load, variants_of

    file, colon, variant = design.rpartition(":")
    try:
        path = find_scenario(design)
    except ProblemError:
        if not colon:
            raise
        path = find_scenario(file)
    else:
        variant = ""
    found = variants_of(load(path, sets))
    if not variant:
        return found
    if variant not in found:
        guess = did_you_mean(variant, found)
        hint = f"did you mean {guess}?" if guess else f"there are: {', '.join(found)}"
        message = f"{file} has no variant {quote(variant)}"
        raise ProblemError([Problem("E156", message, None, hint)])
    return {variant: found[variant]}


def _named(scenarios: dict[str, Any], taken: dict[str, Any]) -> dict[str, Any]:
    """Name scenarios by their variants, or by their file where there are none."""
    found = {}
    for variant, scenario in scenarios.items():
        name = variant or scenario.name
        while name in taken or name in found:
            name = f"{scenario.name} {name}" if not name.startswith(scenario.name) else f"{name}+"
        found[name] = replace(scenario, variants={}, rules=())
    return found


def _stem(path: str) -> str:
    return Path(path).stem


def _write(
    results: Any, plain: dict[str, Any], json: str | None, report: str | None, save: str | None,
    again: str,
) -> None:  # fmt: skip
    if save is not None:
        results.save(save)
        print(f"wrote {save}", file=sys.stderr)
    if json is not None:
        text = json_.dumps(plain, indent=2, allow_nan=False) + "\n"
        if json == "-":
            sys.stdout.write(text)
        else:
            write_atomically(json, text)
            print(f"wrote {json}", file=sys.stderr)
    if report is not None:
        from msgsim.experiment.result import to_plain
        from msgsim.report.page import page

        write_atomically(report, page(results, to_plain(results), again))
        print(f"wrote {report}", file=sys.stderr)
