"""Event source mappings: what brings messages of a queue or stream to a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

from msgsim.kernel.distributions import Uniform
from msgsim.kernel.simulation import NS_PER_S
from msgsim.model.chance import distribution
from msgsim.model.message import Key
from msgsim.model.service import Context, Service, kind_of
from msgsim.model.spec import FieldError
from msgsim.services.event_source_mapping.backoff import Backoff
from msgsim.services.event_source_mapping.billing import meter
from msgsim.services.event_source_mapping.checks import CODES, check
from msgsim.services.event_source_mapping.documents import FIRST_NUMBER, Documents
from msgsim.services.event_source_mapping.filters import EventFilter
from msgsim.services.event_source_mapping.kinesis import StreamMapping
from msgsim.services.event_source_mapping.lanes import Lane
from msgsim.services.event_source_mapping.provisioned import PollerRules, ProvisionedMapping
from msgsim.services.event_source_mapping.pushed import PushedMapping
from msgsim.services.event_source_mapping.reading import Reading, Rules
from msgsim.services.event_source_mapping.scaling import Scaling
from msgsim.services.event_source_mapping.spec import PAGE, MappingSpec
from msgsim.services.event_source_mapping.sqs import QueueMapping
from msgsim.services.event_source_mapping.windows import WindowLane, window_marker
from msgsim.units import UnitError, duration_ns, rate_per_s, size_bytes

KIND = "lambda.event_source_mapping"
REGISTERED = "kinesis.stream_consumer"
BATCH_OF_QUEUE, BATCH_OF_STREAM = 10, 100

Mapping = QueueMapping | StreamMapping


def build(name: str, spec: MappingSpec, context: Context) -> Mapping:
    """Make the mapping that the spec describes; only a stream's has a starting position."""
    if spec.StartingPosition is None:
        return _of_queue(name, spec, context)
    return _of_stream(name, spec, context)


def _assumed_ns(context: Context, name: str) -> int:
    return duration_ns(str(context.assumption(KIND, name)))


def _backoff(context: Context, which: str) -> Backoff:
    first_ns = _assumed_ns(context, f"{which}_first_pause")
    return Backoff(first_ns, _assumed_ns(context, f"{which}_longest_pause"))


def _of_queue(name: str, spec: MappingSpec, context: Context) -> QueueMapping:
    sim = context.sim
    overhead = {
        kind: sim.times(
            name, f"overhead {kind}", distribution(context.assumption(KIND, f"{kind}_overhead"))
        )
        for kind in ("standard", "fifo")
    }
    provisioned = spec.ProvisionedPollerConfig
    make = (
        QueueMapping if provisioned is None else partial(ProvisionedMapping, rules=_pollers(spec))
    )
    return make(
        sim,
        name,
        batch_size=spec.BatchSize or BATCH_OF_QUEUE,
        window_ns=spec.MaximumBatchingWindowInSeconds * NS_PER_S,
        payload_bytes=PAGE.quota("payload"),
        partial_report=spec.partial,
        scaling=_scaling(spec, context),
        poll_ns=_assumed_ns(context, "poll_wait"),
        overhead=overhead,
        backoff=_backoff(context, "queue"),
        quiet_ns=_assumed_ns(context, "quiet_window"),
        metadata_bytes=size_bytes(str(context.assumption(KIND, "record_metadata"))),
        filters=EventFilter.read(spec.FilterCriteria),
        enabled=spec.Enabled,
    )


def _pollers(spec: MappingSpec) -> PollerRules:
    config = spec.ProvisionedPollerConfig
    assert config is not None
    return PollerRules(
        minimum=config.MinimumPollers,
        maximum=config.MaximumPollers,
        invocations=PAGE.quota("invocations_per_poller"),
        receives_per_s=PAGE.quota("receives_per_poller"),
        bytes_per_s=PAGE.quota("bytes_per_poller"),
        per_minute=PAGE.quota("provisioned_per_minute"),
    )


def _scaling(spec: MappingSpec, context: Context) -> Scaling:
    start = PAGE.quota("first_pollers")
    ceiling, idle = PAGE.quota("concurrency_per_mapping"), PAGE.quota("idle_pollers")
    if spec.ScalingConfig is not None:
        ceiling = spec.ScalingConfig.MaximumConcurrency
        idle = start
    shape, per_minute = read_ramp(str(context.assumption(KIND, "ramp")))
    return Scaling(
        start=start,
        idle=idle,
        ceiling=ceiling,
        per_minute=per_minute,
        interval_ns=NS_PER_S if shape == "linear" else 60 * NS_PER_S,
        keep=float(context.assumption(KIND, "kept_after_failure")),
    )


