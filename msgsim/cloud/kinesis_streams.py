"""Kinesis operations on streams: create, delete, describe, list, and their settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msgsim.cloud.account import Account
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import ACCOUNT, moment
from msgsim.cloud.kinesis_entries import (
    Parameters,
    StreamEntry,
    answered,
    ration,
    shown,
    stream_of,
)
from msgsim.kernel.waiting import TokenBucket
from msgsim.services.kinesis.control import ON_DEMAND, PROVISIONED
from msgsim.services.kinesis.sequence import read_shard
from msgsim.services.kinesis.spec import AUTO, BY_KEY, PAGE

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
_OPTIONS = ("WarmThroughputMiBps", "MaxRecordSizeInKiB", "RecordDistributionStrategy")
BY_HAND = "get_records"
"""Who may always read what a stream keeps: records stay until their retention ends."""

INVALID, ARGUMENT = "ValidationException", "InvalidArgumentException"


class StreamOperations:
    """What can be done to streams as such."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._calls: dict[str, TokenBucket] = {}

    def create_stream(self, p: Parameters) -> None:
        """Create a stream; it is ACTIVE at once."""
        account, name = self._account, p["StreamName"]
        now = account.sim.now
        ration(self._calls, "CreateStream", "create_stream_per_s", now)
        if not _NAME.fullmatch(name):
            raise Refused(INVALID, f"{name[:50]!r} is not a name of a stream")
        if name in account.streams:
            message = f"Stream {name} under account {ACCOUNT} already exists."
            raise Refused("ResourceInUseException", message)
        component, spec = account.build("kinesis.stream", name, self._properties(p))
        stream: Any = component
        try:
            with answered():
                stream.control.check_quota()
        except Refused:
            stream.control.leave()
            raise
        stream.register(BY_HAND)
        account.observe(component)
        account.streams[name] = StreamEntry(
            name, account.place.stream_arn(name), stream, now, spec.WarmThroughputMiBps
        )

    def _properties(self, p: Parameters) -> dict[str, Any]:
        mode = p.get("StreamModeDetails", {}).get("StreamMode")
        if mode is None:
            mode = ON_DEMAND if p.get("ShardCount") is None else PROVISIONED
        if mode not in (ON_DEMAND, PROVISIONED):
            raise Refused(INVALID, f"StreamMode is {mode!r}")
        _check_mode(mode, p)
        for name in ("ShardCount", "WarmThroughputMiBps", "MaxRecordSizeInKiB"):
            if name in p:
                limit = PAGE.limit(name)
                if not limit.low <= p[name] <= limit.high:
                    message = f"{name} must be {limit.low} to {limit.high}, got {p[name]}"
                    raise Refused(limit.error, message)
        found = {name: p[name] for name in _OPTIONS if name in p}
        found["StreamModeDetails"] = {"StreamMode": mode}
        if mode == PROVISIONED:
            found["ShardCount"] = p["ShardCount"]
        else:
            self._check_on_demand_streams()
        return found

    def _check_on_demand_streams(self) -> None:
        most = PAGE.quota("on_demand_streams")
        if sum(entry.on_demand for entry in self._account.streams.values()) >= most:
            raise Refused("LimitExceededException", f"more than {most} on-demand streams")

    def delete_stream(self, p: Parameters) -> None:
        """Delete a stream at once; one with registered consumers only where that is asked for."""
        entry = stream_of(self._account, p)
        if entry.consumers and not p.get("EnforceConsumerDeletion", False):
            message = f"Stream {entry.name} has registered consumers"
            raise Refused("ResourceInUseException", message)
        entry.stream.control.leave()
        entry.stream.fail()
        del self._account.streams[entry.name]

    def list_streams(self, p: Parameters) -> dict[str, Any]:
        """Return the names of the streams, in order."""
        start = p.get("ExclusiveStartStreamName") or p.get("NextToken") or ""
        names = sorted(name for name in self._account.streams if name > start)
        most = p.get("Limit", 100)
        found: dict[str, Any] = {
            "StreamNames": names[:most],
            "HasMoreStreams": len(names) > most,
            "StreamSummaries": [_summary(self._account.streams[name]) for name in names[:most]],
        }
        if len(names) > most:
            found["NextToken"] = names[most - 1]
        return found

    def describe_stream(self, p: Parameters) -> dict[str, Any]:
        """Return a stream with its shards."""
        entry = stream_of(self._account, p)
        ration(self._calls, "DescribeStream", "describe_stream_per_s", self._account.sim.now)
        stream = entry.stream
        after, shards = -1, stream.state.shards
        if "ExclusiveStartShardId" in p:
            with answered():
                after = read_shard(p["ExclusiveStartShardId"], len(shards))
        now, kept = stream.sim.now, stream.retention_ns
        listed = [each for each in shards if each.index > after and not each.expired(now, kept)]
        most = p.get("Limit", 100)
        return {
            "StreamDescription": {
                **_described(entry),
                "Shards": [shown(each) for each in listed[:most]],
                "HasMoreShards": len(listed) > most,
            }
        }

    def describe_stream_summary(self, p: Parameters) -> dict[str, Any]:
        """Return a stream without its shards."""
        entry = stream_of(self._account, p)
        now = self._account.sim.now
        ration(self._calls, "DescribeStreamSummary", "describe_summary_per_s", now)
        found = {
            **_described(entry),
            "OpenShardCount": entry.stream.open_count,
            "ConsumerCount": len(entry.consumers),
            "MaxRecordSizeInKiB": entry.stream.state.max_record_size_kib,
            "RecordDistributionStrategy": AUTO if entry.stream.state.spread else BY_KEY,
        }
        if entry.warm_mibps is not None:
            found["WarmThroughput"] = {
                "TargetMiBps": entry.warm_mibps,
                "CurrentMiBps": entry.stream.open_count,
            }
        return {"StreamDescriptionSummary": found}

    # Settings ------------------------------------------------------------------------------

    def update_stream_mode(self, p: Parameters) -> None:
        """Switch between provisioned and on-demand; the shards stay."""
        entry = stream_of(self._account, p)
        with answered():
            entry.stream.update_mode(p["StreamModeDetails"]["StreamMode"])

    def update_stream_warm_throughput(self, p: Parameters) -> dict[str, Any]:
        """Have a write capacity ready."""
        entry = stream_of(self._account, p)
        mibps = p["WarmThroughputMiBps"]
        with answered():
            entry.stream.update_warm_throughput(mibps)
        entry.warm_mibps = mibps
        return {
            "StreamARN": entry.arn,
            "StreamName": entry.name,
            "WarmThroughput": {"TargetMiBps": mibps, "CurrentMiBps": entry.stream.open_count},
        }

    def increase_stream_retention_period(self, p: Parameters) -> None:
        """Keep records for longer, once that has been applied."""
        self._retain(p, lambda hours, kept: hours >= kept, "at least")

    def decrease_stream_retention_period(self, p: Parameters) -> None:
        """Keep records for less long; older ones are gone at once."""
        self._retain(p, lambda hours, kept: hours <= kept, "at most")

    def _retain(self, p: Parameters, fits: Callable[[int, int], bool], words: str) -> None:
        entry = stream_of(self._account, p)
        hours = p["RetentionPeriodHours"]
        if not fits(hours, entry.hours):
            message = f"RetentionPeriodHours must be {words} the current {entry.hours}, got {hours}"
            raise Refused(ARGUMENT, message)
        if hours != entry.hours:
            with answered():
                entry.stream.update_retention(hours)


