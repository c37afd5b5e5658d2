"""Lambda functions: synchronous and asynchronous invocation."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from msgsim.kernel.compound import Shifted
from msgsim.kernel.distributions import Distribution, Exponential, Uniform
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import NS_PER_S
from msgsim.kernel.waiting import TokenBucket
from msgsim.model.chance import Chance, distribution
from msgsim.model.failing import failure_rule
from msgsim.model.service import Context, Service
from msgsim.services.lambda_function.billing import meter
from msgsim.services.lambda_function.concurrency import AccountConcurrency
from msgsim.services.lambda_function.destinations import Destinations, way_to
from msgsim.services.lambda_function.environments import Environments
from msgsim.services.lambda_function.events import EventQueue, EventRules, Replicas
from msgsim.services.lambda_function.function import Function
from msgsim.services.lambda_function.handler import Handler
from msgsim.services.lambda_function.idempotency import (
    CLAIM,
    COMPLETE,
    RELEASE,
    IdempotentHandler,
    KeyStore,
    by_copy,
    by_message,
)
from msgsim.services.lambda_function.provisioned import Provisioned
from msgsim.services.lambda_function.spec import CODES, PAGE, FunctionSpec, check, cpu, pace
from msgsim.units import duration_ns

KIND = "lambda.function"
FIRST_DOCUMENT = 1 << 40  # far above the numbers of published messages
MEASURED_MB = 512


def build(name: str, spec: FunctionSpec, context: Context) -> Function:
    """Make the function that the spec describes."""
    sim = context.sim
    account = context.shared.get("lambda.concurrency")
    if account is None:
        account = AccountConcurrency(
            context.account.ConcurrentExecutions, PAGE.quota("requests_per_execution")
        )
        context.shared["lambda.concurrency"] = account
    idle_ns, max_age_ns = _assumed_ns(context, "idle_expiry"), _assumed_ns(context, "max_age")
    hand_off = distribution(context.assumption(KIND, "async_hand_off"))
    rules = _event_rules(spec, context)
    numbers = context.shared.setdefault("lambda.documents", count(FIRST_DOCUMENT))
    return Function(
        sim,
        name,
        _handler(name, spec, context),
        Environments(idle_ns, max_age_ns),
        account.share(spec.ReservedConcurrentExecutions),
        sim.times(name, "cold start", _cold_start(spec, context)),
        TokenBucket(PAGE.quota("scaling_burst"), PAGE.quota("scaling_per_s")),
        lambda function: EventQueue(
            function,
            sim.times(name, "hand-off", hand_off),
            sim.sampler(name, "pause after a throttle", Uniform(0, 1)),
            rules,
            Destinations(name, numbers),
            _replicas(name, context),
        ),
        provisioned(spec.ProvisionedConcurrencyConfig, spec.provisioned_from, context),
    )


def provisioned(config: Any, begins_ns: int | None, context: Context) -> Provisioned | None:
    """Return the provisioned environments that a function asks for, or None.

    Args:
        config: `ProvisionedConcurrencyConfig`, or None.
        begins_ns: when they are asked for; None for long before the run.
        context: the assumptions in force.
    """
    if config is None:
        return None
    return Provisioned(
        config.ProvisionedConcurrentExecutions,
        begins_ns,
        _assumed_ns(context, "allocation_delay"),
        PAGE.quota("provisioned_per_minute"),
    )


def _replicas(name: str, context: Context) -> Replicas | None:
    missed = float(context.assumption(KIND, "async_missed_delete_share"))
    delay_ns = _assumed_ns(context, "async_missed_delete_delay")
    if not missed:
        return None
    sim = context.sim
    return Replicas(
        sim.gaps(name, "missed deletes of events", missed),
        sim.times(name, "missed event delay", Exponential(delay_ns)),
    )


def _assumed_ns(context: Context, name: str) -> int:
    return duration_ns(str(context.assumption(KIND, name)))


def _handler(name: str, spec: FunctionSpec, context: Context) -> Handler | IdempotentHandler:
    code, sim = spec.handler, context.sim

    def times(purpose: str, chance: Chance | None) -> Sampler[int] | None:
        if chance is None:
            return None
        return sim.times(name, purpose, chance.resolve(context.base_path))

    time = times("handler", code.time)
    assert time is not None
    handler = Handler(
        time,
        spec.Timeout * NS_PER_S,
        time_per_record=times("record", code.time_per_record),
        error_time=times("error", code.error_time),
        fails=failure_rule(
            code, lambda: sim.sampler(name, "fails", Uniform(0, 1)), lambda: sim.now
        ),
        report=code.report,
        pace=pace(code, spec.MemorySize),
    )
    if code.idempotency is None:
        return handler
    assumed = distribution(context.assumption(KIND, "idempotency_store"))
    written = code.idempotency.store.time
    drawn = assumed if written is None else written.resolve(context.base_path)
    stores = {
        operation: sim.times(name, f"store {operation}", drawn)
        for operation in (CLAIM, COMPLETE, RELEASE)
    }
    key_of = by_message if code.idempotency.key == "message" else by_copy
    return IdempotentHandler(handler, KeyStore(code.idempotency.ttl), key_of, stores)


def _cold_start(spec: FunctionSpec, context: Context) -> Distribution:
    """Return what a new environment costs: placing it, then the runtime's initialisation."""
    if spec.cold_start is not None:
        return spec.cold_start.resolve(context.base_path)
    by_runtime = context.assumption(KIND, "initialisation")
    first_call_ns = 0
    if isinstance(by_runtime, Mapping) and "dist" not in by_runtime:
        runtime = spec.Runtime or str(context.assumption(KIND, "runtime"))
        first_calls = context.assumption(KIND, "first_call")
        if isinstance(first_calls, Mapping) and runtime in first_calls:
            at_512_ns = duration_ns(str(first_calls[runtime]))
            first_call_ns = round(at_512_ns * cpu(MEASURED_MB) / cpu(spec.MemorySize))
        by_runtime = by_runtime[runtime]
    placement_ns = _assumed_ns(context, "placement")
    return Shifted(placement_ns + first_call_ns, distribution(by_runtime))


