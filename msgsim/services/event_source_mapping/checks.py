"""What CreateEventSourceMapping would refuse, and what AWS's pages advise against.

The specs of queue, stream and function are read by their AWS property names, so that the services
stay independent of each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from msgsim.model.service import Finding, Specs, kind_of
from msgsim.model.spec import Spec
from msgsim.services.event_source_mapping.filters import EventFilter, FilterError
from msgsim.services.event_source_mapping.spec import PAGE, PARTIAL, MappingSpec

CODES = {
    "E210": "a visibility timeout below the function's timeout",
    "W211": "a visibility timeout below six times the function's timeout",
    "E212": "a batch size that needs a batching window",
    "E213": "a batch size or window that FIFO queues do not have",
    "E214": "a mapping property for the other kind of source",
    "E215": "a stream mapping without StartingPosition",
    "E222": "a starting position or time that AWS refuses",
    "E269": "an on-failure destination that Lambda refuses",
    "E270": "two mappings in the name of one registered consumer",
    "E217": "the same source and function mapped twice",
    "E218": "a filter pattern that AWS refuses",
    "E219": "provisioned pollers that AWS refuses",
    "W213": "failures without a dead-letter queue",
    "W214": "a maxReceiveCount below 5",
    "W215": "reserved concurrency that the pollers do not look at",
    "W216": "reserved concurrency below 5 behind a queue",
    "W217": "a filter on a key that AWS does not document for queues",
    "W218": "more filters than a mapping has by default",
    "W322": "a report of failed records that the mapping does not read",
}

_REFUSED = "AWS refuses this (InvalidParameterValueException): "
_QUEUE_ONLY = ("ScalingConfig", "ProvisionedPollerConfig")
_STREAM_ONLY = (
    "StartingPosition",
    "ParallelizationFactor",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "TumblingWindowInSeconds",
    "StartingPositionTimestamp",
    "window_state",
)


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what is wrong with a mapping, given the queue or stream and the function it joins."""
    mapping = cast("MappingSpec", spec)
    source, function = specs.get(mapping.EventSourceArn), specs.get(mapping.FunctionName)
    yield from _twice(name, mapping, specs)
    yield from _shared(name, mapping, specs)
    yield from _filters(mapping, source)
    if source is None:
        return
    if hasattr(source, "VisibilityTimeout"):
        yield from _other_source(mapping, _STREAM_ONLY, "queue")
        yield from _batch_of_queue(mapping, source)
        yield from _provisioned(mapping)
        if function is not None:
            yield from _timeouts(mapping, source, function)
            yield from _redrive(mapping, source, function)
            yield from _reserved(name, mapping, function, specs)
    else:
        yield from _other_source(mapping, _QUEUE_ONLY, "stream")
        yield from _stream(mapping, source)
        yield from check_times(mapping)
        yield from _destination(mapping, specs)
    if function is not None:
        yield from _report(mapping, function)


def _earlier(name: str, mapping: MappingSpec, specs: Specs) -> Iterator[tuple[str, MappingSpec]]:
    """Yield the mappings of the same source that stand before this one."""
    for other, spec in specs.items():
        if other == name:
            return
        if isinstance(spec, MappingSpec) and spec.EventSourceArn == mapping.EventSourceArn:
            yield other, spec


def _twice(name: str, mapping: MappingSpec, specs: Specs) -> Iterator[Finding]:
    for other, spec in _earlier(name, mapping, specs):
        if spec.FunctionName == mapping.FunctionName:
            yield Finding(
                "E217",
                f"AWS refuses this (ResourceConflictException): {other} already maps "
                f"{mapping.EventSourceArn} to {mapping.FunctionName}",
                (),
                "remove one of the two",
            )
            return


def _shared(name: str, mapping: MappingSpec, specs: Specs) -> Iterator[Finding]:
    """Find another mapping that reads in the name of the same registered consumer."""
    if kind_of(specs.get(mapping.EventSourceArn)) != "kinesis.stream_consumer":
        return
    for other, spec in _earlier(name, mapping, specs):
        if spec.FunctionName != mapping.FunctionName:
            yield Finding(
                "E270",
                f"{other} reads in the name of {mapping.EventSourceArn} already: Kinesis has one "
                "subscription for each consumer and shard, and a later one ends the earlier "
                "(SubscribeToShard)",
                ("EventSourceArn",),
                "register a consumer for each mapping: another kinesis.stream_consumer with its "
                "own ConsumerName",
            )
            return


def _other_source(
    mapping: MappingSpec, attributes: tuple[str, ...], source: str
) -> Iterator[Finding]:
    for attribute in attributes:
        if getattr(mapping, attribute) is not None:
            yield Finding(
                "E214",
                f"{_REFUSED}{attribute} is not for a mapping of a {source}",
                (attribute,),
                "remove it",
            )


