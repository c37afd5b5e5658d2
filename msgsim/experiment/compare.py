"""Compare: what differs between designs, by how much, and whether that is more than noise.

Designs that ran with the same seed share their random numbers, so that replications are compared in
pairs: what is common to both drops out of the difference, and a difference shows that independent
runs of the same length would not show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgsim.experiment.results import Results
from msgsim.experiment.statistics import (
    LEVEL,
    Interval,
    holm,
    independent_difference,
    p_value,
    paired_difference,
    ratio_of_means,
)
from msgsim.problems import Problem, ProblemError, did_you_mean, quote

SCHEMA = "msgsim.compare/1"
OF_A_SUBSCRIBER = (
    "latency.mean",
    "latency.p50",
    "latency.p99",
    "order_inversions",
    "duplicate_processings",
    "dead_lettered",
    "expired",
    "waiting",
)
OF_ALL = ("cost.per_million",)
MOST_DESIGNS = 4
SIX_ROWS = ("consumers", "replay", "order", "throughput_unit", "retention", "price_unit")


@dataclass(frozen=True)
class Row:
    """One metric of one design against the baseline.

    Attributes:
        metric: as asked.
        dimension: its dimension.
        design: the design compared.
        was: the baseline's estimate; None without data.
        now: the design's estimate; None without data.
        difference: `now - was`; None without data on both sides.
        ratio: `now / was`; None where the baseline is 0, or without data.
        p: chance of so great a difference where there is none, adjusted for all rows (Holm).
        level: of the intervals.
    """

    metric: str
    dimension: str
    design: str
    was: Interval | None
    now: Interval | None
    difference: Interval | None
    ratio: Interval | None
    p: float
    level: float = LEVEL

    @property
    def differs(self) -> bool:
        """Whether the difference is more than noise: its interval excludes 0, and p is small."""
        if self.difference is None or self.p >= 1 - self.level:
            return False
        return self.difference.excludes(0.0)


@dataclass(frozen=True)
class Comparison:
    """What a comparison of designs came to.

    Attributes:
        designs: their names; the baseline first.
        rows: by metric, then design.
        paired: whether the designs share their random numbers.
        replications: of each design, at least.
        services: the messaging services compared, with six facts each.
    """

    designs: tuple[str, ...]
    rows: tuple[Row, ...]
    paired: bool
    replications: int
    services: dict[str, dict[str, str]]

    @property
    def baseline(self) -> str:
        """What the others are compared with."""
        return self.designs[0]


def compare(
    results: Results,
    baseline: str | None = None,
    metrics: Sequence[str] = (),
    level: float = LEVEL,
) -> Comparison:
    """Compare the designs of results with one of them.

    Args:
        results: the runs of two to four designs.
        baseline: the design to compare with; the first if None.
        metrics: what to compare; the usual metrics if empty.
        level: of the intervals.

    Raises:
        ProblemError: there are not two to four designs, or no such baseline or metric.
    """
    designs = in_order(list(results.variants), baseline)
    first = designs[0]
    paired = len({summary.seed for summary in results.summaries}) == 1
    wanted = list(metrics) or list(usual_metrics(results))
    rows = [
        _row(results, metric, first, design, paired, level)
        for metric in wanted
        for design in designs[1:]
    ]
    rows = [row for row in rows if metrics or not _nothing(row)]
    adjusted = holm([row.p for row in rows])
    rows = [replace(row, p=p) for row, p in zip(rows, adjusted, strict=True)]
    return Comparison(designs, tuple(rows), paired, results.replications, services_of(results))


def in_order(names: Sequence[str], baseline: str | None) -> tuple[str, ...]:
    """Return the designs with the baseline first.

    Raises:
        ProblemError: there are not two to four of them, or none is the baseline.
    """
    if not 2 <= len(names) <= MOST_DESIGNS:
        found = ", ".join(name for name in names if name) or "one without a name"
        message = f"compare takes two to four designs, but there are {len(names)}: {found}"
        hint = "choose variants as FILE:VARIANT, such as standard_vs_fifo:fifo"
        raise ProblemError([Problem("E172", message, None, hint)])
    if baseline is not None and baseline not in names:
        guess = did_you_mean(baseline, names)
        hint = f"did you mean {guess}?" if guess else f"there are: {', '.join(names)}"
        message = f"no design is called {quote(baseline)}"
        raise ProblemError([Problem("E156", message, None, hint)])
    first = baseline if baseline is not None else names[0]
    return (first, *(name for name in names if name != first))


def usual_metrics(results: Results) -> Iterator[str]:
    """Yield the metrics that designs are compared by: of each subscriber that all of them have."""
    firsts = list(results.firsts().values())
    common = set(firsts[0].names).intersection(*(set(each.names) for each in firsts))
    judged = [set(each.stretches) for each in firsts]
    subscribers = [name for name in firsts[0].stretches if name in set.intersection(*judged)]
    same = all(each == judged[0] for each in judged)
    for target in subscribers if same and subscribers else ["total", *subscribers]:
        for metric in OF_A_SUBSCRIBER:
            if f"{target}.{metric}" in common:
                yield f"{target}.{metric}"
    for metric in OF_ALL:
        if f"total.{metric}" in common:
            yield f"total.{metric}"


def _nothing(row: Row) -> bool:
    """Say whether a row has no data on a side, or 0 on both."""
    if row.was is None or row.now is None:
        return True
    sides = (row.was, row.now)
    return all(side.estimate == 0 and not side.half for side in sides)


def _row(
    results: Results, metric: str, was: str, now: str, paired: bool, level: float
) -> Row:  # fmt: skip
    question = results.metric(metric)
    by_variant = results.by_variant()
    before, after = question.values(was, by_variant), question.values(now, by_variant)
    first = results.interval(metric, was, level) if before else None
    second = results.interval(metric, now, level) if after else None
    silent = Row(metric, question.dimension, now, first, second, None, None, 1.0, level)
    if not before or not after:
        return silent
    if paired:
        pairs = sorted(set(before) & set(after))
        one, other = [before[n] for n in pairs], [after[n] for n in pairs]
        difference = paired_difference(one, other, level) if pairs else None
    else:
        one, other = list(before.values()), list(after.values())
        difference = independent_difference(one, other, level)
    if difference is None:
        return silent
    return Row(
        metric,
        question.dimension,
        now,
        first,
        second,
        difference,
        ratio_of_means(one, other, level, paired=paired),
        p_value(one, other, paired=paired),
        level,
    )


def together(sources: Sequence[tuple[str, Results]]) -> Results:
    """Return results of several sessions as those of one, every variant under its source's name.

    Args:
        sources: name and results; a single variant is called as its source, if that has a name.
    """
    merged = Results(sources[0][1].scenario, {})
    for name, results in sources:
        for variant, scenario in results.variants.items():
            full = f"{name} {variant}".strip() if len(results.variants) > 1 else name or variant
            known = _free(full, merged)
            merged.variants[known] = scenario
            for summary in results.of(variant):
                plain = {**summary.plain, "variant": known}
                merged.summaries.append(replace(summary, variant=known, plain=plain))
        merged.partial = merged.partial or results.partial
        merged.failures += results.failures
    return merged


def _free(name: str, merged: Results) -> str:
    if name not in merged.variants:
        return name
    return next(f"{name} {n}" for n in range(2, 100) if f"{name} {n}" not in merged.variants)


def services_of(results: Results) -> dict[str, dict[str, str]]:
    """Return the six facts every choice between messaging services asks for, from their pages."""
    from msgsim.services import discover

    services = discover()
    found: dict[str, dict[str, str]] = {}
    for scenario in results.variants.values():
        for part in scenario.of_section("resources"):
            compared = services[part.kind].page.data.get("compared") or {}
            fifo = bool(
                getattr(part.spec, "FifoQueue", False) or getattr(part.spec, "FifoTopic", 0)
            )
            facts = compared.get("fifo" if fifo else "standard")
            if facts:
                found[f"{part.kind} (FIFO)" if fifo else part.kind] = dict(facts)
    return found


def to_plain(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data."""
    return {
        "schema": SCHEMA,
        "designs": list(comparison.designs),
        "baseline": comparison.baseline,
        "paired": comparison.paired,
        "replications": comparison.replications,
        "rows": [_plain_row(row) for row in comparison.rows],
        "services": comparison.services,
    }


def _plain_row(row: Row) -> dict[str, Any]:
    return {
        "metric": row.metric,
        "dimension": row.dimension,
        "design": row.design,
        **{
            name: _plain_interval(getattr(row, name))
            for name in ("was", "now", "difference", "ratio")
        },
        "p_adjusted": row.p,
        "differs": row.differs,
    }


def _plain_interval(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
