"""CloudWatch's names of SQS and SNS metrics in expectations, counted as AWS counts them."""

from __future__ import annotations

import msgsim
from msgsim.experiment.result import to_plain


def check(text: str, *rules: str) -> None:
    """Run a scenario whose expectations are these rules."""
    listed = "".join(f"  - {rule}\n" for rule in rules)
    found = to_plain(msgsim.run(msgsim.load_text(f"{text}expect:\n{listed}")))["expect"]
    assert [(rule["rule"], rule["actual"]) for rule in found if not rule["passed"]] == []


def test_noisy_groups_of_a_fair_queue() -> None:
    """One tenant holds 100 of 100 messages in flight: more than 10 % and more than 30 of its own.
    It is found after the minute over which shares are averaged (assumption), and quiet when its
    backlog is gone (SQS guide, sqs-fair-queues-detailed.html).
    """
    check(
        """
duration: 10m
resources:
  Orders: {type: sqs.queue, VisibilityTimeout: 120}
  Workers: {type: worker.fleet, queue: Orders, workers: 100, handler: {time: 2s}}
workload:
  - {name: Loud, to: Orders, arrivals: {burst: 10000}, keys: {A: 100%}, group: true}
  - {name: Quiet, to: Orders, rate: 1/s, keys: {B: 100%}, group: true, until: 5m}
""",
        "Orders.ApproximateNumberOfNoisyGroups == 1",
        "Orders.ApproximateNumberOfNoisyGroups.at(10s) == 0",
        "Orders.ApproximateNumberOfNoisyGroups.at(100s) == 1",
        "Orders.noisy_groups.end == 0",
    )


def test_failed_notifications_are_counted_by_protocol() -> None:
    """NumberOfNotificationsFailed (SNS guide, sns-monitoring-using-cloudwatch.html): HTTP counts
    every failed attempt, 4 for a message whose server always answers 503; SQS counts what is given
    up, 1 for a message whose queue admits SNS no more; filtered ones count as neither.
    """
    check(
        """
duration: 10m
resources:
  News: {type: sns.topic}
  Web: {type: sns.subscription, TopicArn: News, Protocol: https, Endpoint: Shop}
  Fine: {type: sns.subscription, TopicArn: News, Protocol: sqs, Endpoint: Orders}
  Picky: {type: sns.subscription, TopicArn: News, Protocol: sqs, Endpoint: Other,
          FilterPolicy: {kind: [x]}, RedrivePolicy: {deadLetterTargetArn: Dead}}
  Shut: {type: sns.subscription, TopicArn: News, Protocol: sqs, Endpoint: Denied,
         RedrivePolicy: {deadLetterTargetArn: Dead}}
  Shop: {type: sns.endpoint, status: 503}
  Orders: {type: sqs.queue}
  Other: {type: sqs.queue}
  Denied: {type: sqs.queue}
  Dead: {type: sqs.queue}
workload:
  - {name: Shop1, to: News, arrivals: {burst: 1}}
faults:
  - {at: 0s, deny: Shut}
""",
        "News.NumberOfMessagesPublished == 1",
        "Web.NumberOfNotificationsFailed == 4",
        "Fine.NumberOfNotificationsFailed == 0",
        "Shut.NumberOfNotificationsFailed == 1",
        "News.NumberOfNotificationsFailed == 5",
        "News.NumberOfNotificationsFilteredOut == 1",
        "News.NumberOfNotificationsRedrivenToDlq == 1",
    )


def test_deduplicated_sends_under_awss_name() -> None:
    """NumberOfDeduplicatedSentMessages of a FIFO queue; a topic acknowledges duplicates too."""
    check(
        """
duration: 3m
resources:
  News: {type: sns.topic, FifoTopic: true, ContentBasedDeduplication: true,
         Subscription: [{Protocol: sqs, Endpoint: Orders}]}
  Orders: {type: sqs.queue, FifoQueue: true}
  Direct: {type: sqs.queue, FifoQueue: true, ContentBasedDeduplication: true}
workload:
  - {name: A, to: News, arrivals: {burst: 1, every: 30s}, until: 2m, keys: {A: 100%},
     body: ok, deduplication: content}
  - {name: B, to: Direct, arrivals: {burst: 1, every: 30s}, until: 2m, keys: {A: 100%},
     body: ok, deduplication: content}
""",
        "News.NumberOfMessagesPublished == 4",
        "News.deduplicated == 3",
        "Orders.NumberOfDeduplicatedSentMessages == 0",
        "Direct.NumberOfDeduplicatedSentMessages == 3",
        "Direct.NumberOfMessagesSent == 1",
    )
