"""What queues and other services report to alarms, and when they report nothing."""

from __future__ import annotations

import pytest

import msgsim
from msgsim.services.cloudwatch_alarm.evaluation import (
    ALARM,
    INSUFFICIENT_DATA,
    OK,
)
from tests.services.alarm_built import AT_ONCE, alarm, changes
from tests.services.hand_built import NO_LATENCY, HandBuilt


def test_a_function_that_is_not_called_reports_nothing() -> None:
    """Minutes without an invocation are missing data: `notBreaching` is OK, `missing` unknown."""
    watched = {"MetricName": "Errors", "Dimensions": "Fn", "Statistic": "Sum", "Threshold": 0}
    system = HandBuilt(
        {
            "Fn": {"type": "lambda.function", "handler": {"time": "1s", "fails": "100%"}},
            "Strict": alarm(**watched),
            "Lenient": alarm(**watched, TreatMissingData="notBreaching"),
        },
        assumptions=AT_ONCE,
    )
    system.sim.at(130_000_000_000, system["Fn"].invoke_async, system.message())
    system.run("4m")
    assert changes(system, "Lenient") == [(60.0, OK), (180.0, ALARM)]
    assert changes(system, "Strict") == [(180.0, ALARM)]


def test_a_queue_nobody_uses_stops_reporting_after_six_hours() -> None:
    """Active is a queue that holds a message or was accessed in the last 6 hours; afterwards its
    metrics come back with up to 15 minutes' delay.

    Source: SQS Developer Guide, monitoring with CloudWatch.
    """
    system = HandBuilt({"Orders": {"type": "sqs.queue"}, "Backlog": alarm()}, assumptions=AT_ONCE)
    system.send_at("28830s", "Orders")  # half a minute after eight hours
    system.run("9h")
    found = changes(system)
    assert found[0] == (60.0, OK)
    # The third missing datapoint in a row empties an evaluation range of 1 + 2.
    assert found[1] == (6 * 3600 + 60 + 120.0, INSUFFICIENT_DATA)
    assert found[2] == (8 * 3600 + 60 + 15 * 60.0, OK)


@pytest.mark.parametrize(
    ("metric", "statistic", "threshold", "operator"),
    [
        ("ApproximateNumberOfMessagesNotVisible", "Average", 0, "GreaterThanThreshold"),
        ("NumberOfMessagesSent", "Sum", 3, "GreaterThanOrEqualToThreshold"),
        ("NumberOfMessagesReceived", "Sum", 3, "GreaterThanOrEqualToThreshold"),
        ("NumberOfMessagesDeleted", "Sum", 1, "GreaterThanOrEqualToThreshold"),
        ("NumberOfEmptyReceives", "Sum", 1, "GreaterThanOrEqualToThreshold"),
        ("ApproximateAgeOfOldestMessage", "Maximum", 20, "GreaterThanThreshold"),
    ],
)
def test_metrics_of_a_queue(metric: str, statistic: str, threshold: int, operator: str) -> None:
    """Three messages at 30 s, a worker that takes 40 s for each: by the end of the second minute
    every metric has shown itself.
    """
    system = HandBuilt(
        {
            "Orders": {"type": "sqs.queue", "VisibilityTimeout": 300},
            "Workers": {
                "type": "worker.fleet",
                "queue": "Orders",
                "workers": 1,
                "handler": {"time": "40s"},
                **NO_LATENCY,
            },
            "Seen": alarm(
                MetricName=metric,
                Statistic=statistic,
                Threshold=threshold,
                ComparisonOperator=operator,
                Period=300,
            ),
        },
        assumptions=AT_ONCE,
    )
    for _ in range(3):
        system.send_at("30s", "Orders")
    system.run("5m")
    assert ALARM in [now for _, now in changes(system, "Seen")]


EVERY_SERVICE = """
msgsim: 1
duration: 10m
resources:
  Orders: {type: sqs.queue}
  Packers: {type: worker.fleet, queue: Orders, workers: 2, handler: {time: 1s}}
  News: {type: sns.topic, Subscription: [{Protocol: lambda, Endpoint: MailFn}]}
  MailFn: {type: lambda.function, ReservedConcurrentExecutions: 3, handler: {time: 2s}}
  Clicks: {type: kinesis.stream, ShardCount: 1}
  ClicksFn: {type: lambda.function, Timeout: 60, handler: {time: 20s}}
  ClicksMap: {type: lambda.event_source_mapping, EventSourceArn: Clicks, FunctionName: ClicksFn,
              StartingPosition: TRIM_HORIZON}
%s
workload:
  - {to: Orders, rate: 1/s}
  - {to: News, rate: 3/s}
  - {to: Clicks, rate: 1200/s, size: 100B, until: 3m, keys: 10, retry: none}
"""

OTHERS = [
    ("NumberOfMessagesPublished", "News", "Sum", 180, 181),
    ("Invocations", "MailFn", "Sum", 60, 181),
    ("Throttles", "MailFn", "Sum", 1, 10_000),
    ("ConcurrentExecutions", "MailFn", "Maximum", 3, 4),
    ("Duration", "MailFn", "Average", 2_000, 2_001),
    ("IteratorAge", "ClicksMap", "Maximum", 60_000, 600_000),
    ("IncomingRecords", "Clicks", "Sum", 60_000, 61_200),
    ("WriteProvisionedThroughputExceeded", "Clicks", "Sum", 11_000, 12_001),
    ("GroupInServiceInstances", "Packers", "Minimum", 2, 3),
    ("GroupDesiredCapacity", "Packers", "Average", 2, 3),
]


def test_metrics_of_other_services() -> None:
    """180 messages a minute, three of which can be handled at once in 2 s each; a shard that takes
    1,000 of 1,200 records a second; a function that needs 20 s for each batch of a stream. Each
    metric reaches the first threshold and not the second.
    """
    alarms = ""
    for metric, resource, statistic, *thresholds in OTHERS:
        for word, threshold in zip(("Reached", "Beyond"), thresholds, strict=True):
            alarms += (
                f"  {word}{metric}: {{type: cloudwatch.alarm, MetricName: {metric}, "
                f"Dimensions: {resource}, Statistic: {statistic}, Threshold: {threshold}, "
                "ComparisonOperator: GreaterThanOrEqualToThreshold, EvaluationPeriods: 1}\n"
            )
    run = msgsim.run(msgsim.load_text(EVERY_SERVICE % alarms)).runs[0]
    watches = run.observers.alarms.watches
    for metric, *_ in OTHERS:
        assert watches[f"Reached{metric}"].alarms > 0, (metric, watches[f"Reached{metric}"].changes)
        assert watches[f"Beyond{metric}"].alarms == 0, (metric, watches[f"Beyond{metric}"].changes)
