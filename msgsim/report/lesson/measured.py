"""Measured: the metrics of a finished session, by the names that `expect` uses.

They are read from the live model of the first replication, so that groups and shards may be asked
about without announcing them. `Results.values` and `Results.interval` read from what is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgsim.experiment.expect import MetricName, compile_rule, evaluate
from msgsim.experiment.results import Results
from msgsim.experiment.run import Run
from msgsim.report.lesson.table import Table
from msgsim.report.money import dollars
from msgsim.report.style import count_text, duration_text, share_text


def value(results: Results, metric: str) -> float:
    """Return a metric of the first replication, in base units: `fifo.Orders.latency.p99`.

    With variants it begins with the variant's name. Expressions are understood; windows of time are
    not, because they have to be announced before the run: write a rule under `expect`.

    Raises:
        ValueError: no such metric or variant, or it has no data.
    """
    found, _ = _ask(_runs(results), metric)
    return found


def values(results: Results, metric: str) -> dict[str, float]:
    """Return a metric of every variant, by its name.

    Raises:
        ValueError: as `value`.
    """
    runs = _runs(results)
    return {name: _ask({"": run}, metric)[0] for name, run in runs.items()}


def compare(results: Results, *metrics: str, variants: Iterable[str] | None = None) -> Table:
    """Return a table: a row for each metric, a column for each variant.

    Args:
        results: the session.
        metrics: as in `value`, without the variant's name.
        variants: only these, in this order.

    Raises:
        ValueError: no such metric or variant. Where one has no data, the cell says so.
    """
    runs = _runs(results)
    chosen = list(runs) if variants is None else list(variants)
    unknown = [name for name in chosen if name not in runs]
    if unknown:
        raise ValueError(f"no variant is called {unknown[0]}; there are: {', '.join(runs)}")
    rows = [[metric, *(_cell(runs[name], metric) for name in chosen)] for metric in metrics]
    return Table(["", *(name or "value" for name in chosen)], rows)


def _runs(results: Results) -> dict[str, Run]:
    found: dict[str, Run] = {}
    for run in results.runs:
        found.setdefault(run.variant, run)
    if not found:
        raise ValueError("these results hold no run of this process; see Results.values")
    return found


def _cell(run: Run, metric: str) -> str:
    try:
        return said(*_ask({"": run}, metric), metric)
    except NoData:
        return "no data"


class NoData(ValueError):
    """Nothing was measured."""


def _ask(runs: dict[str, Run], text: str) -> tuple[float, str]:
    """Return a metric's or an expression's value and dimension."""
    expression = compile_rule(f"{text} == 0").comparisons[0].left
    dimensions = []

    def look_up(name: MetricName) -> float | None:
        number, dimension = _look_up(runs, name)
        dimensions.append(dimension)
        return number

    found = evaluate(expression, look_up)
    if found is None or found != found:
        raise NoData(f"{text} has no data")
    return found, dimensions[0] if dimensions else "number"


def _look_up(runs: dict[str, Run], name: MetricName) -> tuple[float | None, str]:
    target, path = name.target, name.path
    if name.window is not None:
        raise ValueError(f"{name.text}: a window has to be announced before the run: use expect")
    if target in runs and target and path:
        run, target, path = runs[target], path[0], path[1:]
    elif len(runs) == 1:
        run = next(iter(runs.values()))
    else:
        raise ValueError(f"{name.text}: begin with a variant: {', '.join(runs)}")
    metrics: Any = run.observers.metrics
    selector = name.selectors[0] if name.selectors else None
    metric, stat = metrics.split(target, selector, path)
    dimension = metrics.dimension(target, selector, metric, stat)
    return metrics.value(target, selector, metric, stat), dimension


def said(number: float, dimension: str = "number", metric: str = "") -> str:
    """Return a number as people say it; what a metric of cost counts is dollars."""
    if dimension == "time":
        return duration_text(number)
    if dimension == "share":
        return share_text(number)
    if ".cost" in metric and "share" not in metric:
        return dollars(number)
    return count_text(number)
