"""Alarms in few words, for tests of alarms."""

from __future__ import annotations

from typing import Any

from tests.services.hand_built import HandBuilt


def alarm(**more: Any) -> dict[str, Any]:
    return {
        "type": "cloudwatch.alarm",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": "Orders",
        "Threshold": 10,
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        **more,
    }


def changes(system: HandBuilt, name: str = "Backlog") -> list[tuple[float, str]]:
    return [fact[:2] for fact in system.log.of(name, "alarm_changed")]


AT_ONCE = {("cloudwatch.alarm", "publication_delay"): "0s"}

SCALED = """
msgsim: 1
duration: 30m
seed: 5
resources:
  Orders: {type: sqs.queue}
  Packers:
    type: worker.fleet
    queue: Orders
    workers: 1
    handler: {time: 1s}
    startup: 30s
    scaling:
      max: 6
      policies: [{PolicyName: Out, ScalingAdjustment: 2, Cooldown: 60}]
  Ops: {type: sns.topic, Subscription: [{Protocol: sqs, Endpoint: Pager}]}
  Pager: {type: sqs.queue}
  Backlog:
    type: cloudwatch.alarm
    MetricName: NumberOfMessagesSent
    Dimensions: Orders
    Statistic: Sum
    Threshold: 100
    ComparisonOperator: GreaterThanThreshold
    EvaluationPeriods: 1
    AlarmActions: [Packers.Out, Ops]
workload:
  - {to: Orders, rate: 3/s}
expect:
  - Backlog.alarms == 1
  - Backlog.in_alarm.mean > 90%
  - Backlog.first_alarm == 2m
  - Packers.workers.max == 6
  - Packers.scalings.count == 3
  - Pager.published == 1
"""
