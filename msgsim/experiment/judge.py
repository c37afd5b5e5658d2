"""The judge: expectations compiled before the runs, one number per metric and run, verdicts after.

A rule that names a variant (`fifo.Orders.order_inversions == 0`) is judged once, over the variants
it names. Any other rule is judged for each variant on its own. With several replications a rule is
*met* when the 95 % interval of its margin lies inside the bound, *not met* when it lies outside,
*undecided* when it lies on both sides; `==` and `!=` must hold in every replication.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgsim.experiment.asking import Address, Watching, address
from msgsim.experiment.expect import (
    Comparison,
    Compiled,
    Lookup,
    MetricName,
    check_dimensions,
    compile_rule,
    dimension_of,
    evaluate,
)
from msgsim.experiment.statistics import Interval, mean_interval
from msgsim.experiment.summary import Ask, Summary
from msgsim.model.spec import FieldError
from msgsim.problems import Problems, register
from msgsim.scenario.schema import Rule, Scenario

for _code, _title in {
    "E150": "an expectation that cannot be read",
    "E151": "an expectation that compares different things",
    "E152": "an expectation on a metric that does not exist",
    "E153": "an expectation on a moment outside the run",
}.items():
    register(_code, _title)

MET, NOT_MET, UNDECIDED = "met", "not met", "undecided"
_RANK = {NOT_MET: 0, UNDECIDED: 1, MET: 2}


@dataclass(slots=True)
class Case:
    """A rule for one variant, or for those it names.

    Attributes:
        rule: as written.
        compiled: as read.
        variant: whose runs are meant; empty when it names its own.
        addresses: where its metrics are found.
    """

    rule: Rule
    compiled: Compiled
    variant: str
    addresses: dict[MetricName, Address] = field(default_factory=dict)

    @property
    def home(self) -> str | None:
        """The one variant that all its metrics are of, if it watches no window; else None."""
        variants = {each.variant for each in self.addresses.values()}
        whole = all(isinstance(each.ask[3], str) for each in self.addresses.values())
        return variants.pop() if whole and len(variants) == 1 else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an expectation came to.

    Attributes:
        rule: the rule as written.
        variant: the variant it was judged for; empty when it names its own, or there are none.
        state: `met`, `not met` or `undecided`.
        actual: value of the left side (in base units): its mean over the replications.
        low, high: its 95 % interval; None with a single replication.
        dimension: dimension of `actual`.
        margin: how far inside (positive) or outside (negative) the bound that is.
        no_data: a metric had no data.
        soft: a warning only.
        because: why it matters.
        replications: how many were judged, and `met`, in how many it held.
        since_s: since when it was violated, in the first replication that violates it.
    """

    rule: str
    variant: str
    state: str
    actual: float | None
    low: float | None
    high: float | None
    dimension: str
    margin: float | None
    no_data: bool
    soft: bool
    because: str
    replications: int
    met: int
    since_s: float | None = None

    @property
    def passed(self) -> bool:
        """Whether it is met; what is undecided is not."""
        return self.state == MET


@dataclass(frozen=True, slots=True)
class Watch:
    """A rule to be looked at while a run happens, to know since when it is violated."""

    number: int
    compiled: Compiled
    asks: Mapping[MetricName, Ask]


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
        self.cases: list[Case] = []
        problems = Problems()
        for rule in scenario.rules:
            try:
                compiled = compile_rule(rule.text)
            except FieldError as error:
                problems.add(error.code, error.message, rule.place, error.hint)
                continue
            for variant in self._judged_for(compiled):
                self.cases.append(Case(rule, compiled, variant))
        problems.raise_if_errors(scenario.sources)

    @property
    def names(self) -> list[str]:
        """The variants it judges."""
        return list(self._variants)

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
        for case in self.cases:
            home = case.variant or self._variants[0]
            try:
                case.addresses = {
                    metric: address(metric, home, watching, self._scenario)
                    for metric in case.compiled.metrics()
                }
                check_dimensions(case.compiled, lambda m, c=case: c.addresses[m].dimension)  # type: ignore[misc]
            except FieldError as error:
                if (case.rule.text, error.message) not in seen:
                    problems.add(error.code, error.message, case.rule.place, error.hint)
                seen.add((case.rule.text, error.message))
        problems.raise_if_errors(self._scenario.sources)

    def asks(self, variant: str) -> list[Ask]:
        """Return what has to be asked of a variant's runs."""
        found = [each for case in self.cases for each in case.addresses.values()]
        return [each.ask for each in found if each.variant == variant]

    def watches(self, variant: str) -> list[Watch]:
        """Return the rules to look at while a variant's run happens."""
        return [
            Watch(number, case.compiled, {name: at.ask for name, at in case.addresses.items()})
            for number, case in enumerate(self.cases)
            if case.home == variant
        ]

    def verdicts(self, of: Mapping[str, Mapping[int, Summary]]) -> list[Verdict]:
        """Return what each rule came to, in the order of the scenario.

        Args:
            of: variant → replication → summary.
        """
        found = []
        for number, case in enumerate(self.cases):
            needed = {each.variant for each in case.addresses.values()}
            common = [set(of.get(variant, {})) for variant in needed]
            replications = sorted(set.intersection(*common)) if common else []
            if replications:
                found.append(_verdict(case, number, of, replications))
        return found


