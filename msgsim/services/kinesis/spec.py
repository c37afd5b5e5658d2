"""What YAML may say about a stream, and what AWS would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

from msgsim.model.catalog import page_beside
from msgsim.model.service import Finding, Specs
from msgsim.model.spec import AwsNumber, Spec, String

PAGE = page_beside(__file__, "kinesis.stream.md")
ON_DEMAND, PROVISIONED = "ON_DEMAND", "PROVISIONED"

CODES = {
    "E204": "a value that AWS does not know for this property",
    "E230": "a provisioned stream without a number of shards",
    "E301": "a property that msgsim does not model yet",
}


class ModeDetails(Spec):
    """How the capacity of a stream is set."""

    StreamMode: String


class StreamSpec(Spec):
    """Properties of `kinesis.stream`, in AWS's spelling and units."""

    ShardCount: Annotated[int, AwsNumber(PAGE, "ShardCount")] | None = None
    StreamModeDetails: ModeDetails | None = None
    RetentionPeriodHours: Annotated[int, AwsNumber(PAGE, "RetentionPeriodHours")] = 24
    MaxRecordSizeInKiB: Annotated[int, AwsNumber(PAGE, "MaxRecordSizeInKiB")] = 1_024


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what CreateStream would refuse, and modes that are not modelled."""
    stream = cast("StreamSpec", spec)
    details = stream.StreamModeDetails
    mode = details.StreamMode if details is not None else None
    path = ("StreamModeDetails", "StreamMode")
    if mode == ON_DEMAND:
        yield Finding("E301", "on-demand streams are not modelled yet", path, "give a ShardCount")
    elif mode not in {None, PROVISIONED}:
        message = f"AWS refuses this (ValidationException): StreamMode is {mode!r}"
        yield Finding("E204", message, path, f"allowed: {PROVISIONED} or {ON_DEMAND}")
    elif stream.ShardCount is None and mode is None:
        message = f"{name} has no ShardCount: AWS makes such a stream on-demand, which msgsim "
        yield Finding("E301", message + "does not model yet", (), "add ShardCount, such as 4")
    elif stream.ShardCount is None:
        message = f"AWS refuses this: {name} is provisioned and has no ShardCount"
        yield Finding("E230", message, (), "add ShardCount, such as 4")
