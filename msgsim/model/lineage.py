"""Lineage: which tapes of a stream a reader may begin, so that parents come before children.

A key's history continues in the children of a shard that was split or merged. A reader that began
a child before it had finished every parent would see that key out of order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol


class Family(Protocol):
    """A stream as far as shards descend from each other; shards are named by their index."""

    shard_count: int

    def parents(self, shard: int) -> Sequence[int]:
        """Return the shards that it came from."""

    def children(self, shard: int) -> Sequence[int]:
        """Return the shards that came from it."""


class ParentsFirst:
    """What one reader of a stream has begun and finished.

    Args:
        family: the stream.
        begun: shards it begins with.
        skipped: shards that lie before its starting position, and are never read.
    """

    def __init__(self, family: Family, begun: Iterable[int], skipped: Iterable[int] = ()) -> None:
        self._family = family
        self._begun = set(begun)
        self._finished = set(skipped)

    @property
    def finished(self) -> frozenset[int]:
        """The shards that it need not read any more."""
        return frozenset(self._finished)

    def finish(self, shard: int) -> list[int]:
        """Note that a shard is processed to its end; return the shards to begin now."""
        self._finished.add(shard)
        family = self._family
        ready = [
            child
            for child in family.children(shard)
            if child not in self._begun and self._finished.issuperset(family.parents(child))
        ]
        self._begun.update(ready)
        return ready

    def to_come(self) -> Iterator[int]:
        """Yield the shards that it has not begun yet and will."""
        for shard in range(self._family.shard_count):
            if shard not in self._begun and shard not in self._finished:
                yield shard
