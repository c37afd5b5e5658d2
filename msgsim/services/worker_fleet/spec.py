"""What YAML may say about a fleet of workers, and what makes no sense about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, cast

from pydantic import PrivateAttr, model_validator

from msgsim.model.chance import TimeDistribution, distribution
from msgsim.model.failing import Failing
from msgsim.model.service import Finding, Specs
from msgsim.model.spec import (
    AwsNumber,
    Duration,
    FieldError,
    Positive,
    Rate,
    RefTo,
    Spec,
    String,
    Whole,
    one_of,
)
from msgsim.services.worker_fleet import presets
from msgsim.services.worker_fleet.checks import CODES as SCALING_CODES
from msgsim.services.worker_fleet.checks import check_scaling
from msgsim.services.worker_fleet.groups import (
    PAGE,
    HeartbeatSpec,
    JobSpec,
    PrefetchSpec,
    ScalingSpec,
    SpotSpec,
    SqsdSpec,
    StopSpec,
)
from msgsim.units import format_duration

NS_PER_S = 1_000_000_000


class WorkSpec(Failing):
    """The user's code: how long one message takes, and which messages fail."""

    time: TimeDistribution


class CrashSpec(Spec):
    """One crash: when, of which worker (counted from 0), and when the worker is back."""

    at: Duration
    worker: Whole = 0
    restart_after: Duration | None = None


class FleetSpec(Spec):
    """Properties of `worker.fleet`: AWS's names for the parameters of calls, ours for the rest."""

    queue: Annotated[String, RefTo("sqs.queue")]
    preset: Annotated[str | None, one_of(*presets.named(PAGE))] = None
    workers: Positive | None = None
    handler: WorkSpec
    threads: Positive = 1
    MaxNumberOfMessages: Annotated[int, AwsNumber(PAGE, "MaxNumberOfMessages")] = 1
    WaitTimeSeconds: Annotated[int | None, AwsNumber(PAGE, "WaitTimeSeconds")] = None
    VisibilityTimeout: Annotated[int | None, AwsNumber(PAGE, "VisibilityTimeout")] = None
    order: Annotated[str, one_of("sequence", "parallel")] = "sequence"
    delete: Annotated[str, one_of("each", "batch")] = "each"
    after_failure: Annotated[str | None, one_of("continue", "skip_group")] = None
    heartbeat: HeartbeatSpec | None = None
    prefetch: PrefetchSpec | None = None
    receive_time: TimeDistribution | None = None
    delete_time: TimeDistribution | None = None
    idle: Duration | None = None
    crash: tuple[CrashSpec, ...] = ()
    crash_rate: Rate = 0.0
    restart_after: Duration = 30 * NS_PER_S
    start: Duration = 0
    startup: TimeDistribution | None = None
    stop: StopSpec = StopSpec()
    scaling: ScalingSpec | None = None
    spot: SpotSpec | None = None
    sqsd: SqsdSpec | None = None
    job: JobSpec | None = None

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _filled(cls, data: Any, handler: Any) -> Any:
        """Spell a preset out before the properties are read."""
        if not isinstance(data, Mapping):
            return handler(data)
        filled, origins = presets.fill(PAGE, data)
        made = handler(filled)
        made._origins.update(origins)
        return made

    @model_validator(mode="after")
    def _some(self) -> FleetSpec:
        if self.workers is None and self.scaling is None:
            hint = "add it, such as workers: 10"
            raise FieldError("E104", "worker.fleet needs `workers`", hint)
        return self

    @property
    def first(self) -> int:
        """How many workers run at the start: `workers`, or else as few as scaling allows."""
        if self.workers is not None:
            return self.workers
        return self.scaling.min if self.scaling is not None else 0

    @property
    def most(self) -> int:
        """How many workers there can be."""
        return self.scaling.max if self.scaling is not None else self.first

    @property
    def loops(self) -> int:
        """How many poll loops each worker has."""
        return self.sqsd.HttpConnections if self.sqsd is not None else self.threads

    @property
    def policy_names(self) -> tuple[str, ...]:
        """The scaling policies that alarms can carry out."""
        policies = self.scaling.policies if self.scaling is not None else ()
        return tuple(policy.PolicyName for policy in policies)

    def origins(self) -> Mapping[str, str]:
        """Return where properties come from that the user did not write, by dotted name."""
        return self._origins

    def assumed(self) -> Mapping[str, str]:
        """Return the assumption behind each property that is left to one."""
        found = {}
        if self.preset is not None and self.startup is None:
            found["startup"] = presets.startup(self.preset)
        return found