def read_ramp(text: str) -> tuple[str, int]:
    """Read a ramp such as `linear 300/min`: its shape and its slots per minute.

    Raises:
        FieldError: E130, it is not a ramp.
    """
    shape, _, rate = text.strip().partition(" ")
    try:
        per_minute = round(rate_per_s(rate) * 60) if rate else PAGE.quota("ramp_per_minute")
    except UnitError as error:
        raise FieldError("E130", f"ramp: {error}", "such as linear 300/min") from error
    if shape not in ("linear", "step"):
        hint = "write `linear` or `step`, with a rate if you like: `linear 60/min`"
        raise FieldError("E130", f"ramp is {shape!r}, which is not known", hint)
    return shape, per_minute


def _of_stream(name: str, spec: MappingSpec, context: Context) -> StreamMapping:
    sim = context.sim
    batch_size = spec.BatchSize or BATCH_OF_STREAM
    window_ns = spec.MaximumBatchingWindowInSeconds * NS_PER_S
    period_ns = PAGE.quota("shard_poll_period") * NS_PER_S
    around_bytes = size_bytes(str(context.assumption(KIND, "stream_record_metadata")))
    # Lanes count bytes before encoding: base64 makes four of three.
    payload_bytes, around_bytes = PAGE.quota("payload") * 3 // 4, around_bytes * 3 // 4
    numbers = context.shared.setdefault("lambda.documents", count(FIRST_NUMBER))
    pushed = kind_of(context.specs.get(spec.EventSourceArn)) == REGISTERED
    make = PushedMapping if pushed else StreamMapping
    return make(
        sim,
        name,
        make_lane=_lanes(name, spec, numbers, (batch_size, payload_bytes, window_ns, around_bytes)),
        lane_count=spec.ParallelizationFactor or 1,
        batch_size=batch_size,
        reading=Reading(
            start=spec.StartingPosition or "LATEST",
            period_ns=period_ns,
            behind_ns=NS_PER_S // PAGE.quota("shard_read_calls"),
            limit=PAGE.quota("records_per_read"),
            read_ahead=int(context.assumption(KIND, "read_ahead")),
            overhead_ns=_assumed_ns(context, "push_overhead" if pushed else "stream_overhead"),
            timestamp_ns=spec.StartingPositionTimestamp,
            from_ns=_begins_ns(spec, context),
        ),
        rules=_rules(spec, context),
        offset=sim.times(name, "first poll", Uniform(0, period_ns)),
        documents=Documents(name, numbers),
        windows=bool(spec.TumblingWindowInSeconds),
        enabled=spec.Enabled,
        filters=EventFilter.read(spec.FilterCriteria),
    )


def _begins_ns(spec: MappingSpec, context: Context) -> int:
    """Return when polling begins: a mapping that is created in the run takes its time."""
    return spec.from_ + _assumed_ns(context, "stream_start") if spec.from_ else 0


def _lanes(
    name: str, spec: MappingSpec, numbers: Iterator[int], sizes: tuple[int, int, int, int]
) -> Callable[[], Lane]:
    if not spec.TumblingWindowInSeconds:
        return partial(Lane, *sizes)
    return partial(
        WindowLane,
        *sizes,
        length_ns=spec.TumblingWindowInSeconds * NS_PER_S,
        state_limit=PAGE.quota("window_state"),
        state_per_record=0 if spec.window_state is None else spec.window_state.per_record,
        mark=partial(window_marker, Key(f"{name} windows", name), numbers),
    )


def _rules(spec: MappingSpec, context: Context) -> Rules:
    age = spec.MaximumRecordAgeInSeconds
    return Rules(
        partial=spec.partial,
        retries=-1 if spec.MaximumRetryAttempts is None else spec.MaximumRetryAttempts,
        max_age_ns=None if age is None or age < 0 else age * NS_PER_S,
        bisect=bool(spec.BisectBatchOnFunctionError),
        backoff=_backoff(context, "stream"),
    )


def connect(mapping: Mapping, spec: MappingSpec, context: Context) -> None:
    """Find source, function and destination."""
    source: Any = context.find(spec.EventSourceArn)
    function: Any = context.find(spec.FunctionName)
    if isinstance(mapping, PushedMapping):
        mapping.registered = source
        registered: Any = context.specs[spec.EventSourceArn]
        source = context.find(registered.StreamARN)
    mapping.connect(source, function)
    if isinstance(mapping, StreamMapping) and source.kind == "dynamodb.stream":
        polls = PAGE.quota("item_polls")
        overhead_ns = _assumed_ns(context, "item_overhead")
        mapping.reads_items(NS_PER_S // polls, PAGE.quota("items_per_read"), overhead_ns)
    if isinstance(mapping, StreamMapping) and spec.DestinationConfig is not None:
        target: Any = context.find(spec.DestinationConfig.OnFailure.Destination)
        mapping.documents.destination = target


SERVICE = Service(
    kind=KIND,
    spec=MappingSpec,
    build=build,
    page=PAGE,
    connect=connect,
    check=check,
    codes=CODES,
    meter=meter,
)