def _event_rules(spec: FunctionSpec, context: Context) -> EventRules:
    return EventRules(
        retries=spec.EventInvokeConfig.MaximumRetryAttempts,
        error_delays_ns=(
            PAGE.quota("first_error_retry") * NS_PER_S,
            PAGE.quota("second_error_retry") * NS_PER_S,
        ),
        max_age_ns=spec.EventInvokeConfig.MaximumEventAgeInSeconds * NS_PER_S,
        first_pause_ns=PAGE.quota("first_throttle_retry") * NS_PER_S,
        longest_pause_ns=PAGE.quota("longest_throttle_retry") * NS_PER_S,
        jitter=float(context.assumption(KIND, "throttle_jitter")),
        payload_bytes=PAGE.quota("async_payload"),
    )


def connect(function: Function, spec: FunctionSpec, context: Context) -> None:
    """Find the dead-letter queue or topic, and the destinations, of asynchronous events."""
    if spec.DeadLetterConfig is not None:
        function.events.dead_letters = way_to(context.find(spec.DeadLetterConfig.TargetArn))
    config = spec.EventInvokeConfig.DestinationConfig
    if config is None:
        return
    destinations = function.events.destinations
    if config.OnSuccess is not None:
        destinations.on_success = way_to(context.find(config.OnSuccess.Destination))
    if config.OnFailure is not None:
        destinations.on_failure = way_to(context.find(config.OnFailure.Destination))


SERVICE = Service(
    kind=KIND,
    spec=FunctionSpec,
    build=build,
    page=PAGE,
    connect=connect,
    check=check,
    codes=CODES,
    meter=meter,
)
