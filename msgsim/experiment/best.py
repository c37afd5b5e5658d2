"""The best point of a sweep: the winner, the runner-up, and whether they can be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgsim.experiment.statistics import LEVEL, Interval, bonferroni, paired_difference
from msgsim.experiment.sweep import Point, Sweep


@dataclass(frozen=True)
class Choice:
    """A row of a sweep among those that may be chosen.

    Attributes:
        point: the point.
        variant: the variant at it.
        metric: estimate, low, high and values of what is minimised.
    """

    point: Point
    variant: str
    metric: Mapping[str, Any]

    @property
    def estimate(self) -> float:
        """What is minimised."""
        return float(self.metric["estimate"])

    @property
    def half(self) -> float | None:
        """Half the width of its interval."""
        low, high = self.metric["low"], self.metric["high"]
        return None if low is None or high is None else (high - low) / 2


@dataclass(frozen=True)
class Best:
    """What a sweep recommends.

    Attributes:
        metric: what was minimised.
        dimension: its dimension.
        winner: the feasible row with the smallest estimate; None if none is feasible.
        runner_up: the next; None if there is no other.
        difference: runner-up less winner, paired by replication, at a level that allows for the
            winner being the best of many; without ends with a single replication.
        level: that level.
        alike: how many others cannot be told from the winner, the runner-up included.
        infeasible: rows that do not meet the rules.
        undecided: rows of which the rules are undecided; they are not chosen.
        no_data: feasible rows without data.
    """

    metric: str
    dimension: str
    winner: Choice | None
    runner_up: Choice | None
    difference: Interval | None
    level: float
    alike: int
    infeasible: int
    undecided: int
    no_data: int

    @property
    def distinguishable(self) -> bool:
        """Whether winner and runner-up differ by more than noise."""
        return self.difference is not None and self.difference.excludes(0.0)


def best_of(sweep: Sweep, metric: str) -> Best:
    """Return the best row of a sweep by a metric, among those that meet its rules."""
    rows = list(sweep.rows())
    feasible = [row for row in rows if row["feasible"] == "yes"]
    choices = [
        Choice(row["point"], row["variant"], row["metrics"][metric])
        for row in feasible
        if row["metrics"][metric]["estimate"] is not None
    ]
    choices.sort(key=lambda choice: choice.estimate)
    level = bonferroni(LEVEL, len(choices) - 1)
    differences = [_difference(choices[0], other, level) for other in choices[1:]]
    dimension = rows[0]["metrics"][metric]["dimension"] if rows else "number"
    return Best(
        metric,
        dimension,
        choices[0] if choices else None,
        choices[1] if len(choices) > 1 else None,
        differences[0] if differences else None,
        level,
        sum(each is None or not each.excludes(0.0) for each in differences),
        sum(row["feasible"] == "no" for row in rows),
        sum(row["feasible"] == "undecided" for row in rows),
        len(feasible) - len(choices),
    )


def _difference(winner: Choice, other: Choice, level: float) -> Interval | None:
    """Return other less winner over the replications that both have."""
    one = {str(number): value for number, value in winner.metric["values"].items()}
    two = {str(number): value for number, value in other.metric["values"].items()}
    pairs = [number for number in one if number in two]
    if not pairs:
        return None
    return paired_difference([one[n] for n in pairs], [two[n] for n in pairs], level)
