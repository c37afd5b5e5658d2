"""What makes no sense about a fleet's size, its policies, its client and its daemon."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any

from msgsim.model.service import Finding, Specs
from msgsim.services.worker_fleet.groups import PAGE, PolicySpec, ScalingSpec, StepSpec

if TYPE_CHECKING:
    from msgsim.services.worker_fleet.spec import FleetSpec

NS_PER_S = 1_000_000_000

CODES = {
    "E352": "a fleet whose smallest, first and largest size do not fit",
    "E353": "several scaling rules that would work against each other",
    "E354": "a scaling policy that AWS would refuse",
    "E355": "properties of a fleet that exclude each other",
    "W252": "target tracking that cannot leave zero workers",
    "W253": "MaxRetries that the queue's redrive policy contradicts",
    "W254": "a prefetch buffer that outlives the visibility timeout",
    "W255": "a heartbeat that SQS ends",
    "W256": "a grace that is too short for the work in hand",
}


def check_scaling(name: str, fleet: FleetSpec, specs: Specs) -> Iterator[Finding]:
    """Find sizes, policies and groups that do not go together."""
    if fleet.scaling is not None:
        yield from _sizes(name, fleet, fleet.scaling)
        yield from _rules(name, fleet.scaling)
    yield from _exclusive(name, fleet)
    yield from _advice(name, fleet, specs)


def _sizes(name: str, fleet: FleetSpec, scaling: ScalingSpec) -> Iterator[Finding]:
    if not 0 <= scaling.min <= scaling.max:
        message = f"{name} has min {scaling.min} and max {scaling.max}"
        yield Finding("E352", message, ("scaling", "min"), "min is from 0 to max")
    elif not scaling.min <= fleet.first <= scaling.max:
        message = f"{name} begins with {fleet.first}, outside {scaling.min} to {scaling.max}"
        yield Finding("E352", message, ("workers",), "workers lies between scaling.min and max")
    tracking = scaling.target_tracking
    if tracking is not None and tracking.TargetValue <= 0:
        message = f"AWS refuses this (ValidationError): a target of {tracking.TargetValue:g}"
        where = ("scaling", "target_tracking", "TargetValue")
        yield Finding("E354", message, where, "messages per worker, above 0")
    if tracking is not None and scaling.min == 0:
        yield Finding(
            "W252",
            f"{name} may shrink to 0 workers, where a backlog per worker is not defined: nothing "
            "would ever make it grow again",
            ("scaling", "min"),
            "set min to 1, or scale from zero with an alarm and a policy",
        )


def _rules(name: str, scaling: ScalingSpec) -> Iterator[Finding]:
    given = [
        word for word in ("target_tracking", "keda", "demand") if getattr(scaling, word) is not None
    ]
    if len(given) > 1 or (scaling.policies and {"keda", "demand"} & {*given}):
        both = " and ".join([*given, *(["policies"] if scaling.policies else [])])
        message = f"{name} scales by {both} at once"
        yield Finding("E353", message, ("scaling",), "keep one of them")
    seen: set[str] = set()
    for index, policy in enumerate(scaling.policies):
        where: tuple[str | int, ...] = ("scaling", "policies", index)
        if policy.PolicyName in seen:
            message = f"{name} has two policies {policy.PolicyName}"
            yield Finding("E354", message, (*where, "PolicyName"), "names are unique")
        seen.add(policy.PolicyName)
        yield from _policy(policy, where)


def _policy(policy: PolicySpec, where: tuple[str | int, ...]) -> Iterator[Finding]:
    step = policy.PolicyType == "StepScaling"
    if step and not policy.StepAdjustments:
        hint = "such as StepAdjustments: [{MetricIntervalLowerBound: 0, ScalingAdjustment: 2}]"
        message = "AWS refuses this (ValidationError): StepScaling needs StepAdjustments"
        yield Finding("E354", message, where, hint)
    if not step and policy.ScalingAdjustment is None:
        message = "AWS refuses this (ValidationError): SimpleScaling needs ScalingAdjustment"
        yield Finding("E354", message, where, "such as ScalingAdjustment: 2")
    if step and policy.ScalingAdjustment is not None:
        message = "AWS refuses this (ValidationError): ScalingAdjustment is for SimpleScaling"
        hint = "write it into StepAdjustments"
        yield Finding("E354", message, (*where, "ScalingAdjustment"), hint)
    spans = sorted(_span(each) for each in policy.StepAdjustments)
    overlapping = any(one[1] > two[0] for one, two in pairwise(spans))
    if overlapping or any(low >= high for low, high in spans):
        message = "AWS refuses this (ValidationError): the intervals of the steps overlap"
        hint = "each interval ends where the next begins"
        yield Finding("E354", message, (*where, "StepAdjustments"), hint)


def _span(step: StepSpec) -> tuple[float, float]:
    low, high = step.MetricIntervalLowerBound, step.MetricIntervalUpperBound
    return -inf if low is None else low, inf if high is None else high


def _exclusive(name: str, fleet: FleetSpec) -> Iterator[Finding]:
    given = [word for word in ("prefetch", "sqsd", "job") if getattr(fleet, word) is not None]
    if len(given) > 1:
        message = f"{name} has {' and '.join(given)}, which are different programs"
        yield Finding("E355", message, (given[1],), "keep one of them")
    if fleet.sqsd is not None and fleet.threads != 1:
        message = f"{name} has threads, which the daemon calls HttpConnections"
        yield Finding("E355", message, ("threads",), "set sqsd.HttpConnections")
    if fleet.prefetch is not None and fleet.delete == "batch":
        message = f"{name} takes messages from its buffer one by one: there is no batch to delete"
        yield Finding("E355", message, ("delete",), "delete: each")


def _advice(name: str, fleet: FleetSpec, specs: Specs) -> Iterator[Finding]:
    queue: Any = specs.get(fleet.queue)
    redrive = getattr(queue, "RedrivePolicy", None)
    if fleet.sqsd is not None and redrive is not None:
        wanted, have = fleet.sqsd.MaxRetries, redrive.maxReceiveCount
        if wanted != have:
            message = f"{name} has MaxRetries {wanted}, and {fleet.queue} moves after {have}"
            hint = "Beanstalk writes MaxRetries into the queue: make them equal"
            yield Finding("W253", message, ("sqsd", "MaxRetries"), hint)
    timeout_s = fleet.VisibilityTimeout or getattr(queue, "VisibilityTimeout", None)
    mean = fleet.handler.time.mean
    if fleet.prefetch is not None and timeout_s and mean is not None:
        waits_s = fleet.prefetch.messages * mean / fleet.threads / NS_PER_S
        if waits_s + mean / NS_PER_S > timeout_s:
            yield Finding(
                "W254",
                f"{name} fetches {fleet.prefetch.messages} messages ahead: the last waits "
                f"{waits_s:.0f} s for its thread, and its visibility timeout is {timeout_s} s",
                ("prefetch",),
                "fetch fewer ahead, or raise VisibilityTimeout",
            )
    beat, longest_s = fleet.heartbeat, PAGE.quota("longest_visibility")
    if beat is not None and mean is not None and mean > longest_s * NS_PER_S:
        message = f"{name} works longer than {longest_s:,} s, and SQS renews no receipt beyond that"
        yield Finding("W255", message, ("heartbeat",), "split the work into shorter messages")
    can_leave = fleet.scaling is not None or fleet.spot is not None
    if can_leave and fleet.stop.mode == "finish" and mean is not None:
        batch = 1 if fleet.prefetch else fleet.MaxNumberOfMessages
        long = mean * (batch if fleet.order == "sequence" else 1)
        if long > fleet.stop.grace:
            message = (
                f"{name} needs {long / NS_PER_S:.0f} s for what it has in hand, and is killed "
                f"{fleet.stop.grace / NS_PER_S:.0f} s after it is told to stop"
            )
            yield Finding("W256", message, ("stop", "grace"), "a longer grace, or mode: release")
