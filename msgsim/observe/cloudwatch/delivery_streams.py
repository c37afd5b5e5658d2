"""The twins of `AWS/Firehose`: what a delivery stream takes, holds and delivers.

Source: Amazon Data Firehose Developer Guide, monitoring-with-cloudwatch-metrics.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener
from msgsim.observe.cloudwatch.catalog import CATALOG
from msgsim.observe.cloudwatch.series import Series
from msgsim.observe.cloudwatch.twin import NS_PER_S, Desk
from msgsim.observe.deliveries import AWS_PLACES
from msgsim.observe.system import announces

BACKUP = "Backup"
EXCEEDED = "activePartitionExceeded"


def applies(component: Component) -> bool:
    """Say whether it is a delivery stream."""
    return announces(component, "ingested")


class DeliveryStreamTwin:
    """The metrics of one delivery stream."""

    def __init__(self, stream: Any, desk: Desk) -> None:
        self._stream = stream
        self._desk = desk
        self._opened: dict[str, Series] = {}
        self._partitions = 0
        self._partitioned = False

    def _of(self, name: str) -> Series:
        series = self._opened.get(name)
        if series is None:
            dimensions = {"DeliveryStreamName": self._stream.name}
            series = self._desk.open("AWS/Firehose", name, **dimensions)
            self._opened[name] = series
        return series

    def listeners(self) -> Mapping[str, Listener]:
        """Return what to call, by signal."""
        return {
            "ingested": self._ingested,
            "throttled": self._throttled,
            "transformed": self._transformed,
            "batch_delivered": self._delivered,
            "batch_failed": self._failed,
            "error_output": self._error_output,
            "partitions": self._partitions_changed,
        }

    def _ingested(self, now: int, copy: Any) -> None:
        self._of("IncomingRecords").add(now)
        self._of("IncomingBytes").add(now, copy.message.size_bytes)
        self._of("ThrottledRecords").add(now, 0.0)

    def _throttled(self, now: int, action: str, messages: int) -> None:
        self._of("ThrottledRecords").tally(now, messages)

    def _transformed(self, now: int, records: int, status: str) -> None:
        if status == "Ok":
            self._of("SucceedProcessing.Records").tally(now, records)

    def _delivered(self, now: int, place: str, records: int, size: int, oldest_ns: int) -> None:
        if not self._counts(place):
            return
        name = _delivery(place)
        self._of(f"{name}.Records").tally(now, records)
        self._of(f"{name}.Bytes").add(now, size)
        self._of(f"{name}.Success").add(now, 1.0)
        if place == "S3":
            self._of(f"{name}.ObjectCount").add(now)

    def _counts(self, place: str) -> bool:
        """Say whether a place is the destination or the backup: the error output has no metrics."""
        return place in (self._stream.place, BACKUP)

    def _failed(self, now: int, place: str, code: str) -> None:
        if self._counts(place):
            self._of(f"{_delivery(place)}.Success").add(now, 0.0)

    def _error_output(self, now: int, copy: Any, reason: str) -> None:
        if reason == EXCEEDED:
            self._of("PartitionCountExceeded").add(now)

    def _partitions_changed(self, now: int, count: int) -> None:
        self._partitions = count
        self._partitioned = True

    def period(self, now: int) -> None:
        """Report the age of the oldest record inside, and how many partitions are active."""
        stream = self._stream
        self._age(now, _delivery(stream.place), stream.oldest_ns())
        if stream.copies is not None:
            self._age(now, _delivery(BACKUP), stream.oldest_copy_ns())
        if self._partitioned:
            self._of("PartitionCount").level(now, self._partitions)

    def _age(self, now: int, delivery: str, oldest_ns: int | None) -> None:
        name = f"{delivery}.DataFreshness"
        if ("AWS/Firehose", name) in CATALOG:
            self._of(name).level(now, 0.0 if oldest_ns is None else (now - oldest_ns) / NS_PER_S)


def _delivery(place: str) -> str:
    """Return what the names of metrics about a place begin with."""
    return "BackupToS3" if place == BACKUP else f"DeliveryTo{AWS_PLACES.get(place, place)}"


make = DeliveryStreamTwin
