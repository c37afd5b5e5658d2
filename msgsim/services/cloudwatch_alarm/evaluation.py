"""How CloudWatch decides the state of an alarm: what it knows, without time.

The rules, and the examples that the tests repeat, are those of the CloudWatch User Guide,
`alarms-and-missing-data`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

OK = "OK"
ALARM = "ALARM"
INSUFFICIENT_DATA = "INSUFFICIENT_DATA"

COMPARISONS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": ("at or above", lambda value, limit: value >= limit),
    "GreaterThanThreshold": ("above", lambda value, limit: value > limit),
    "LessThanThreshold": ("below", lambda value, limit: value < limit),
    "LessThanOrEqualToThreshold": ("at or below", lambda value, limit: value <= limit),
}
"""AWS's name of a comparison → words, and the comparison."""

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


@dataclass(frozen=True, slots=True)
class Rule:
    """When an alarm goes off: "M out of N" datapoints, and what a missing one counts as.

    Attributes:
        threshold: what datapoints are compared with.
        comparison: AWS's name of the comparison.
        evaluation_periods: N, how many datapoints are looked at.
        datapoints_to_alarm: M, how many of them must breach.
        missing: `missing`, `ignore`, `breaching` or `notBreaching`.
        extra: how many more datapoints are fetched in case some are missing.
    """

    threshold: float
    comparison: str = "GreaterThanThreshold"
    evaluation_periods: int = 1
    datapoints_to_alarm: int = 1
    missing: str = "missing"
    extra: int = 2

    @property
    def range(self) -> int:
        """The evaluation range: how many datapoints are fetched."""
        return self.evaluation_periods + self.extra

    def breaches(self, value: float) -> bool:
        """Say whether a datapoint is on the wrong side of the threshold."""
        return COMPARISONS[self.comparison][1](value, self.threshold)

    def state(self, points: Sequence[float | None]) -> str | None:
        """Return the state that the datapoints of the evaluation range stand for.

        Args:
            points: oldest first, None where a datapoint is missing.

        Returns:
            None to keep the state the alarm is in.
        """
        n, m = self.evaluation_periods, self.datapoints_to_alarm
        real = [self.breaches(point) for point in points if point is not None]
        if len(real) >= n:
            return ALARM if sum(real[-n:]) >= m else OK
        breaching = sum(real)
        if self.missing == "breaching":
            breaching += n - len(real)
        if breaching >= m:
            return ALARM
        if self.missing in {"breaching", "notBreaching"} or not all(real):
            return OK
        if self.missing == "ignore":
            return None
        return ALARM if self._since(points) >= m else INSUFFICIENT_DATA

    def _since(self, points: Sequence[float | None]) -> int:
        """Return how many datapoints ago the oldest real one is, 1 for the latest; 0 for none.

        With nothing but breaching and missing ones, an old breach is reason enough for an alarm.
        """
        first = next((index for index, point in enumerate(points) if point is not None), None)
        return 0 if first is None else len(points) - first

    def reason(self, state: str, points: Sequence[float | None]) -> str:
        """Return one sentence about why the alarm is in a state."""
        real = [point for point in points if point is not None][-self.evaluation_periods :]
        if not real:
            return f"no datapoints in the last {len(points)} periods"
        listed = ", ".join(f"{value:g}" for value in real)
        words = COMPARISONS[self.comparison][0]
        count = sum(self.breaches(value) for value in real)
        few = "" if state != INSUFFICIENT_DATA else ", too few to tell"
        noun = "datapoint" if len(real) == 1 else "datapoints"
        return f"{count} of the last {len(real)} {noun} ({listed}) {words} {self.threshold:g}{few}"