def _filters(mapping: MappingSpec, source: Spec | None) -> Iterator[Finding]:
    try:
        found = EventFilter.read(mapping.FilterCriteria)
    except FilterError as error:
        yield Finding(
            "E218",
            f"{_REFUSED}{error}",
            ("FilterCriteria",),
            'such as FilterCriteria: {Filters: [{Pattern: {body: {status: ["paid"]}}}]}',
        )
        return
    if found is None:
        return
    usual = PAGE.quota("filters_per_mapping")
    if found.count > usual:
        yield Finding(
            "W218",
            f"{found.count} filters; a mapping has {usual} unless AWS has raised the quota (to 10)",
            ("FilterCriteria", "Filters"),
            "join them with several values or $or",
        )
    others = sorted(found.keys - {"body", "$or"})
    if others and hasattr(source, "VisibilityTimeout"):
        yield Finding(
            "W217",
            f"the pattern names {', '.join(others)}; for queues AWS documents the key body alone",
            ("FilterCriteria",),
            "filter by body, or by the topic's filter policy in front of the queue",
        )


def _provisioned(mapping: MappingSpec) -> Iterator[Finding]:
    config = mapping.ProvisionedPollerConfig
    if config is None:
        return
    if mapping.ScalingConfig is not None:
        yield Finding(
            "E219",
            f"{_REFUSED}ProvisionedPollerConfig excludes ScalingConfig.MaximumConcurrency",
            ("ProvisionedPollerConfig",),
            "keep one of the two",
        )
    if config.MinimumPollers > config.MaximumPollers:
        yield Finding(
            "E219",
            f"{_REFUSED}MinimumPollers is {config.MinimumPollers}, MaximumPollers "
            f"{config.MaximumPollers}",
            ("ProvisionedPollerConfig", "MinimumPollers"),
            "raise MaximumPollers",
        )


def _batch_of_queue(mapping: MappingSpec, queue: Any) -> Iterator[Finding]:
    size = mapping.BatchSize or 10
    window = mapping.MaximumBatchingWindowInSeconds
    if queue.FifoQueue:
        if size > 10:
            hint = "use a BatchSize of at most 10"
            text = f"{_REFUSED}BatchSize is {size:,}, and FIFO queues allow at most 10"
            yield Finding("E213", text, ("BatchSize",), hint)
        if window:
            text = f"{_REFUSED}a FIFO queue has no batching window"
            yield Finding("E213", text, ("MaximumBatchingWindowInSeconds",), "remove it")
    elif size > 10 and not window:
        yield Finding(
            "E212",
            f"{_REFUSED}BatchSize is {size:,}, and above 10 a batching window of at least 1 s is "
            "compulsory",
            ("BatchSize",),
            "add MaximumBatchingWindowInSeconds: 1, or use a BatchSize of at most 10",
        )


def _timeouts(mapping: MappingSpec, queue: Any, function: Any) -> Iterator[Finding]:
    visibility, timeout = queue.VisibilityTimeout, function.Timeout
    window = mapping.MaximumBatchingWindowInSeconds
    advised = 6 * timeout + window
    if timeout > visibility:
        yield Finding(
            "E210",
            f"{_REFUSED}queue {mapping.EventSourceArn} is hidden for {visibility} s but "
            f"{mapping.FunctionName} may run {timeout} s",
            (),
            f"raise VisibilityTimeout to at least {timeout} (AWS advises {advised}) or lower "
            "Timeout",
        )
    elif visibility < advised:
        yield Finding(
            "W211",
            f"VisibilityTimeout {visibility} is under 6 × Timeout + window = {advised} (AWS "
            "advice): retries of throttled batches run out of time",
            (),
            f"set VisibilityTimeout: {advised} on {mapping.EventSourceArn}",
        )


def _redrive(mapping: MappingSpec, queue: Any, function: Any) -> Iterator[Finding]:
    code = function.handler
    policy = queue.RedrivePolicy
    if policy is None and (code.fails > 0 or code.fails_if or code.fails_during):
        yield Finding(
            "W213",
            f"{mapping.FunctionName} fails at times, and {mapping.EventSourceArn} has no "
            "RedrivePolicy: a message that always fails comes back until its retention ends",
            (),
            "add a dead-letter queue",
        )
    elif policy is not None and policy.maxReceiveCount < 5:
        yield Finding(
            "W214",
            f"maxReceiveCount of {mapping.EventSourceArn} is {policy.maxReceiveCount}; AWS advises "
            "at least 5, because throttled batches use receives up as well",
            (),
            "raise maxReceiveCount to 5 or more",
        )


