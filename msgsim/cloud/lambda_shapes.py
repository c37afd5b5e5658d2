"""The parameters of the Lambda operations, and the codes of its errors; Lambda API Reference."""

from __future__ import annotations

from datetime import datetime

from msgsim.cloud.shapes import (
    BLOB,
    BOOLEAN,
    INTEGER,
    STRING,
    STRING_MAP,
    STRINGS,
    ListOf,
    Members,
    Plain,
    Shape,
)

ANYTHING = Plain((object,))
TIME = Plain((str, int, float))
_NAME: dict[str, Shape] = {"FunctionName": STRING}
_QUALIFIED: dict[str, Shape] = {**_NAME, "Qualifier": STRING}
_UUID: dict[str, Shape] = {"UUID": STRING}
_PAGE: dict[str, Shape] = {"Marker": STRING, "MaxItems": INTEGER}
_DEAD_LETTERS = Members(TargetArn=STRING)
_SETTINGS: dict[str, Shape] = {
    "Runtime": STRING,
    "Role": STRING,
    "Handler": STRING,
    "Description": STRING,
    "Timeout": INTEGER,
    "MemorySize": INTEGER,
    "DeadLetterConfig": _DEAD_LETTERS,
    "Environment": Members(Variables=STRING_MAP),
}
_DESTINATION = Members(Destination=STRING)
_DESTINATIONS = Members(OnSuccess=_DESTINATION, OnFailure=_DESTINATION)
_EVENTS: dict[str, Shape] = {
    **_QUALIFIED,
    "MaximumRetryAttempts": INTEGER,
    "MaximumEventAgeInSeconds": INTEGER,
    "DestinationConfig": _DESTINATIONS,
}
_CODE: dict[str, Shape] = {"callable": ANYTHING, "time": TIME}
_MAPPING: dict[str, Shape] = {
    "Enabled": BOOLEAN,
    "BatchSize": INTEGER,
    "MaximumBatchingWindowInSeconds": INTEGER,
    "FilterCriteria": Members(Filters=ListOf(Members(Pattern=STRING))),
    "FunctionResponseTypes": STRINGS,
    "ScalingConfig": Members(MaximumConcurrency=INTEGER),
    "ProvisionedPollerConfig": Members(MinimumPollers=INTEGER, MaximumPollers=INTEGER),
    "ParallelizationFactor": INTEGER,
    "MaximumRetryAttempts": INTEGER,
    "MaximumRecordAgeInSeconds": INTEGER,
    "BisectBatchOnFunctionError": BOOLEAN,
    "TumblingWindowInSeconds": INTEGER,
    "DestinationConfig": _DESTINATIONS,
    "KMSKeyArn": STRING,
    "MetricsConfig": Members(Metrics=STRINGS),
}
_STARTING: dict[str, Shape] = {
    "StartingPosition": STRING,
    "StartingPositionTimestamp": Plain((datetime, int, float)),
}

LAMBDA_SHAPES: dict[str, Members] = {
    "create_function": Members(
        **_NAME,
        **_SETTINGS,
        Code=Members(**_CODE).needs("callable"),
        PackageType=STRING,
        Publish=BOOLEAN,
        Architectures=STRINGS,
        Tags=STRING_MAP,
    ).needs("FunctionName", "Code"),
    "delete_function": Members(**_QUALIFIED).needs("FunctionName"),
    "get_function": Members(**_QUALIFIED).needs("FunctionName"),
    "get_function_configuration": Members(**_QUALIFIED).needs("FunctionName"),
    "list_functions": Members(**_PAGE),
    "update_function_code": Members(**_NAME, **_CODE).needs("FunctionName"),
    "update_function_configuration": Members(**_NAME, **_SETTINGS).needs("FunctionName"),
    "put_function_concurrency": Members(**_NAME, ReservedConcurrentExecutions=INTEGER).needs(
        "FunctionName", "ReservedConcurrentExecutions"
    ),
    "get_function_concurrency": Members(**_NAME).needs("FunctionName"),
    "delete_function_concurrency": Members(**_NAME).needs("FunctionName"),
    "put_provisioned_concurrency_config": Members(
        **_QUALIFIED, ProvisionedConcurrentExecutions=INTEGER
    ).needs("FunctionName", "Qualifier", "ProvisionedConcurrentExecutions"),
    "get_provisioned_concurrency_config": Members(**_QUALIFIED).needs("FunctionName", "Qualifier"),
    "delete_provisioned_concurrency_config": Members(**_QUALIFIED).needs(
        "FunctionName", "Qualifier"
    ),
    "put_function_event_invoke_config": Members(**_EVENTS).needs("FunctionName"),
    "update_function_event_invoke_config": Members(**_EVENTS).needs("FunctionName"),
    "get_function_event_invoke_config": Members(**_QUALIFIED).needs("FunctionName"),
    "delete_function_event_invoke_config": Members(**_QUALIFIED).needs("FunctionName"),
    "invoke": Members(
        **_QUALIFIED, InvocationType=STRING, LogType=STRING, ClientContext=STRING, Payload=BLOB
    ).needs("FunctionName"),
    "create_event_source_mapping": Members(
        EventSourceArn=STRING, **_NAME, **_MAPPING, **_STARTING, Tags=STRING_MAP
    ).needs("FunctionName"),
    "update_event_source_mapping": Members(**_UUID, **_NAME, **_MAPPING).needs("UUID"),
    "get_event_source_mapping": Members(**_UUID).needs("UUID"),
    "delete_event_source_mapping": Members(**_UUID).needs("UUID"),
    "list_event_source_mappings": Members(EventSourceArn=STRING, **_NAME, **_PAGE),
}

INVALID = "InvalidParameterValueException"
NOT_FOUND = "ResourceNotFoundException"
CONFLICT = "ResourceConflictException"
THROTTLED = "TooManyRequestsException"
TOO_LARGE = "RequestTooLargeException"
BAD_CONTENT = "InvalidRequestContentException"
UNAVAILABLE = "ServiceException"
NO_PROVISIONED = "ProvisionedConcurrencyConfigNotFoundException"

LAMBDA_ERRORS = {
    code: code
    for code in (
        INVALID,
        NOT_FOUND,
        CONFLICT,
        THROTTLED,
        TOO_LARGE,
        BAD_CONTENT,
        UNAVAILABLE,
        NO_PROVISIONED,
    )
}
LAMBDA_STATUSES = {
    NOT_FOUND: 404,
    CONFLICT: 409,
    THROTTLED: 429,
    TOO_LARGE: 413,
    UNAVAILABLE: 500,
    NO_PROVISIONED: 404,
}
