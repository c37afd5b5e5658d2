"""The parameters of the SNS operations, and the codes of its errors; SNS API Reference."""

from __future__ import annotations

from msgsim.cloud.shapes import BLOB, BOOLEAN, STRING, STRING_MAP, ListOf, MapOf, Members, Shape

_VALUE = Members(DataType=STRING, StringValue=STRING, BinaryValue=BLOB).needs("DataType")
_MESSAGE: dict[str, Shape] = {
    "Message": STRING,
    "Subject": STRING,
    "MessageStructure": STRING,
    "MessageAttributes": MapOf(_VALUE),
    "MessageDeduplicationId": STRING,
    "MessageGroupId": STRING,
}
_TOPIC: dict[str, Shape] = {"TopicArn": STRING}
_SUBSCRIPTION: dict[str, Shape] = {"SubscriptionArn": STRING}
_SET: dict[str, Shape] = {"AttributeName": STRING, "AttributeValue": STRING}
_TAG = Members(Key=STRING, Value=STRING).needs("Key", "Value")
_ENTRY = Members(Id=STRING, **_MESSAGE).needs("Id", "Message")

SNS_SHAPES: dict[str, Members] = {
    "create_topic": Members(
        Name=STRING, Attributes=STRING_MAP, Tags=ListOf(_TAG), DataProtectionPolicy=STRING
    ).needs("Name"),
    "delete_topic": Members(**_TOPIC).needs("TopicArn"),
    "list_topics": Members(NextToken=STRING),
    "get_topic_attributes": Members(**_TOPIC).needs("TopicArn"),
    "set_topic_attributes": Members(**_TOPIC, **_SET).needs("TopicArn", "AttributeName"),
    "subscribe": Members(
        **_TOPIC,
        Protocol=STRING,
        Endpoint=STRING,
        Attributes=STRING_MAP,
        ReturnSubscriptionArn=BOOLEAN,
    ).needs("TopicArn", "Protocol"),
    "unsubscribe": Members(**_SUBSCRIPTION).needs("SubscriptionArn"),
    "list_subscriptions": Members(NextToken=STRING),
    "list_subscriptions_by_topic": Members(**_TOPIC, NextToken=STRING).needs("TopicArn"),
    "get_subscription_attributes": Members(**_SUBSCRIPTION).needs("SubscriptionArn"),
    "set_subscription_attributes": Members(**_SUBSCRIPTION, **_SET).needs(
        "SubscriptionArn", "AttributeName"
    ),
    "publish": Members(**_TOPIC, TargetArn=STRING, PhoneNumber=STRING, **_MESSAGE).needs("Message"),
    "publish_batch": Members(**_TOPIC, PublishBatchRequestEntries=ListOf(_ENTRY)).needs(
        "TopicArn", "PublishBatchRequestEntries"
    ),
}

SNS_ERRORS = {
    "AuthorizationErrorException": "AuthorizationError",
    "BatchEntryIdsNotDistinctException": "BatchEntryIdsNotDistinct",
    "BatchRequestTooLongException": "BatchRequestTooLong",
    "EmptyBatchRequestException": "EmptyBatchRequest",
    "FilterPolicyLimitExceededException": "FilterPolicyLimitExceeded",
    "InternalErrorException": "InternalError",
    "InvalidBatchEntryIdException": "InvalidBatchEntryId",
    "InvalidParameterException": "InvalidParameter",
    "InvalidStateException": "InvalidState",
    "InvalidParameterValueException": "ParameterValueInvalid",
    "NotFoundException": "NotFound",
    "ReplayLimitExceededException": "ReplayLimitExceeded",
    "SubscriptionLimitExceededException": "SubscriptionLimitExceeded",
    "TooManyEntriesInBatchRequestException": "TooManyEntriesInBatchRequest",
    "TopicLimitExceededException": "TopicLimitExceeded",
    "ValidationException": "ValidationException",
}
SNS_STATUSES = {
    "AuthorizationError": 403,
    "FilterPolicyLimitExceeded": 403,
    "InternalError": 500,
    "NotFound": 404,
    "ReplayLimitExceeded": 403,
    "ServiceUnavailable": 503,
    "SubscriptionLimitExceeded": 403,
    "TopicLimitExceeded": 403,
}
