"""What YAML may say about an alarm, and what CloudWatch would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, cast

from msgsim.model.catalog import page_beside
from msgsim.model.service import Finding, Specs, kind_of
from msgsim.model.spec import (
    AwsNumber,
    FieldError,
    Number,
    Parsed,
    RefTo,
    Spec,
    String,
    one_of,
)
from msgsim.problems import did_you_mean, quote
from msgsim.services.cloudwatch_alarm.evaluation import COMPARISONS, TREATMENTS
from msgsim.services.cloudwatch_alarm.metrics import KINDS, METRICS, of_kind
from msgsim.services.cloudwatch_alarm.readings import STATISTICS

PAGE = page_beside(__file__, "cloudwatch.alarm.md")
HOUR_S = 3_600

ACTIONS = {
    "ALARM": "AlarmActions",
    "OK": "OKActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}


def _resource(value: Any) -> str:
    """Read the name of a resource, or CloudFormation's list of one dimension with that value."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0].get("Value", value)
    if not isinstance(value, str):
        hint = "such as Dimensions: Orders, or [{Name: QueueName, Value: Orders}]"
        raise FieldError("E130", "Dimensions is the name of one resource", hint)
    return str(value)


class AlarmSpec(Spec):
    """Properties of `cloudwatch.alarm`, in AWS's spelling; `Dimensions` names a resource."""

    MetricName: String
    Dimensions: Annotated[
        str, Parsed(_resource, {"type": ["string", "array"], "examples": ["Orders"]}), RefTo(*KINDS)
    ]
    Threshold: Number
    ComparisonOperator: Annotated[str, one_of(*COMPARISONS)]
    Namespace: Annotated[str | None, one_of(*METRICS)] = None
    Statistic: Annotated[str, one_of(*STATISTICS)] = "Average"
    Period: Annotated[int, AwsNumber(PAGE, "Period")] = 60
    EvaluationPeriods: Annotated[int, AwsNumber(PAGE, "EvaluationPeriods")]
    DatapointsToAlarm: Annotated[int | None, AwsNumber(PAGE, "DatapointsToAlarm")] = None
    TreatMissingData: Annotated[str, one_of(*TREATMENTS)] = "missing"
    AlarmActions: tuple[String, ...] = ()
    OKActions: tuple[String, ...] = ()
    InsufficientDataActions: tuple[String, ...] = ()

    def actions(self) -> Iterator[tuple[str, int, str]]:
        """Yield property, index and text of every action."""
        for name in ACTIONS.values():
            for index, text in enumerate(getattr(self, name)):
                yield name, index, text


CODES = {
    "E360": "an alarm on a metric that its resource does not have",
    "E361": "an alarm that looks back further than CloudWatch allows",
    "E362": "more datapoints to alarm than are evaluated",
    "E363": "an action of an alarm that does not exist",
    "E364": "a period that is no multiple of a minute",
}


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what PutMetricAlarm would refuse, and actions that lead nowhere."""
    alarm = cast("AlarmSpec", spec)
    yield from _metric(alarm, specs)
    yield from _periods(name, alarm)
    for field, index, text in alarm.actions():
        yield from _action(field, index, text, specs)


def _metric(alarm: AlarmSpec, specs: Specs) -> Iterator[Finding]:
    target = specs.get(alarm.Dimensions)
    places = getattr(target, "configured", ())
    known = {
        name: namespace
        for name, namespace in of_kind(kind_of(target)).items()
        if METRICS[namespace][name].place in ("", *places)
    }
    if target is None or not known:
        return
    if alarm.MetricName not in known:
        meant = did_you_mean(alarm.MetricName, known)
        yield Finding(
            "E360",
            f"{alarm.Dimensions} has no metric {quote(alarm.MetricName)} that alarms can watch",
            ("MetricName",),
            f"did you mean {meant}?" if meant else f"known: {', '.join(known)}",
        )
    elif alarm.Namespace not in (None, known[alarm.MetricName]):
        yield Finding(
            "E360",
            f"{alarm.MetricName} of {alarm.Dimensions} is in another namespace",
            ("Namespace",),
            f"write Namespace: {known[alarm.MetricName]}, or leave it out",
        )


def _periods(name: str, alarm: AlarmSpec) -> Iterator[Finding]:
    if alarm.Period % 60:
        yield Finding(
            "E364",
            f"msgsim looks at metrics by the minute, but Period is {alarm.Period} s",
            ("Period",),
            "60, or a multiple of it; high-resolution alarms are not modelled",
        )
    longest = PAGE.quota("evaluation_day" if alarm.Period < HOUR_S else "evaluation_week")
    if alarm.Period * alarm.EvaluationPeriods > longest:
        yield Finding(
            "E361",
            f"AWS refuses this (ValidationError): {name} evaluates {alarm.EvaluationPeriods} × "
            f"{alarm.Period} s, and CloudWatch allows {longest:,} s",
            ("EvaluationPeriods",),
            f"at most {longest // alarm.Period}",
        )
    wanted = alarm.DatapointsToAlarm
    if wanted is not None and wanted > alarm.EvaluationPeriods:
        yield Finding(
            "E362",
            f"AWS refuses this (ValidationError): {wanted} datapoints cannot breach out of "
            f"{alarm.EvaluationPeriods}",
            ("DatapointsToAlarm",),
            "DatapointsToAlarm is at most EvaluationPeriods",
        )


def _action(field: str, index: int, text: str, specs: Specs) -> Iterator[Finding]:
    name, dot, policy = text.partition(".")
    target = specs.get(name)
    known = list(getattr(target, "policy_names", ()))
    if dot and policy in known:
        return
    if not dot and kind_of(target) == "sns.topic":
        return
    if known:
        meant = f"such as {name}.{did_you_mean(policy, known) or known[0]}"
    else:
        fits = [other for other, each in specs.items() if kind_of(each) == "sns.topic"]
        fits += [
            f"{other}.{each_policy}"
            for other, each in specs.items()
            for each_policy in getattr(each, "policy_names", ())
        ]
        guess = did_you_mean(text, fits)
        meant = f"did you mean {guess}?" if guess else f"known: {', '.join(fits[:8]) or 'none'}"
    yield Finding(
        "E363",
        f"{quote(text)} is neither a topic nor a scaling policy of a fleet (Fleet.PolicyName)",
        (field, index),
        meant,
    )
