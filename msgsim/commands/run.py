"""`msgsim run`: simulate scenarios, print what happened, judge what was expected."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import typer

from msgsim.commands._live import live_table
from msgsim.commands._options import (
    GUARD,
    INTERRUPTED,
    Address,
    Backend,
    Color,
    Files,
    Jobs,
    Progress,
    Quiet,
    Sets,
    Verbose,
    count,
    overrides,
    use_color,
    workers_of,
)
from msgsim.commands._outputs import NS_PER_S, check_outputs, write_outputs
from msgsim.commands._shared import (
    find_scenario,
    nothing_finished,
    progress_bar,
)
from msgsim.commands._signals import interruptible
from msgsim.problems import Problem, ProblemError

PLACE = 10
MOST_VIOLATIONS = 5


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(run)


MOST_REPLICATIONS = 100_000
"""Each leaves a megabyte or two of results until all are summarised."""


@dataclass(frozen=True)
class RunOptions:
    """The options of `msgsim run`."""

    overrides: list[str] = field(default_factory=list)
    seed: int | None = None
    replications: int | None = None
    until: str | None = None
    workers: Any = None
    json: str | None = None
    save: str | None = None
    junit: str | None = None
    markdown: str | None = None
    report: str | None = None
    plots: str | None = None
    trace: str | None = None
    trace_format: str = "events"
    trace_sample: str | None = None
    metrics: str | None = None
    metrics_period_s: int = 60
    live: bool = False
    only_expect: bool = False
    quiet: bool = False
    verbose: bool = False
    color: bool = False
    progress: bool = True
    first: bool = True
    check: bool = False
    repeat_check: bool = False


def run(
    files: Files,
    set_: Sets = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the random draws.", metavar="N", parser=count)
    ] = None,
    duration: Annotated[str | None, typer.Option(help="How long to simulate, as 10m.")] = None,
    replications: Annotated[
        int | None, typer.Option(help="Repeat with new draws.", metavar="N", parser=count)
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="RULE", help="Replicate until a metric is known: 'Q.latency.p99 ± 5%'."
        ),
    ] = None,
    jobs: Jobs = "auto",
    backend: Backend = "local",
    address: Address = "",
    json: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write everything as JSON.")
    ] = None,
    save: Annotated[
        str | None, typer.Option(metavar="FILE", help="Keep the results, for compare and report.")
    ] = None,
    junit: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the verdicts as JUnit XML.")
    ] = None,
    markdown: Annotated[
        str | None, typer.Option(metavar="FILE", help="Append a summary for a pull request.")
    ] = None,
    report: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write one self-contained HTML page.")
    ] = None,
    plots: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write the figures as PNG and SVG.")
    ] = None,
    trace: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write what happened to every message.")
    ] = None,
    trace_format: Annotated[
        str, typer.Option(metavar="FORMAT", help="events, perfetto, otlp, xray or cloudtrail.")
    ] = "events",
    trace_sample: Annotated[
        str | None,
        typer.Option(metavar="1%|KIND:N", help="slowest:20, most-received:20, dead-lettered:20."),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="CloudWatch's metrics: .json .jsonl .csv .parquet"),
    ] = None,
    metrics_period: Annotated[
        str, typer.Option(metavar="TIME", help="How long a period of --metrics is.")
    ] = "60s",
    live: Annotated[
        bool, typer.Option("--live", help="Show queues and verdicts while it runs, on a terminal.")
    ] = False,
    only_expect: Annotated[bool, typer.Option(help="Print the expectations alone.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Watch every invariant.")] = False,
    repeat_check: Annotated[
        bool, typer.Option("--repeat-check", help="Run twice and compare all facts.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    progress: Progress = True,
) -> None:
    """Simulate scenarios, print what happened and judge what was expected.

    \b
      msgsim run fanout
      msgsim run hello --set Workers.workers=3 --seed 7
      msgsim run hello --replications 10 --jobs 2
      msgsim run mine.yaml --json result.json --plots pictures -q
      msgsim run fanout --trace slow.json --trace-format perfetto --trace-sample slowest:20
      msgsim run fanout --metrics fanout.csv --live
      msgsim run - --json - -q < mine.yaml
    """
    options = RunOptions(
        overrides=overrides(set_, duration),
        seed=seed,
        replications=replications,
        until=until,
        workers=workers_of(jobs, backend, address),
        json=json,
        save=save,
        junit=junit,
        markdown=markdown,
        report=report,
        plots=plots,
        trace=trace,
        trace_format=trace_format,
        trace_sample=trace_sample,
        metrics=metrics,
        metrics_period_s=_period_s(metrics_period),
        live=live,
        only_expect=only_expect,
        quiet=quiet,
        verbose=verbose,
        color=use_color(color),
        progress=progress,
        check=check,
        repeat_check=repeat_check,
    )
    raise typer.Exit(run_files(files, options))


def run_files(files: Sequence[str], options: RunOptions) -> int:
    """Run each file; return the exit code of the worst."""
    single = (options.json, options.report, options.plots, options.save, options.trace)
    if len(files) > 1 and any((*single, options.metrics)):
        message = "--json, --report, --plots, --save, --trace and --metrics take one scenario"
        raise ProblemError([Problem("E172", message, None, "run them one by one")])
    worst = 0
    for place, file in enumerate(files):
        worst = max(worst, _run_file(file, replace(options, first=place == 0)))
        if worst == INTERRUPTED:
            break
    return worst


def _run_file(file: str, options: RunOptions) -> int:
    from msgsim.experiment import session
    from msgsim.experiment.result import to_plain
    from msgsim.report.terminal import summary
    from msgsim.scenario.load import load

    path = find_scenario(file)
    scenario = load(path, options.overrides)
    if options.replications == 0:
        message = "0 replications leave nothing to look at"
        raise ProblemError([Problem("E172", message, None, "at least 1")])
    if (options.replications or 0) > MOST_REPLICATIONS:
        message = f"{options.replications:,} replications are more than fit into memory"
        raise ProblemError([Problem("E172", message, None, f"at most {MOST_REPLICATIONS:,}")])
    check_outputs(options, path)
    screen = _screen(options)
    with interruptible() as stop, screen as (progress, begun):
        results = session.run_all(
            scenario,
            seed=options.seed,
            replications=options.replications,
            until=options.until,
            workers=options.workers,
            keep=options.save is not None,
            progress=progress,
            stop=stop,
            begun=begun,
            check=options.check,
        )
    if not results.summaries:
        return nothing_finished(results)
    plain = to_plain(results)
    if options.json != "-":
        text = summary(plain, options, _again(file, options))
        if text:
            print(text)
    write_outputs(results, plain, options, _again(file, options))
    if results.partial:
        print("msgsim: interrupted; the results are partial", file=sys.stderr)
        return INTERRUPTED
    if _tell_violations(plain) or (
        options.repeat_check and _tell_difference(results, options.seed)
    ):
        return GUARD
    return 1 if results.failed or results.failures else 0


def _tell_violations(plain: dict[str, Any]) -> bool:
    """Say which invariants were broken, when and by which message; return whether any was."""
    from msgsim.observe.conservation import Violation

    broken = [Violation(**one) for run in plain["runs"] for one in run["invariants"]["violated"]]
    for violation in broken[:MOST_VIOLATIONS]:
        print(f"msgsim: the model broke an invariant: {violation}", file=sys.stderr)
    if len(broken) > MOST_VIOLATIONS:
        print(f"msgsim: and {len(broken) - MOST_VIOLATIONS} more", file=sys.stderr)
    return bool(broken)


def _tell_difference(results: Any, seed: int | None) -> bool:
    """Run each variant twice more, and say where the two differ; return whether they do."""
    from msgsim.experiment.repeat import difference

    for name, scenario in results.variants.items():
        found = difference(scenario, seed)
        variant = f"{name}: " if name else ""
        if found is not None:
            print(f"msgsim: {variant}{found}", file=sys.stderr)
            return True
        print(f"{variant}two runs are the same, fact by fact", file=sys.stderr)
    return False


def _screen(options: RunOptions) -> Any:
    """Return what shows how far a run has come: a bar, or a live table."""
    if options.live:
        return live_table()
    return _only_a_bar(options.progress)


@contextmanager
def _only_a_bar(wanted: bool) -> Iterator[tuple[Any, None]]:
    with progress_bar(wanted) as progress:
        yield progress, None


def _period_s(text: str) -> int:
    from msgsim import units

    try:
        period_ns = units.duration_ns(text)
    except ValueError as error:
        raise typer.BadParameter(f"--metrics-period: {error}") from None
    if period_ns < NS_PER_S or period_ns % NS_PER_S:
        raise typer.BadParameter("--metrics-period is a whole number of seconds, such as 60s")
    return period_ns // NS_PER_S


def _again(file: str, options: RunOptions) -> str:
    import shlex

    words = ["msgsim", "run", file]
    for override in options.overrides:
        words += ["--set", override]
    if options.replications is not None:
        words += ["--replications", str(options.replications)]
    if options.until is not None:
        words += ["--until", options.until]
    return shlex.join(words)
