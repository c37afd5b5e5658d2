"""What CreateDeliveryStream would refuse, and what cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from msgsim.model.service import Finding, Specs
from msgsim.model.spec import Spec
from msgsim.problems import did_you_mean
from msgsim.services.firehose.partitions import QueryError, read_query
from msgsim.services.firehose.spec import (
    DIRECT_PUT,
    KINESIS,
    PAGE,
    REDSHIFT,
    S3,
    DeliveryStreamSpec,
)

_REFUSED = "AWS refuses this (InvalidArgumentException): "
_CONFIGURATION = {
    "S3": "ExtendedS3DestinationConfiguration",
    "Redshift": "RedshiftDestinationConfiguration",
    "OpenSearch": "AmazonopensearchserviceDestinationConfiguration",
    "Splunk": "SplunkDestinationConfiguration",
    "HttpEndpoint": "HttpEndpointDestinationConfiguration",
}
_NUMBERS = {"NumberOfRetries", "BufferSizeInMBs", "BufferIntervalInSeconds"}
_NAMES = {
    "Lambda": {"LambdaArn", "RoleArn", *_NUMBERS},
    "MetadataExtraction": {"MetadataExtractionQuery", "JsonParsingEngine"},
    "AppendDelimiterToRecord": {"Delimiter"},
}


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what is wrong with a delivery stream."""
    stream = cast("DeliveryStreamSpec", spec)
    yield from _source(name, stream, specs)
    written = [_CONFIGURATION[sort] for sort in stream.configured]
    if len(written) != 1:
        found = f"has {' and '.join(written)}" if written else "has none"
        hint = "such as ExtendedS3DestinationConfiguration: {BucketARN: archive}"
        yield Finding("E261", f"{_REFUSED}a stream has one destination; {name} {found}", (), hint)
        return
    path = (written[0],)
    if stream.destination.rejects and stream.sort in (S3, REDSHIFT):
        text = f"{stream.sort} looks at no record; only OpenSearch, Splunk and HTTP endpoints do"
        yield Finding("E268", text, ("destination", "rejects"), "use fails, a share of requests")
    yield from _hints(stream, path)
    yield from _processors(stream, specs, (*path, "ProcessingConfiguration"))
    if getattr(stream.config, "DataFormatConversionConfiguration", None):
        yield Finding(
            "E301",
            "conversion to Parquet or ORC is not modelled yet",
            (*path, "DataFormatConversionConfiguration"),
            "leave it out, and set SizeInMBs to 64 or more as AWS demands with it",
        )


def _source(name: str, stream: DeliveryStreamSpec, specs: Specs) -> Iterator[Finding]:
    source = stream.KinesisStreamSourceConfiguration
    if stream.DeliveryStreamType == KINESIS and source is None:
        hint = "add KinesisStreamSourceConfiguration: {KinesisStreamARN: …}"
        text = f"{_REFUSED}{name} reads a stream but does not say which"
        yield Finding("E262", text, ("DeliveryStreamType",), hint)
    if stream.DeliveryStreamType == DIRECT_PUT and source is not None:
        text = f"{_REFUSED}a Direct PUT stream has no KinesisStreamSourceConfiguration"
        path = ("KinesisStreamSourceConfiguration",)
        yield Finding("E262", text, path, f"set DeliveryStreamType: {KINESIS}")
    if stream.DeliveryStreamType != KINESIS:
        return
    for other, spec in specs.items():
        target = getattr(spec, "to", None) or getattr(spec, "Endpoint", None)
        if target == name:
            yield Finding(
                "E264",
                f"AWS refuses this (InvalidSourceException): {other} puts records into {name}, "
                "which reads a Kinesis stream and takes nothing else",
                ("DeliveryStreamType",),
                f"send to {source.KinesisStreamARN if source else 'the stream'} instead",
            )


