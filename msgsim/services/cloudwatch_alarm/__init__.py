"""CloudWatch alarms: thresholds on metrics, whose states set scaling and notifications off."""

from __future__ import annotations

from itertools import count
from typing import Any

from msgsim.kernel.simulation import NS_PER_S
from msgsim.model.service import Context, Service
from msgsim.services.cloudwatch_alarm.alarm import FIRST_NUMBER, Action, Alarm, Policy, Watch
from msgsim.services.cloudwatch_alarm.evaluation import Rule
from msgsim.services.cloudwatch_alarm.metrics import METRICS, Reporting, of_kind
from msgsim.services.cloudwatch_alarm.spec import ACTIONS, CODES, PAGE, AlarmSpec, check
from msgsim.units import duration_ns

KIND = "cloudwatch.alarm"


def build(name: str, spec: AlarmSpec, context: Context) -> Alarm:
    """Make the alarm that the spec describes."""
    delay_ns = duration_ns(str(context.assumption(KIND, "publication_delay")))
    rule = Rule(
        spec.Threshold,
        spec.ComparisonOperator,
        spec.EvaluationPeriods,
        spec.DatapointsToAlarm or spec.EvaluationPeriods,
        spec.TreatMissingData,
        int(context.assumption(KIND, "extra_datapoints")),
    )
    watch = Watch(spec.MetricName, spec.Statistic, spec.Period * NS_PER_S, delay_ns)
    numbers = context.shared.setdefault("cloudwatch.notifications", count(FIRST_NUMBER))
    return Alarm(context.sim, name, watch, rule, numbers.__next__)


def connect(alarm: Alarm, spec: AlarmSpec, context: Context) -> None:
    """Find the component whose metric is watched, and what the states set off."""
    component = context.find(spec.Dimensions)
    namespace = of_kind(component.kind)[spec.MetricName]
    reporting = Reporting(
        PAGE.quota("queue_active") * NS_PER_S,
        duration_ns(str(context.assumption(KIND, "queue_reactivation"))),
        bool(context.assumption(KIND, "zero_when_empty")),
    )
    reading = METRICS[namespace][spec.MetricName].make(component, reporting)
    actions = {
        state: [_action(text, context) for text in getattr(spec, field)]
        for state, field in ACTIONS.items()
    }
    alarm.connect(reading, actions)


def _action(text: str, context: Context) -> Action:
    name, dot, policy = text.partition(".")
    found: Any = context.find(name)
    return Policy(found, policy) if dot else found


SERVICE = Service(
    kind=KIND,
    spec=AlarmSpec,
    build=build,
    connect=connect,
    page=PAGE,
    check=check,
    codes=CODES,
)
