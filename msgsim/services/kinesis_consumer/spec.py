"""What YAML may say about a consumer application, and what AWS or its client library refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, cast

from pydantic import Field

from msgsim.model.catalog import page_beside
from msgsim.model.chance import TimeDistribution
from msgsim.model.failing import Failing
from msgsim.model.service import Finding, Specs
from msgsim.model.spec import AwsNumber, Duration, Positive, RefTo, Spec, String
from msgsim.units import duration_ns, format_duration

PAGE = page_beside(__file__, "kinesis.consumer.md")
AT_TIMESTAMP = "AT_TIMESTAMP"
MOST_WORKERS = 100_000
STARTS = ("LATEST", "TRIM_HORIZON", AT_TIMESTAMP)
LEAST_POLL_NS = duration_ns(str(PAGE.quota("least_poll")))

CODES = {
    "E231": "a starting position that a consumer does not know, or that lacks its time",
    "E232": "a stream polled more often than it allows",
    "E234": "more streams or registered consumers than AWS allows",
    "E235": "two registered consumers of one stream with the same name",
    "E236": "a property for the other way of reading a stream",
}


class Handler(Failing):
    """How long work takes, for a batch and for each of its records, and where it raises."""

    time: TimeDistribution
    time_per_record: TimeDistribution | None = None


class ConsumerSpec(Spec):
    """Properties of `kinesis.consumer`; those with a capital are AWS's words, the rest is ours."""

    StreamARN: Annotated[String, RefTo("kinesis.stream")]
    handler: Handler
    ConsumerName: String | None = None
    StartingPosition: String = "TRIM_HORIZON"
    Timestamp: Duration | None = None
    Limit: Annotated[int, AwsNumber(PAGE, "Limit")] = 10_000
    poll: Duration | None = None
    from_: Annotated[Duration, Field(alias="from")] = 0
    workers: Positive | None = None
    checkpoint: Duration = 0


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find unknown starting positions, hasty polls, and what registered consumers may not do."""
    consumer = cast("ConsumerSpec", spec)
    yield from _position(consumer)
    if consumer.ConsumerName is not None:
        yield from _pushed(consumer)
        yield from check_registered(name, consumer.StreamARN, consumer.ConsumerName, specs)
    if consumer.workers is not None and consumer.workers > MOST_WORKERS:
        message = f"{name} has {consumer.workers:,} workers; msgsim simulates {MOST_WORKERS:,}"
        yield Finding("E109", message, ("workers",), "simulate a part of the system")
    if consumer.poll is not None and consumer.poll < LEAST_POLL_NS:
        least = format_duration(LEAST_POLL_NS)
        yield Finding(
            "E232",
            f"poll is {format_duration(consumer.poll)}: the KCL refuses less than {least}, since "
            "a shard allows 5 reads per second",
            ("poll",),
            f"poll: {least} or more; a consumer that is behind does not wait for it",
        )


def _position(consumer: ConsumerSpec) -> Iterator[Finding]:
    start = consumer.StartingPosition
    path = ("StartingPosition",)
    if start not in STARTS:
        hint = f"allowed: {', '.join(STARTS)}"
        yield Finding("E231", f"StartingPosition is {start!r}", path, hint)
    elif start == AT_TIMESTAMP and consumer.Timestamp is None:
        message = "AWS refuses this (InvalidArgumentException): AT_TIMESTAMP needs Timestamp"
        yield Finding("E231", message, path, "such as Timestamp: 5m, counted from the start")
    elif start != AT_TIMESTAMP and consumer.Timestamp is not None:
        message = f"{start} takes no Timestamp"
        yield Finding("E231", message, ("Timestamp",), "use StartingPosition: AT_TIMESTAMP")
    elif consumer.Timestamp is not None and consumer.Timestamp > consumer.from_:
        message = "the Timestamp lies in the future of a consumer that begins earlier"
        yield Finding("E231", message, ("Timestamp",), "let it begin later, such as from: 10m")


def _pushed(consumer: ConsumerSpec) -> Iterator[Finding]:
    if consumer.poll is not None:
        message = "a registered consumer (ConsumerName) is pushed to, and does not poll"
        yield Finding("E236", message, ("poll",), "remove poll, or ConsumerName")


def check_registered(
    name: str, stream_name: str, consumer_name: str, specs: Specs
) -> Iterator[Finding]:
    """Find a name that another consumer of the stream has, and more consumers than AWS allows.

    Applications and consumers registered for mappings count together.
    """
    others = {
        other: getattr(each, "ConsumerName", None)
        for other, each in specs.items()
        if getattr(each, "StreamARN", None) == stream_name
    }
    registered = [other for other, taken in others.items() if taken is not None]
    earlier = registered[: registered.index(name)]
    for other in earlier:
        if others[other] == consumer_name:
            message = f"AWS refuses this (ResourceInUseException): {other} has this ConsumerName"
            yield Finding("E235", message, ("ConsumerName",), "choose another name")
    stream: Any = specs.get(stream_name)
    advantage = getattr(stream, "WarmThroughputMiBps", None) is not None
    most = PAGE.quota("registered_advantage" if advantage else "registered")
    if len(earlier) >= most:
        message = f"AWS refuses this (LimitExceededException): more than {most} consumers"
        yield Finding("E234", message, ("ConsumerName",), "let some of them poll")
