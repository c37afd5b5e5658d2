"""Sweep: every point of a grid on the same random numbers, kept so that it can be resumed.

A point is known by a hash of its resolved scenario, its seed, its replications, what is asked, and
the version. Its result is one file, `points/HASH/point.json`, which is there whole or not at all: a
sweep that was killed goes on where it stopped, and ends in the same files. Nothing in them depends
on the clock, the number of processes or the order in which points were done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from msgsim.experiment.asking import ask
from msgsim.experiment.expect import compile_rule
from msgsim.experiment.grid import Knob, block_of, points, size
from msgsim.experiment.judge import NOT_MET, Judge
from msgsim.experiment.result import finite, verdict_plain
from msgsim.experiment.results import Results
from msgsim.experiment.run import drive, prepare, versions
from msgsim.experiment.session import run_all
from msgsim.experiment.sweep_files import sealed, write_index, write_point
from msgsim.experiment.workers import Failure, Workers, run_tasks
from msgsim.files import make_folder
from msgsim.model.spec import FieldError
from msgsim.problems import Place, Problem, ProblemError
from msgsim.scenario.load import from_tree, variants_of
from msgsim.scenario.overrides import SET_FILE, apply_sets, set_source
from msgsim.scenario.resolved import resolved_text
from msgsim.scenario.schema import Rule, Scenario

MOST_POINTS = 1_000
MOST_SECONDS = 3_600.0
USUAL = (
    "total.latency.mean",
    "total.latency.p50",
    "total.latency.p99",
    "total.order_inversions",
    "total.duplicate_processings",
    "total.dead_lettered",
    "total.cost.per_million",
)
UNKNOWN_PATH = {"E120", "E121"}


@dataclass(frozen=True)
class Plan:
    """What a sweep is to do.

    Attributes:
        scenario: at which every point starts.
        knobs: what is turned.
        replications: of each point; the scenario's own number if None.
        seed: overrides the scenario's seed.
        metrics: what is kept of each point, beside the usual.
        minimize: the metric to make small.
        subject_to: the rules that a point has to meet.
        shard: `(3, 10)`: only the third of ten parts.
    """

    scenario: Scenario
    knobs: tuple[Knob, ...]
    replications: int | None = None
    seed: int | None = None
    metrics: tuple[str, ...] = ()
    minimize: str | None = None
    subject_to: tuple[str, ...] = ()
    shard: tuple[int, int] | None = None

    @property
    def count(self) -> int:
        """How many replications each point has."""
        wanted = self.replications
        return wanted if wanted is not None else self.scenario.header.replications


@dataclass
class Point:
    """One point of the grid, and what came of it.

    Attributes:
        values: path → value.
        scenario: the scenario with them; None where it is not valid.
        key: hash that it is known by.
        status: `open`, `done` or `failed`.
        reason: why it failed.
        result: the content of its file.
    """

    values: dict[str, str]
    scenario: Scenario | None
    key: str
    status: str = "open"
    reason: str = ""
    result: dict[str, Any] = field(default_factory=dict)


@dataclass
class Sweep:
    """A sweep and what came of its points.

    Attributes:
        plan: what it was to do.
        points: in the order of the grid.
        asked: the metrics that are kept.
        partial: True when it was interrupted.
        done_before: points that an earlier attempt had finished.
    """

    plan: Plan
    points: list[Point]
    asked: tuple[str, ...] = ()
    partial: bool = False
    done_before: int = 0

    @property
    def failed(self) -> list[Point]:
        """The points that came to nothing."""
        return [point for point in self.points if point.status == "failed"]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield one row for each point and variant that is done."""
        for point in self.points:
            for row in point.result.get("rows", ()):
                yield {"point": point, **row}


def plan_points(plan: Plan) -> Sweep:
    """Make the scenarios of all points, and find out what is asked of them.

    Raises:
        ProblemError: a path leads nowhere, or a metric or rule is unknown.
    """
    for knob in plan.knobs:
        _check_path(plan.scenario, knob)
    chosen = list(points(plan.knobs))
    if plan.shard is not None:
        part, parts = plan.shard
        chosen = chosen[part - 1 :: parts]
    made = [_point(plan, values) for values in chosen]
    valid = next((point for point in made if point.scenario is not None), None)
    if valid is None or valid.scenario is None:
        reason = made[0].reason if made else "the shard is empty"
        message = f"no point of the sweep is valid; the first: {reason}"
        raise ProblemError([Problem("E182", message)])
    asked = _asked(plan, valid.scenario)
    for point in made:
        if point.scenario is not None:
            point.key = _key(plan, point.scenario, asked)
    return Sweep(plan, made, asked)


