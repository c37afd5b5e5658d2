"""Asking: from the text of a metric to where its value is found, in a run or in a summary.

A metric may be an expression (`Billing.latency.p99 + 2 * Shipping.latency.p99`); one that begins
with the name of a variant is read from that variant's run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgsim.experiment.expect import (
    Expression,
    MetricName,
    Window,
    compile_expression,
    dimension_of,
    evaluate,
    metrics_in,
)
from msgsim.experiment.summary import Ask, Summary
from msgsim.model.spec import FieldError
from msgsim.observe import Metrics, UnknownMetric
from msgsim.problems import Problem, ProblemError, did_you_mean
from msgsim.scenario.schema import Scenario

Watching = Mapping[str, Metrics]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the value of a metric is found: which variant's run, and what to ask there."""

    variant: str
    ask: Ask
    dimension: str


def address(
    name: MetricName, variant: str, watching: Watching, scenario: Scenario
) -> Address:  # fmt: skip
    """Find a metric before anything has happened, and announce what has to be watched.

    Args:
        name: the metric.
        variant: whose run is meant when the metric names none.
        watching: the metrics of a prepared run of each variant.
        scenario: how long the run and its warm-up are.

    Raises:
        FieldError: E150, E152 or E153.
    """
    target, path = name.target, name.path
    if target in watching and target and path:
        variant, target, path = target, path[0], path[1:]
    metrics = watching[variant]
    selector = _selector(name)
    try:
        metric, stat = metrics.split(target, selector, path)
        asked = _stat(name, stat, scenario.duration_ns, scenario.header.warm_up)
        dimension = metrics.dimension(target, selector, metric, asked)
        metrics.prepare(target, selector, metric, asked)
    except UnknownMetric as error:
        known = ", ".join(error.candidates[:8])
        hint = None if error.suggestion else f"known here: {known}"
        raise FieldError("E152", f"{name.text}: {error}", hint) from None
    return Address(variant, (target, selector, metric, asked), dimension)


def _selector(name: MetricName) -> tuple[str, str] | None:
    if len(name.selectors) > 1:
        raise FieldError("E150", f"{name.text} has more than one selector", "one is enough")
    return name.selectors[0] if name.selectors else None


def _stat(name: MetricName, stat: str, duration_ns: int, warm_up_ns: int) -> Any:
    window = name.window
    if window is None:
        return stat
    if window.end_ns > duration_ns:
        raise FieldError("E153", f"{name.text} looks beyond the end of the run", "see duration:")
    if window.kind == "between" and window.begin_ns < warm_up_ns:
        raise FieldError("E153", f"{name.text} begins in the warm-up", "see warm_up:")
    if window.kind == "at":
        return ("at", window.begin_ns)
    return ("between", window.begin_ns, window.end_ns, *([stat] if stat else []))


@dataclass(frozen=True)
class Question:
    """A metric, or an expression of metrics, that can be asked of every variant.

    Attributes:
        text: as written.
        expression: as read.
        addresses: variant → metric → where it is found.
        dimension: dimension of the answer.
    """

    text: str
    expression: Expression
    addresses: Mapping[str, Mapping[MetricName, Address]]
    dimension: str

    def asks(self, variant: str) -> list[Ask]:
        """Return what has to be asked of a variant's runs."""
        found = [each for one in self.addresses.values() for each in one.values()]
        return [each.ask for each in found if each.variant == variant]

    def values(self, variant: str, of: Mapping[str, Mapping[int, Summary]]) -> dict[int, float]:
        """Return replication → value of a variant; replications without data are left out.

        Args:
            variant: its name.
            of: variant → replication → summary.
        """
        found = {}
        for replication in sorted(of.get(variant, {})):
            value = evaluate(
                self.expression,
                lambda name, number=replication: _look(  # type: ignore[misc]
                    self.addresses[variant][name], of, number
                ),
            )
            if value is not None and math.isfinite(value):
                found[replication] = value
        return found


def _look(
    where: Address, of: Mapping[str, Mapping[int, Summary]], replication: int
) -> float | None:
    summary = of.get(where.variant, {}).get(replication)
    return summary.answer(where.ask) if summary is not None else None


