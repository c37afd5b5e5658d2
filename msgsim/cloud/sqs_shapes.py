"""The parameters of the SQS operations, and the codes of its errors; SQS API Reference."""

from __future__ import annotations

from msgsim.cloud.shapes import (
    BLOB,
    INTEGER,
    STRING,
    STRING_MAP,
    STRINGS,
    ListOf,
    MapOf,
    Members,
    Shape,
)

_VALUE = Members(
    StringValue=STRING,
    BinaryValue=BLOB,
    StringListValues=STRINGS,
    BinaryListValues=ListOf(BLOB),
    DataType=STRING,
).needs("DataType")

_MESSAGE: dict[str, Shape] = {
    "DelaySeconds": INTEGER,
    "MessageAttributes": MapOf(_VALUE),
    "MessageSystemAttributes": MapOf(_VALUE),
    "MessageDeduplicationId": STRING,
    "MessageGroupId": STRING,
}
_URL: dict[str, Shape] = {"QueueUrl": STRING}
_HANDLE: dict[str, Shape] = {"ReceiptHandle": STRING}
_PAGING: dict[str, Shape] = {"NextToken": STRING, "MaxResults": INTEGER}


def _batch(*required: str, **entry: Shape) -> Members:
    members = Members(Id=STRING, **entry).needs("Id", *required)
    return Members(**_URL, Entries=ListOf(members)).needs("QueueUrl", "Entries")


SQS_SHAPES: dict[str, Members] = {
    "create_queue": Members(QueueName=STRING, Attributes=STRING_MAP, tags=STRING_MAP).needs(
        "QueueName"
    ),
    "delete_queue": Members(**_URL).needs("QueueUrl"),
    "list_queues": Members(QueueNamePrefix=STRING, **_PAGING),
    "get_queue_url": Members(QueueName=STRING, QueueOwnerAWSAccountId=STRING).needs("QueueName"),
    "get_queue_attributes": Members(**_URL, AttributeNames=STRINGS).needs("QueueUrl"),
    "set_queue_attributes": Members(**_URL, Attributes=STRING_MAP).needs("QueueUrl", "Attributes"),
    "list_dead_letter_source_queues": Members(**_URL, **_PAGING).needs("QueueUrl"),
    "purge_queue": Members(**_URL).needs("QueueUrl"),
    "send_message": Members(**_URL, MessageBody=STRING, **_MESSAGE).needs(
        "QueueUrl", "MessageBody"
    ),
    "send_message_batch": _batch("MessageBody", MessageBody=STRING, **_MESSAGE),
    "receive_message": Members(
        **_URL,
        AttributeNames=STRINGS,
        MessageSystemAttributeNames=STRINGS,
        MessageAttributeNames=STRINGS,
        MaxNumberOfMessages=INTEGER,
        VisibilityTimeout=INTEGER,
        WaitTimeSeconds=INTEGER,
        ReceiveRequestAttemptId=STRING,
    ).needs("QueueUrl"),
    "delete_message": Members(**_URL, **_HANDLE).needs("QueueUrl", "ReceiptHandle"),
    "delete_message_batch": _batch("ReceiptHandle", **_HANDLE),
    "change_message_visibility": Members(**_URL, **_HANDLE, VisibilityTimeout=INTEGER).needs(
        "QueueUrl", "ReceiptHandle", "VisibilityTimeout"
    ),
    "change_message_visibility_batch": _batch(
        "ReceiptHandle", **_HANDLE, VisibilityTimeout=INTEGER
    ),
    "start_message_move_task": Members(
        SourceArn=STRING, DestinationArn=STRING, MaxNumberOfMessagesPerSecond=INTEGER
    ).needs("SourceArn"),
    "list_message_move_tasks": Members(SourceArn=STRING, MaxResults=INTEGER).needs("SourceArn"),
    "cancel_message_move_task": Members(TaskHandle=STRING).needs("TaskHandle"),
}

PREFIX = "AWS.SimpleQueueService."

SQS_ERRORS = {
    "BatchEntryIdsNotDistinct": f"{PREFIX}BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": f"{PREFIX}BatchRequestTooLong",
    "EmptyBatchRequest": f"{PREFIX}EmptyBatchRequest",
    "InvalidAttributeName": "InvalidAttributeName",
    "InvalidAttributeValue": "InvalidAttributeValue",
    "InvalidBatchEntryId": f"{PREFIX}InvalidBatchEntryId",
    "InvalidMessageContents": "InvalidMessageContents",
    "InvalidParameterValueException": "InvalidParameterValue",
    "MissingRequiredParameterException": "MissingParameter",
    "MessageNotInflight": f"{PREFIX}MessageNotInflight",
    "OverLimit": "OverLimit",
    "PurgeQueueInProgress": f"{PREFIX}PurgeQueueInProgress",
    "QueueDeletedRecently": f"{PREFIX}QueueDeletedRecently",
    "QueueDoesNotExist": f"{PREFIX}NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "ReceiptHandleIsInvalid": "ReceiptHandleIsInvalid",
    "RequestThrottled": "RequestThrottled",
    "ResourceNotFoundException": "ResourceNotFoundException",
    "TooManyEntriesInBatchRequest": f"{PREFIX}TooManyEntriesInBatchRequest",
    "UnsupportedOperation": "UnsupportedOperation",
}
SQS_STATUSES = {"OverLimit": 403, "RequestThrottled": 403, "ServiceUnavailable": 503}
