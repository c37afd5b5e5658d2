"""What YAML may say about a delivery stream, in AWS's spelling, and about what it delivers to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgsim.model.catalog import page_beside
from msgsim.model.chance import TimeDistribution
from msgsim.model.failing import Poison
from msgsim.model.spec import (
    AwsNumber,
    Bool,
    Factor,
    FieldError,
    Parsed,
    Plain,
    RefTo,
    Share,
    Spec,
    String,
    one_of,
)

PAGE = page_beside(__file__, "firehose.delivery_stream.md")
DESTINATION_PAGE = page_beside(__file__, "firehose.destination.md")

S3, REDSHIFT, OPENSEARCH, SPLUNK, HTTP = "S3", "Redshift", "OpenSearch", "Splunk", "HttpEndpoint"
SORTS = (S3, REDSHIFT, OPENSEARCH, SPLUNK, HTTP)
DIRECT_PUT, KINESIS = "DirectPut", "KinesisStreamAsSource"
PROCESSORS = ("Lambda", "MetadataExtraction", "AppendDelimiterToRecord")
_UNKNOWN_PROCESSORS = ("RecordDeAggregation", "Decompression", "CloudWatchLogProcessing")


class S3Hints(Spec):
    """When a buffer for S3 is delivered: both or neither."""

    SizeInMBs: Annotated[int | None, AwsNumber(PAGE, "SizeInMBs (S3)")] = None
    IntervalInSeconds: Annotated[int | None, AwsNumber(PAGE, "IntervalInSeconds (S3)")] = None


class OpenSearchHints(Spec):
    """When a buffer for OpenSearch is delivered: both or neither."""

    SizeInMBs: Annotated[int | None, AwsNumber(PAGE, "SizeInMBs (OpenSearch)")] = None
    IntervalInSeconds: Annotated[int | None, AwsNumber(PAGE, "IntervalInSeconds (OpenSearch)")] = (
        None
    )


class SplunkHints(Spec):
    """When a buffer for Splunk is delivered: both or neither."""

    SizeInMBs: Annotated[int | None, AwsNumber(PAGE, "SizeInMBs (Splunk)")] = None
    IntervalInSeconds: Annotated[int | None, AwsNumber(PAGE, "IntervalInSeconds (Splunk)")] = None


class HttpHints(Spec):
    """When a buffer for an HTTP endpoint is delivered: both or neither."""

    SizeInMBs: Annotated[int | None, AwsNumber(PAGE, "SizeInMBs (HttpEndpoint)")] = None
    IntervalInSeconds: Annotated[
        int | None, AwsNumber(PAGE, "IntervalInSeconds (HttpEndpoint)")
    ] = None


class Retrying(Spec):
    """How long a delivery is tried again."""

    DurationInSeconds: Annotated[int | None, AwsNumber(PAGE, "DurationInSeconds")] = None


class Parameter(Spec):
    """One parameter of a processor; numbers are text, as AWS has it."""

    ParameterName: String
    ParameterValue: String


def _processor(value: Any) -> str:
    name = str(value)
    if name in PROCESSORS:
        return name
    hint = f"modelled: {', '.join(PROCESSORS)}"
    if name in _UNKNOWN_PROCESSORS:
        raise FieldError("E301", f"the processor {name} is not modelled yet", hint)
    raise FieldError("E260", f"AWS refuses this: there is no processor {name!r}", hint)


class Processor(Spec):
    """A step between ingestion and buffer."""

    Type: Annotated[str, Parsed(_processor, {"enum": list(PROCESSORS)})]
    Parameters: tuple[Parameter, ...] = ()

    def parameter(self, name: str) -> str | None:
        """Return the value of a parameter, None if it is left out."""
        return next((p.ParameterValue for p in self.Parameters if p.ParameterName == name), None)


class Processing(Spec):
    """What happens to records before they are buffered."""

    Enabled: Bool = True
    Processors: tuple[Processor, ...] = ()

    def of_type(self, name: str) -> Processor | None:
        """Return the processor of a type, if there is one and processing is on."""
        found = (processor for processor in self.Processors if processor.Type == name)
        return next(found, None) if self.Enabled else None


class Partitioning(Spec):
    """Whether S3 objects are partitioned by keys of the records."""

    Enabled: Bool = True
    RetryOptions: Retrying | None = None


class S3Config(Spec):
    """A bucket; names and roles have no effect here."""

    BucketARN: String | None = None
    RoleARN: String | None = None
    Prefix: String | None = None
    ErrorOutputPrefix: String | None = None
    CompressionFormat: String | None = None
    BufferingHints: S3Hints | None = None


class ExtendedS3Config(S3Config):
    """S3 as the destination."""

    ProcessingConfiguration: Processing | None = None
    DynamicPartitioningConfiguration: Partitioning | None = None
    DataFormatConversionConfiguration: Plain = None
    S3BackupMode: Annotated[str, one_of("Disabled", "Enabled")] = "Disabled"
    S3BackupConfiguration: S3Config | None = None


class _Elsewhere(Spec):
    """What destinations other than S3 have in common."""

    RoleARN: String | None = None
    RetryOptions: Retrying | None = None
    ProcessingConfiguration: Processing | None = None


class RedshiftConfig(_Elsewhere):
    """Redshift, by way of an intermediate bucket and COPY."""

    ClusterJDBCURL: String | None = None
    CopyCommand: Plain = None
    Username: String | None = None
    Password: String | None = None
    S3Configuration: S3Config = S3Config()
    S3BackupMode: Annotated[str, one_of("Disabled", "Enabled")] = "Disabled"
    S3BackupConfiguration: S3Config | None = None


class OpenSearchConfig(_Elsewhere):
    """OpenSearch, with what could not be indexed in S3."""

    DomainARN: String | None = None
    IndexName: String | None = None
    IndexRotationPeriod: String | None = None
    BufferingHints: OpenSearchHints | None = None
    S3Configuration: S3Config = S3Config()
    S3BackupMode: Annotated[str, one_of("FailedDocumentsOnly", "AllDocuments")] = (
        "FailedDocumentsOnly"
    )


class SplunkConfig(_Elsewhere):
    """Splunk's HTTP event collector, which acknowledges what it has indexed."""

    HECEndpoint: String | None = None
    HECEndpointType: String | None = None
    HECToken: String | None = None
    HECAcknowledgmentTimeoutInSeconds: Annotated[
        int, AwsNumber(PAGE, "HECAcknowledgmentTimeoutInSeconds")
    ] = 180
    BufferingHints: SplunkHints | None = None
    S3Configuration: S3Config = S3Config()
    S3BackupMode: Annotated[str, one_of("FailedEventsOnly", "AllEvents")] = "FailedEventsOnly"