def _verdict(
    case: Case, number: int, of: Mapping[str, Mapping[int, Summary]], replications: list[int]
) -> Verdict:
    lookups = [_lookup(case, of, replication) for replication in replications]
    outcomes = [_outcome(case, comparison, lookups) for comparison in case.compiled.comparisons]
    worst = min(outcomes, key=_badness)
    state = min((outcome.state for outcome in outcomes), key=_RANK.__getitem__)
    holds = [
        all(comparison.holds(look_up) is True for comparison in case.compiled.comparisons)
        for look_up in lookups
    ]
    return Verdict(
        rule=case.rule.text,
        variant=case.variant,
        state=state,
        actual=worst.actual.estimate if worst.actual is not None else None,
        low=worst.actual.low if worst.actual is not None else None,
        high=worst.actual.high if worst.actual is not None else None,
        dimension=worst.dimension,
        margin=worst.margin,
        no_data=worst.no_data,
        soft=case.rule.soft,
        because=case.rule.because,
        replications=len(replications),
        met=sum(holds),
        since_s=None if state == MET else next(_since(case, number, of, replications, holds), None),
    )


def _since(
    case: Case, number: int, of: Mapping[str, Mapping[int, Summary]], replications: Sequence[int],
    holds: Sequence[bool],
) -> Iterator[float]:  # fmt: skip
    """Yield since when replications that violate the rule did so."""
    home = case.home
    for replication, held in zip(replications, holds, strict=True):
        if not held and home is not None and number in of[home][replication].since_s:
            yield of[home][replication].since_s[number]


def _lookup(case: Case, of: Mapping[str, Mapping[int, Summary]], replication: int) -> Lookup:
    def look_up(name: MetricName) -> float | None:
        where = case.addresses[name]
        found = of[where.variant][replication].answer(where.ask)
        return None if found is None or math.isnan(found) else found

    return look_up


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one comparison of a rule came to over the replications."""

    state: str
    actual: Interval | None
    margin: float | None
    no_data: bool
    dimension: str


def _outcome(case: Case, comparison: Comparison, lookups: Sequence[Lookup]) -> _Outcome:
    dimension = dimension_of(comparison.left, lambda name: case.addresses[name].dimension)
    actual = [evaluate(comparison.left, look_up) for look_up in lookups]
    known = [value for value in actual if value is not None]
    interval = mean_interval(known) if known else None
    holds = [comparison.holds(look_up) for look_up in lookups]
    margins = [comparison.margin(look_up) for look_up in lookups]
    if any(held is None for held in holds):
        return _Outcome(NOT_MET, interval, None, True, dimension)
    margin = mean_interval([value for value in margins if value is not None])
    return _Outcome(_state(comparison, holds, margin), interval, margin.estimate, False, dimension)


def _state(comparison: Comparison, holds: Sequence[Any], margin: Interval) -> str:
    """Say whether a comparison with data in every replication is met."""
    if all(holds) and (comparison.op in {"==", "!="} or len(holds) == 1):
        return MET
    if comparison.op in {"==", "!="} or margin.low is None or margin.high is None:
        return NOT_MET
    strict = comparison.op in {"<", ">"}
    if margin.low > 0 or (margin.low == 0 and not strict):
        return MET
    if margin.high < 0 or (margin.high == 0 and strict and margin.low == 0):
        return NOT_MET
    return UNDECIDED


def _badness(outcome: _Outcome) -> tuple[int, int, float]:
    margin = outcome.margin if outcome.margin is not None else 0.0
    return _RANK[outcome.state], 0 if outcome.no_data else 1, margin
