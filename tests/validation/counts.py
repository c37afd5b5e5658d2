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
AGED = "always failing, record age limit 60 s"
SIXTH = "BatchSize 3, r = 3, partial responses, 6th of 6 bad"
TWO_PUTS = "two PutRecords of 10 within 1 s, BatchSize 10, 5 s each"
CASES = {
    AGED: ("arrivals: {burst: 1}", FAILING, "    MaximumRecordAgeInSeconds: 60"),
    **{
        f"r = {retries}": ("arrivals: {burst: 1}", FAILING, f"    MaximumRetryAttempts: {retries}")
        for retries in (1, 2, 3)
    },
    SIXTH: (
        "arrivals: {burst: 6}, attributes: {bad: {value: true, nth: 6}}",
        "time: 10ms, fails_if: {bad: true}, report: failed",
        "    BatchSize: 3\n    MaximumRetryAttempts: 3\n"
        "    FunctionResponseTypes: [ReportBatchItemFailures]",
    ),
    TWO_PUTS: (
        "arrivals: {burst: 10, every: 500ms}, count: 20, batch: 10, batch_wait: 0s",
        "time: 5s",
        "    BatchSize: 10",
    ),
}
"""The load, the handler and the mapping's properties of each observation on a mapping."""


@cache
def invoked(case: str) -> tuple[list[tuple], list[dict[str, Any]]]:
    """Run a case: return its invocations, `(ns, records, cold)`, and its documents."""
    load, handler, mapping = CASES[case]
    heard = Heard("started", "sent")
    ran(SCENARIO.format(load=load, handler=handler, mapping=mapping), heard)
    documents = [json.loads(fact[1].message.body) for fact in heard.of("Lost", "sent")]
    return heard.of("Fn", "started"), documents


def _exactly(what: str, figure: str, measured: float, simulated: float) -> Row:
    return Row(what, figure, measured, simulated, measured, measured, VALIDATION, "")


def rows() -> Iterator[Row]:
    """Yield the five observations."""
    starts, _ = invoked(AGED)
    yield Row(AGED, "invocations", 8, len(starts), 6, 10, CALIBRATION, "")
    for retries in (1, 2, 3):
        case = f"r = {retries}"
        yield _exactly(case, "approximateInvokeCount", retries + 1, _count_told(case))
    yield from _sixth_of_six()
    yield from _two_puts()
    stream = ran(UNSPECIFIED).components["Events"]
    yield _exactly("new stream without a shard count", "open shards", 4, stream.open_count)  # type: ignore[attr-defined]


def _count_told(case: str) -> int:
    """Return what the only document of a case says."""
    _, (document,) = invoked(case)
    return document["requestContext"]["approximateInvokeCount"]


def _sixth_of_six() -> Iterator[Row]:
    delivered = len(invoked(SIXTH)[0]) - 1  # it was in every batch but the first, of records 1 to 3
    yield _exactly(SIXTH, "deliveries of it", 5, delivered)
    yield _exactly(SIXTH, "approximateInvokeCount", 4, _count_told(SIXTH))


def _two_puts() -> Iterator[Row]:
    starts, _ = invoked(TWO_PUTS)
    full = sum(records == 10 for _, records, _ in starts)
    yield _exactly(TWO_PUTS, "invocations", 2, len(starts))
    yield _exactly(TWO_PUTS, "invocations of 10 records", 2, full)
    apart = (starts[1][0] - starts[0][0]) / NS_PER_S
    yield Row(
        TWO_PUTS, "s between their starts", float("nan"), apart, 5, float("inf"),
        unit="", digits=1, said="more than 5",
    )  # fmt: skip
