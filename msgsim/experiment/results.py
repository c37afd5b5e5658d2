"""Results: what came of all runs of a session, and what may be said about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import import_module
from typing import Any

import numpy as np

from msgsim.experiment.asking import Question, ask_kept
from msgsim.experiment.expect import MetricName
from msgsim.experiment.judge import Judge, Verdict
from msgsim.experiment.run import Run
from msgsim.experiment.statistics import (
    BATCHES,
    LEVEL,
    BatchMeans,
    Interval,
    batch_means,
    mean_interval,
    paired_difference,
)
from msgsim.experiment.summary import Summary, fill_table
from msgsim.observe.histogram import Durations
from msgsim.observe.measure import QUANTILES
from msgsim.problems import Problem, ProblemError, did_you_mean, quote, register
from msgsim.scenario.schema import Scenario

register("E156", "no run of that name", "Results hold the runs of variants, by their names.")
register("E157", "a metric without data", "Nothing was measured, so there is nothing to show.")
register("E158", "a table that was not recorded", "Ask for it before: `record=['deliveries']`.")

SUMMARY_STATS = ("mean", "p50", "p99")
SHORT = {"end_to_end_latency": "latency"}


@dataclass(repr=False)
class Results:
    """All runs of a session, and what expectations say.

    Attributes:
        scenario: the scenario as read; of several, the first.
        variants: the variants that were run, by name; one empty name without variants.
        runs: the live models of the first replication, where it ran in this process.
        summaries: what is kept of every run, in the order of replications, then variants.
        verdicts: one for each expectation (and variant, where it names none).
        partial: True when the session was interrupted.
        failures: runs that came to nothing, with the reason.
        stopped: what the stopping rule says, if there was one.
    """

    scenario: Scenario
    variants: dict[str, Scenario]
    runs: list[Run] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    partial: bool = False
    failures: list[str] = field(default_factory=list)
    stopped: str = ""
    judges: list[Judge] = field(default_factory=list)

    # What was run --------------------------------------------------------------------------

    @property
    def failed(self) -> list[Verdict]:
        """The expectations that are not met, soft ones left out."""
        return [verdict for verdict in self.verdicts if not verdict.passed and not verdict.soft]

    @property
    def replications(self) -> int:
        """How many replications there are of each variant, at least."""
        counts = [len(self.of(name)) for name in self.variants]
        return min(counts, default=0)

    def of(self, variant: str) -> list[Summary]:
        """Return what is kept of a variant's runs."""
        return [summary for summary in self.summaries if summary.variant == variant]

    def firsts(self) -> dict[str, Summary]:
        """Return the first replication of each variant."""
        found: dict[str, Summary] = {}
        for summary in self.summaries:
            found.setdefault(summary.variant, summary)
        return found

    def by_variant(self) -> dict[str, dict[int, Summary]]:
        """Return variant → replication → summary."""
        found: dict[str, dict[int, Summary]] = {name: {} for name in self.variants}
        for summary in self.summaries:
            found[summary.variant][summary.replication] = summary
        return found

    def drop(self, unwanted: Callable[[Summary], bool]) -> None:
        """Forget some of the runs."""
        self.summaries = [each for each in self.summaries if not unwanted(each)]

    def judge(self) -> None:
        """Judge the expectations on what there is."""
        of = self.by_variant()
        self.verdicts = [
            verdict
            for judge in self.judges
            for verdict in judge.verdicts({name: of[name] for name in judge.names})
        ]

    # What may be said ----------------------------------------------------------------------

    def metric(self, text: str) -> Question:
        """Find a metric or an expression of metrics, such as `Billing.latency.p99`.

        A metric of a single subscriber may leave its name out (`latency.p99`, or `p99` alone).

        Raises:
            ProblemError: there is no such metric.
        """
        self._fill()
        return ask_kept(self._in_full(text), self.firsts())

    def values(self, metric: str, variant: str = "") -> dict[int, float]:
        """Return replication → value of a metric, in base units, where there is data."""
        return self.metric(metric).values(self._name(variant), self.by_variant())

    def interval(self, metric: str, variant: str = "", level: float = LEVEL) -> Interval:
        """Return a metric's estimate with its interval over replications.

        Quantiles are read from the histograms of all replications together; how far replications
        differ tells how well they are known. With a single replication the mean latency has an
        interval from batch means, and nothing else has one.

        Raises:
            ProblemError: E152, or E157 without data.
        """
        name = self._name(variant)
        question = self.metric(metric)
        values = list(question.values(name, self.by_variant()).values())
        if not values:
            where = f" of {name}" if name else ""
            message = f"{metric}{where} has no data in any replication"
            raise ProblemError([Problem("E157", message)])
        found = mean_interval(values, level)
        merged = self._merged(question, name)
        if merged is not None and found.low is not None and found.high is not None:
            shift = merged - found.estimate
            return Interval(merged, found.low + shift, found.high + shift, found.values, level)
        if len(values) == 1:
            batches = self._batches(question, name, level)
            return batches.interval if batches is not None and batches.trusted else found
        return found

    def summary(self, metric: str = "latency") -> dict[str, dict[str, Interval]]:
        """Return, for each variant, mean, p50 and p99 of a distribution with their intervals.

        For any other metric, the one value under the metric's own name.
        """
        found: dict[str, dict[str, Interval]] = {}
        self._fill()
        full = self._in_full(metric)
        first = next(iter(self.firsts().values()))
        stats = SUMMARY_STATS if full in first.distributions else ("",)
        for variant in self.variants:
            found[variant] = {
                stat or metric: self.interval(f"{full}.{stat}" if stat else full, variant)
                for stat in stats
            }
        return found

    def difference(
        self, metric: str, was: str | None = None, now: str | None = None, level: float = LEVEL
    ) -> Interval:
        """Return how much a metric differs between two variants, paired by replication.

        Args:
            metric: the metric, in full or without the subscriber's name where there is only one.
            was: the variant to compare with; the first if None.
            now: the variant compared; the second if None.
            level: of the interval.

        Raises:
            ProblemError: no such metric or variant, or no pair has data.
        """
        names = list(self.variants)
        if len(names) < 2:
            raise ProblemError([Problem("E156", "there is only one variant: nothing to compare")])
        before = self.values(metric, self._name(was if was is not None else names[0]))
        after = self.values(metric, self._name(now if now is not None else names[1]))
        pairs = sorted(set(before) & set(after))
        if not pairs:
            raise ProblemError([Problem("E157", f"{metric} has no data in any pair of runs")])
        return paired_difference([before[n] for n in pairs], [after[n] for n in pairs], level)

    def distribution(self, name: str, variant: str = "") -> Durations | None:
        """Return a distribution (`Billing.latency`) of all replications together, or None."""
        merged = None
        for summary in self.of(self._name(variant)):
            found = summary.distribution(name)
            if found is not None:
                merged = merged or Durations()
                merged.merge(found)
        return merged

    def batches(
        self, subscriber: str, variant: str = "", level: float = LEVEL
    ) -> BatchMeans | None:
        """Return the mean latency (s) of a single run from its batch means; None if too short."""
        summary = self.of(self._name(variant))[0]
        counts, totals = summary.stretches.get(subscriber, ([], []))
        seconds = [total / 1e9 for total in totals]
        return batch_means(seconds, counts, batches=BATCHES, level=level)

    def _batches(self, question: Question, variant: str, level: float) -> BatchMeans | None:
        name = question.expression
        if not isinstance(name, MetricName) or name.selectors or name.window is not None:
            return None
        if name.path not in {("latency",), ("latency", "mean")}:
            return None
        return self.batches(name.target, variant, level)

    def _merged(self, question: Question, variant: str) -> float | None:
        """Return a quantile of all replications together; None for anything but a quantile."""
        name = question.expression
        if not isinstance(name, MetricName) or name.selectors or name.window is not None:
            return None
        if not name.path or name.path[-1] not in QUANTILES:
            return None
        durations = self.distribution(".".join((name.target, *name.path[:-1])), variant)
        found = durations.quantile(QUANTILES[name.path[-1]]) if durations is not None else None
        if found is None:
            return None
        return found / 1e9 if question.dimension == "time" else float(found)

    def _in_full(self, metric: str) -> str:
        """Return a metric with its target, which may be left out where there is only one."""
        metric = SHORT.get(metric, metric)
        if metric in QUANTILES:
            metric = f"latency.{metric}"
        first = next(iter(self.firsts().values()), None)
        if first is None or metric.split(".")[0] in {name.split(".")[0] for name in first.names}:
            return metric
        owners = [name for name in first.stretches if f"{name}.{metric}" in first.names]
        return f"{owners[0] if len(owners) == 1 else 'total'}.{metric}" if owners else metric

    def _fill(self) -> None:
        """Write the table of metrics of a single run, when it is asked for the first time."""
        live = {run.variant: run for run in self.runs}
        for summary in self.summaries:
            if not summary.names and summary.replication == 0 and summary.variant in live:
                run = live[summary.variant]
                fill_table(summary, run.observers.metrics, run.simulated_ns)

    def _name(self, variant: str) -> str:
        if variant in self.variants:
            return variant
        if not variant:
            return next(iter(self.variants))
        guess = did_you_mean(variant, self.variants)
        hint = f"did you mean {guess}?" if guess else f"there are: {', '.join(self.variants)}"
        message = f"no variant is called {quote(variant)}"
        raise ProblemError([Problem("E156", message, None, hint)])

    # Looking at it -------------------------------------------------------------------------

    def __getitem__(self, variant: str) -> VariantResults:
        return VariantResults(self, self._name(variant))

    def __iter__(self) -> Any:
        return iter(self.variants)

    def __len__(self) -> int:
        return len(self.variants)

    def save(self, path: str) -> None:
        """Write everything to one file, which `msgsim.read` reads.

        Raises:
            ProblemError: E160, it cannot be written.
        """
        from msgsim.experiment.saved import save

        self._fill()
        save(self, path)

    def __repr__(self) -> str:
        met = sum(verdict.passed for verdict in self.verdicts)
        rules = f"{met} of {len(self.verdicts)} expectations met"
        partial = ", partial" if self.partial else ""
        head = f"<Results of {self.scenario.name}: {len(self.summaries)} runs, {rules}{partial}>"
        lines = [f"  {row[0]}: {', '.join(row[1:])}" for row in self._rows()]
        return "\n".join([head, *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        return f"<table><caption>{escape(repr(self).splitlines()[0])}</caption>{rows}</table>"

    def _rows(self) -> list[list[str]]:
        """Return, for each variant and subscriber, its latency in words."""
        found = []
        self._fill()
        for variant in self.firsts():
            for name in self.firsts()[variant].stretches:
                merged = self.distribution(f"{name}.latency", variant)
                if merged is None or not merged.count:
                    continue
                cells = [
                    f"{stat} {shown(self.interval(f'{name}.latency.{stat}', variant))}"
                    for stat in SUMMARY_STATS
                ]
                found.append([f"{variant} {name}".strip(), *cells])
        return found


def shown(interval: Interval) -> str:
    """Return a time with its interval: `1.84 s ± 0.05 s`."""
    from msgsim.units import format_seconds

    half = interval.half
    text = format_seconds(interval.estimate)
    return text if half is None else f"{text} ± {format_seconds(half)}"


@dataclass(frozen=True)
class VariantResults:
    """The runs of one variant."""

    results: Results
    name: str

    def interval(self, metric: str, level: float = LEVEL) -> Interval:
        """Return a metric's estimate with its interval over replications."""
        return self.results.interval(metric, self.name, level)

    def values(self, metric: str) -> dict[int, float]:
        """Return replication → value of a metric."""
        return self.results.values(metric, self.name)

    def table(self, name: str) -> Table:
        """Return a recorded table of all replications.

        Raises:
            ProblemError: E158, it was not recorded.
        """
        kept = [(one.replication, one.tables[name]) for one in self.results.of(self.name)
                if name in one.tables]  # fmt: skip
        if not kept:
            message = f"no table {quote(name)} was recorded"
            hint = "ms.run(…, record=['deliveries']) keeps it"
            raise ProblemError([Problem("E158", message, None, hint)])
        return Table(_stacked(kept))


def _stacked(kept: Sequence[tuple[int, Mapping[str, Any]]]) -> dict[str, Any]:
    rows = [len(next(iter(table.values()))) for _, table in kept]
    replication = np.repeat([number for number, _ in kept], rows)
    columns = {name: np.concatenate([table[name] for _, table in kept]) for name in kept[0][1]}
    return {"replication": replication, **columns}


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        message = f"{name} is not installed; the table is a mapping of numpy columns without it"
        raise ProblemError([Problem("E158", message, None, f"pip install {name}")]) from None


class Table(dict[str, Any]):
    """A table as numpy columns by name."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.values()))) if self.keys() else 0

    def to_pandas(self) -> Any:
        """Return a pandas data frame; pandas has to be installed."""
        return _library("pandas").DataFrame(dict(self))

    def to_polars(self) -> Any:
        """Return a polars data frame; polars has to be installed."""
        return _library("polars").DataFrame(dict(self))

    def __repr__(self) -> str:
        return f"<Table of {len(self)} rows: {', '.join(self)}>"
