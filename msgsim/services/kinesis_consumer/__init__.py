"""Consumer applications that poll a Kinesis stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, cast

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.model.catalog import page_beside
from msgsim.model.chance import TimeDistribution, distribution
from msgsim.model.service import Context, Finding, Service, Specs
from msgsim.model.spec import AwsNumber, Duration, RefTo, Spec, String
from msgsim.services.kinesis_consumer.consumer import Consumer
from msgsim.units import duration_ns, format_duration

KIND = "kinesis.consumer"
PAGE = page_beside(__file__, "kinesis.consumer.md")
STARTS = ("LATEST", "TRIM_HORIZON")
LEAST_POLL_NS = duration_ns(str(PAGE.quota("least_poll")))
CODES = {
    "E231": "a starting position that a polling consumer does not know",
    "E232": "a stream polled more often than it allows",
    "E301": "a property that msgsim does not model yet",
}


class Handler(Spec):
    """How long work takes: for a batch, and for each of its records."""

    time: TimeDistribution
    time_per_record: TimeDistribution | None = None


class ConsumerSpec(Spec):
    """Properties of `kinesis.consumer`; `StreamARN` is AWS's word, the rest is ours."""

    StreamARN: Annotated[String, RefTo("kinesis.stream")]
    handler: Handler
    ConsumerName: String | None = None
    StartingPosition: String = "TRIM_HORIZON"
    Limit: Annotated[int, AwsNumber(PAGE, "Limit")] = 10_000
    poll: Duration | None = None


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find starting positions and ways of reading that are not modelled, and hasty polls."""
    consumer = cast("ConsumerSpec", spec)
    if consumer.ConsumerName is not None:
        yield Finding(
            "E301",
            "a ConsumerName registers a consumer with enhanced fan-out, not modelled yet",
            ("ConsumerName",),
            "leave it out: the consumer then polls and shares the reads of each shard",
        )
    if consumer.poll is not None and consumer.poll < LEAST_POLL_NS:
        least = format_duration(LEAST_POLL_NS)
        yield Finding(
            "E232",
            f"poll is {format_duration(consumer.poll)}: the KCL refuses less than {least}, since "
            "a shard allows 5 reads per second",
            ("poll",),
            f"poll: {least} or more; a consumer that is behind does not wait for it",
        )
    start = consumer.StartingPosition
    if start not in STARTS:
        hint = f"allowed: {' or '.join(STARTS)}"
        yield Finding("E231", f"StartingPosition is {start!r}", ("StartingPosition",), hint)


def build(name: str, spec: ConsumerSpec, context: Context) -> Component:
    """Make the consumer that the spec describes."""
    sim, base = context.sim, context.base_path
    handler: Any = spec.handler
    each = handler.time_per_record
    poll_ns = spec.poll
    if poll_ns is None:
        poll_ns = duration_ns(str(context.assumption(KIND, "poll")))
    return Consumer(
        sim,
        name,
        start_at=spec.StartingPosition,
        limit=spec.Limit,
        poll_ns=poll_ns,
        retry=_assumed(name, "retry", context),
        call_time=_assumed(name, "call_time", context),
        time=sim.times(name, "batch", handler.time.resolve(base)),
        time_per_record=sim.times(name, "record", each.resolve(base)) if each else None,
    )


def _assumed(name: str, purpose: str, context: Context) -> Sampler[int]:
    return context.sim.times(name, purpose, distribution(context.assumption(KIND, purpose)))


def connect(consumer: Consumer, spec: ConsumerSpec, context: Context) -> None:
    """Find the stream."""
    stream: Any = context.find(spec.StreamARN)
    consumer.follow(stream)


SERVICE = Service(
    kind=KIND,
    spec=ConsumerSpec,
    build=build,
    page=PAGE,
    connect=connect,
    check=check,
    codes=CODES,
)