def _reserved(name: str, mapping: MappingSpec, function: Any, specs: Specs) -> Iterator[Finding]:
    reserved = function.ReservedConcurrentExecutions
    if reserved is None:
        return
    if mapping.ProvisionedPollerConfig is not None:
        yield from _reserved_for_pollers(mapping, reserved)
        return
    if mapping.ScalingConfig is None:
        yield Finding(
            "W215",
            f"{mapping.FunctionName} reserves {reserved} concurrent executions, but pollers do not "
            "look at that: they receive messages that are then throttled, and maxReceiveCount can "
            "send them to the dead-letter queue without one run",
            (),
            f"set ScalingConfig: {{MaximumConcurrency: {max(reserved, 2)}}} on {name}",
        )
    else:
        wanted = _concurrency_of_mappings(mapping.FunctionName, specs)
        if wanted > reserved:
            yield Finding(
                "W215",
                f"the mappings of {mapping.FunctionName} may run {wanted} invocations at once, but "
                f"it reserves {reserved}: the others are throttled",
                ("ScalingConfig", "MaximumConcurrency"),
                f"reserve at least {wanted}",
            )
    if reserved < 5 and mapping.ScalingConfig is None:
        yield Finding(
            "W216",
            f"{mapping.FunctionName} reserves {reserved}; a mapping starts with 5 pollers, and AWS "
            "advises at least 5",
            (),
            "reserve 5 or more, or set MaximumConcurrency",
        )


def _reserved_for_pollers(mapping: MappingSpec, reserved: int) -> Iterator[Finding]:
    config = mapping.ProvisionedPollerConfig
    assert config is not None
    wanted = config.MaximumPollers * PAGE.quota("invocations_per_poller")
    if wanted > reserved:
        yield Finding(
            "W215",
            f"{config.MaximumPollers} event pollers may run {wanted:,} invocations at once, but "
            f"{mapping.FunctionName} reserves {reserved:,}: the others are throttled",
            ("ProvisionedPollerConfig", "MaximumPollers"),
            f"reserve at least {wanted:,}, or lower MaximumPollers",
        )


def _concurrency_of_mappings(function: str, specs: Specs) -> int:
    return sum(
        spec.ScalingConfig.MaximumConcurrency
        for spec in specs.values()
        if isinstance(spec, MappingSpec) and spec.FunctionName == function and spec.ScalingConfig
    )


def _stream(mapping: MappingSpec, source: Any) -> Iterator[Finding]:
    if mapping.StartingPosition == "AT_TIMESTAMP" and hasattr(source, "partitions"):
        yield Finding(
            "E222",
            f"{_REFUSED}a mapping of a DynamoDB stream starts at TRIM_HORIZON or LATEST",
            ("StartingPosition",),
            "StartingPosition: TRIM_HORIZON",
        )
    if mapping.StartingPosition is None:
        yield Finding(
            "E215",
            f"{_REFUSED}a mapping of a stream needs StartingPosition",
            (),
            "add StartingPosition: TRIM_HORIZON (all records kept) or LATEST (new ones only)",
        )


def _destination(mapping: MappingSpec, specs: Specs) -> Iterator[Finding]:
    if mapping.DestinationConfig is None:
        return
    name = mapping.DestinationConfig.OnFailure.Destination
    target = specs.get(name)
    if getattr(target, "FifoQueue", False) or getattr(target, "FifoTopic", False):
        yield Finding(
            "E269",
            f"{_REFUSED}{name} is FIFO; documents about discarded batches go to standard queues "
            "and topics (kinesis-on-failure-destination.html)",
            ("DestinationConfig", "OnFailure", "Destination"),
            "name a standard queue or topic",
        )


def check_times(mapping: MappingSpec) -> Iterator[Finding]:
    """Find starting positions without their time, times in the future, states without a window."""
    path = ("StartingPositionTimestamp",)
    timestamp = mapping.StartingPositionTimestamp
    if (mapping.StartingPosition == "AT_TIMESTAMP") != (timestamp is not None):
        yield Finding(
            "E222",
            f"{_REFUSED}AT_TIMESTAMP and StartingPositionTimestamp go together",
            path if timestamp is not None else ("StartingPosition",),
            "such as StartingPositionTimestamp: 5m, counted from the start of the run",
        )
    elif timestamp is not None and timestamp > mapping.from_:
        yield Finding(
            "E222",
            f"{_REFUSED}the timestamp lies in the future when the mapping is created",
            path,
            "create the mapping later, such as from: 10m",
        )
    if mapping.window_state is not None and not mapping.TumblingWindowInSeconds:
        hint = "add TumblingWindowInSeconds: 60"
        yield Finding("E222", "window_state belongs to tumbling windows", ("window_state",), hint)


def _report(mapping: MappingSpec, function: Any) -> Iterator[Finding]:
    if function.handler.report != "raise" and not mapping.partial:
        yield Finding(
            "W322",
            f"{mapping.FunctionName} reports failed records, but this mapping does not read the "
            "report: they count as done, and a queue deletes them",
            (),
            f"add FunctionResponseTypes: [{PARTIAL}]",
        )