def ask(text: str, watching: Watching, scenarios: Mapping[str, Scenario]) -> Question:
    """Read a metric, and find it in the prepared runs of every variant.

    Raises:
        ProblemError: it cannot be read, or some variant does not have it.
    """
    try:
        expression = compile_expression(text)
        addresses = {
            variant: {
                name: address(name, variant, watching, scenarios[variant])
                for name in metrics_in(expression)
            }
            for variant in watching
        }
        first = addresses[next(iter(addresses))]
        dimension = dimension_of(expression, lambda name: first[name].dimension)
    except FieldError as error:
        raise ProblemError([Problem(error.code, error.message, None, error.hint)]) from None
    return Question(text, expression, addresses, dimension)


def ask_kept(text: str, kept: Mapping[str, Summary]) -> Question:
    """Read a metric, and find it in what was kept of one run of each variant.

    Raises:
        ProblemError: it cannot be read, or it was not kept.
    """
    try:
        expression = compile_expression(text)
        addresses = {
            variant: {name: _kept(name, variant, kept) for name in metrics_in(expression)}
            for variant in kept
        }
        first = addresses[next(iter(addresses))]
        dimension = dimension_of(expression, lambda name: first[name].dimension)
    except FieldError as error:
        raise ProblemError([Problem(error.code, error.message, None, error.hint)]) from None
    return Question(text, expression, addresses, dimension)


def _kept(name: MetricName, variant: str, kept: Mapping[str, Summary]) -> Address:
    target, path = name.target, name.path
    if target in kept and target and path:
        variant, target, path = target, path[0], path[1:]
    summary = kept[variant]
    full = ".".join((target, *path))
    if name.window is not None or name.selectors:
        return _asked_before(name, target, path, variant, summary)
    if full not in summary.names:
        raise _unknown(name, full, target, summary.names)
    dimension = summary.dimensions[summary.place(full)]
    return Address(variant, (target, None, ".".join(path), ""), dimension)


def _asked_before(
    name: MetricName, target: str, path: Sequence[str], variant: str, summary: Summary
) -> Address:
    selector = _selector(name)
    for found in summary.answers:
        stat, window = _taken_apart(found[3])
        metric = f"{found[2]}.{stat}" if stat else found[2]
        if (found[0], found[1], metric) == (target, selector, ".".join(path)) and (
            window == _window(name.window)
        ):
            full = f"{target}.{metric}"
            known = full in summary.names
            dimension = summary.dimensions[summary.place(full)] if known else "number"
            return Address(variant, found, dimension)
    hint = "windows and selectors are answered only for what an expectation asked before the run"
    raise FieldError("E152", f"{name.text} was not watched in this run", hint)


def _taken_apart(stat: Any) -> tuple[str, tuple[Any, ...] | None]:
    """Return the statistic's own name, and its window without it."""
    if isinstance(stat, str):
        return stat, None
    length = 2 if stat[0] == "at" else 3
    return (stat[length] if len(stat) > length else ""), tuple(stat[:length])


def _window(window: Window | None) -> tuple[Any, ...] | None:
    if window is None:
        return None
    if window.kind == "at":
        return ("at", window.begin_ns)
    return ("between", window.begin_ns, window.end_ns)


def _unknown(name: MetricName, full: str, target: str, names: Sequence[str]) -> FieldError:
    of_target = [each for each in names if each.startswith(f"{target}.")]
    if not of_target:
        targets = list({each.split(".")[0]: None for each in names})
        guess = did_you_mean(target, targets)
        hint = f"did you mean {guess}?" if guess else f"known: {', '.join(targets[:8])}"
        return FieldError("E152", f"{name.text}: there is no {target} to measure", hint)
    guess = did_you_mean(full, of_target)
    metrics = list({each.split(".")[1]: None for each in of_target})
    hint = f"did you mean {guess}?" if guess else f"known here: {', '.join(metrics[:8])}"
    return FieldError("E152", f"{name.text}: {target} has no such metric", hint)
