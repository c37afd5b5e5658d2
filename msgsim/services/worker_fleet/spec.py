"""What YAML may say about a fleet of workers, and what makes no sense about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

from msgsim.model.catalog import page_beside
from msgsim.model.chance import TimeDistribution
from msgsim.model.failing import Failing
from msgsim.model.service import Finding, Specs
from msgsim.model.spec import (
    AwsNumber,
    Duration,
    Positive,
    Rate,
    RefTo,
    Spec,
    String,
    Whole,
    one_of,
)
from msgsim.units import format_duration

PAGE = page_beside(__file__, "worker.fleet.md")
NS_PER_S = 1_000_000_000


class WorkSpec(Failing):
    """The user's code: how long one message takes, and which messages fail."""

    time: TimeDistribution


class HeartbeatSpec(Spec):
    """ChangeMessageVisibility while a batch is worked: every so often, to so much from then."""

    every: Duration
    to: Duration


class CrashSpec(Spec):
    """One crash: when, of which worker (counted from 0), and when the worker is back."""

    at: Duration
    worker: Whole = 0
    restart_after: Duration | None = None


class FleetSpec(Spec):
    """Properties of `worker.fleet`: AWS's names for the parameters of calls, ours for the rest."""

    queue: Annotated[String, RefTo("sqs.queue")]
    workers: Positive
    handler: WorkSpec
    MaxNumberOfMessages: Annotated[int, AwsNumber(PAGE, "MaxNumberOfMessages")] = 1
    WaitTimeSeconds: Annotated[int | None, AwsNumber(PAGE, "WaitTimeSeconds")] = None
    VisibilityTimeout: Annotated[int | None, AwsNumber(PAGE, "VisibilityTimeout")] = None
    order: Annotated[str, one_of("sequence", "parallel")] = "sequence"
    delete: Annotated[str, one_of("each", "batch")] = "each"
    after_failure: Annotated[str | None, one_of("continue", "skip_group")] = None
    heartbeat: HeartbeatSpec | None = None
    receive_time: TimeDistribution | None = None
    delete_time: TimeDistribution | None = None
    idle: Duration | None = None
    crash: tuple[CrashSpec, ...] = ()
    crash_rate: Rate = 0.0
    restart_after: Duration = 30 * NS_PER_S
    start: Duration = 0


CODES = {
    "E350": "a crash of a worker that the fleet does not have",
    "E351": "short polling without a pause",
    "W250": "a batch takes longer than the visibility timeout",
    "W251": "a heartbeat that comes too late",
}

MOST_WORKERS = 100_000


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find timeouts that work outlives, heartbeats that come too late, crashes of nobody."""
    fleet = cast("FleetSpec", spec)
    if fleet.workers > MOST_WORKERS:
        message = f"{name} has {fleet.workers:,} workers; msgsim simulates up to {MOST_WORKERS:,}"
        yield Finding("E109", message, ("workers",), "simulate a part of the system")
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
        if not 0 <= crash.worker < fleet.workers:
            yield Finding(
                "E350",
                f"{name} has {fleet.workers} workers, numbered from 0: no worker {crash.worker}",
                ("crash", index, "worker"),
                f"0 to {fleet.workers - 1}",
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
    in_a_row = fleet.MaxNumberOfMessages if fleet.order == "sequence" else 1
    if mean * in_a_row > timeout_ns:
        yield Finding(
            "W250",
            f"{name} needs {format_duration(round(mean * in_a_row))} on average for a batch of "
            f"{in_a_row}, but the messages are visible again after {format_duration(timeout_ns)}: "
            "they will be processed more than once",
            (),
            "raise VisibilityTimeout, take fewer messages at a time, or add a heartbeat",
        )
