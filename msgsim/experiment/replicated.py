"""Replicated: a number that is known from several replications, and calculates as one.

The plain entries of a variant's replications are laid over each other: wherever all of them have a
number, the result has a `Replicated`, which adds and divides replication by replication, so that a
share of two counts has an interval of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgsim.experiment.statistics import Interval, mean_interval

LONG = {"course", "oldest_age_course", "stored_course", "throttled_course"}
NOT_FIGURES = {"replication", "seed", "bucket_s", "stride", "max_at_s"}


class Replicated(float):
    """The mean of a number over replications, which remembers them.

    Attributes:
        values: one for each replication.
        centre: what is shown instead of the mean: a quantile of all replications together.
    """

    values: tuple[float, ...]
    centre: float | None

    def __new__(cls, values: Sequence[float], centre: float | None = None) -> Replicated:
        """Lay numbers over each other."""
        found = mean_interval(values).estimate if centre is None else centre
        self = super().__new__(cls, found)
        self.values = tuple(float(value) for value in values)
        self.centre = centre
        return self

    @property
    def interval(self) -> Interval:
        """The estimate with its 95 % interval."""
        found = mean_interval(self.values)
        if self.centre is None or found.low is None or found.high is None:
            return found
        shift = self.centre - found.estimate
        return Interval(self.centre, found.low + shift, found.high + shift, found.values)

    def _with(self, other: float, how: Callable[[float, float], float]) -> Replicated:
        others = (
            other.values if isinstance(other, Replicated) else (float(other),) * len(self.values)
        )
        return Replicated([how(one, two) for one, two in zip(self.values, others, strict=True)])

    def __add__(self, other: float) -> Replicated:
        return self._with(other, lambda one, two: one + two)

    __radd__ = __add__

    def __sub__(self, other: float) -> Replicated:
        return self._with(other, lambda one, two: one - two)

    def __rsub__(self, other: float) -> Replicated:
        return self._with(other, lambda one, two: two - one)

    def __mul__(self, other: float) -> Replicated:
        return self._with(other, lambda one, two: one * two)

    __rmul__ = __mul__

    def __truediv__(self, other: float) -> Replicated:
        return self._with(other, lambda one, two: one / two if two else 0.0)

    def __hash__(self) -> int:
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        return float(self) == other

    def __bool__(self) -> bool:
        return any(self.values)


def laid_over(runs: Sequence[dict[str, Any]], merged: Sequence[dict[str, Any]] = ()) -> Any:
    """Return one entry like the runs', with `Replicated` numbers.

    Args:
        runs: the entries of a variant's replications.
        merged: latencies of all replications together; their quantiles are shown.
    """
    if len(runs) < 2:
        return runs[0]
    found = _over(runs)
    for item in merged:
        if item["variant"] == runs[0]["variant"]:
            _centre(found["latency"][item["subscriber"]]["end_to_end"], item["latency"])
    return found


def _centre(entry: dict[str, Any], together: dict[str, Any]) -> None:
    for stat in ("p50_s", "p90_s", "p99_s", "p999_s"):
        if isinstance(entry.get(stat), Replicated) and stat in together:
            entry[stat] = Replicated(entry[stat].values, together[stat])


def _over(values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, dict):
        names = list({name: None for value in values for name in value})
        return {name: _over_key(name, values) for name in names}
    if isinstance(first, bool):
        return all(values)
    numbers = [value for value in values if isinstance(value, (int, float))]
    if numbers and len(numbers) == len(values):
        return Replicated(numbers)
    if numbers and all(value is None or isinstance(value, (int, float)) for value in values):
        return Replicated(numbers) if len(numbers) > 1 else numbers[0]
    if isinstance(first, list) and any(values) and not any(isinstance(v, list) for v in first):
        return list({str(item): item for value in values for item in value}.values())
    return first


def _over_key(name: str, values: Sequence[dict[str, Any]]) -> Any:
    if name in NOT_FIGURES or name in LONG:
        return next(value[name] for value in values if name in value)
    missing = 0 if all(isinstance(v.get(name, 0), int) for v in values) else None
    found = [value.get(name, missing) for value in values]
    known = [value for value in found if value is not None]
    return _over(found if known and not isinstance(known[0], dict) else known) if known else None


def estimates(plain: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every figure of the runs with its interval; nothing for a single replication."""
    found: list[dict[str, Any]] = []
    for variant in dict.fromkeys(run["variant"] for run in plain["runs"]):
        runs = [run for run in plain["runs"] if run["variant"] == variant]
        if len(runs) > 1:
            for path, value in _leaves(laid_over(runs, plain["merged"]), ()):
                interval = value.interval
                found.append(
                    {
                        "variant": variant,
                        "figure": ".".join(path),
                        "estimate": interval.estimate,
                        "low": interval.low,
                        "high": interval.high,
                        "replications": interval.values,
                    }
                )
    return found


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Replicated]]:
    if isinstance(value, Replicated):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, (*path, name))
