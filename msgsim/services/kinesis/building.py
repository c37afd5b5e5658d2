"""From a stream's spec to its component."""

from __future__ import annotations

from msgsim.kernel.component import Component
from msgsim.model.chance import distribution
from msgsim.model.service import Context
from msgsim.services.kinesis.control import ON_DEMAND, ControlRules
from msgsim.services.kinesis.fan_out import PushRules
from msgsim.services.kinesis.limits import HOUR_NS, SECOND_NS, ShardLimits
from msgsim.services.kinesis.on_demand import Scaler, ScalingRules
from msgsim.services.kinesis.shards import StreamState
from msgsim.services.kinesis.spec import AUTO, PAGE, StreamSpec
from msgsim.services.kinesis.stream import Stream
from msgsim.units import duration_ns, size_bytes

KIND = "kinesis.stream"
LARGE_REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
_OF_A_SHARD = (
    "write_records_per_s",
    "write_bytes_per_s",
    "large_burst_bytes",
    "read_calls_per_s",
    "read_bytes_per_s",
    "get_records",
    "get_bytes",
    "put_entries",
    "put_bytes",
    "iterator_calls_per_s",
    "key_characters",
)


def build(name: str, spec: StreamSpec, context: Context) -> Component:
    """Make the stream that the spec describes."""
    state = StreamState(
        _shards(spec, context),
        max_record_size_kib=spec.MaxRecordSizeInKiB,
        retention_ns=spec.RetentionPeriodHours * HOUR_NS,
        limits=_limits(context),
        now=context.sim.now,
        spread=spec.RecordDistributionStrategy == AUTO,
    )
    account = context.shared.setdefault("kinesis.streams", [])
    account.append(state)
    stream = Stream(
        context.sim,
        name,
        state,
        rules=lambda: _control(context),
        mode=spec.mode,
        account=account,
        push_delay=lambda: distribution(context.assumption(KIND, "push_delay")),
        push_rules=lambda: _push(context),
    )
    stream.make_scaler = lambda made: scaler(made, context)
    if spec.mode == ON_DEMAND:
        stream.scaler = scaler(stream, context)
    return stream


def _assumed_ns(context: Context, name: str) -> int:
    return duration_ns(str(context.assumption(KIND, name)))


def _shards(spec: StreamSpec, context: Context) -> int:
    """Return the number of shards at the start: given, or what on-demand capacity needs."""
    if spec.ShardCount is not None:
        return spec.ShardCount
    wanted = (
        PAGE.quota("on_demand_shards"),
        spec.WarmThroughputMiBps or 0,
        2 * spec.earlier_peak_mibps,
    )
    return min(max(wanted), most_on_demand(context))


def most_on_demand(context: Context) -> int:
    """Return the most shards of an on-demand stream in the account's Region."""
    large = context.account.Region in LARGE_REGIONS
    return int(PAGE.quota("on_demand_mibps" if large else "on_demand_mibps_elsewhere"))


def _limits(context: Context) -> ShardLimits:
    return ShardLimits(
        **{name: PAGE.quota(name) for name in _OF_A_SHARD},
        write_window=_assumed_ns(context, "write_window") / SECOND_NS,
        read_slack_ns=_assumed_ns(context, "read_slack"),
    )


def _control(context: Context) -> ControlRules:
    """Return the rules of the control plane; asked for late, as runs list what they used."""
    large = context.account.Region in LARGE_REGIONS
    return ControlRules(
        reshard_ns=_assumed_ns(context, "reshard_time"),
        at_once=int(context.assumption(KIND, "reshards_at_once")),
        settings_ns=_assumed_ns(context, "settings_time"),
        calls_per_s=PAGE.quota("reshard_calls_per_s"),
        updates_per_day=PAGE.quota("updates_per_day"),
        mode_switches_per_day=PAGE.quota("mode_switches_per_day"),
        most_shards=PAGE.quota("update_shards"),
        account_shards=PAGE.quota("account_shards" if large else "account_shards_elsewhere"),
    )


def _push(context: Context) -> PushRules:
    event_bytes = size_bytes(str(context.assumption(KIND, "event_bytes")))
    return PushRules(PAGE.quota("push_bytes_per_s"), event_bytes, PAGE.quota("get_records"))


def scaler(stream: Stream, context: Context) -> Scaler:
    """Return what watches an on-demand stream."""
    delay = distribution(context.assumption(KIND, "scaling_delay"))
    rules = ScalingRules(
        bytes_per_s=PAGE.quota("scaling_bytes_per_s"),
        records_per_s=int(context.assumption(KIND, "scaling_records_per_s")),
        every_ns=_assumed_ns(context, "scaling_watch"),
        most_shards=most_on_demand(context),
    )
    delays = context.sim.times(stream.name, "scaling delay", delay)
    return Scaler(context.sim, stream.state, stream.control, rules, delays)