class HttpConfig(_Elsewhere):
    """Any HTTP endpoint that answers as Firehose asks."""

    EndpointConfiguration: Plain = None
    RequestConfiguration: Plain = None
    BufferingHints: HttpHints | None = None
    S3Configuration: S3Config = S3Config()
    S3BackupMode: Annotated[str, one_of("FailedDataOnly", "AllData")] = "FailedDataOnly"


class KinesisSource(Spec):
    """The stream that is read."""

    KinesisStreamARN: Annotated[String, RefTo("kinesis.stream")]
    RoleARN: String | None = None


class DirectPut(Spec):
    """Direct PUT; the hint changes no limit."""

    ThroughputHintInMBs: Annotated[int | None, AwsNumber(PAGE, "ThroughputHintInMBs")] = None


class Reacting(Spec):
    """How a simulated destination reacts; what is left out is an assumption or does not happen."""

    time: TimeDistribution | None = None
    time_per_mib: TimeDistribution | None = None
    fails: Share = 0.0
    hangs: Share = 0.0
    answers_lost: Share = 0.0
    rejects: Share = 0.0


class Transforming(Spec):
    """What the transformation makes of records, beside the time and failures of its function."""

    drops: Share = 0.0
    drops_if: Poison | None = None
    size: Factor = 1.0


class DeliveryStreamSpec(Spec):
    """Properties of `firehose.delivery_stream`; those in lower case are the simulator's."""

    DeliveryStreamType: Annotated[str, one_of(DIRECT_PUT, KINESIS)] = DIRECT_PUT
    DirectPutSourceConfiguration: DirectPut | None = None
    KinesisStreamSourceConfiguration: KinesisSource | None = None
    ExtendedS3DestinationConfiguration: ExtendedS3Config | None = None
    RedshiftDestinationConfiguration: RedshiftConfig | None = None
    AmazonopensearchserviceDestinationConfiguration: OpenSearchConfig | None = None
    SplunkDestinationConfiguration: SplunkConfig | None = None
    HttpEndpointDestinationConfiguration: HttpConfig | None = None
    destination: Reacting = Reacting()
    backup: Reacting = Reacting()
    transform: Transforming = Transforming()

    @property
    def configured(self) -> Mapping[str, Any]:
        """The destinations that are written, by sort; AWS allows exactly one."""
        written = {
            S3: self.ExtendedS3DestinationConfiguration,
            REDSHIFT: self.RedshiftDestinationConfiguration,
            OPENSEARCH: self.AmazonopensearchserviceDestinationConfiguration,
            SPLUNK: self.SplunkDestinationConfiguration,
            HTTP: self.HttpEndpointDestinationConfiguration,
        }
        return {sort: config for sort, config in written.items() if config is not None}

    @property
    def sort(self) -> str:
        """The sort of its destination."""
        return next(iter(self.configured))

    @property
    def config(self) -> Any:
        """The configuration of its destination."""
        return next(iter(self.configured.values()))

    @property
    def processing(self) -> Processing:
        """What happens before the buffer."""
        return self.config.ProcessingConfiguration or Processing()

    @property
    def partitioned(self) -> bool:
        """Whether S3 objects are partitioned by keys of the records."""
        found = getattr(self.config, "DynamicPartitioningConfiguration", None)
        return found is not None and bool(found.Enabled)

    @property
    def backs_everything_up(self) -> bool:
        """Whether S3 gets a copy of everything."""
        return self.config.S3BackupMode in ("Enabled", "AllDocuments", "AllEvents", "AllData")


class DestinationSpec(Reacting):
    """What a delivery stream delivers to; written inside the delivery stream."""

    sort: Annotated[str, one_of(*SORTS)]
    DeliveryStreamName: Annotated[String, RefTo("firehose.delivery_stream")]


CODES = {
    "E260": "a processor or parameter that Firehose does not know",
    "E261": "a delivery stream without a destination, or with several",
    "E262": "a source that does not fit DeliveryStreamType",
    "E263": "one buffering hint without the other, or one that a feature does not allow",
    "E264": "a put into a delivery stream that reads a Kinesis stream",
    "E265": "a transformation that names no function",
    "W266": "a transformation that may run longer than Firehose waits",
    "E268": "rejected records at a destination that looks at none",
    "E301": "a property that msgsim does not model yet",
}