def _check_mode(mode: str, p: Parameters) -> None:
    if mode == PROVISIONED:
        if p.get("ShardCount") is None:
            raise Refused(INVALID, "ShardCount is needed in PROVISIONED mode")
        if "WarmThroughputMiBps" in p:
            raise Refused(INVALID, "WarmThroughputMiBps is for ON_DEMAND mode")
        if p.get("RecordDistributionStrategy") == AUTO:
            raise Refused(ARGUMENT, "RecordDistributionStrategy AUTO is for ON_DEMAND mode")
    elif p.get("ShardCount") is not None:
        raise Refused(INVALID, "ShardCount is for PROVISIONED mode")
    if p.get("RecordDistributionStrategy", BY_KEY) not in (AUTO, BY_KEY):
        raise Refused(INVALID, f"RecordDistributionStrategy is {p['RecordDistributionStrategy']!r}")


def _summary(entry: StreamEntry) -> dict[str, Any]:
    return {
        "StreamName": entry.name,
        "StreamARN": entry.arn,
        "StreamStatus": entry.stream.control.status,
        "StreamModeDetails": {"StreamMode": entry.stream.control.mode},
        "StreamCreationTimestamp": moment(entry.created_ns),
    }


def _described(entry: StreamEntry) -> dict[str, Any]:
    return {
        **_summary(entry),
        "RetentionPeriodHours": entry.hours,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
    }
