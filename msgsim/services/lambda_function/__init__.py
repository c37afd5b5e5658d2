"""Lambda functions: synchronous and asynchronous invocation."""

from __future__ import annotations

from collections.abc import Mapping

from msgsim.kernel.compound import Shifted
from msgsim.kernel.distributions import Distribution, Uniform
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import NS_PER_S
from msgsim.kernel.waiting import TokenBucket
from msgsim.model.chance import Chance, distribution
from msgsim.model.failing import failure_rule
from msgsim.model.service import Context, Service
from msgsim.services.lambda_function.billing import meter
from msgsim.services.lambda_function.concurrency import AccountConcurrency
from msgsim.services.lambda_function.environments import Environments
from msgsim.services.lambda_function.events import EventQueue, EventRules
from msgsim.services.lambda_function.function import Function
from msgsim.services.lambda_function.handler import Handler
from msgsim.services.lambda_function.spec import CODES, PAGE, FunctionSpec, check
from msgsim.units import duration_ns

KIND = "lambda.function"


def build(name: str, spec: FunctionSpec, context: Context) -> Function:
    """Make the function that the spec describes."""
    sim = context.sim
    account = context.shared.get("lambda.concurrency")
    if account is None:
        account = AccountConcurrency(context.account.ConcurrentExecutions)
        context.shared["lambda.concurrency"] = account
    idle_ns, max_age_ns = _assumed_ns(context, "idle_expiry"), _assumed_ns(context, "max_age")
    hand_off = distribution(context.assumption(KIND, "async_hand_off"))
    rules = _event_rules(spec, context)
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
        ),
    )


def _assumed_ns(context: Context, name: str) -> int:
    return duration_ns(str(context.assumption(KIND, name)))


def _handler(name: str, spec: FunctionSpec, context: Context) -> Handler:
    code, sim = spec.handler, context.sim

    def times(purpose: str, chance: Chance | None) -> Sampler[int] | None:
        if chance is None:
            return None
        return sim.times(name, purpose, chance.resolve(context.base_path))

    time = times("handler", code.time)
    assert time is not None
    return Handler(
        time,
        spec.Timeout * NS_PER_S,
        time_per_record=times("record", code.time_per_record),
        error_time=times("error", code.error_time),
        fails=failure_rule(code, lambda: sim.sampler(name, "fails", Uniform(0, 1))),
        report=code.report,
    )


def _cold_start(spec: FunctionSpec, context: Context) -> Distribution:
    """Return what a new environment costs: placing it, then the runtime's initialisation."""
    if spec.cold_start is not None:
        return spec.cold_start.resolve(context.base_path)
    by_runtime = context.assumption(KIND, "initialisation")
    if isinstance(by_runtime, Mapping) and "dist" not in by_runtime:
        by_runtime = by_runtime[spec.Runtime or str(context.assumption(KIND, "runtime"))]
    return Shifted(_assumed_ns(context, "placement"), distribution(by_runtime))


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
    )


def connect(function: Function, spec: FunctionSpec, context: Context) -> None:
    """Find the dead-letter queue of asynchronous events."""
    if spec.DeadLetterConfig is not None:
        target = context.find(spec.DeadLetterConfig.TargetArn)
        function.events.dead_letters = target  # type: ignore[assignment]


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
