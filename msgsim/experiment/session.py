"""What `msgsim run` does: every variant and replication of a scenario, and the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgsim.experiment.asking import ask
from msgsim.experiment.judge import Judge, Watch
from msgsim.experiment.results import Results
from msgsim.experiment.run import EVENT_BUDGET, Run, Stop, drive, prepare
from msgsim.experiment.stopping import StoppingRule, read_stopping_rule
from msgsim.experiment.summary import Ask, Summary, share_names, summarise
from msgsim.experiment.workers import Failure, Workers, run_tasks
from msgsim.observe.measure import QUANTILES
from msgsim.observe.records import TABLES, Deliveries
from msgsim.problems import Problem, ProblemError, did_you_mean, quote, register
from msgsim.scenario.load import variants_of
from msgsim.scenario.schema import Scenario

register("E154", "a table that nobody records", f"Known tables: {', '.join(TABLES)}.")

Progress = Callable[[str, float, int], Any]
Begun = Callable[[Run, Sequence[Watch]], Any]
MOST_REPLICATIONS = 1_000
LOOKS = 50
"""Rules about quantiles are looked at this often during a run; the others at each pause."""


@dataclass(frozen=True)
class Task:
    """One run to be done, wherever: a replication of a variant."""

    scenario: Scenario
    variant: str
    replication: int
    seed: int | None
    asks: tuple[Ask, ...] = ()
    watches: tuple[Watch, ...] = ()
    record: tuple[str, ...] = ()
    table: bool = True
    alone: bool = False
    max_events: int = EVENT_BUDGET
    check: bool = False


def run_all(
    scenario: Scenario | Mapping[str, Scenario],
    *,
    seed: int | None = None,
    replications: int | None = None,
    until: str | None = None,
    jobs: int = 1,
    workers: Workers | None = None,
    metrics: Sequence[str] = (),
    record: Sequence[str] = (),
    keep: bool = False,
    progress: Progress | None = None,
    stop: Stop | None = None,
    begun: Begun | None = None,
    max_events: int = EVENT_BUDGET,
    check: bool = False,
) -> Results:
    """Run every variant of a scenario, with the same random numbers, and judge it.

    Results are the same for any number of jobs.

    Args:
        scenario: what to run; or several by name, which are compared as variants are. They share
            the seed of the first.
        seed: overrides the scenario's seed.
        replications: how many of each variant; the scenario's own number if None. With `until`, the
            most that are run.
        until: a stopping rule, such as `Billing.latency.p99 ± 5%`.
        jobs: how many processes; 0 for one on each core, if the runs take long enough.
        workers: where to run, instead of `jobs`.
        metrics: windows and selectors that will be asked about; all else is known anyway.
        record: tables to keep, such as `deliveries`.
        keep: keep every metric of a single run, too, so that it can be saved.
        progress: called with the variant's name, the share done of all runs, and events.
        stop: asked between steps; True ends the session with what there is.
        begun: called with every run in this process and its rules, before it happens.
        max_events: event budget of one run.
        check: watch all invariants, not only those that cost nothing.

    Raises:
        ProblemError: a variant is not valid, or an expectation or metric is unknown.
        BudgetExceeded: the model feeds itself.
    """
    session = _Session(scenario, seed, until, metrics, record, max_events)
    count = session.count(replications)
    session.keep = keep or until is not None
    session.begun = begun
    session.check = check
    session.run(count, workers or Workers(jobs), progress, stop)
    return session.results


class _Session:
    """Variants, judges and what has been run so far."""

    def __init__(
        self,
        scenario: Scenario | Mapping[str, Scenario],
        seed: int | None,
        until: str | None,
        metrics: Sequence[str],
        record: Sequence[str],
        max_events: int,
    ) -> None:
        self._record = _known_tables(record)
        self._max_events = max_events
        self.keep = False
        self.begun: Begun | None = None
        self.check = False
        self.seed: int | None = seed
        if isinstance(scenario, Mapping):
            self.variants = _named(scenario)
            first = next(iter(scenario.values()))
            self.seed = first.seed if seed is None else seed
            judges = [Judge(each, [name]) for name, each in self.variants.items()]
        else:
            first = scenario
            self.variants = variants_of(scenario)
            judges = [Judge(scenario, list(self.variants))]
        self.results = Results(first, self.variants, judges=judges)
        prepared = {
            name: prepare(each, variant=name, seed=self.seed).observers.metrics
            for name, each in self.variants.items()
        }
        for judge in judges:
            judge.check({name: prepared[name] for name in judge.names})
        self._questions = [ask(text, prepared, self.variants) for text in metrics]
        self.rule: StoppingRule | None = None
        if until is not None:
            self.rule = read_stopping_rule(until, prepared, self.variants)
            self._questions.append(self.rule.question)

    def count(self, wanted: int | None) -> int:
        """Return how many replications are run, at most."""
        if wanted is not None:
            return wanted
        if self.rule is not None:
            return MOST_REPLICATIONS
        return max(each.header.replications for each in self.variants.values())

    def task(self, variant: str, replication: int, count: int) -> Task:
        """Return what a worker has to know about one run."""
        asks: list[Ask] = []
        watches: list[Watch] = []
        for judge in self.results.judges:
            if variant in judge.names:
                asks += judge.asks(variant)
                watches += judge.watches(variant)
        for question in self._questions:
            asks += question.asks(variant)
        return Task(
            self.variants[variant],
            variant,
            replication,
            self.seed,
            tuple(dict.fromkeys(asks)),
            tuple(watches),
            self._record,
            table=count > 1 or self.keep,
            alone=count == 1,
            max_events=self._max_events,
            check=self.check,
        )

    def run(
        self, count: int, workers: Workers, progress: Progress | None, stop: Stop | None
    ) -> None:
        """Run replications 0 … count - 1, or as many as the stopping rule asks for."""
        results = self.results
        total = count * len(self.variants)
        rest = list(range(count))
        if count == 1 or workers.here or not workers.jobs:
            self._here(rest[:1], count, total, progress, stop)
            rest = rest[1:]
            workers = _enough(workers, results, len(rest) * len(self.variants))
        while rest and not results.partial:
            if stop is not None and stop():
                results.partial = True
                break
            if self.rule is not None and self._precise_enough():
                break
            some, rest = self._next(rest, workers)
            if workers.here:
                self._here(some, count, total, progress, stop)
            else:
                self._there(some, count, total, workers, progress)
        if self.rule is not None:
            self._keep_what_the_rule_needs()
        share_names(results.summaries)
        results.judge()

    def _next(self, rest: list[int], workers: Workers) -> tuple[list[int], list[int]]:
        if self.rule is None:
            return rest, []
        done = len(self.results.of(next(iter(self.variants))))
        some = max(self.rule.fewest - done, workers.jobs, 1)
        return rest[:some], rest[some:]

    def _precise_enough(self) -> bool:
        assert self.rule is not None
        return self.rule.needed(self.results.by_variant()) is not None

    def _keep_what_the_rule_needs(self) -> None:
        """Drop replications that other processes ran ahead; one process would not have run them."""
        assert self.rule is not None
        needed = self.rule.needed(self.results.by_variant())
        self.results.stopped = self.rule.told(self.results.by_variant(), needed)
        if needed is not None:
            self.results.drop(lambda summary: summary.replication >= needed)

    def _here(
        self,
        replications: Sequence[int],
        count: int,
        total: int,
        progress: Progress | None,
        stop: Stop | None,
    ) -> None:
        """Run in this process; a run that is cut off is kept only where there is no whole one."""
        results = self.results
        for replication in replications:
            for variant in self.variants:
                done = len(results.summaries)
                shown = _shifted(progress, variant, done, total)
                run, summary = perform(
                    self.task(variant, replication, count), shown, stop, self.begun
                )
                if run.partial:
                    results.partial = True
                    if results.of(variant):
                        return
                results.summaries.append(summary)
                if replication == 0:
                    results.runs.append(run)
                if run.partial:
                    return

    def _there(
        self,
        replications: Sequence[int],
        count: int,
        total: int,
        workers: Workers,
        progress: Progress | None,
    ) -> None:
        results = self.results
        tasks = {
            (replication, variant): (_summary_of, (self.task(variant, replication, count),))
            for replication in replications
            for variant in self.variants
        }

        def done(key: tuple[int, str], found: Summary | Failure) -> None:
            if isinstance(found, Failure):
                results.failures.append(
                    f"replication {key[0]} {key[1]}".strip() + f": {found.reason}"
                )
                return
            results.summaries.append(found)
            if progress is not None:
                events = sum(summary.events for summary in results.summaries)
                progress(key[1], len(results.summaries) / total, events)

        if not run_tasks(tasks, workers, done):
            results.partial = True
        order = list(self.variants)
        results.summaries.sort(key=lambda each: (each.replication, order.index(each.variant)))
        results.failures.sort()


WORTH_PROCESSES_S = 3.0


def _enough(workers: Workers, results: Results, runs: int) -> Workers:
    """Choose processes by what remains to be done, where that was left open (`jobs` 0)."""
    if workers.jobs or workers.backend != "local":
        return workers
    from msgsim.experiment.workers import cores

    took = [summary.wall_s for summary in results.summaries]
    worth = took and runs * sum(took) / len(took) > WORTH_PROCESSES_S
    return replace(workers, jobs=min(cores(), runs) if worth else 1)


def _named(scenarios: Mapping[str, Scenario]) -> dict[str, Scenario]:
    """Return scenarios by name, those with variants as several."""
    found = {}
    for name, scenario in scenarios.items():
        for variant, each in variants_of(scenario).items():
            found[f"{name} {variant}".strip()] = each
    return found


def _known_tables(record: Sequence[str]) -> tuple[str, ...]:
    for name in record:
        if name not in TABLES:
            guess = did_you_mean(name, TABLES)
            hint = f"did you mean {guess}?" if guess else f"known: {', '.join(TABLES)}"
            raise ProblemError([Problem("E154", f"no table {quote(name)}", None, hint)])
    return tuple(record)


def perform(
    task: Task,
    progress: Callable[[float, int], Any] | None = None,
    stop: Stop | None = None,
    begun: Begun | None = None,
) -> tuple[Run, Summary]:
    """Do one run, and return it with what is kept of it."""
    deliveries = Deliveries() if "deliveries" in task.record else None
    run = prepare(
        task.scenario,
        variant=task.variant,
        seed=task.seed,
        replication=task.replication,
        observers=[deliveries] if deliveries is not None else (),
        check=task.check,
    )
    metrics = run.observers.metrics
    for target, selector, metric, stat in task.asks:
        metrics.prepare(target, selector, metric, stat)
    if begun is not None:
        begun(run, task.watches)
    watching = _Watching(run, task.watches)
    drive(
        run,
        moments=metrics.moments,
        progress=progress,
        stop=stop,
        look=watching.look if task.watches else None,
        max_events=task.max_events,
    )
    summary = summarise(run, task.asks, table=task.table, alone=task.alone)
    summary.since_s = watching.since_s()
    if deliveries is not None:
        summary.tables["deliveries"] = deliveries.columns()
        if deliveries.left_out:
            note = f"deliveries: {deliveries.left_out} rows beyond the first were not kept"
            summary.notes.append(note)
    return run, summary


def _summary_of(task: Task) -> Summary:
    return perform(task)[1]


class _Watching:
    """Looks at rules while a run happens: since when has each been violated?"""

    def __init__(self, run: Run, watches: Sequence[Watch]) -> None:
        self._run = run
        self._watches = watches
        self._violated: dict[int, int | None] = {}
        self._looks = 0

    def look(self, now: int) -> None:
        """Judge every rule on what is known so far."""
        self._looks += 1
        observers = self._run.observers
        observers.settle(now)
        for watch in self._watches:
            costly = any(ask[3] in QUANTILES for ask in watch.asks.values())
            if costly and self._looks % 4:
                continue
            values = {name: observers.metrics.value(*ask) for name, ask in watch.asks.items()}
            held = [each.holds(values.__getitem__) for each in watch.compiled.comparisons]
            if False in held:
                self._violated.setdefault(watch.number, now)
            else:
                self._violated.pop(watch.number, None)

    def since_s(self) -> dict[int, float]:
        """Return, by rule, since when it has been violated without a break, until the end."""
        return {
            number: now / 1_000_000_000 for number, now in self._violated.items() if now is not None
        }


def _shifted(
    progress: Progress | None, variant: str, done: int, total: int
) -> Callable[[float, int], Any] | None:
    if progress is None:
        return None
    return lambda share, events: progress(variant, (done + share) / total, events)


def check_rules(scenario: Scenario) -> None:
    """Check variants and expectations without running anything.

    Raises:
        ProblemError: as `run_all`.
    """
    variants = variants_of(scenario)
    judge = Judge(scenario, list(variants))
    prepared = {name: prepare(each, variant=name) for name, each in variants.items()}
    judge.check({name: run.observers.metrics for name, run in prepared.items()})
