"""A stream without limits whose one shard splits in two, for tests of those who read it."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import stable_hash
from msgsim.model.catalog import page_beside
from msgsim.model.message import Message
from msgsim.model.service import Context, Service
from msgsim.model.spec import Duration, Spec
from tests.services import hand_built
from tests.services.lambda_built import PlainStream, StoredRecord


class SplittingSpec(Spec):
    """When shard 0 closes, and shards 1 and 2 open."""

    split_at: Duration


class SplittingStream(PlainStream):
    """Shard 0, and from the split on shards 1 and 2."""

    def __init__(self, sim: Any, name: str, split_at: int) -> None:
        super().__init__(sim, name, 1)
        sim.at(split_at, self._split)

    def _split(self) -> None:
        self.shard_count = 3
        self.shards += [[], []]

    def accept(self, message: Message) -> None:
        half = stable_hash(message.key.name) % 2
        records = self.shards[0 if self.shard_count == 1 else 1 + half]
        records.append(StoredRecord(message, self.sim.now, len(records)))

    def parents(self, shard: int) -> list[int]:
        return [] if shard == 0 else [0]

    def children(self, shard: int) -> list[int]:
        return [1, 2] if shard == 0 and self.shard_count == 3 else []

    def beginnings(self, where: str, timestamp_ns: int | None = None) -> tuple[list[int], set[int]]:
        return [0], set()

    def at_end(self, shard: int, position: int) -> bool:
        return shard == 0 and self.shard_count == 3 and position >= len(self.shards[0])


def _build(name: str, spec: SplittingSpec, context: Context) -> Component:
    return SplittingStream(context.sim, name, spec.split_at)


hand_built.KINDS["splitting.stream"] = Service(
    "splitting.stream", SplittingSpec, _build, page_beside(__file__, "none.md")
)