def check_block(scenario: Scenario) -> None:
    """Find out whether a scenario's `sweep:` can be run, without running it.

    Raises:
        ProblemError: it is not of the shape, or a path or metric does not exist.
    """
    block = block_of(scenario)
    for knob in block.knobs:
        _check_path(scenario, knob)
    if block.minimize is not None or block.subject_to:
        plan = Plan(scenario, (), minimize=block.minimize, subject_to=block.subject_to)
        _asked(plan, scenario)


def _check_path(scenario: Scenario, knob: Knob) -> None:
    """Find out whether a path leads anywhere, before anything is run."""
    try:
        apply_sets(scenario.tree, [f"{knob.path}={knob.values[0]}"])
    except ProblemError as error:
        if knob.place is None:
            raise
        moved = [replace(problem, place=knob.place) for problem in error.problems]
        raise ProblemError(moved, dict(scenario.sources)) from None


def _point(plan: Plan, values: dict[str, str]) -> Point:
    sets = [f"{path}={value}" for path, value in values.items()]
    base = plan.scenario
    try:
        tree = apply_sets(base.tree, sets)
        sources = {**base.sources, SET_FILE: set_source(sets)}
        found = from_tree(tree, base.file, base.base_path, sources)
        variants_of(found)
    except ProblemError as error:
        worst = next((p for p in error.problems if p.severity == "error"), error.problems[0])
        if worst.code in UNKNOWN_PATH:
            raise
        text = f"{worst.code} {worst.message}" + (f": {worst.hint}" if worst.hint else "")
        key = hashlib.sha256(json.dumps([*sets, text]).encode()).hexdigest()[:16]
        return Point(values, None, key, "failed", text)
    return Point(values, found, "")


def _asked(plan: Plan, scenario: Scenario) -> tuple[str, ...]:
    """Return the metrics that are kept; those asked for must exist, of the usual those that do."""
    variants = variants_of(scenario)
    prepared = {
        name: prepare(each, variant=name, seed=plan.seed).observers.metrics
        for name, each in variants.items()
    }
    named = [*plan.metrics, *([plan.minimize] if plan.minimize is not None else [])]
    for metric in named:
        ask(metric, prepared, variants)
    judge = Judge(_with_rules(scenario, plan.subject_to), list(variants))
    judge.check(prepared)
    usual = []
    for metric in USUAL:
        try:
            ask(metric, prepared, variants)
        except ProblemError:
            continue
        usual.append(metric)
    return tuple(dict.fromkeys([*named, *usual]))


def _with_rules(scenario: Scenario, rules: Sequence[str]) -> Scenario:
    """Return a scenario with the rules of `--subject-to` after its own."""
    for rule in rules:
        try:
            compile_rule(rule)
        except FieldError as error:
            raise ProblemError([Problem(error.code, error.message, None, error.hint)]) from None
    place = Place("--subject-to", 1, 1, 1)
    added = tuple(Rule(rule, False, "", place) for rule in rules)
    return replace(scenario, rules=(*scenario.rules, *added))


