"""Kubernetes' autoscaler on a queue length, and KEDA's switch between none and one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class PodRules:
    """How many replicas a number of messages asks for.

    Attributes:
        per_replica: `queueLength`, messages for each replica.
        tolerance: how far off the ratio may be before anything is done.
        most_added: replicas that may be added in one step; None without limit.
        window_ns: `stabilizationWindowSeconds` for scaling down.
        activation: `activationQueueLength`, above which the trigger is active.
        cooldown_ns: `cooldownPeriod`, how long after the last activity to go to zero.
    """

    per_replica: float
    tolerance: float = 0.0
    most_added: int | None = None
    window_ns: int = 0
    activation: int = 0
    cooldown_ns: int = 0


class PodScaler:
    """The Horizontal Pod Autoscaler with an external metric of type AverageValue.

    Scaling up takes the latest recommendation, at most 4 pods or as many as there are in 15 s;
    scaling down the highest recommendation of the stabilisation window.
    Source: kubernetes.io, Horizontal Pod Autoscaling, "default behavior".
    """

    def __init__(self, rules: PodRules) -> None:
        self.rules = rules
        self._recent: deque[tuple[int, int]] = deque()
        self._active_ns = 0

    def recommend(self, now: int, messages: int, current: int) -> int:
        """Return how many replicas there should be."""
        rules = self.rules
        wanted = ceil(messages / rules.per_replica)
        ratio = messages / (rules.per_replica * current) if current else None
        if ratio is not None and abs(ratio - 1) <= rules.tolerance:
            wanted = current
        recent = self._recent
        recent.append((now, wanted))
        while recent[0][0] <= now - rules.window_ns and len(recent) > 1:
            recent.popleft()
        if wanted > current:
            if rules.most_added is None:
                return wanted
            return min(wanted, max(current + rules.most_added, 2 * current))
        return min(current, max(each for _, each in recent))

    def activate(self, now: int, messages: int, current: int) -> int:
        """Return 1 where there are none and messages wait; 0 after a long time without any."""
        if messages > self.rules.activation:
            self._active_ns = now
            return max(1, current)
        return 0 if now - self._active_ns >= self.rules.cooldown_ns else current
