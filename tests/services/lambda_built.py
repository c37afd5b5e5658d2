"""Systems with functions and mappings, and a stream that only stores, for tests of the two."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import stable_hash
from msgsim.kernel.simulation import Simulation
from msgsim.model.catalog import page_beside
from msgsim.model.message import Key, Message
from msgsim.model.service import Context, Service
from msgsim.model.spec import Positive, Spec, Whole
from msgsim.services.event_source_mapping import SERVICE as MAPPING
from msgsim.services.lambda_function import SERVICE as FUNCTION
from msgsim.services.lambda_function.concurrency import AccountConcurrency
from tests.services import hand_built
from tests.services.hand_built import HandBuilt

NO_COLD_START = "0s"
NO_OVERHEAD = {
    ("lambda.event_source_mapping", "standard_overhead"): "0s",
    ("lambda.event_source_mapping", "fifo_overhead"): "0s",
    ("lambda.event_source_mapping", "stream_overhead"): "0s",
}


class StoredRecord:
    """A record of the plain stream."""

    def __init__(self, message: Message, arrived_ns: int, sequence: int) -> None:
        self.message = message
        self.arrived_ns = arrived_ns
        self.sequence = sequence
        self.size_bytes = message.size_bytes


class PlainStream(Component):
    """A stream without limits: it stores, and hands out by position."""

    kind = "kinesis.stream"
    retention_ns = 86_400 * 10**9

    def __init__(self, sim: Simulation, name: str, shard_count: int) -> None:
        super().__init__(sim, name)
        self.shard_count = shard_count
        self.shards: list[list[StoredRecord]] = [[] for _ in range(shard_count)]
        self.checkpoints: dict[int, int] = {}
        self.reads = 0
        self.refused_reads: set[int] = set()

    def accept(self, message: Message) -> None:
        name = message.key.name
        shard = int(name.partition(":")[0]) if ":" in name else stable_hash(name)
        records = self.shards[shard % self.shard_count]
        records.append(StoredRecord(message, self.sim.now, len(records)))

    def parents(self, shard: int) -> list[int]:
        """Return nothing: shards stay as they are."""
        return []

    children = parents

    def beginnings(self, where: str, timestamp_ns: int | None = None) -> tuple[list[int], set[int]]:
        """Return every shard."""
        return list(range(self.shard_count)), set()

    def at_end(self, shard: int, position: int) -> bool:
        """Say no: shards stay open."""
        return False

    def position(
        self,
        shard: int,
        where: str,
        consumer: str | None = None,
        timestamp_ns: int | None = None,
    ) -> int:
        records = self.shards[shard]
        if timestamp_ns is not None:
            return sum(record.arrived_ns < timestamp_ns for record in records)
        return len(records) if where == "LATEST" else 0

    def read(
        self, shard: int, position: int, limit: int, consumer: str | None = None
    ) -> tuple[list[StoredRecord], int, str | None]:
        self.reads += 1
        if self.reads in self.refused_reads:
            return [], position, "ProvisionedThroughputExceededException"
        found = self.shards[shard][position : position + limit]
        return found, position + len(found), None

    def register(self, consumer: str) -> None:
        self.consumer = consumer

    def unread(self, shard: int, position: int) -> list[Message]:
        return [record.message for record in self.shards[shard][position:]]

    def passed(self, consumer: str, shard: int, position: int) -> None:
        assert consumer == self.consumer
        assert position >= self.checkpoints.get(shard, 0), "a checkpoint never goes back"
        self.checkpoints[shard] = position


class PlainStreamSpec(Spec):
    """The stream of these tests; `Older` records are there before it is mapped."""

    ShardCount: Positive = 1
    Older: Whole = 0


def _build(name: str, spec: PlainStreamSpec, context: Context) -> PlainStream:
    stream = PlainStream(context.sim, name, spec.ShardCount)
    for number in range(spec.Older):
        stream.accept(Message(1_000 + number, Key("0:older"), number, 0))
    return stream


STREAM = Service("plain.stream", PlainStreamSpec, _build, page_beside(__file__, "none.md"))


class AccountSpec(Spec):
    """An account whose concurrency quota was raised; to be written before the functions."""

    ConcurrentExecutions: Positive


def _raise_quota(name: str, spec: AccountSpec, context: Context) -> Component:
    context.shared["lambda.concurrency"] = AccountConcurrency(spec.ConcurrentExecutions)
    return Component(context.sim, name)


ACCOUNT = Service("plain.account", AccountSpec, _raise_quota, page_beside(__file__, "none.md"))

hand_built.KINDS.update({service.kind: service for service in (FUNCTION, MAPPING, STREAM, ACCOUNT)})


def function(time: str = "200ms", **more: Any) -> dict[str, Any]:
    """Return a function without cold starts; `handler__…` keywords go into its handler."""
    handler = {"time": time}
    for name in [name for name in more if name.startswith("handler__")]:
        handler[name.removeprefix("handler__")] = more.pop(name)
    more.setdefault("cold_start", NO_COLD_START)
    return {"type": "lambda.function", "handler": handler, **more}


def mapping(source: str = "Orders", **more: Any) -> dict[str, Any]:
    """Return a mapping of `source` to the function `Fn`."""
    return {
        "type": "lambda.event_source_mapping",
        "EventSourceArn": source,
        "FunctionName": "Fn",
        **more,
    }


def built(resources: dict[str, Any], **more: Any) -> HandBuilt:
    """Wire a system whose mappings add no latency of their own, unless `overhead=True`."""
    assumptions = dict(more.pop("assumptions", {}))
    if not more.pop("overhead", False):
        assumptions = {**NO_OVERHEAD, **assumptions}
    return HandBuilt(resources, assumptions=assumptions, **more)


def concurrency(system: HandBuilt, name: str = "Fn") -> Iterator[tuple[float, int]]:
    """Yield `(seconds, invocations in progress)` after each change."""
    running = 0
    for now, component, signal, _ in system.log.facts:
        if component == name and signal in ("started", "ended"):
            running += 1 if signal == "started" else -1
            yield now / 1e9, running
