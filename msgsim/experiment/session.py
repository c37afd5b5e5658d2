"""What `msgsim run` does: every variant and replication of a scenario, and the verdicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from msgsim.experiment.judge import Judge, Verdict
from msgsim.experiment.run import EVENT_BUDGET, Run, Stop, drive, prepare
from msgsim.scenario.load import variants_of
from msgsim.scenario.schema import Scenario

Progress = Callable[[str, float, int], Any]


@dataclass(repr=False)
class Results:
    """All runs of a scenario, and what its expectations say.

    Attributes:
        scenario: the scenario as read.
        runs: in the order of variants, then replications.
        verdicts: one for each expectation (and variant, where it names none).
        partial: True when the session was interrupted.
    """

    scenario: Scenario
    runs: list[Run]
    verdicts: list[Verdict] = field(default_factory=list)
    partial: bool = False

    def __repr__(self) -> str:
        met = sum(verdict.passed for verdict in self.verdicts)
        rules = f"{met} of {len(self.verdicts)} expectations met"
        partial = ", partial" if self.partial else ""
        return f"<Results of {self.scenario.name}: {len(self.runs)} runs, {rules}{partial}>"

    @property
    def failed(self) -> list[Verdict]:
        """The expectations that are not met, soft ones left out."""
        return [verdict for verdict in self.verdicts if not verdict.passed and not verdict.soft]

    def firsts(self) -> dict[str, Run]:
        """Return the first replication of each variant."""
        found: dict[str, Run] = {}
        for run in self.runs:
            found.setdefault(run.variant, run)
        return found


def run_all(
    scenario: Scenario,
    *,
    seed: int | None = None,
    replications: int | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
    max_events: int = EVENT_BUDGET,
    check: bool = False,
) -> Results:
    """Run every variant of a scenario, with the same random numbers, and judge it.

    Args:
        scenario: what to run.
        seed: overrides the scenario's seed.
        replications: how many of each variant; the scenario's own number if None.
        progress: called with the variant's name, the share done of all runs, and events.
        stop: asked between steps; True ends the session with what there is.
        max_events: event budget of one run.
        check: watch all invariants, not only those that cost nothing.

    Raises:
        ProblemError: a variant is not valid, or an expectation names an unknown metric.
        BudgetExceeded: the model feeds itself.
    """
    count = scenario.header.replications if replications is None else replications
    variants = variants_of(scenario)
    results = Results(scenario, [])
    judge = Judge(scenario, list(variants))
    total = count * len(variants)
    for replication in range(count):
        batch = [
            prepare(each, variant=name, seed=seed, replication=replication, check=check)
            for name, each in variants.items()
        ]
        judge.check({run.variant: run.observers.metrics for run in batch})
        for run in batch:
            done = len(results.runs)
            moments = run.observers.metrics.moments
            results.runs.append(run)
            drive(
                run,
                moments=moments,
                progress=_shifted(progress, run.variant, done, total),
                stop=stop,
                max_events=max_events,
            )
            if run.partial:
                results.partial = True
                break
        judge.note({run.variant: run.observers.metrics for run in batch if run.events})
        if results.partial:
            break
    results.verdicts = judge.verdicts()
    return results


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