def _key(plan: Plan, scenario: Scenario, asked: Sequence[str]) -> str:
    facts = {
        "scenario": resolved_text(scenario),
        "seed": plan.seed,
        "replications": plan.count,
        "asked": list(asked),
        "subject_to": list(plan.subject_to),
        "versions": versions(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def check_size(plan: Plan, confirmed: bool) -> None:
    """Refuse a grid that nobody meant.

    Raises:
        ProblemError: E182 without a knob, E183 too large and not confirmed.
    """
    if not plan.knobs:
        hint = "--set Billing.VisibilityTimeout=10,30,60, or a `sweep:` block in the file"
        raise ProblemError([Problem("E182", "there is nothing to sweep", None, hint)])
    count = size(plan.knobs)
    if count > MOST_POINTS and not confirmed:
        sizes = " × ".join(str(len(knob.values)) for knob in plan.knobs)
        message = f"{sizes} = {count:,} points are more than {MOST_POINTS:,}"
        hint = "take fewer values, part of it (--shard 1/10), or --yes"
        raise ProblemError([Problem("E183", message, None, hint)])


CALIBRATION_S = 0.3


def estimated_s(sweep: Sweep, workers: Workers) -> float:
    """Return about how long the open points take, from a short piece of the first of them."""
    import time

    todo = [point for point in sweep.points if point.status == "open"]
    if not todo:
        return 0.0
    scenario = todo[0].scenario
    assert scenario is not None
    variants = variants_of(scenario)
    run = prepare(next(iter(variants.values())), seed=sweep.plan.seed)
    begun = time.perf_counter()
    drive(run, stop=lambda: time.perf_counter() - begun > CALIBRATION_S)
    whole = run.wall_s * scenario.duration_ns / max(1, run.simulated_ns)
    runs = len(todo) * sweep.plan.count * len(variants)
    return whole * runs / max(1, min(workers.jobs, len(todo)))


def run_sweep(
    sweep: Sweep,
    folder: Path,
    workers: Workers,
    *,
    fail_fast: bool = False,
    progress: Callable[[int, int], Any] | None = None,
    stop: Callable[[], bool] | None = None,
) -> None:
    """Run the open points, each into its own file, then write the index.

    Points that fail are marked and the others go on, unless `fail_fast`.

    Raises:
        ProblemError: E160, the folder cannot be written to.
    """
    make_folder(folder / "points")
    by_key: dict[str, list[Point]] = {}
    for point in sweep.points:
        if point.status == "open":
            by_key.setdefault(point.key, []).append(point)
    tasks = {
        key: (run_point, (alike[0].scenario, sweep.plan, sweep.asked, key))
        for key, alike in by_key.items()
    }
    finished = 0

    def done(key: str, found: Any) -> bool:
        nonlocal finished
        finished += 1
        if not isinstance(found, Failure):
            write_point(folder, by_key[key][0], found)  # first: what an interrupt cuts off is open
        for point in by_key[key]:
            if isinstance(found, Failure):
                point.status, point.reason = "failed", found.reason
            else:
                point.status, point.result = "done", found
        if progress is not None:
            progress(finished, len(tasks))
        if fail_fast and isinstance(found, Failure):
            return True
        return stop is not None and stop()

    complete = run_tasks(tasks, workers, done)
    sweep.partial = not complete and any(point.status == "open" for point in sweep.points)
    write_index(sweep, folder)


def run_point(scenario: Scenario, plan: Plan, asked: Sequence[str], key: str) -> dict[str, Any]:
    """Run one point, in whatever process, and return the content of its file."""
    ruled = _with_rules(scenario, plan.subject_to)
    results = run_all(
        ruled, seed=plan.seed, replications=plan.count, metrics=list(asked), keep=True
    )
    rows = [_row(results, variant, asked, plan) for variant in results.variants]
    return sealed(key, finite(rows))


def _row(results: Results, variant: str, asked: Sequence[str], plan: Plan) -> dict[str, Any]:
    verdicts = [each for each in results.verdicts if each.variant in {variant, ""}]
    limits = [verdict for verdict in verdicts if verdict.rule in plan.subject_to]
    own = [verdict for verdict in verdicts if verdict.rule not in plan.subject_to]
    deciding = limits if plan.subject_to else [each for each in own if not each.soft]
    states = {verdict.state for verdict in deciding}
    feasible = "yes" if states <= {"met"} else "no" if NOT_MET in states else "undecided"
    return {
        "variant": variant,
        "replications": len(results.of(variant)),
        "feasible": feasible,
        "metrics": {metric: _metric(results, metric, variant) for metric in asked},
        "expect": [verdict_plain(verdict) for verdict in verdicts],
    }


def _metric(results: Results, metric: str, variant: str) -> dict[str, Any]:
    question = results.metric(metric)
    values = question.values(variant, results.by_variant())
    found: dict[str, Any] = {"dimension": question.dimension, "values": values}
    if not values:
        return {**found, "estimate": None, "low": None, "high": None}
    interval = results.interval(metric, variant)
    return {
        **found,
        "estimate": interval.estimate,
        "low": interval.low,
        "high": interval.high,
    }
