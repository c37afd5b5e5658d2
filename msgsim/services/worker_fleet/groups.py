"""The groups of properties of a fleet: heartbeats, prefetching, leaving, scaling, Spot, daemons."""

from __future__ import annotations

from typing import Annotated

from msgsim.model.catalog import page_beside
from msgsim.model.chance import TimeDistribution
from msgsim.model.spec import (
    AwsNumber,
    Bool,
    Duration,
    Number,
    Positive,
    Rate,
    Spec,
    String,
    Whole,
    one_of,
)
from msgsim.services.worker_fleet.drain import MODES, REPLACED

PAGE = page_beside(__file__, "worker.fleet.md")
NS_PER_S = 1_000_000_000


class HeartbeatSpec(Spec):
    """ChangeMessageVisibility while a batch is worked: every so often, to so much from then.

    `most` ends it so long after the receive; SQS itself ends it after 12 hours.
    """

    every: Duration
    to: Duration
    most: Duration | None = None


class PrefetchSpec(Spec):
    """A client that fetches ahead: how many messages may wait in its buffer."""

    messages: Positive
    drop_expired: Bool = False


class StopSpec(Spec):
    """What a worker does when it is told to stop, and after how long it is killed."""

    mode: Annotated[str, one_of(*MODES)] = "none"
    grace: Duration = 30 * NS_PER_S


class TargetTrackingSpec(Spec):
    """A target tracking policy on the backlog per worker."""

    TargetValue: Number
    DisableScaleIn: Bool = False
    ScaleOutCooldown: Annotated[int, AwsNumber(PAGE, "ScaleOutCooldown")] = 0
    ScaleInCooldown: Annotated[int, AwsNumber(PAGE, "ScaleInCooldown")] = 0
    EstimatedInstanceWarmup: Annotated[int, AwsNumber(PAGE, "EstimatedInstanceWarmup")] = 0


class StepSpec(Spec):
    """One step adjustment; its bounds are distances from the alarm's threshold."""

    MetricIntervalLowerBound: Number | None = None
    MetricIntervalUpperBound: Number | None = None
    ScalingAdjustment: Whole


class PolicySpec(Spec):
    """A step or simple scaling policy, which alarms name `Fleet.PolicyName`."""

    PolicyName: String
    PolicyType: Annotated[str, one_of("StepScaling", "SimpleScaling")] = "SimpleScaling"
    AdjustmentType: Annotated[
        str, one_of("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity")
    ] = "ChangeInCapacity"
    ScalingAdjustment: Whole | None = None
    StepAdjustments: tuple[StepSpec, ...] = ()
    MinAdjustmentMagnitude: Positive = 1
    Cooldown: Annotated[int, AwsNumber(PAGE, "Cooldown")] = 300
    EstimatedInstanceWarmup: Annotated[int | None, AwsNumber(PAGE, "EstimatedInstanceWarmup")] = (
        None
    )


class KedaSpec(Spec):
    """KEDA's trigger `aws-sqs-queue` and its ScaledObject, in their own spelling."""

    queueLength: Positive = 5  # noqa: N815 - KEDA's spelling
    activationQueueLength: Whole = 0  # noqa: N815
    scaleOnInFlight: Bool = True  # noqa: N815
    scaleOnDelayed: Bool = False  # noqa: N815
    pollingInterval: Annotated[int, AwsNumber(PAGE, "pollingInterval")] = 30  # noqa: N815
    cooldownPeriod: Annotated[int, AwsNumber(PAGE, "cooldownPeriod")] = 300  # noqa: N815
    stabilizationWindowSeconds: Annotated[  # noqa: N815
        int, AwsNumber(PAGE, "stabilizationWindowSeconds")
    ] = 300


class DemandSpec(Spec):
    """As many workers as there are messages, as a compute environment of AWS Batch has it."""

    every: Duration | None = None
    idle: Duration | None = None


class ScalingSpec(Spec):
    """How many workers there may be, and what decides how many there are."""

    min: Whole = 1
    max: Positive
    target_tracking: TargetTrackingSpec | None = None
    policies: tuple[PolicySpec, ...] = ()
    keda: KedaSpec | None = None
    demand: DemandSpec | None = None


class InterruptionSpec(Spec):
    """Planned interruptions: when the notice comes, and to how many workers."""

    at: Duration
    workers: Positive = 1


class SpotSpec(Spec):
    """Capacity that is taken back: how often, whether workers heed the notice, what follows."""

    rate: Rate = 0.0
    interruptions: tuple[InterruptionSpec, ...] = ()
    notice: Duration = 120 * NS_PER_S
    heeded: Bool = True
    rebalance: Bool = False
    replaced: Annotated[str, one_of(*REPLACED)] = "gone"


class SqsdSpec(Spec):
    """Options of Elastic Beanstalk's daemon (`aws:elasticbeanstalk:sqsd`)."""

    HttpConnections: Annotated[int, AwsNumber(PAGE, "HttpConnections")] = 50
    InactivityTimeout: Annotated[int, AwsNumber(PAGE, "InactivityTimeout")] = 299
    ErrorVisibilityTimeout: Annotated[int, AwsNumber(PAGE, "ErrorVisibilityTimeout")] = 2
    RetentionPeriod: Annotated[int, AwsNumber(PAGE, "RetentionPeriod")] = 345_600
    MaxRetries: Annotated[int, AwsNumber(PAGE, "MaxRetries")] = 10


class JobSpec(Spec):
    """Each message is a job of AWS Batch, whose container starts first."""

    startup: TimeDistribution | None = None
