"""What YAML may say about an event source mapping, for queues and for streams."""

from __future__ import annotations

from typing import Annotated, Any

from msgsim.model.catalog import page_beside
from msgsim.model.spec import AwsNumber, Bool, FieldError, Parsed, Plain, RefTo, Spec, String
from msgsim.problems import did_you_mean, quote

PAGE = page_beside(__file__, "lambda.event_source_mapping.md")

PARTIAL = "ReportBatchItemFailures"
POSITIONS = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")


def _one_of(*words: str) -> Parsed:
    def parse(value: Any) -> str:
        text = str(value)
        if text not in words:
            guess = did_you_mean(text, words)
            hint = f"did you mean {guess}?" if guess else None
            raise FieldError("E130", f"{quote(text)} is unknown; allowed: {', '.join(words)}", hint)
        return text

    return Parsed(parse, {"enum": list(words)})


def _or_no_limit(number: AwsNumber) -> Parsed:
    """Let -1 stand for no limit, beside AWS's range."""
    return Parsed(
        lambda value: -1 if str(value).strip() == "-1" else number.parse(value), number.schema
    )


ResponseType = Annotated[str, _one_of(PARTIAL)]


class Scale(Spec):
    """How many invocations of a queue's mapping may run at once."""

    MaximumConcurrency: Annotated[int, AwsNumber(PAGE, "MaximumConcurrency")]


class FailureTarget(Spec):
    """Where a document about each discarded batch goes."""

    Destination: Annotated[String, RefTo("sqs.queue")]


class Destinations(Spec):
    """Destinations of a stream's mapping."""

    OnFailure: FailureTarget


class MappingSpec(Spec):
    """Properties of `lambda.event_source_mapping`, in AWS's spelling and units.

    A property that only the other kind of source has is None unless it was written.
    """

    EventSourceArn: Annotated[String, RefTo("sqs.queue", "kinesis.stream")]
    FunctionName: Annotated[String, RefTo("lambda.function")]
    BatchSize: Annotated[int | None, AwsNumber(PAGE, "BatchSize")] = None
    MaximumBatchingWindowInSeconds: Annotated[
        int, AwsNumber(PAGE, "MaximumBatchingWindowInSeconds")
    ] = 0
    Enabled: Bool = True
    FunctionResponseTypes: tuple[ResponseType, ...] = ()
    ScalingConfig: Scale | None = None
    StartingPosition: Annotated[str | None, _one_of(*POSITIONS)] = None
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
    ProvisionedPollerConfig: Plain = None

    @property
    def partial(self) -> bool:
        """Whether the function's report of failed records is read."""
        return PARTIAL in self.FunctionResponseTypes