CODES = {
    "E350": "a crash of a worker that the fleet does not have",
    "E351": "short polling without a pause",
    "W250": "a batch takes longer than the visibility timeout",
    "W251": "a heartbeat that comes too late",
    **SCALING_CODES,
}

MOST_WORKERS = 100_000


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find timeouts that work outlives, heartbeats that come too late, crashes of nobody."""
    fleet = cast("FleetSpec", spec)
    if fleet.most * fleet.loops > MOST_WORKERS:
        count = fleet.most * fleet.loops
        message = f"{name} has {count:,} workers; msgsim simulates up to {MOST_WORKERS:,}"
        where = ("workers",) if fleet.scaling is None else ("scaling", "max")
        yield Finding("E109", message, where, "simulate a part of the system")
    yield from check_scaling(name, fleet, specs)
    timeout_s = fleet.VisibilityTimeout
    if timeout_s is None:
        timeout_s = getattr(specs.get(fleet.queue), "VisibilityTimeout", None)
    if timeout_s is not None:
        yield from _timeout(name, fleet, timeout_s * NS_PER_S)
    if fleet.WaitTimeSeconds == 0 and fleet.idle == 0:
        yield Finding(
            "E351",
            f"{name} would poll an empty queue again and again at one and the same instant",
            ("idle",),
            "set idle, such as 1s, or WaitTimeSeconds, such as 20",
        )
    for index, crash in enumerate(fleet.crash):
        if not 0 <= crash.worker < fleet.most:
            yield Finding(
                "E350",
                f"{name} has {fleet.most} workers, numbered from 0: no worker {crash.worker}",
                ("crash", index, "worker"),
                f"0 to {fleet.most - 1}",
            )


def _timeout(name: str, fleet: FleetSpec, timeout_ns: int) -> Iterator[Finding]:
    beat = fleet.heartbeat
    if beat is not None:
        if beat.every >= timeout_ns or beat.every >= beat.to:
            late = format_duration(min(timeout_ns, beat.to))
            yield Finding(
                "W251",
                f"{name} renews its receipts every {format_duration(beat.every)}: too late, "
                f"because their timeout ends after {late}",
                ("heartbeat", "every"),
                "make `every` about half of the shorter of VisibilityTimeout and `to`",
            )
        return
    mean = fleet.handler.time.mean
    if mean is None:
        return
    mean += _job_start(fleet)
    one_by_one = fleet.order == "parallel" or fleet.prefetch is not None
    in_a_row = 1 if one_by_one else fleet.MaxNumberOfMessages
    if mean * in_a_row > timeout_ns:
        yield Finding(
            "W250",
            f"{name} needs {format_duration(round(mean * in_a_row))} on average for a batch of "
            f"{in_a_row}, but the messages are visible again after {format_duration(timeout_ns)}: "
            "they will be processed more than once",
            (),
            "raise VisibilityTimeout, take fewer messages at a time, or add a heartbeat",
        )


def _job_start(fleet: FleetSpec) -> float:
    """Return how long a job's container takes to start on average (ns); 0 for other workers."""
    if fleet.job is None:
        return 0.0
    if fleet.job.startup is not None:
        return fleet.job.startup.mean or 0.0
    return distribution(PAGE.assumptions()["batch_job_start"].value).mean
