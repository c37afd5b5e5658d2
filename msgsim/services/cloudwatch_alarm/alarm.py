"""CloudWatch alarms as components: they look once a minute, change state, and act."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import NS_PER_S, Simulation
from msgsim.model import facts
from msgsim.model.message import Key, Message
from msgsim.model.ports import Scaled, Target
from msgsim.services.cloudwatch_alarm.evaluation import INSUFFICIENT_DATA, Rule
from msgsim.services.cloudwatch_alarm.readings import Reading, Sample, merged

MINUTE_NS = 60 * NS_PER_S
FIRST_NUMBER = 1 << 42  # far above the numbers of published and of moved messages


@dataclass(frozen=True, slots=True)
class Policy:
    """The action that carries out a policy of a fleet."""

    fleet: Scaled
    name: str


Action = Policy | Target


@dataclass(frozen=True, slots=True)
class Watch:
    """What an alarm looks at.

    Attributes:
        metric: its name, for notifications.
        statistic: which statistic of a period is the datapoint.
        period_ns: how long a period is; whole minutes.
        delay_ns: how long after a minute its sample can be read.
    """

    metric: str
    statistic: str
    period_ns: int = MINUTE_NS
    delay_ns: int = 0


class Alarm(Component):
    """A CloudWatch alarm: a threshold that compares the last periods of one metric.

    Every minute it looks at the periods that end now, a window that slides. What it finds
    changes what fleets do, so that it is a part of the model and reads the model itself.

    Args:
        watch: what is looked at.
        rule: when it goes off.
        next_number: numbers for its notifications.
    """

    kind = "cloudwatch.alarm"
    signals = (facts.ALARM_CHANGED, facts.PUBLISHED, facts.CALLED, facts.REFUSED)

    def __init__(
        self,
        sim: Simulation,
        name: str,
        watch: Watch,
        rule: Rule,
        next_number: Callable[[], int],
    ) -> None:
        super().__init__(sim, name)
        self.state = INSUFFICIENT_DATA
        self._watch = watch
        self._rule = rule
        self._next_number = next_number
        self._reading: Reading | None = None
        self._actions: Mapping[str, Sequence[Action]] = {}
        self._acted_ns = 0
        self._minutes: deque[Sample | None] = deque(maxlen=self._per_period * rule.range)
        self._key = Key(name, name)

    @property
    def _per_period(self) -> int:
        return self._watch.period_ns // MINUTE_NS

    def connect(self, reading: Reading, actions: Mapping[str, Sequence[Action]]) -> None:
        """Say where the metric comes from, and what each state sets off."""
        self._reading = reading
        self._actions = actions

    def start(self) -> None:
        """Look once a minute from now on."""
        self.sim.process(self._look())

    def _look(self) -> Generator[Any, Any, None]:
        assert self._reading is not None
        while True:
            yield self.sim.sleep(MINUTE_NS)
            self.sim.after(self._watch.delay_ns, self._see, self._reading.minute(self.sim.now))

    def _see(self, sample: Sample | None) -> None:
        self._minutes.append(sample)
        points = self._datapoints()
        state = self._rule.state(points)
        changed = state is not None and state != self.state
        if changed:
            assert state is not None
            self.state = state
        self._act(changed, points)

    def _datapoints(self) -> list[float | None]:
        """Return the datapoints of the evaluation range, oldest first."""
        minutes, size = list(self._minutes), self._per_period
        missing: list[Sample | None] = [None] * (size * self._rule.range - len(minutes))
        minutes = missing + minutes
        periods = (merged(minutes[at : at + size]) for at in range(0, len(minutes), size))
        statistic = self._watch.statistic
        return [None if one is None else one.statistic(statistic) for one in periods]

    def _act(self, changed: bool, points: Sequence[float | None]) -> None:
        """Set the actions of the state off: policies in each period of it, topics when it begins.

        Source: CloudWatch User Guide, alarms, "alarm actions".
        """
        now = self.sim.now
        reason = self._rule.reason(self.state, points) if changed else ""
        if changed and self.on_alarm_changed is not None:
            self.on_alarm_changed(now, self.state, reason)
        if not changed and now - self._acted_ns < self._watch.period_ns:
            return
        self._acted_ns = now
        latest = next((point for point in reversed(points) if point is not None), None)
        for action in self._actions.get(self.state, ()):
            if isinstance(action, Policy):
                beyond = 0.0 if latest is None else latest - self._rule.threshold
                action.fleet.scale(action.name, beyond)
            elif changed:
                self._notify(action, reason)

    def _notify(self, topic: Target, reason: str) -> None:
        """Publish the change; as on AWS, a publish that fails is not repeated."""
        now = self.sim.now
        body = json.dumps(
            {
                "AlarmName": self.name,
                "NewStateValue": self.state,
                "NewStateReason": reason,
                "Trigger": {"MetricName": self._watch.metric, "Threshold": self._rule.threshold},
            }
        )
        number, key = self._next_number(), self._key
        fifo = f"{self.name}-{number}" if getattr(topic, "fifo", False) else None
        message = Message(number, key, key.issued, now, len(body), body=body, deduplication_id=fifo)
        key.issued += 1
        if self.on_published is not None:
            self.on_published(now, message)
        error = topic.accept(message)
        if self.on_called is not None:
            self.on_called(now, [message], error)
        if error is not None and self.on_refused is not None:
            self.on_refused(now, message, error)
