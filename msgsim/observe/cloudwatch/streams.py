"""The twins of `AWS/Kinesis`: records and calls of a stream, and of each of its shards.

Source: Kinesis Data Streams Developer Guide, monitoring-with-cloudwatch.html. Shard level is opt-in
on AWS (`EnableEnhancedMonitoring`); here it is always there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener
from msgsim.observe.cloudwatch.series import Series
from msgsim.observe.cloudwatch.twin import NS_PER_MS, Desk
from msgsim.observe.system import announces


def applies(component: Component) -> bool:
    """Say whether it is a stream."""
    return announces(component, "shard_throttled")


class StreamTwin:
    """The metrics of one stream."""

    def __init__(self, stream: Any, desk: Desk) -> None:
        self._name = stream.name
        self._desk = desk
        self._stream: dict[str, Series] = {}
        self._shards: dict[tuple[str, int], Series] = {}
        self._refused = 0

    def _of_stream(self, name: str) -> Series:
        series = self._stream.get(name)
        if series is None:
            series = self._desk.open("AWS/Kinesis", name, StreamName=self._name)
            self._stream[name] = series
        return series

    def _of_shard(self, name: str, shard: int) -> Series:
        series = self._shards.get((name, shard))
        if series is None:
            series = self._desk.open(
                "AWS/Kinesis", name, StreamName=self._name, ShardId=f"shardId-{shard:012d}"
            )
            self._shards[name, shard] = series
        return series

    def listeners(self) -> Mapping[str, Listener]:
        """Return what to call, by signal."""
        return {
            "stored": self._stored,
            "shard_throttled": self._shard_throttled,
            "throttled": self._throttled,
            "read_throttled": self._read_throttled,
            "requested": self._requested,
        }

    def _stored(self, now: int, shard: int, message: Any) -> None:
        size = message.size_bytes
        self._of_stream("IncomingRecords").add(now)
        self._of_stream("IncomingBytes").add(now, size)
        self._of_shard("IncomingRecords", shard).add(now)
        self._of_shard("IncomingBytes", shard).add(now, size)
        self._of_stream("WriteProvisionedThroughputExceeded").add(now, 0.0)

    def _shard_throttled(self, now: int, shard: int, message: Any) -> None:
        self._of_stream("WriteProvisionedThroughputExceeded").add(now)
        self._of_shard("WriteProvisionedThroughputExceeded", shard).add(now)

    def _read_throttled(self, now: int, shard: int) -> None:
        self._of_shard("ReadProvisionedThroughputExceeded", shard).add(now)

    def _throttled(self, now: int, action: str, messages: int) -> None:
        """Hear how much of a batch is refused: just after the batch, just before the records."""
        if action == "PutRecords":
            self._of_stream("PutRecords.ThrottledRecords").tally(now, messages)
            self._of_stream("PutRecords.SuccessfulRecords").tally(now, -messages)

    def _requested(self, now: int, action: str, items: Sequence[Any], code: str | None) -> None:
        if action == "PutRecord":
            self._of_stream("PutRecord.Success").add(now, float(code is None))
            if code is None:
                self._of_stream("PutRecord.Bytes").add(now, items[0].size_bytes)
        elif action == "PutRecords":
            self._put_several(now, items, code)
        elif action == "GetRecords":
            self._got(now, items, code)

    def _put_several(self, now: int, items: Sequence[Any], code: str | None) -> None:
        self._of_stream("PutRecords.Success").add(now, float(code is None))
        self._of_stream("PutRecords.TotalRecords").tally(now, len(items))
        self._of_stream("PutRecords.FailedRecords").tally(now, 0 if code is None else len(items))
        if code is None:
            self._of_stream("PutRecords.Bytes").add(now, sum(each.size_bytes for each in items))
            self._of_stream("PutRecords.SuccessfulRecords").tally(now, len(items))

    def _got(self, now: int, items: Sequence[Any], code: str | None) -> None:
        self._of_stream("GetRecords.Success").add(now, float(code is None))
        throttled = code == "ProvisionedThroughputExceededException"
        self._of_stream("ReadProvisionedThroughputExceeded").add(now, float(throttled))
        if code is not None:
            return
        size = sum(record.size_bytes for record in items)
        self._of_stream("GetRecords.Records").tally(now, len(items))
        self._of_stream("GetRecords.Bytes").add(now, size)
        age_ns = now - items[-1].arrival_ns if items else 0
        age = self._of_stream("GetRecords.IteratorAgeMilliseconds")
        age.add(now, age_ns / NS_PER_MS)

    def period(self, now: int) -> None:
        """Nothing is reported once a period."""


make = StreamTwin
