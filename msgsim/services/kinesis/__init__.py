"""Kinesis data streams in provisioned mode."""

from __future__ import annotations

from msgsim.kernel.component import Component
from msgsim.model.service import Context, Service
from msgsim.services.kinesis.billing import meter
from msgsim.services.kinesis.limits import HOUR_NS, SECOND_NS, ShardLimits
from msgsim.services.kinesis.shards import StreamState
from msgsim.services.kinesis.spec import CODES, PAGE, StreamSpec, check
from msgsim.services.kinesis.stream import Stream
from msgsim.units import duration_ns

KIND = "kinesis.stream"


def build(name: str, spec: StreamSpec, context: Context) -> Component:
    """Make the stream that the spec describes."""
    assert spec.ShardCount is not None, "the check refuses a stream without shards"
    state = StreamState(
        spec.ShardCount,
        max_record_size_kib=spec.MaxRecordSizeInKiB,
        retention_ns=spec.RetentionPeriodHours * HOUR_NS,
        limits=_limits(context),
    )
    return Stream(context.sim, name, state)


def _limits(context: Context) -> ShardLimits:
    def assumed_ns(name: str) -> int:
        return duration_ns(str(context.assumption(KIND, name)))

    window_ns = assumed_ns("write_window")
    return ShardLimits(
        **{
            name: PAGE.quota(name)
            for name in (
                "write_records_per_s",
                "write_bytes_per_s",
                "large_burst_bytes",
                "read_calls_per_s",
                "read_bytes_per_s",
                "get_records",
                "get_bytes",
                "put_entries",
                "put_bytes",
                "key_characters",
            )
        },
        write_window=window_ns / SECOND_NS,
        read_slack_ns=assumed_ns("read_slack"),
    )


SERVICE = Service(
    kind=KIND,
    spec=StreamSpec,
    build=build,
    page=PAGE,
    check=check,
    codes=CODES,
    meter=meter,
)
