"""End-to-end latency from a producing to a consuming Lambda function, at low load.

Luc van Donkersgoed, "Serverless Messaging: Latency Compared",
https://bitesizedserverless.com/bite/serverless-messaging-latency-compared/: eu-west-1, 4 and 5
September 2022, 1,024 messages each, milliseconds added by the service. Here, ten runs of 1,024
messages, and the median of their quantiles. Bounds: P10, P50, P90 within 15 %, P99 within 40 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from statistics import median

from tests.validation.rows import (
    CALIBRATION,
    NS_PER_MS,
    VALIDATION,
    Heard,
    Row,
    about,
    quantile,
    ran,
)

SHARES = {"P10": 0.10, "P50": 0.50, "P90": 0.90, "P99": 0.99}
BOUNDS = {"P10": 0.15, "P50": 0.15, "P90": 0.15, "P99": 0.40}
MESSAGES, REPLICATIONS = 1_024, 10
HANDLER_MS = 1
HEAD = f"""
msgsim: 1
question: How much latency does it add at low load?
seed: 1
duration: 2h
workload:
  - {{to: Entry, arrivals: {{poisson: 0.2/s}}, count: {MESSAGES}, size: 100B, keys: 100000}}
resources:
  Fn: {{type: lambda.function, handler: {{time: {HANDLER_MS}ms}}}}
"""


@dataclass(frozen=True)
class Service:
    """One line of the published table.

    Attributes:
        name: of the service.
        resources: the lines of YAML beside the consuming function.
        listen: the component at whose consumer messages are judged.
        measured: P10, P50, P90 and P99 in ms.
        calibrated: which of them chose a default.
    """

    name: str
    resources: str
    listen: str
    measured: tuple[float, float, float, float]
    calibrated: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The scenario."""
        return HEAD + self.resources


ALL = ("P10", "P50", "P90", "P99")
SERVICES = (
    Service(
        "SQS standard",
        """\
  Entry: {type: sqs.queue}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Entry, FunctionName: Fn}
""",
        "Map",
        (13.7, 16.2, 33.8, 105),
        ALL,
    ),
    Service(
        "SQS FIFO",
        """\
  Entry: {type: sqs.queue, FifoQueue: true}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Entry, FunctionName: Fn}
""",
        "Map",
        (21.9, 28.1, 61.2, 645),
        ALL,
    ),
    Service(
        "SNS standard",
        """\
  Entry: {type: sns.topic}
  ToFn: {type: sns.subscription, TopicArn: Entry, Protocol: lambda, Endpoint: Fn}
""",
        "Fn",
        (62, 73, 125, 225),
        ("P10", "P50"),
    ),
    Service(
        "SNS FIFO through an SQS queue",
        """\
  Entry: {type: sns.topic, FifoTopic: true}
  ToQ: {type: sns.subscription, TopicArn: Entry, Protocol: sqs, Endpoint: Q}
  Q: {type: sqs.queue, FifoQueue: true}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Q, FunctionName: Fn}
""",
        "Map",
        (32.8, 40.1, 67.8, 497),
        ("P50", "P90"),
    ),
    Service(
        "Kinesis, shared",
        """\
  Entry: {type: kinesis.stream, ShardCount: 1}
  Map:
    type: lambda.event_source_mapping
    EventSourceArn: Entry
    FunctionName: Fn
    StartingPosition: TRIM_HORIZON
""",
        "Map",
        (267, 627, 965, 1_580),
        ("P50",),
    ),
    Service(
        "Kinesis, enhanced fan-out",
        """\
  Entry: {type: kinesis.stream, ShardCount: 1}
  Fast: {type: kinesis.stream_consumer, StreamARN: Entry, ConsumerName: fast}
  Map:
    type: lambda.event_source_mapping
    EventSourceArn: Fast
    FunctionName: Fn
    StartingPosition: TRIM_HORIZON
""",
        "Map",
        (28.8, 49.4, 67.5, 109),
        ("P50", "P99"),
    ),
    Service(
        "DynamoDB Streams",
        """\
  Entry: {type: dynamodb.stream}
  Map:
    type: lambda.event_source_mapping
    EventSourceArn: Entry
    FunctionName: Fn
    StartingPosition: TRIM_HORIZON
""",
        "Map",
        (118, 213, 341, 552),
        ("P10", "P50", "P90"),
    ),
)


@cache
def simulated(name: str) -> tuple[list[float], ...]:
    """Return the latencies of one service in ms, by run: born to the start of the handler."""
    service = next(each for each in SERVICES if each.name == name)
    return tuple(_one_run(service, replication) for replication in range(REPLICATIONS))


def _one_run(service: Service, replication: int) -> list[float]:
    heard = Heard("completed")
    ran(service.text, heard, replication=replication)
    firsts: dict[int, float] = {}
    for now, delivery, *_ in heard.of(service.listen, "completed"):
        message = delivery.message
        firsts.setdefault(message.number, (now - message.born_ns) / NS_PER_MS - HANDLER_MS)
    assert len(firsts) == MESSAGES
    return sorted(firsts.values())


def rows() -> Iterator[Row]:
    """Yield four rows for each service that msgsim models."""
    for service in SERVICES:
        runs = simulated(service.name)
        for figure, measured in zip(SHARES, service.measured, strict=True):
            yield about(
                service.name,
                figure,
                measured,
                median(quantile(found, SHARES[figure]) for found in runs),
                BOUNDS[figure],
                role=CALIBRATION if figure in service.calibrated else VALIDATION,
                digits=1 if measured < 100 else 0,
            )
