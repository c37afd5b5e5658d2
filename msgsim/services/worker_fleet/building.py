"""From the properties of a fleet to what its workers are made of and what decides their number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgsim.kernel.distributions import Distribution, Exponential
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import NS_PER_S
from msgsim.model.chance import Chance, distribution
from msgsim.model.service import Context
from msgsim.services.worker_fleet.autoscaler import Autoscaler, Pods, Tracking
from msgsim.services.worker_fleet.daemons import JobWorker, Sqsd, SqsdWorker
from msgsim.services.worker_fleet.drain import Leaving, Spot
from msgsim.services.worker_fleet.groups import (
    PAGE,
    DemandSpec,
    KedaSpec,
    PolicySpec,
    SpotSpec,
    SqsdSpec,
    TargetTrackingSpec,
)
from msgsim.services.worker_fleet.pods import PodRules, PodScaler
from msgsim.services.worker_fleet.prefetch import Fetching
from msgsim.services.worker_fleet.presets import startup
from msgsim.services.worker_fleet.routine import Shape
from msgsim.services.worker_fleet.scaling import PolicyRules, Step, TargetTracking, TrackingRules
from msgsim.services.worker_fleet.spec import FleetSpec
from msgsim.services.worker_fleet.worker import Worker
from msgsim.units import duration_ns

KIND = "worker.fleet"


def shape_of(
    name: str,
    spec: FleetSpec,
    context: Context,
    receive_time: Sampler[int] | None,
    back_off: Callable[[int], int],
) -> Shape:
    """Return what a worker of the fleet is made of."""
    fetching = None
    if spec.prefetch is not None:
        ahead = spec.prefetch
        fetching = Fetching(ahead.messages, ahead.drop_expired, receive_time, back_off)
    make: Callable[[Any, Any], Worker] = Worker
    job_start = None
    if spec.sqsd is not None:
        make = SqsdWorker
    elif spec.job is not None:
        make = JobWorker
        job_start = _times(name, "job_start", spec.job.startup, "batch_job_start", context)
    return Shape(
        threads=spec.loops,
        startup=_startup(name, spec, context),
        leaving=Leaving(spec.stop.mode, spec.stop.grace),
        spot=_spot(name, spec.spot, context) if spec.spot is not None else None,
        fetching=fetching,
        make=make,
        sqsd=_sqsd(spec.sqsd) if spec.sqsd is not None else None,
        job_start=job_start,
    )


def _startup(name: str, spec: FleetSpec, context: Context) -> Sampler[int] | None:
    if spec.startup is None and spec.preset is None:
        return None
    assumed = startup(spec.preset) if spec.preset is not None else ""
    return _times(name, "startup", spec.startup, assumed, context)


def _times(
    name: str, purpose: str, given: Chance | None, assumed: str, context: Context
) -> Sampler[int]:
    found: Distribution
    if given is not None:
        found = given.resolve(context.base_path)
    else:
        found = distribution(context.assumption(KIND, assumed))
    return context.sim.times(name, purpose, found)


def _spot(name: str, spec: SpotSpec, context: Context) -> Spot:
    lifetime = None
    if spec.rate > 0:
        lifetime = context.sim.times(name, "spot", Exponential(NS_PER_S / spec.rate))
    planned = tuple((each.at, each.workers) for each in spec.interruptions)
    replaced = "noticed" if spec.rebalance else spec.replaced
    return Spot(lifetime, planned, spec.notice, spec.heeded, replaced)


def _sqsd(spec: SqsdSpec) -> Sqsd:
    return Sqsd(
        spec.InactivityTimeout * NS_PER_S,
        spec.ErrorVisibilityTimeout * NS_PER_S,
        spec.RetentionPeriod * NS_PER_S,
    )


def autoscaler_of(spec: FleetSpec, context: Context) -> Autoscaler | None:
    """Return what decides how many workers there are; None for a fixed number."""
    scaling = spec.scaling
    if scaling is None:
        return None
    tracking = pods = None
    if scaling.target_tracking is not None:
        tracking = _tracking(scaling.target_tracking, context)
    if scaling.keda is not None:
        pods = _keda(scaling.keda)
    elif scaling.demand is not None:
        pods = _demand(scaling.demand, spec.loops, context)
    policies = {policy.PolicyName: _policy(policy) for policy in scaling.policies}
    return Autoscaler(scaling.min, scaling.max, policies, tracking, pods)


def _assumed_ns(context: Context, name: str) -> int:
    return duration_ns(str(context.assumption(KIND, name)))


def _tracking(spec: TargetTrackingSpec, context: Context) -> Tracking:
    rules = TrackingRules(
        spec.TargetValue,
        int(context.assumption(KIND, "tracking_high_datapoints")),
        int(context.assumption(KIND, "tracking_low_datapoints")),
        float(context.assumption(KIND, "tracking_low_share")),
        spec.ScaleInCooldown * NS_PER_S,
        max(spec.EstimatedInstanceWarmup, spec.ScaleOutCooldown) * NS_PER_S,
        not spec.DisableScaleIn,
    )
    return Tracking(TargetTracking(rules), _assumed_ns(context, "metric_delay"))


def _keda(spec: KedaSpec) -> Pods:
    rules = PodRules(
        spec.queueLength,
        PAGE.quota("hpa_tolerance"),
        PAGE.quota("hpa_pods_added"),
        spec.stabilizationWindowSeconds * NS_PER_S,
        spec.activationQueueLength,
        spec.cooldownPeriod * NS_PER_S,
    )
    return Pods(
        PodScaler(rules),
        PAGE.quota("hpa_sync") * NS_PER_S,
        spec.scaleOnInFlight,
        spec.scaleOnDelayed,
        spec.pollingInterval * NS_PER_S,
    )


def _demand(spec: DemandSpec, per_worker: int, context: Context) -> Pods:
    idle = _assumed_ns(context, "batch_idle") if spec.idle is None else spec.idle
    every = _assumed_ns(context, "batch_evaluation") if spec.every is None else spec.every
    return Pods(PodScaler(PodRules(per_worker, window_ns=idle)), every)


def _policy(spec: PolicySpec) -> PolicyRules:
    steps = [
        Step(each.MetricIntervalLowerBound, each.MetricIntervalUpperBound, each.ScalingAdjustment)
        for each in spec.StepAdjustments
    ]
    warmup = spec.Cooldown if spec.EstimatedInstanceWarmup is None else spec.EstimatedInstanceWarmup
    return PolicyRules(
        spec.PolicyName,
        steps if spec.PolicyType == "StepScaling" else (),
        spec.ScalingAdjustment or 0,
        spec.AdjustmentType,
        spec.MinAdjustmentMagnitude,
        spec.Cooldown * NS_PER_S,
        warmup * NS_PER_S,
    )
