"""Consumer applications that poll a Kinesis stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, cast

from msgsim.kernel.component import Component
from msgsim.model.catalog import page_beside
from msgsim.model.chance import TimeDistribution
from msgsim.model.service import Context, Finding, Service, Specs
from msgsim.model.spec import AwsNumber, Duration, RefTo, Spec, String
from msgsim.services.kinesis_consumer.consumer import Consumer
from msgsim.units import duration_ns

KIND = "kinesis.consumer"
PAGE = page_beside(__file__, "kinesis.consumer.md")
STARTS = ("LATEST", "TRIM_HORIZON")
CODES = {"E231": "a starting position that a polling consumer does not know"}


class Handler(Spec):
    """How long work takes: for a batch, and for each of its records."""

    time: TimeDistribution
    time_per_record: TimeDistribution | None = None


class ConsumerSpec(Spec):
    """Properties of `kinesis.consumer`; `StreamARN` is AWS's word, the rest is ours."""

    StreamARN: Annotated[String, RefTo("kinesis.stream")]
    handler: Handler
    StartingPosition: String = "TRIM_HORIZON"
    Limit: Annotated[int, AwsNumber(PAGE, "Limit")] = 10_000
    poll: Duration | None = None


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find starting positions that are not modelled."""
    start = cast("ConsumerSpec", spec).StartingPosition
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
        retry_ns=duration_ns(str(context.assumption(KIND, "retry"))),
        time=sim.times(name, "batch", handler.time.resolve(base)),
        time_per_record=sim.times(name, "record", each.resolve(base)) if each else None,
    )


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
