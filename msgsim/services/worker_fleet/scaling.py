"""Scaling policies: how many workers a metric asks for. What they know, without time's flow.

Sources: EC2 Auto Scaling User Guide (target tracking, step and simple scaling, cooldowns,
as-using-sqs-queue); Application Auto Scaling User Guide. What AWS does not publish is named an
assumption on the page.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor


@dataclass(frozen=True, slots=True)
class TrackingRules:
    """A target tracking policy on the backlog per worker.

    Attributes:
        target: messages that may wait for each running worker.
        high_points: datapoints above the target that start a scale-out.
        low_points: datapoints below the low mark that start a scale-in.
        low_share: the low mark as a share of the target.
        scale_in_cooldown_ns: shortest time between two scale-ins.
        warmup_ns: how long after its start a worker holds scale-in back.
        scales_in: False for `DisableScaleIn`.
    """

    target: float
    high_points: int
    low_points: int
    low_share: float
    scale_in_cooldown_ns: int = 0
    warmup_ns: int = 0
    scales_in: bool = True


class TargetTracking:
    """Keeps a metric that is divided by the number of workers near its target."""

    def __init__(self, rules: TrackingRules) -> None:
        self.rules = rules
        self._points: deque[float | None] = deque(maxlen=max(rules.high_points, rules.low_points))
        self._scaled_in_ns: int | None = None

    def decide(
        self, now: int, metric: float | None, running: int, desired: int, warming: bool
    ) -> int | None:
        """Take one datapoint; return the new desired size, or None to leave it.

        Args:
            now: the time (ns).
            metric: backlog per running worker; None when no worker runs, which scales nothing.
            running: workers in service.
            desired: the size asked for so far.
            warming: whether a worker starts or warms up.
        """
        rules = self.rules
        self._points.append(metric)
        if metric is None:
            return None
        wanted = ceil(running * metric / rules.target)
        if self._all(rules.high_points, lambda point: point > rules.target):
            return wanted if wanted > desired else None
        low = rules.low_share * rules.target
        if not rules.scales_in or warming or wanted >= desired or self._cooling(now):
            return None
        if self._all(rules.low_points, lambda point: point < low):
            self._scaled_in_ns = now
            return wanted
        return None

    def _cooling(self, now: int) -> bool:
        since = self._scaled_in_ns
        return since is not None and now < since + self.rules.scale_in_cooldown_ns

    def _all(self, count: int, test: object) -> bool:
        points = list(self._points)[-count:]
        return len(points) == count and all(
            point is not None and test(point)  # type: ignore[operator]
            for point in points
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step adjustment: its bounds are distances from the alarm's threshold."""

    lower: float | None
    upper: float | None
    adjustment: int

    def holds(self, beyond: float) -> bool:
        """Say whether a breach is this step's: bounds include the end near the threshold."""
        if beyond >= 0:
            above = self.lower is None or beyond >= self.lower
            return above and (self.upper is None or beyond < self.upper)
        below = self.upper is None or beyond <= self.upper
        return below and (self.lower is None or beyond > self.lower)


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """A step or simple scaling policy, which an alarm carries out.

    Attributes:
        name: `PolicyName`.
        steps: of a step scaling policy; empty for a simple one.
        adjustment: of a simple scaling policy.
        adjustment_type: `ChangeInCapacity`, `ExactCapacity` or `PercentChangeInCapacity`.
        least: `MinAdjustmentMagnitude` of a percentage.
        cooldown_ns: `Cooldown` of a simple policy.
        warmup_ns: `EstimatedInstanceWarmup` of a step policy.
    """

    name: str
    steps: Sequence[Step] = ()
    adjustment: int = 0
    adjustment_type: str = "ChangeInCapacity"
    least: int = 1
    cooldown_ns: int = 0
    warmup_ns: int = 0

    @property
    def simple(self) -> bool:
        """Whether it waits for its cooldown before it acts again."""
        return not self.steps

    def wanted(self, capacity: int, beyond: float) -> int | None:
        """Return the capacity the policy asks for; None when no step fits the breach."""
        adjustment = self.adjustment
        if self.steps:
            step = next((each for each in self.steps if each.holds(beyond)), None)
            if step is None:
                return None
            adjustment = step.adjustment
        if self.adjustment_type == "ExactCapacity":
            return adjustment
        if self.adjustment_type == "PercentChangeInCapacity":
            return capacity + percentage(capacity, adjustment, self.least)
        return capacity + adjustment


def percentage(capacity: int, percent: int, least: int = 1) -> int:
    """Return how many workers a percentage means: rounded towards zero, but never to nothing.

    Source: EC2 Auto Scaling User Guide, step and simple scaling, "adjustment types".
    """
    exact = capacity * percent / 100
    if exact == 0:
        return 0
    size = max(1, floor(abs(exact)), least)
    return size if exact > 0 else -size
