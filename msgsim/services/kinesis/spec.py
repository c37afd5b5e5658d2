"""What YAML may say about a stream, and what AWS would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

from msgsim.model.catalog import page_beside
from msgsim.model.service import Finding, Specs
from msgsim.model.spec import AwsNumber, Spec, String
from msgsim.services.kinesis.control import ON_DEMAND, PROVISIONED

PAGE = page_beside(__file__, "kinesis.stream.md")
AUTO, BY_KEY = "AUTO", "USER_PARTITION_KEY"

CODES = {
    "E204": "a value that AWS does not know for this property",
    "E230": "a provisioned stream without a number of shards",
    "E233": "a property of the other capacity mode",
    "E234": "more streams or registered consumers than AWS allows",
}


class ModeDetails(Spec):
    """How the capacity of a stream is set."""

    StreamMode: String


class StreamSpec(Spec):
    """Properties of `kinesis.stream`, in AWS's spelling and units; `earlier_peak_mibps` is ours."""

    ShardCount: Annotated[int, AwsNumber(PAGE, "ShardCount")] | None = None
    StreamModeDetails: ModeDetails | None = None
    RetentionPeriodHours: Annotated[int, AwsNumber(PAGE, "RetentionPeriodHours")] = 24
    MaxRecordSizeInKiB: Annotated[int, AwsNumber(PAGE, "MaxRecordSizeInKiB")] = 1_024
    WarmThroughputMiBps: Annotated[int, AwsNumber(PAGE, "WarmThroughputMiBps")] | None = None
    RecordDistributionStrategy: String = BY_KEY
    earlier_peak_mibps: Annotated[int, AwsNumber(PAGE, "earlier_peak_mibps")] = 0

    @property
    def mode(self) -> str:
        """The capacity mode: a stream without a number of shards is on-demand."""
        if self.StreamModeDetails is not None:
            return self.StreamModeDetails.StreamMode
        return ON_DEMAND if self.ShardCount is None else PROVISIONED


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what CreateStream would refuse."""
    stream = cast("StreamSpec", spec)
    if stream.mode not in (ON_DEMAND, PROVISIONED):
        message = f"AWS refuses this (ValidationException): StreamMode is {stream.mode!r}"
        path = ("StreamModeDetails", "StreamMode")
        yield Finding("E204", message, path, f"allowed: {PROVISIONED} or {ON_DEMAND}")
    elif stream.mode == ON_DEMAND:
        yield from _on_demand(name, stream, specs)
    else:
        yield from _provisioned(name, stream)
    if stream.RecordDistributionStrategy not in (AUTO, BY_KEY):
        found = stream.RecordDistributionStrategy
        message = f"AWS refuses this: RecordDistributionStrategy is {found!r}"
        hint = f"allowed: {BY_KEY} or {AUTO}"
        yield Finding("E204", message, ("RecordDistributionStrategy",), hint)


def _on_demand(name: str, stream: StreamSpec, specs: Specs) -> Iterator[Finding]:
    if stream.ShardCount is not None:
        message = f"AWS refuses this: {name} is on-demand, which sets its number of shards itself"
        yield Finding("E233", message, ("ShardCount",), "remove ShardCount, or StreamModeDetails")
    most = PAGE.quota("on_demand_streams")
    others = [each for each in specs.values() if isinstance(each, StreamSpec)]
    if [each.mode for each in others].count(ON_DEMAND) > most and others[-1] is stream:
        message = f"AWS refuses this (LimitExceededException): more than {most} on-demand streams"
        yield Finding("E234", message, (), "ask AWS for more, or use provisioned streams")


def _provisioned(name: str, stream: StreamSpec) -> Iterator[Finding]:
    if stream.ShardCount is None:
        message = f"AWS refuses this: {name} is provisioned and has no ShardCount"
        yield Finding("E230", message, (), "add ShardCount, such as 4")
    for attribute, given in (
        ("WarmThroughputMiBps", stream.WarmThroughputMiBps is not None),
        ("RecordDistributionStrategy", stream.RecordDistributionStrategy == AUTO),
        ("earlier_peak_mibps", stream.earlier_peak_mibps > 0),
    ):
        if given:
            message = f"{attribute} is for on-demand streams, and {name} is provisioned"
            yield Finding("E233", message, (attribute,), "remove it, or remove ShardCount")
