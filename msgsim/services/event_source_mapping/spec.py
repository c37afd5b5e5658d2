"""What YAML may say about an event source mapping, for queues and for streams."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from msgsim.model.catalog import page_beside
from msgsim.model.spec import (
    AwsNumber,
    Bool,
    Duration,
    FieldError,
    Parsed,
    Plain,
    RefTo,
    Size,
    Spec,
    String,
    one_of,
)

PAGE = page_beside(__file__, "lambda.event_source_mapping.md")

PARTIAL = "ReportBatchItemFailures"
SOURCES = ("sqs.queue", "kinesis.stream", "kinesis.stream_consumer", "dynamodb.stream")
POSITIONS = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")


def _or_no_limit(number: AwsNumber) -> Parsed:
    """Let -1 stand for no limit, beside AWS's range."""

    def parse(value: object) -> int:
        if str(value).strip() == "-1":
            return -1
        try:
            found: int = number.parse(value)
        except FieldError as error:
            too = ", or -1 for no limit" if error.code == "E201" else ""
            raise FieldError(error.code, error.message + too, error.hint) from None
        return found

    return Parsed(parse, number.schema)


ResponseType = Annotated[str, one_of(PARTIAL)]


class Scale(Spec):
    """How many invocations of a queue's mapping may run at once."""

    MaximumConcurrency: Annotated[int, AwsNumber(PAGE, "MaximumConcurrency")]


class ProvisionedPollers(Spec):
    """Provisioned mode of a queue's mapping: event pollers that are always there."""

    MinimumPollers: Annotated[int, AwsNumber(PAGE, "MinimumPollers")] = 2
    MaximumPollers: Annotated[int, AwsNumber(PAGE, "MaximumPollers")] = 200


class FailureTarget(Spec):
    """Where a document about each discarded batch goes."""

    Destination: Annotated[String, RefTo("sqs.queue", "sns.topic")]


class Destinations(Spec):
    """Destinations of a stream's mapping."""

    OnFailure: FailureTarget


class WindowState(Spec):
    """What the function keeps of a tumbling window; it is the scenario's to say."""

    per_record: Size


class MappingSpec(Spec):
    """Properties of `lambda.event_source_mapping`, in AWS's spelling and units.

    A property that only the other kind of source has is None unless it was written. Times count
    from the start of the run: `from` is when the mapping is created.
    """

    EventSourceArn: Annotated[String, RefTo(*SOURCES)]
    FunctionName: Annotated[String, RefTo("lambda.function")]
    BatchSize: Annotated[int | None, AwsNumber(PAGE, "BatchSize")] = None
    MaximumBatchingWindowInSeconds: Annotated[
        int, AwsNumber(PAGE, "MaximumBatchingWindowInSeconds")
    ] = 0
    Enabled: Bool = True
    FunctionResponseTypes: tuple[ResponseType, ...] = ()
    ScalingConfig: Scale | None = None
    StartingPosition: Annotated[str | None, one_of(*POSITIONS)] = None
    StartingPositionTimestamp: Duration | None = None
    from_: Annotated[Duration, Field(alias="from")] = 0
    window_state: WindowState | None = None
    ParallelizationFactor: Annotated[int | None, AwsNumber(PAGE, "ParallelizationFactor")] = None
    MaximumRetryAttempts: Annotated[int | None, AwsNumber(PAGE, "MaximumRetryAttempts")] = None
    MaximumRecordAgeInSeconds: Annotated[
        int | None, _or_no_limit(AwsNumber(PAGE, "MaximumRecordAgeInSeconds"))
    ] = None
    BisectBatchOnFunctionError: Bool | None = None
    DestinationConfig: Destinations | None = None
    TumblingWindowInSeconds: Annotated[int | None, AwsNumber(PAGE, "TumblingWindowInSeconds")] = (
        None
    )
    FilterCriteria: Plain = None
    ProvisionedPollerConfig: ProvisionedPollers | None = None

    @property
    def partial(self) -> bool:
        """Whether the function's report of failed records is read."""
        return PARTIAL in self.FunctionResponseTypes
