"""From a delivery stream's spec to its component, joined to source, function and destination."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgsim.kernel.distributions import Uniform
from msgsim.kernel.simulation import NS_PER_S
from msgsim.model.service import Context
from msgsim.services.firehose.buffer import Record
from msgsim.services.firehose.delivering import ByCopy, Delivery, ToBucket, WithBackup
from msgsim.services.firehose.destination import Destination
from msgsim.services.firehose.lines import Hints, Lines, Partitions
from msgsim.services.firehose.partitions import PartitionOf, by_key, read_query
from msgsim.services.firehose.quota import PutQuota, Rates
from msgsim.services.firehose.reading import Source
from msgsim.services.firehose.sending import RetryRule, Sender, Writer
from msgsim.services.firehose.spec import (
    OPENSEARCH,
    PAGE,
    REDSHIFT,
    S3,
    SPLUNK,
    DeliveryStreamSpec,
)
from msgsim.services.firehose.stream import DeliveryStream, PutLimits
from msgsim.services.firehose.transforming import Transformer, TransformRules
from msgsim.units import duration_ns, size_bytes

KIND = "firehose.delivery_stream"
MIB = 1 << 20
FAILED_PREFIX = {OPENSEARCH: "AmazonOpenSearchService_failed", SPLUNK: "splunk-failed"}


def build_stream(name: str, spec: DeliveryStreamSpec, context: Context) -> DeliveryStream:
    """Make the delivery stream; `connect_stream` joins it to the rest."""
    table = PAGE.quota("direct_put")
    rates = table.get(context.account.Region, table["elsewhere"])
    raise_after_ns = _assumed_ns(context, "quota_raise_after")
    quota = PutQuota(
        Rates(
            rates["requests_per_s"],
            rates["records_per_s"],
            rates["bytes_per_s"],
            _assumed_ns(context, "put_window") / NS_PER_S,
            raise_after_ns or None,
        )
    )
    limits = PutLimits(
        PAGE.quota("record_bytes"), PAGE.quota("put_entries"), PAGE.quota("put_bytes")
    )
    return DeliveryStream(context.sim, name, quota, limits)


def _assumed_ns(context: Context, name: str) -> int:
    return duration_ns(str(context.assumption(KIND, name)))


def connect_stream(stream: DeliveryStream, spec: DeliveryStreamSpec, context: Context) -> None:
    """Join buffers, destination, backup, function and source."""
    source: Any = None
    if spec.KinesisStreamSourceConfiguration is not None:
        source = context.find(spec.KinesisStreamSourceConfiguration.KinesisStreamARN)
    hold_ns = PAGE.quota("hold") * NS_PER_S if source is None else source.retention_ns
    joiner = _Joiner(stream, spec, context, hold_ns)
    stream.place = spec.sort
    stream.delimiter_bytes = int(spec.processing.of_type("AppendDelimiterToRecord") is not None)
    stream.errors = joiner.errors()
    stream.copies = joiner.copies()
    stream.lines = joiner.lines()
    stream.partition_of = joiner.partition_of()
    stream.transformer = joiner.transformer()
    if source is not None:
        stream.source = joiner.source(source)


class _Joiner:
    """Makes the parts of one delivery stream."""

    def __init__(
        self, stream: DeliveryStream, spec: DeliveryStreamSpec, context: Context, hold_ns: int
    ) -> None:
        self._stream = stream
        self._spec = spec
        self._context = context
        self._hold_ns = hold_ns
        self._config = spec.config
        self._sort = spec.sort

    def _found(self, part: str) -> Destination:
        found = self._context.find(f"{self._stream.name}.{part}")
        assert isinstance(found, Destination)
        return found

    def _rule(self, sort: str) -> RetryRule:
        duration_ns: int | None = None
        timeout = PAGE.quota("acknowledgment") * NS_PER_S
        if sort == S3:
            timeout = _assumed_ns(self._context, "s3_timeout")
        else:
            options = self._config.RetryOptions
            seconds = options.DurationInSeconds if options is not None else None
            if seconds is None:
                seconds = PAGE.quota("retry_duration")[sort]
            duration_ns = seconds * NS_PER_S
        if sort == SPLUNK:
            timeout = self._config.HECAcknowledgmentTimeoutInSeconds * NS_PER_S
        if sort == REDSHIFT:
            timeout = _assumed_ns(self._context, "copy_timeout")
        return RetryRule(
            duration_ns,
            sort in (REDSHIFT, OPENSEARCH),
            timeout,
            _assumed_ns(self._context, "retry_first_pause"),
            _assumed_ns(self._context, "retry_longest_pause"),
        )

    def _sender(self, place: str, sort: str, part: str, **more: Any) -> Sender:
        rule, hold_ns = self._rule(sort), self._hold_ns
        return Sender(self._stream, place, self._found(part), rule, hold_ns, **more)

    # Buffers -------------------------------------------------------------------------------

    def _interval_ns(self, seconds: int) -> int:
        """Return how long records gather; with zero buffering still for a moment."""
        if seconds:
            return seconds * NS_PER_S
        return _assumed_ns(self._context, "zero_buffering")

    def _hints(self, written: Any, sort: str) -> Hints:
        size, seconds = (
            PAGE.limit(f"{name} ({sort})").default for name in ("SizeInMBs", "IntervalInSeconds")
        )
        most = PAGE.limit(f"SizeInMBs ({sort})").high
        if self._spec.partitioned:
            size = PAGE.limit("SizeInMBs (S3)").high
        if written is not None and written.SizeInMBs is not None:
            size, seconds = written.SizeInMBs, written.IntervalInSeconds
        parallel = int(self._context.assumption(KIND, "parallel_deliveries"))
        return Hints(size * MIB, self._interval_ns(seconds), most * MIB, parallel)

    def lines(self) -> Lines:
        """Return the buffers, with the way to the destination behind them."""
        config, sim = self._config, self._stream.sim
        in_bucket = self._sort == REDSHIFT
        written = config.S3Configuration.BufferingHints if in_bucket else config.BufferingHints
        hints = self._hints(written, S3 if in_bucket else self._sort)
        delivery = self._delivery()
        if not self._spec.partitioned:
            return Lines(sim, hints, delivery)
        most = int(PAGE.quota("active_partitions"))
        return Partitions(sim, hints, delivery, most, self._announce_partitions)

    def _announce_partitions(self, count: int) -> None:
        stream = self._stream
        if stream.on_partitions is not None:
            stream.on_partitions(stream.sim.now, count)

    def _delivery(self) -> Delivery:
        stream, sort = self._stream, self._sort
        if sort == S3:
            least = 0.0
            if self._spec.partitioned:
                least = NS_PER_S / PAGE.quota("partition_bytes_per_s")
            return ToBucket(
                self._sender(S3, S3, "destination", judged=True, least_ns_per_byte=least)
            )
        judged = self._sender(sort, sort, "destination", judged=True)
        if sort == REDSHIFT:
            return ByCopy(self._sender(S3, S3, "backup", judged=False), judged, stream.give_up)
        return WithBackup(judged, stream.give_up, FAILED_PREFIX.get(sort, "http-endpoint-failed"))

    # S3 beside the destination -------------------------------------------------------------

    def _writer(self, hints: Any, owns: bool, written: Callable[[list[Record]], Any]) -> Writer:
        part = "destination" if self._sort == S3 and owns else "backup"
        sender = self._sender("Errors" if owns else "Backup", S3, part, judged=False, owns=owns)
        found = self._hints(hints, S3)
        return Writer(sender, self._stream.sim, found.size_bytes, found.interval_ns, written, owns)

    def errors(self) -> Writer:
        """Return what writes failed records: into the bucket itself, or the one beside it."""
        config = self._config
        hints = config.BufferingHints if self._sort == S3 else config.S3Configuration.BufferingHints
        return self._writer(hints, True, self._stream.failed)

    def copies(self) -> Writer | None:
        """Return what writes a copy of everything, if that is wanted."""
        if not self._spec.backs_everything_up:
            return None
        backup = getattr(self._config, "S3BackupConfiguration", None)
        if backup is None:
            backup = getattr(self._config, "S3Configuration", None)
        return self._writer(getattr(backup, "BufferingHints", None), False, _nothing)

    # Before the buffer ---------------------------------------------------------------------

    def partition_of(self) -> PartitionOf | None:
        """Return how records are sorted into partitions, if they are."""
        if not self._spec.partitioned:
            return None
        extraction = self._spec.processing.of_type("MetadataExtraction")
        if extraction is None:
            return by_key
        return read_query(extraction.parameter("MetadataExtractionQuery") or "")

    def transformer(self) -> Transformer | None:
        """Return the transformation, if there is one."""
        processor = self._spec.processing.of_type("Lambda")
        if processor is None:
            return None
        stream, sim, said = self._stream, self._stream.sim, self._spec.transform

        def number(name: str, default: float) -> float:
            value = processor.parameter(name)
            return default if value is None else float(value)

        sizes = PAGE.quota("transform_size")
        megabytes = number("BufferSizeInMBs", sizes.get(self._sort, sizes["elsewhere"]))
        seconds = number("BufferIntervalInSeconds", PAGE.limit("BufferIntervalInSeconds").default)
        outstanding = PAGE.quota("outstanding_invocations")
        rules = TransformRules(
            size_bytes=round(megabytes * MIB),
            interval_ns=self._interval_ns(round(seconds)),
            retries=int(number("NumberOfRetries", PAGE.limit("NumberOfRetries").default)),
            outstanding=outstanding.get(self._sort, outstanding["elsewhere"]),
            payload_bytes=PAGE.quota("payload") * 3 // 4,
            patience_ns=PAGE.quota("invocation") * NS_PER_S,
            pause_ns=_assumed_ns(self._context, "invocation_pause"),
            factor=said.size,
            drops=said.drops,
            drops_if=said.drops_if,
        )
        chance = sim.sampler(stream.name, "drops", Uniform(0, 1)) if said.drops else None
        function: Any = self._context.find(processor.parameter("LambdaArn") or "")
        return Transformer(
            stream, function, rules, chance, stream.gather, stream.give_up, stream.drop
        )

    def source(self, kinesis: Any) -> Source:
        """Return the reader of the source; a backup of everything reads twice as often."""
        calls = PAGE.quota("reads_per_s")[
            "full_backup" if self._spec.backs_everything_up else "else"
        ]
        period_ns = NS_PER_S // calls
        stream = self._stream
        return Source(
            stream,
            kinesis,
            period_ns,
            PAGE.quota("records_per_read"),
            size_bytes(str(self._context.assumption(KIND, "read_ahead"))),
            stream.sim.times(stream.name, "first read", Uniform(0, period_ns)),
            stream.take,
        )


def _nothing(records: list[Record]) -> None:
    """A copy in the backup is nobody's end."""
