"""The judge: expectations compiled before the run, one number per metric and run, verdicts after.

A rule that names a variant (`fifo.Orders.order_inversions == 0`) is judged once, over the variants
it names. Any other rule is judged for each variant on its own. With several replications a rule is
met when it holds in every one of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgsim.experiment.expect import (
    Compiled,
    MetricName,
    check_dimensions,
    compile_rule,
    dimension_of,
    evaluate,
)
from msgsim.model.spec import FieldError
from msgsim.observe import Metrics, UnknownMetric
from msgsim.problems import Problems, register
from msgsim.scenario.schema import Rule, Scenario

for _code, _title in {
    "E150": "an expectation that cannot be read",
    "E151": "an expectation that compares different things",
    "E152": "an expectation on a metric that does not exist",
    "E153": "an expectation on a moment outside the run",
}.items():
    register(_code, _title)

Watching = Mapping[str, Metrics]


@dataclass(frozen=True, slots=True)
class _Address:
    """Where the value of a metric is found: which variant's run, and what to ask there."""

    variant: str
    target: str
    selector: tuple[str, str] | None
    metric: str
    stat: Any
    dimension: str


@dataclass(slots=True)
class _Case:
    """A rule for one variant, or for those it names; values by replication."""

    rule: Rule
    compiled: Compiled
    variant: str
    addresses: dict[MetricName, _Address] = field(default_factory=dict)
    values: list[dict[MetricName, float | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an expectation came to.

    Attributes:
        rule: the rule as written.
        variant: the variant it was judged for; empty when it names its own, or there are none.
        passed: whether it is met, in every replication.
        actual: value of the left side (in base units), of the replication that is worst off.
        dimension: dimension of `actual`.
        margin: how far inside (positive) or outside (negative) the bound that is.
        no_data: a metric had no data.
        soft: a warning only.
        because: why it matters.
        replications: how many were judged, and `met`, in how many it held.
    """

    rule: str
    variant: str
    passed: bool
    actual: float | None
    dimension: str
    margin: float | None
    no_data: bool
    soft: bool
    because: str
    replications: int
    met: int


class Judge:
    """Compiles a scenario's expectations, and judges its runs.

    Args:
        scenario: whose expectations.
        variants: the names of its variants; one empty name without variants.

    Raises:
        ProblemError: a rule cannot be read.
    """

    def __init__(self, scenario: Scenario, variants: Sequence[str]) -> None:
        self._scenario = scenario
        self._variants = list(variants)
        self._cases: list[_Case] = []
        problems = Problems()
        for rule in scenario.rules:
            try:
                compiled = compile_rule(rule.text)
            except FieldError as error:
                problems.add(error.code, error.message, rule.place, error.hint)
                continue
            for variant in self._judged_for(compiled):
                self._cases.append(_Case(rule, compiled, variant))
        problems.raise_if_errors(scenario.sources)

    def _judged_for(self, compiled: Compiled) -> list[str]:
        names = [metric.target in self._variants for metric in compiled.metrics()]
        return [""] if any(names) else self._variants

    def check(self, watching: Watching) -> None:
        """Find every metric of every rule, before anything has happened.

        Raises:
            ProblemError: a metric, target or statistic does not exist, or units do not fit.
        """
        problems = Problems()
        seen: set[tuple[str, str]] = set()
        for case in self._cases:
            try:
                case.addresses = {
                    metric: self._address(metric, case.variant, watching)
                    for metric in case.compiled.metrics()
                }
                check_dimensions(case.compiled, lambda m, c=case: c.addresses[m].dimension)  # type: ignore[misc]
            except FieldError as error:
                if (case.rule.text, error.message) not in seen:
                    problems.add(error.code, error.message, case.rule.place, error.hint)
                seen.add((case.rule.text, error.message))
        problems.raise_if_errors(self._scenario.sources)

    def _address(self, name: MetricName, variant: str, watching: Watching) -> _Address:
        target, path = name.target, name.path
        if target in self._variants and target and path:
            variant, target, path = target, path[0], path[1:]
        metrics = watching[variant or self._variants[0]]
        selector = _selector(name)
        stat_of = _stat(name, self._scenario.duration_ns, self._scenario.header.warm_up)
        try:
            metric, stat = metrics.split(target, selector, path)
            asked = stat_of(stat)
            dimension = metrics.dimension(target, selector, metric, asked)
            metrics.prepare(target, selector, metric, asked)
        except UnknownMetric as error:
            known = ", ".join(error.candidates[:8])
            hint = None if error.suggestion else f"known here: {known}"
            raise FieldError("E152", f"{name.text}: {error}", hint) from None
        return _Address(variant or self._variants[0], target, selector, metric, asked, dimension)

    def note(self, watching: Watching) -> None:
        """Take the numbers of one finished replication."""
        for case in self._cases:
            wanted = {address.variant for address in case.addresses.values()}
            if wanted <= set(watching):
                case.values.append(
                    {metric: _value(watching, at) for metric, at in case.addresses.items()}
                )

    def verdicts(self) -> list[Verdict]:
        """Return what each rule came to, in the order of the scenario."""
        return [_verdict(case) for case in self._cases if case.values]


def _selector(name: MetricName) -> tuple[str, str] | None:
    if len(name.selectors) > 1:
        raise FieldError("E150", f"{name.text} has more than one selector", "one is enough")
    return name.selectors[0] if name.selectors else None


def _stat(name: MetricName, duration_ns: int, warm_up_ns: int) -> Any:
    window = name.window
    if window is None:
        return lambda stat: stat
    if window.end_ns > duration_ns:
        raise FieldError("E153", f"{name.text} looks beyond the end of the run", "see duration:")
    if window.kind == "between" and window.begin_ns < warm_up_ns:
        raise FieldError("E153", f"{name.text} begins in the warm-up", "see warm_up:")
    if window.kind == "at":
        return lambda stat: ("at", window.begin_ns)
    return lambda stat: ("between", window.begin_ns, window.end_ns, *([stat] if stat else []))


def _value(watching: Watching, address: _Address) -> float | None:
    found = watching[address.variant].value(
        address.target, address.selector, address.metric, address.stat
    )
    return None if found is None or math.isnan(found) else found


def _verdict(case: _Case) -> Verdict:
    outcomes = list(_outcomes(case))
    worst = min(outcomes, key=_badness)
    held, actual, margin, _, dimension = worst
    met = sum(outcome[0] is True for outcome in outcomes)
    return Verdict(
        rule=case.rule.text,
        variant=case.variant,
        passed=met == len(outcomes),
        actual=actual,
        dimension=dimension,
        margin=margin,
        no_data=held is None,
        soft=case.rule.soft,
        because=case.rule.because,
        replications=len(outcomes),
        met=met,
    )


Outcome = tuple[bool | None, float | None, float | None, int, str]


def _outcomes(case: _Case) -> Iterator[Outcome]:
    """Yield, for each replication, the comparison that is worst off."""
    for index, values in enumerate(case.values):
        each = []
        for comparison in case.compiled.comparisons:
            left = comparison.left
            dimension = dimension_of(left, lambda name: case.addresses[name].dimension)
            each.append(
                (
                    comparison.holds(values.__getitem__),
                    evaluate(left, values.__getitem__),
                    comparison.margin(values.__getitem__),
                    index,
                    dimension,
                )
            )
        yield min(each, key=_badness)


def _badness(outcome: Outcome) -> tuple[int, float]:
    held, _, margin, _, _ = outcome
    rank = 0 if held is None else 1 if held is False else 2
    return rank, margin if margin is not None else 0.0
