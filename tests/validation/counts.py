"""What LocalStack's AWS-validated tests counted on AWS (2025-11-25).

github.com/localstack/localstack, tests/aws/services/lambda_/event_source_mapping and
tests/aws/services/kinesis. Bounds: the counts exactly, but 8 invocations within 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.validation.rows import CALIBRATION, NS_PER_S, VALIDATION, Heard, Row, ran

SCENARIO = """
msgsim: 1
question: How often is a failing batch of a stream invoked?
seed: 1
duration: 20m
workload:
  - {{to: Events, {load}, size: 200B, keys: {{a: 100%}}}}
resources:
  Events: {{type: kinesis.stream, ShardCount: 1}}
  Lost: {{type: sqs.queue}}
  Fn: {{type: lambda.function, Timeout: 30, handler: {{{handler}}}}}
  Map:
    type: lambda.event_source_mapping
    EventSourceArn: Events
    FunctionName: Fn
    StartingPosition: TRIM_HORIZON
    DestinationConfig: {{OnFailure: {{Destination: Lost}}}}
{mapping}
"""
UNSPECIFIED = """
msgsim: 1
question: How many shards does a new stream have?
duration: 1s
workload:
  - {to: Events, rate: 1/s, size: 200B, keys: 10}
resources:
  Events: {type: kinesis.stream}
  Reader: {type: kinesis.consumer, StreamARN: Events, handler: {time: 1ms}}
"""
FAILING = "time: 10ms, fails: 100%"


@cache
def invoked(load: str, handler: str, mapping: str) -> tuple[list[tuple], list[dict[str, Any]]]:
    """Run a scenario: return its invocations, `(ns, records, cold)`, and its documents."""
    heard = Heard("started", "sent")
    ran(SCENARIO.format(load=load, handler=handler, mapping=mapping), heard)
    documents = [json.loads(fact[1].message.body) for fact in heard.of("Lost", "sent")]
    return heard.of("Fn", "started"), documents


def _exactly(what: str, figure: str, measured: float, simulated: float) -> Row:
    return Row(what, figure, measured, simulated, measured, measured, VALIDATION, "")


def rows() -> Iterator[Row]:
    """Yield the five observations."""
    once = "arrivals: {burst: 1}"
    starts, _ = invoked(once, FAILING, "    MaximumRecordAgeInSeconds: 60")
    what = "always failing, record age limit 60 s"
    yield Row(what, "invocations", 8, len(starts), 6, 10, CALIBRATION, "")
    for retries in (1, 2, 3):
        _, (document,) = invoked(once, FAILING, f"    MaximumRetryAttempts: {retries}")
        count = document["requestContext"]["approximateInvokeCount"]
        yield _exactly(f"r = {retries}", "approximateInvokeCount", retries + 1, count)
    yield from _sixth_of_six()
    yield from _two_puts()
    stream = ran(UNSPECIFIED).components["Events"]
    yield _exactly("new stream without a shard count", "open shards", 4, stream.open_count)  # type: ignore[attr-defined]


def _sixth_of_six() -> Iterator[Row]:
    starts, (document,) = invoked(
        "arrivals: {burst: 6}, attributes: {bad: {value: true, nth: 6}}",
        "time: 10ms, fails_if: {bad: true}, report: failed",
        "    BatchSize: 3\n    MaximumRetryAttempts: 3\n"
        "    FunctionResponseTypes: [ReportBatchItemFailures]",
    )
    what = "BatchSize 3, r = 3, partial responses, 6th of 6 bad"
    delivered = len(starts) - 1  # it was in every batch but the first, of records 1 to 3
    yield _exactly(what, "deliveries of it", 5, delivered)
    yield _exactly(
        what, "approximateInvokeCount", 4, document["requestContext"]["approximateInvokeCount"]
    )


def _two_puts() -> Iterator[Row]:
    starts, _ = invoked(
        "arrivals: {burst: 10, every: 500ms}, count: 20, batch: 10, batch_wait: 0s",
        "time: 5s",
        "    BatchSize: 10",
    )
    what = "two PutRecords of 10 within 1 s, BatchSize 10, 5 s each"
    full = sum(records == 10 for _, records, _ in starts)
    yield _exactly(what, "invocations", 2, len(starts))
    yield _exactly(what, "invocations of 10 records", 2, full)
    apart = (starts[1][0] - starts[0][0]) / NS_PER_S
    yield Row(
        what, "s between their starts", float("nan"), apart, 5, float("inf"),
        unit="", digits=1, said="more than 5",
    )  # fmt: skip
