"""The metrics that an alarm can watch: namespace and name, and where each is read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgsim.services.cloudwatch_alarm.readings import (
    Activity,
    Gauge,
    Peak,
    Reading,
    Sample,
    Tally,
)

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Reporting:
    """When a queue reports its metrics.

    Attributes:
        idle_ns: how long after its last access an empty queue is active.
        wake_ns: how long until it reports again after it was not.
        zero_when_empty: whether an age of nothing is reported as 0.
    """

    idle_ns: int
    wake_ns: int
    zero_when_empty: bool


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        kinds: types of resources that have it.
        make: begins to read it from a component.
        place: the sort of destination that a delivery stream must have; empty for any.
    """

    kinds: tuple[str, ...]
    make: Callable[[Any, Reporting], Reading]
    place: str = ""


def _one(*carried: Any) -> float:
    return 1.0


def _of_queue(make: Callable[[Any, Reporting], Reading]) -> Metric:
    def reading(queue: Any, rules: Reporting) -> Reading:
        return Activity(queue, make(queue, rules), rules.idle_ns, rules.wake_ns)

    return Metric(("sqs.queue",), reading)


def _counter_of_queue(position: int) -> Metric:
    return _of_queue(lambda queue, _: Gauge(lambda now: float(queue.counters()[position])))


def _facts_of_queue(**amounts: Callable[..., float | None]) -> Metric:
    return _of_queue(lambda queue, _: Tally(queue, amounts))


def _age(queue: Any, rules: Reporting) -> Reading:
    def read(now: int) -> float | None:
        since: int | None = queue.oldest_ns()
        if since is None:
            return 0.0 if rules.zero_when_empty else None
        return float((now - since) // NS_PER_S)

    return Gauge(read)


def _tally(*kinds: str, silent: Sample | None, **amounts: Callable[..., float | None]) -> Metric:
    return Metric(kinds, lambda component, _: Tally(component, amounts, silent))


def _stream(**amounts: Callable[..., float | None]) -> Metric:
    return Metric(("kinesis.stream",), lambda stream, _: Tally(stream, amounts))


def _freshness(place: str) -> Metric:
    """The age of the oldest record in Firehose, 0 without records."""

    def reading(stream: Any, rules: Reporting) -> Reading:
        def read(now: int) -> float:
            since: int | None = stream.oldest_ns()
            return 0.0 if since is None else (now - since) / NS_PER_S

        return Gauge(read)

    return Metric(("firehose.delivery_stream",), reading, place)


def _fleet(read: Callable[[Any], int]) -> Metric:
    return Metric(("worker.fleet",), lambda fleet, _: Gauge(lambda now: float(read(fleet))))


METRICS: dict[str, dict[str, Metric]] = {
    "AWS/SQS": {
        "ApproximateNumberOfMessagesVisible": _counter_of_queue(0),
        "ApproximateNumberOfMessagesNotVisible": _counter_of_queue(1),
        "ApproximateNumberOfMessagesDelayed": _counter_of_queue(2),
        "ApproximateAgeOfOldestMessage": _of_queue(_age),
        "NumberOfMessagesSent": _facts_of_queue(sent=_one),
        "NumberOfMessagesReceived": _facts_of_queue(
            received=lambda deliveries: float(len(deliveries)),
            repeated=lambda deliveries: float(len(deliveries)),
        ),
        "NumberOfMessagesDeleted": _facts_of_queue(deleted=_one),
        "NumberOfEmptyReceives": _facts_of_queue(empty=lambda code: None if code else 1.0),
    },
    "AWS/Lambda": {
        "Invocations": _tally("lambda.function", silent=None, started=_one),
        "Errors": _tally(
            "lambda.function",
            silent=None,
            ended=lambda duration_ns, status: 0.0 if status == "ok" else 1.0,
        ),
        "Throttles": _tally(
            "lambda.function",
            silent=None,
            started=lambda records, cold: 0.0,
            invoke_throttled=_one,
        ),
        "Duration": _tally(
            "lambda.function", silent=None, ended=lambda duration_ns, _: duration_ns / NS_PER_MS
        ),
        "ConcurrentExecutions": Metric(("lambda.function",), lambda function, _: Peak(function)),
        "IteratorAge": _tally(
            "lambda.event_source_mapping",
            "kinesis.consumer",
            silent=None,
            iterator_age=lambda shard, age_ns: age_ns / NS_PER_MS,
        ),
    },
    "AWS/Kinesis": {
        "IncomingRecords": _stream(stored=_one),
        "WriteProvisionedThroughputExceeded": _stream(shard_throttled=_one),
        "ReadProvisionedThroughputExceeded": _stream(read_throttled=_one),
    },
    "AWS/Firehose": {
        "IncomingRecords": _tally("firehose.delivery_stream", silent=None, ingested=_one),
        "ThrottledRecords": _tally(
            "firehose.delivery_stream",
            silent=None,
            ingested=lambda copy: 0.0,
            throttled=lambda action, records: float(records),
        ),
        "DeliveryToS3.DataFreshness": _freshness("S3"),
        "DeliveryToAmazonOpenSearchService.DataFreshness": _freshness("OpenSearch"),
        "DeliveryToSplunk.DataFreshness": _freshness("Splunk"),
        "DeliveryToHttpEndpoint.DataFreshness": _freshness("HttpEndpoint"),
    },
    "AWS/SNS": {
        "NumberOfMessagesPublished": _tally("sns.topic", silent=None, accepted=_one),
    },
    "AWS/AutoScaling": {
        "GroupDesiredCapacity": _fleet(lambda fleet: fleet.desired),
        "GroupInServiceInstances": _fleet(lambda fleet: fleet.running),
        "GroupPendingInstances": _fleet(lambda fleet: fleet.starting),
    },
}

KINDS = tuple(
    dict.fromkeys(
        kind for named in METRICS.values() for metric in named.values() for kind in metric.kinds
    )
)
"""Types of resources that have metrics."""


def of_kind(kind: str) -> dict[str, str]:
    """Return metric → namespace of a type of resource."""
    return {
        name: namespace
        for namespace, named in METRICS.items()
        for name, metric in named.items()
        if kind in metric.kinds
    }
