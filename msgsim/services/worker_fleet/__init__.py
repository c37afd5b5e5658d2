"""Fleets of workers that poll a queue: processes on machines or in containers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from msgsim.kernel.distributions import Constant, Distribution, Exponential, Uniform
from msgsim.kernel.sampling import Sampler
from msgsim.model.chance import Chance, distribution
from msgsim.model.failing import failure_rule
from msgsim.model.service import Context, Service
from msgsim.services.worker_fleet.building import autoscaler_of, shape_of
from msgsim.services.worker_fleet.fleet import Fleet
from msgsim.services.worker_fleet.groups import PAGE
from msgsim.services.worker_fleet.heartbeat import Beats
from msgsim.services.worker_fleet.routine import BackOff, Crash, Routine
from msgsim.services.worker_fleet.spec import CODES, FleetSpec, check
from msgsim.units import duration_ns

KIND = "worker.fleet"
NS_PER_S = 1_000_000_000


def build(name: str, spec: FleetSpec, context: Context) -> Fleet:
    """Make the fleet that the spec describes."""
    sim = context.sim
    lifetime: Sampler[int] | None = None
    if spec.crash_rate > 0:
        lifetime = sim.times(name, "lifetime", Exponential(NS_PER_S / spec.crash_rate))
    back_off = _back_off(name, context)
    receive_time = _call_time(name, "receive_time", spec.receive_time, context)
    return Fleet(
        sim,
        name,
        spec.first,
        _routine(spec, context),
        sim.times(name, "handler", spec.handler.time.resolve(context.base_path)),
        back_off,
        fails=failure_rule(
            spec.handler,
            lambda: context.sim.sampler(name, "fails", Uniform(0, 1)),
            lambda: context.sim.now,
        ),
        receive_time=receive_time if spec.prefetch is None else None,
        delete_time=_call_time(name, "delete_time", spec.delete_time, context),
        crashes=[
            Crash(
                crash.at,
                crash.worker,
                spec.restart_after if crash.restart_after is None else crash.restart_after,
            )
            for crash in spec.crash
        ],
        lifetime=lifetime,
        away_ns=spec.restart_after,
        start_ns=spec.start,
        shape=shape_of(name, spec, context, receive_time, back_off.wait_ns),
        autoscaler=autoscaler_of(spec, context),
    )


def _routine(spec: FleetSpec, context: Context) -> Routine:
    wait_s = spec.WaitTimeSeconds
    if wait_s is None:
        wait_s = int(context.assumption(KIND, "wait_time"))
    idle_ns = _idle_ns(spec, context) if wait_s == 0 else 0
    timeout, beat = spec.VisibilityTimeout, spec.heartbeat
    return Routine(
        limit=spec.MaxNumberOfMessages,
        wait_ns=wait_s * NS_PER_S,
        visibility_ns=None if timeout is None else timeout * NS_PER_S,
        idle_ns=idle_ns,
        in_sequence=spec.order == "sequence",
        delete_each=spec.delete == "each",
        heartbeat=Beats(beat.every, beat.to, beat.most) if beat is not None else None,
    )


def _idle_ns(spec: FleetSpec, context: Context) -> int:
    return spec.idle or duration_ns(str(context.assumption(KIND, "idle")))


def _back_off(name: str, context: Context) -> BackOff:
    def time(purpose: str) -> int:
        return duration_ns(str(context.assumption(KIND, purpose)))

    return BackOff(
        time("retry_base"),
        time("retry_cap"),
        int(context.assumption(KIND, "delete_attempts")),
        context.sim.sampler(name, "back-off", Uniform(0, 1)).draw,
    )


def _call_time(
    name: str, purpose: str, given: Chance | None, context: Context
) -> Sampler[int] | None:
    """Return the latency of a call, or None when it takes no time and needs no event."""
    found: Distribution
    if given is not None:
        found = given.resolve(context.base_path)
    else:
        found = distribution(context.assumption(KIND, purpose))
    if isinstance(found, Constant) and found.value == 0:
        return None
    return context.sim.times(name, purpose, found)


def connect(fleet: Fleet, spec: FleetSpec, context: Context) -> None:
    """Find the queue; how long its receives wait holds for a fleet that does not say."""
    queue: Any = context.find(spec.queue)
    skips = queue.fifo if spec.after_failure is None else spec.after_failure == "skip_group"
    routine = fleet.routine
    wait_ns = getattr(queue, "default_wait_ns", None)
    if spec.WaitTimeSeconds is None and wait_ns is not None:
        idle_ns = 0 if wait_ns else _idle_ns(spec, context)
        routine = replace(routine, wait_ns=wait_ns, idle_ns=idle_ns)
    fleet.serve(queue, skips, routine)
    if fleet.autoscaler is not None:
        fleet.autoscaler.fleet = fleet
        fleet.autoscaler.queue = queue


SERVICE = Service(
    kind=KIND,
    spec=FleetSpec,
    build=build,
    connect=connect,
    page=PAGE,
    check=check,
    codes=CODES,
)
