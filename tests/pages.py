"""What the tests of reference pages share: their tables, and a scenario with every kind of part."""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "msgsim"

EVERYTHING = """
msgsim: 1
duration: 20s
resources:
  Orders: {type: sns.topic}
  ToBilling: {type: sns.subscription, TopicArn: Orders, Protocol: sqs, Endpoint: Billing}
  ToMail: {type: sns.subscription, TopicArn: Orders, Protocol: lambda, Endpoint: MailFn}
  MailFn: {type: lambda.function, handler: {time: 100ms}}
  Billing: {type: sqs.queue, RedrivePolicy: {deadLetterTargetArn: Dlq, maxReceiveCount: 5}}
  Dlq: {type: sqs.queue}
  BillingFn: {type: lambda.function, Timeout: 5, handler: {time: 100ms, fails: 2%}}
  BillingMap: {type: lambda.event_source_mapping, EventSourceArn: Billing,
               FunctionName: BillingFn, BatchSize: 1}
  Workers: {type: worker.fleet, queue: Billing, workers: 2, handler: {time: 100ms}}
  Backlog: {type: cloudwatch.alarm, MetricName: ApproximateNumberOfMessagesVisible,
            Dimensions: Billing, Threshold: 100, ComparisonOperator: GreaterThanThreshold,
            EvaluationPeriods: 1, AlarmActions: [Orders]}
  Clicks: {type: kinesis.stream, ShardCount: 2}
  Reader: {type: kinesis.consumer, StreamARN: Clicks, handler: {time: 1ms}}
  ClicksFn: {type: lambda.function, handler: {time: 10ms}}
  ClicksMap: {type: lambda.event_source_mapping, EventSourceArn: Clicks, FunctionName: ClicksFn,
              StartingPosition: TRIM_HORIZON}
  Archive: {type: firehose.delivery_stream, ExtendedS3DestinationConfiguration: {
              BufferingHints: {SizeInMBs: 1, IntervalInSeconds: 5}}}
workload:
  - {name: Shop, to: Orders, rate: 10/s, keys: {A: 50%, B: 50%}}
  - {name: Office, to: Billing, rate: 1/s, keys: {A: 100%}}
  - {name: Logs, to: Archive, rate: 10/s, keys: {A: 50%, B: 50%}}
  - {name: Web, to: Clicks, rate: 10/s, keys: 10}
expect:
  - Billing.lost == 0
"""
"""A scenario in which every kind of target occurs."""


def sections(page: Path) -> dict[str, str]:
    """Return the text under each heading of the second level."""
    parts = re.split(r"^## (.+)\n", page.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row of a text, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {index - 1 for index, line in enumerate(lines) if set(line) <= set("|- ")}
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for index, line in enumerate(lines)
        if index not in heads and index - 1 not in heads
    ]


def words(cell: str) -> list[str]:
    """Return what stands between backquotes."""
    return re.findall(r"`([^`]+)`", cell)
