"""DynamoDB Streams: the changes of a table, as a source of event source mappings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import NS_PER_S
from msgsim.model.catalog import page_beside
from msgsim.model.service import Context, Finding, Service, Specs
from msgsim.model.spec import Positive, Spec, one_of
from msgsim.services.dynamodb.stream import ItemLimits, ItemStream
from msgsim.units import duration_ns

KIND = "dynamodb.stream"
PAGE = page_beside(__file__, "dynamodb.stream.md")
VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")
MOST_PARTITIONS = 10_000
CODES = {"W267": "more readers of a DynamoDB stream than it serves"}


class ItemStreamSpec(Spec):
    """Properties of `dynamodb.stream`; `partitions` is the simulator's."""

    StreamViewType: Annotated[str, one_of(*VIEWS)] = "NEW_IMAGE"
    partitions: Positive = 1


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find readers beyond the two that a shard serves, and more shards than can be simulated."""
    partitions = getattr(spec, "partitions", 1)
    if partitions > MOST_PARTITIONS:
        message = f"{name} has {partitions:,} partitions; msgsim simulates {MOST_PARTITIONS:,}"
        yield Finding("E109", message, ("partitions",), "simulate a part of the table")
    readers = [
        other for other, found in specs.items() if getattr(found, "EventSourceArn", None) == name
    ]
    most = PAGE.quota("readers_per_shard")
    if len(readers) > most:
        yield Finding(
            "W267",
            f"{', '.join(readers)} read {name}: more than {most} readers of a shard are throttled",
            (),
            "let one function fan out, or use a Kinesis stream",
        )


def build(name: str, spec: ItemStreamSpec, context: Context) -> Component:
    """Make the stream that the spec describes."""
    limits = ItemLimits(
        item_bytes=PAGE.quota("item_bytes"),
        batch_items=PAGE.quota("batch_items"),
        read_records=PAGE.quota("read_records"),
        read_bytes=PAGE.quota("read_bytes"),
        readers=PAGE.quota("readers_per_shard"),
        reader_window_ns=duration_ns(str(context.assumption(KIND, "reader_window"))),
        retention_ns=PAGE.quota("retention") * NS_PER_S,
        images=2 if spec.StreamViewType == "NEW_AND_OLD_IMAGES" else 1,
    )
    return ItemStream(context.sim, name, spec.partitions, limits)


SERVICE = Service(kind=KIND, spec=ItemStreamSpec, build=build, page=PAGE, check=check, codes=CODES)
