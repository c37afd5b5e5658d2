"""Consumer applications of a Kinesis stream: polling or pushed to, with or without workers."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.distributions import Uniform
from msgsim.kernel.sampling import Sampler
from msgsim.model.chance import distribution
from msgsim.model.failing import failure_rule
from msgsim.model.service import Context, Service
from msgsim.services.kinesis_consumer import acting, registered
from msgsim.services.kinesis_consumer.billing import consumer_meter
from msgsim.services.kinesis_consumer.consumer import Consumer, Handling
from msgsim.services.kinesis_consumer.fetching import FanOut, Fetching, Polling
from msgsim.services.kinesis_consumer.leases import LeaseRules, Workers
from msgsim.services.kinesis_consumer.spec import CODES, PAGE, ConsumerSpec, check
from msgsim.units import duration_ns

KIND = "kinesis.consumer"


def build(name: str, spec: ConsumerSpec, context: Context) -> Component:
    """Make the consumer that the spec describes."""
    consumer = Consumer(
        context.sim,
        name,
        start_at=spec.StartingPosition,
        timestamp_ns=spec.Timestamp,
        handling=_handling(name, spec, context),
        registered=spec.ConsumerName is not None,
        from_ns=spec.from_,
    )
    consumer.fetching = _fetching(consumer, spec, context)
    if spec.workers is not None:
        consumer.workers = _workers(consumer, spec.workers, context)
    return consumer


def _handling(name: str, spec: ConsumerSpec, context: Context) -> Handling:
    sim, base, handler = context.sim, context.base_path, spec.handler
    each = handler.time_per_record
    return Handling(
        time=sim.times(name, "batch", handler.time.resolve(base)),
        time_per_record=sim.times(name, "record", each.resolve(base)) if each else None,
        fails=failure_rule(
            handler, lambda: sim.sampler(name, "failures", Uniform(0, 1)), lambda: sim.now
        ),
        checkpoint_ns=spec.checkpoint,
    )


def _fetching(consumer: Consumer, spec: ConsumerSpec, context: Context) -> Fetching:
    name = consumer.name
    if spec.ConsumerName is not None:
        return FanOut(
            consumer,
            consumer.work,
            limit=spec.Limit,
            room=int(context.assumption(KIND, "events_ahead")),
            lifetime_ns=duration_ns(str(PAGE.quota("subscription_lifetime"))),
            call_time=_assumed(name, "call_time", context),
        )
    poll_ns = spec.poll
    if poll_ns is None:
        poll_ns = duration_ns(str(context.assumption(KIND, "poll")))
    return Polling(
        consumer,
        consumer.work,
        limit=spec.Limit,
        poll_ns=poll_ns,
        retry=_assumed(name, "retry", context),
        call_time=_assumed(name, "call_time", context),
    )


def _workers(consumer: Consumer, count: int, context: Context) -> Workers:
    def assumed_ns(name: str) -> int:
        return duration_ns(str(context.assumption(KIND, name)))

    rules = LeaseRules(
        failover_ns=assumed_ns("failover"),
        every_ns=assumed_ns("assignment_interval"),
        rebalance_every=int(context.assumption(KIND, "rebalance_every")),
        leader_lock_ns=assumed_ns("leader_lock"),
        heartbeat_ns=assumed_ns("leader_heartbeat"),
        handoff_ns=assumed_ns("graceful_handoff"),
    )
    name = consumer.name
    notice = _assumed(name, "lease_notice", context)
    renewal = _assumed(name, "renewal_age", context)
    return Workers(consumer, count, rules, notice, renewal)


def _assumed(name: str, purpose: str, context: Context) -> Sampler[int]:
    return context.sim.times(name, purpose, distribution(context.assumption(KIND, purpose)))


def connect(consumer: Consumer, spec: ConsumerSpec, context: Context) -> None:
    """Find the stream."""
    stream: Any = context.find(spec.StreamARN)
    consumer.follow(stream)


SERVICES = (
    Service(
        kind=KIND,
        spec=ConsumerSpec,
        build=build,
        page=PAGE,
        connect=connect,
        check=check,
        codes=CODES,
        meter=consumer_meter,
    ),
    acting.SERVICE,
    registered.SERVICE,
)
