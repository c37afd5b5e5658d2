"""Kinesis operations on shards: list, split, merge, update their number."""

from __future__ import annotations

from typing import Any

from msgsim.cloud.account import Account
from msgsim.cloud.errors import Refused
from msgsim.cloud.kinesis_entries import (
    Parameters,
    StreamEntry,
    answered,
    nanoseconds,
    ration,
    shown,
    stream_of,
)
from msgsim.cloud.paging import page
from msgsim.services.kinesis.hash_keys import explicit_hash
from msgsim.services.kinesis.sequence import read_shard
from msgsim.services.kinesis.shard import Shard

ARGUMENT = "InvalidArgumentException"
MOST_LISTED = 1_000


class ShardOperations:
    """What can be done to the shards of a stream."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._listings: dict[str, tuple[str, list[dict[str, Any]]]] = {}

    def list_shards(self, p: Parameters) -> dict[str, Any]:
        """Return shards, in the order in which they came into being."""
        token = p.get("NextToken")
        if token is None:
            entry = stream_of(self._account, p)
            now = self._account.sim.now
            ration(entry.calls, "ListShards", "list_shards_per_s", now)
            with answered():
                listed = [shown(shard) for shard in self._selected(entry, p)]
            listing = self._account.ids.uuid()
            start = "0"
        elif "StreamName" in p or "StreamARN" in p or "ShardFilter" in p:
            raise Refused(ARGUMENT, "NextToken and StreamName or ShardFilter cannot be together.")
        else:
            listing, _, start = token.rpartition("/")
            if listing not in self._listings:
                raise Refused("ExpiredNextTokenException", "The token is not valid any more.")
            listed = self._listings[listing][1]
        found = page("Shards", listed, {**p, "NextToken": start}, MOST_LISTED)
        if "NextToken" in found:
            self._listings[listing] = ("", listed)
            found["NextToken"] = f"{listing}/{found['NextToken']}"
        return found

    def _selected(self, entry: StreamEntry, p: Parameters) -> list[Shard]:
        """Apply ShardFilter (or ExclusiveStartShardId, its older form)."""
        chosen = dict(p.get("ShardFilter", {"Type": "FROM_TRIM_HORIZON"}))
        after = p.get("ExclusiveStartShardId")
        kind = chosen["Type"]
        stream = entry.stream
        now = stream.sim.now
        horizon = max(entry.created_ns, now - stream.retention_ns)
        kept = [s for s in stream.state.shards if not s.expired(now, stream.retention_ns)]
        if kind == "AFTER_SHARD_ID":
            after = chosen.get("ShardId")
            if after is None:
                raise Refused(ARGUMENT, "AFTER_SHARD_ID needs ShardId")
        if after is not None:
            first = read_shard(after, len(stream.state.shards))
            kept = [shard for shard in kept if shard.index > first]
        at = horizon
        if kind in ("AT_TIMESTAMP", "FROM_TIMESTAMP"):
            if "Timestamp" not in chosen:
                raise Refused(ARGUMENT, f"{kind} needs Timestamp")
            at = max(horizon, nanoseconds(chosen["Timestamp"]))
        if kind in ("FROM_TRIM_HORIZON", "AFTER_SHARD_ID"):
            return kept
        if kind == "AT_LATEST":
            return [shard for shard in kept if shard.open]
        living = [s for s in kept if s.closed_ns is None or s.closed_ns > at]
        if kind == "FROM_TIMESTAMP":
            return living
        if kind in ("AT_TRIM_HORIZON", "AT_TIMESTAMP"):
            return [shard for shard in living if shard.opened_ns <= at]
        raise Refused("ValidationException", f"ShardFilter.Type is {kind!r}")

    def split_shard(self, p: Parameters) -> None:
        """Begin to split a shard at a hash key."""
        entry = stream_of(self._account, p)
        with answered():
            index = entry.shard(p["ShardToSplit"]).index
            entry.stream.control.split(index, explicit_hash(p["NewStartingHashKey"]))

    def merge_shards(self, p: Parameters) -> None:
        """Begin to merge two adjacent shards."""
        entry = stream_of(self._account, p)
        with answered():
            index = entry.shard(p["ShardToMerge"]).index
            adjacent = entry.shard(p["AdjacentShardToMerge"]).index
            entry.stream.control.merge(index, adjacent)

    def update_shard_count(self, p: Parameters) -> dict[str, Any]:
        """Begin to split and merge until there are so many equal shards."""
        entry = stream_of(self._account, p)
        if p["ScalingType"] != "UNIFORM_SCALING":
            raise Refused("ValidationException", f"ScalingType is {p['ScalingType']!r}")
        before = entry.stream.open_count
        with answered():
            entry.stream.control.update_shard_count(p["TargetShardCount"])
        return {
            "StreamName": entry.name,
            "StreamARN": entry.arn,
            "CurrentShardCount": before,
            "TargetShardCount": p["TargetShardCount"],
        }
