"""The metrics of CloudWatch that have a twin here: namespace, name, unit, useful statistics.

Their definitions are on the page `cloudwatch`, in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass

PERCENTILES = ("p50", "p90", "p99")
_LEVEL = ("Maximum", "Average", "Minimum")
_COUNT = ("Sum",)
_SIZE = ("Average", "Minimum", "Maximum", "Sum", "SampleCount", *PERCENTILES)
_AGE = ("Maximum", "Average", "Minimum", *PERCENTILES)
_RATIO = ("Average", "Sum", "SampleCount")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as AWS documents it.

    Attributes:
        namespace: such as `AWS/SQS`.
        name: exactly as AWS writes it.
        unit: `Count`, `Bytes`, `Seconds`, `Milliseconds` or `Percent`.
        statistics: those that say something, the most useful first.
    """

    namespace: str
    name: str
    unit: str
    statistics: tuple[str, ...]

    @property
    def percentiles(self) -> bool:
        """Whether percentiles are kept."""
        return PERCENTILES[0] in self.statistics


def _all(
    namespace: str, *groups: tuple[str, tuple[str, ...], str]
) -> dict[tuple[str, str], Metric]:
    return {
        (namespace, name): Metric(namespace, name, unit, statistics)
        for unit, statistics, names in groups
        for name in names.split()
    }


def _delivery(place: str) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """Return the metrics of deliveries to one place; the last is their age."""
    return (
        ("Bytes", _SIZE, f"{place}.Bytes"),
        ("Count", _COUNT, f"{place}.Records"),
        ("Count", _RATIO, f"{place}.Success"),
        ("Seconds", _AGE, f"{place}.DataFreshness"),
    )


CATALOG: dict[tuple[str, str], Metric] = {
    **_all(
        "AWS/SQS",
        (
            "Count",
            _LEVEL,
            "ApproximateNumberOfMessagesVisible ApproximateNumberOfMessagesNotVisible "
            "ApproximateNumberOfMessagesDelayed",
        ),
        ("Seconds", _LEVEL, "ApproximateAgeOfOldestMessage"),
        ("Count", _LEVEL, "ApproximateNumberOfGroupsWithInflightMessages"),
        (
            "Count",
            _COUNT,
            "NumberOfMessagesSent NumberOfMessagesReceived NumberOfMessagesDeleted "
            "NumberOfEmptyReceives NumberOfDeduplicatedSentMessages",
        ),
        ("Bytes", _SIZE, "SentMessageSize"),
        (
            "Count",
            _LEVEL,
            "ApproximateNumberOfNoisyGroups ApproximateNumberOfMessagesVisibleInQuietGroups "
            "ApproximateNumberOfMessagesNotVisibleInQuietGroups "
            "ApproximateNumberOfMessagesDelayedInQuietGroups",
        ),
        ("Seconds", _LEVEL, "ApproximateAgeOfOldestMessageInQuietGroups"),
    ),
    **_all(
        "AWS/SNS",
        ("Count", _COUNT, "NumberOfMessagesPublished"),
        ("Bytes", _SIZE, "PublishSize"),
        (
            "Count",
            _COUNT,
            "NumberOfNotificationsDelivered NumberOfNotificationsFailed "
            "NumberOfNotificationsFilteredOut NumberOfNotificationsFilteredOut-MessageAttributes "
            "NumberOfNotificationsFilteredOut-MessageBody "
            "NumberOfNotificationsFilteredOut-NoMessageAttributes "
            "NumberOfNotificationsFilteredOut-InvalidMessageBody "
            "NumberOfNotificationsRedrivenToDlq NumberOfNotificationsFailedToRedriveToDlq "
            "NumberOfReplayedNotificationsDelivered NumberOfReplayedNotificationsFailed",
        ),
    ),
    **_all(
        "AWS/Kinesis",
        ("Bytes", _SIZE, "IncomingBytes"),
        ("Count", _COUNT, "IncomingRecords"),
        ("Bytes", _SIZE, "PutRecord.Bytes"),
        ("Count", _RATIO, "PutRecord.Success"),
        ("Bytes", _SIZE, "PutRecords.Bytes"),
        (
            "Count",
            _RATIO,
            "PutRecords.Success PutRecords.TotalRecords PutRecords.SuccessfulRecords "
            "PutRecords.FailedRecords PutRecords.ThrottledRecords",
        ),
        ("Count", _RATIO, "WriteProvisionedThroughputExceeded"),
        ("Bytes", _SIZE, "GetRecords.Bytes"),
        ("Count", _RATIO, "GetRecords.Records GetRecords.Success"),
        ("Milliseconds", _AGE, "GetRecords.IteratorAgeMilliseconds"),
        ("Count", _RATIO, "ReadProvisionedThroughputExceeded"),
    ),
    **_all(
        "AWS/Kinesis",
        ("Bytes", _SIZE, "SubscribeToShardEvent.Bytes"),
        ("Count", _RATIO, "SubscribeToShardEvent.Records SubscribeToShardEvent.Success"),
        ("Milliseconds", _AGE, "SubscribeToShardEvent.MillisBehindLatest"),
    ),
    **_all(
        "AWS/Firehose",
        ("Count", _COUNT, "IncomingRecords"),
        ("Bytes", _SIZE, "IncomingBytes"),
        ("Count", _COUNT, "ThrottledRecords"),
        *_delivery("DeliveryToS3"),
        ("Count", _COUNT, "DeliveryToS3.ObjectCount"),
        *_delivery("DeliveryToRedshift")[:-1],
        *_delivery("DeliveryToAmazonOpenSearchService"),
        *_delivery("DeliveryToSplunk"),
        *_delivery("DeliveryToHttpEndpoint"),
        *_delivery("BackupToS3"),
        ("Count", _COUNT, "SucceedProcessing.Records"),
        ("Count", _LEVEL, "PartitionCount"),
        ("Count", _COUNT, "PartitionCountExceeded"),
    ),
    **_all(
        "AWS/Lambda",
        ("Count", _COUNT, "Invocations"),
        ("Count", _RATIO, "Errors Throttles"),
        ("Milliseconds", _SIZE, "Duration"),
        ("Count", _LEVEL, "ConcurrentExecutions UnreservedConcurrentExecutions"),
        ("Count", _LEVEL, "ProvisionedConcurrentExecutions"),
        (
            "Count",
            _COUNT,
            "ProvisionedConcurrencyInvocations ProvisionedConcurrencySpilloverInvocations",
        ),
        ("Percent", _LEVEL, "ProvisionedConcurrencyUtilization"),
        ("Count", _COUNT, "AsyncEventsReceived"),
        ("Milliseconds", _AGE, "AsyncEventAge"),
        ("Count", _COUNT, "AsyncEventsDropped DestinationDeliveryFailures"),
        ("Milliseconds", _AGE, "IteratorAge"),
        (
            "Count",
            _COUNT,
            "PolledEventCount FilteredOutEventCount InvokedEventCount FailedInvokeEventCount "
            "DeletedEventCount DroppedEventCount",
        ),
        ("Count", _LEVEL, "ProvisionedPollers"),
    ),
    **_all(
        "AWS/AutoScaling",
        (
            "Count",
            _LEVEL,
            "GroupDesiredCapacity GroupInServiceInstances GroupPendingInstances",
        ),
    ),
}
"""Namespace and name → the metric."""