def _hints(stream: DeliveryStreamSpec, path: tuple[str, ...]) -> Iterator[Finding]:
    config: Any = stream.config
    where = config if hasattr(config, "BufferingHints") else config.S3Configuration
    at = path if where is config else (*path, "S3Configuration")
    hints = where.BufferingHints
    if hints is not None and (hints.SizeInMBs is None) != (hints.IntervalInSeconds is None):
        text = f"{_REFUSED}SizeInMBs and IntervalInSeconds are given both or not at all"
        yield Finding("E263", text, (*at, "BufferingHints"), "add the other one")
    if hints is None or not stream.partitioned:
        return
    least = PAGE.quota("partitioned_size")
    if hints.SizeInMBs is not None and hints.SizeInMBs < least:
        text = f"{_REFUSED}dynamic partitioning needs SizeInMBs of at least {least}"
        yield Finding("E263", text, (*at, "BufferingHints"), f"SizeInMBs: {least} to 128")
    if hints.IntervalInSeconds == 0:
        text = f"{_REFUSED}zero buffering does not go with dynamic partitioning"
        yield Finding("E263", text, (*at, "BufferingHints"), "IntervalInSeconds: 60 or more")


def _processors(
    stream: DeliveryStreamSpec, specs: Specs, path: tuple[str, ...]
) -> Iterator[Finding]:
    for processor in stream.processing.Processors:
        for parameter in processor.Parameters:
            known = _NAMES[processor.Type]
            if parameter.ParameterName not in known:
                guess = did_you_mean(parameter.ParameterName, known)
                hint = f"did you mean {guess}?" if guess else f"known: {', '.join(sorted(known))}"
                text = f"{_REFUSED}{processor.Type} has no {parameter.ParameterName}"
                yield Finding("E260", text, path, hint)
            elif parameter.ParameterName in _NUMBERS:
                yield from _number(parameter.ParameterName, parameter.ParameterValue, path)
    yield from _function(stream, specs, path)
    extraction = stream.processing.of_type("MetadataExtraction")
    if extraction is None:
        return
    query = extraction.parameter("MetadataExtractionQuery")
    if not stream.partitioned or stream.sort != S3:
        text = f"{_REFUSED}MetadataExtraction belongs to dynamic partitioning of S3"
        hint = "add DynamicPartitioningConfiguration: {Enabled: true}"
        yield Finding("E260", text, path, hint)
    try:
        read_query(query or "")
    except QueryError as error:
        hint = "a query names top-level fields: {customer: .customer_id}"
        yield Finding("E260", f"{error}; msgsim reads attributes of the message", path, hint)


def _number(name: str, value: str, path: tuple[str, ...]) -> Iterator[Finding]:
    limit = PAGE.limit(name)
    try:
        fits = limit.low <= float(value) <= limit.high
    except ValueError:
        fits = False
    if not fits:
        text = f"{_REFUSED}{name} is {value!r}, allowed is {limit.low} to {limit.high} {limit.unit}"
        yield Finding("E260", text, path, f"source: {limit.source}")


def _function(stream: DeliveryStreamSpec, specs: Specs, path: tuple[str, ...]) -> Iterator[Finding]:
    processor = stream.processing.of_type("Lambda")
    if processor is None:
        return
    target = processor.parameter("LambdaArn")
    function: Any = specs.get(target or "")
    functions = [other for other, spec in specs.items() if hasattr(spec, "handler")]
    if not hasattr(function, "Timeout"):
        guess = did_you_mean(target or "", functions)
        hint = f"did you mean {guess}?" if guess else "name a lambda.function"
        yield Finding("E265", f"LambdaArn is {target!r}, which is no function here", path, hint)
        return
    patience_s = PAGE.quota("invocation")
    if function.Timeout > patience_s:
        yield Finding(
            "W266",
            f"{target} may run {function.Timeout} s; Firehose waits {patience_s} s and then counts "
            "the invocation as timed out",
            path,
            f"Timeout: {patience_s} or less",
        )
