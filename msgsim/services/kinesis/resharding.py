"""Resharding, pure: which splits and merges are allowed, and which ones lead to a shard count.

Rules: Kinesis API reference, SplitShard, MergeShards and UpdateShardCount.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from msgsim.services.kinesis.hash_keys import HASH_SPACE, HashRange, equal_ranges
from msgsim.services.kinesis.limits import INVALID_ARGUMENT, NOT_FOUND, KinesisError
from msgsim.services.kinesis.shard import Shard


class Sharded(Protocol):
    """What has shards, by index."""

    shards: list[Shard]


class Step(NamedTuple):
    """One split or merge of a plan, in terms of hash keys: shards get their indexes on the way.

    Attributes:
        at: the hash key at which a shard is split, or at which two shards meet.
        split: whether it is a split.
    """

    at: int
    split: bool


def check_split(state: Sharded, index: int, new_starting_hash_key: int) -> None:
    """Refuse a split that AWS would refuse.

    Raises:
        KinesisError: the shard does not exist or is closed, or the key is not inside its range.
    """
    start, end = open_shard(state, index).hash_range
    if not start < new_starting_hash_key <= end:
        raise KinesisError(
            INVALID_ARGUMENT,
            f"NewStartingHashKey {new_starting_hash_key} is not inside the range of "
            f"{state.shards[index].shard_id}: above {start}, at most {end}",
        )


def check_merge(state: Sharded, index: int, adjacent_index: int) -> None:
    """Refuse a merge that AWS would refuse.

    Raises:
        KinesisError: a shard does not exist or is closed, or the two are not adjacent.
    """
    one, other = open_shard(state, index), open_shard(state, adjacent_index)
    low, high = sorted((one.hash_range, other.hash_range))
    if low.end + 1 != high.start:
        raise KinesisError(
            INVALID_ARGUMENT,
            f"{one.shard_id} and {other.shard_id} are not adjacent: their hash ranges do not touch",
        )


def open_shard(state: Sharded, index: int) -> Shard:
    """Return an open shard by its index.

    Raises:
        KinesisError: there is none of that index, or it was split or merged before.
    """
    if not 0 <= index < len(state.shards):
        raise KinesisError(NOT_FOUND, f"there is no shard {index}; there are {len(state.shards)}")
    shard = state.shards[index]
    if not shard.open:
        raise KinesisError(
            INVALID_ARGUMENT,
            f"{shard.shard_id} has already been merged or split, and cannot be again",
        )
    return shard


def middle(hash_range: HashRange) -> int:
    """Return the hash key that splits a range evenly."""
    return (hash_range.start + hash_range.end + 1) // 2


def plan(open_shards: Sequence[Shard], target: int) -> list[Step]:
    """Return the splits and merges that lead to `target` equal ranges (UNIFORM_SCALING).

    Splits come first, so that more shards than wanted exist for a while: AWS says that
    UpdateShardCount makes short-lived shards, which count against the quota.
    """
    now = {shard.hash_range.start for shard in open_shards}
    wanted = {part.start for part in equal_ranges(target)}
    splits = [Step(key, True) for key in sorted(wanted - now)]
    return splits + [Step(key, False) for key in sorted(now - wanted)]


def most_at_once(open_count: int, steps: Sequence[Step]) -> int:
    """Return how many open shards a plan needs at its largest."""
    return open_count + sum(step.split for step in steps)


def covers_all_once(open_shards: Sequence[Shard]) -> bool:
    """Say whether open shards cover the whole hash space, each key once (an invariant)."""
    ranges = [shard.hash_range for shard in open_shards]
    return (
        ranges[0].start == 0
        and ranges[-1].end == HASH_SPACE - 1
        and all(low.end + 1 == high.start for low, high in pairwise(ranges))
    )
