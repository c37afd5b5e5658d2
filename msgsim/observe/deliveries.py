"""Deliveries: what delivery streams take, how old and large it is when it arrives, what fails."""

from __future__ import annotations

from collections import Counter
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy
from msgsim.observe.gauges import Gauge
from msgsim.observe.histogram import Durations
from msgsim.observe.measure import Measure, counter, distribution, level
from msgsim.observe.system import System, announces

AWS_PLACES = {"OpenSearch": "AmazonOpenSearchService"}
"""Our name of a sort of destination → CloudWatch's, where they differ."""


class DeliveryWatch:
    """What is known of one delivery stream.

    Attributes:
        place: the sort of its destination.
        counts: events, by name.
        batches, records, sizes: what each place took, by place.
        failures: failed deliveries, by place and error code.
        reasons: why records went to the error output.
        statuses: records by how their transformation ended.
        freshness: age of the oldest record of each batch when it arrived (ns).
        batch_bytes, batch_records: sizes of the batches that arrived at the destination.
        partitions: active partitions.
    """

    def __init__(self, stream: Component, duration_ns: int) -> None:
        self.stream: Any = stream
        self.place: str = getattr(stream, "place", "S3")
        self.counts: Counter[str] = Counter()
        self.batches: Counter[str] = Counter()
        self.records: Counter[str] = Counter()
        self.sizes: Counter[str] = Counter()
        self.failures: Counter[tuple[str, str]] = Counter()
        self.reasons: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.freshness = Durations()
        self.batch_bytes = Durations()
        self.batch_records = Durations()
        self.partitions = Gauge(duration_ns)
        self._active = 0

    def listeners(self) -> dict[str, Listener]:
        """Return what to call, by signal."""
        return {
            "ingested": self._ingested(),
            "throttled": self._throttled,
            "transformed": self._transformed,
            "batch_delivered": self._delivered,
            "batch_failed": self._failed,
            "error_output": self._error_output,
            "partitions": self._partitions,
        }

    def _ingested(self) -> Listener:
        counts = self.counts

        def ingested(now: int, copy: Copy) -> None:
            counts["ingested"] += 1
            counts["ingested_bytes"] += copy.message.size_bytes

        return ingested

    def _throttled(self, now: int, action: str, messages: int) -> None:
        self.counts["throttled"] += messages
        self.counts[action] += messages

    def _transformed(self, now: int, records: int, status: str) -> None:
        self.statuses[status] += records

    def _delivered(self, now: int, place: str, records: int, size: int, oldest_ns: int) -> None:
        self.batches[place] += 1
        self.records[place] += records
        self.sizes[place] += size
        if place == self.place:
            self.freshness.add(now - oldest_ns)
            self.batch_bytes.add(size)
            self.batch_records.add(records)

    def _failed(self, now: int, place: str, code: str) -> None:
        self.failures[place, code] += 1

    def _error_output(self, now: int, copy: Copy, reason: str) -> None:
        self.reasons[reason] += 1

    def _partitions(self, now: int, count: int) -> None:
        self.partitions.add(now, count - self._active)
        self._active = count

    def failed_at(self, place: str) -> int:
        """Return how many deliveries to a place failed."""
        return sum(count for (where, _), count in self.failures.items() if where == place)

    def oldest_age_ns(self, now: int) -> int:
        """Return the age of the oldest record that is in Firehose now, 0 without records."""
        oldest_ns = self.stream.oldest_ns()
        return 0 if oldest_ns is None else now - oldest_ns

    def tick(self) -> None:
        """Work off what has become long."""
        for durations in (self.freshness, self.batch_bytes, self.batch_records):
            durations.tick()

    def forget(self) -> None:
        """End the warm-up: ages, sizes and levels begin anew."""
        for durations in (self.freshness, self.batch_bytes, self.batch_records):
            durations.forget()
        self.partitions.forget()

    def to_json(self, now: int) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "destination": self.place,
            "ingested": self.counts["ingested"],
            "ingested_bytes": self.counts["ingested_bytes"],
            "throttled": self.counts["throttled"],
            "data_freshness": self.freshness.to_json(),
            "oldest_age_s": self.oldest_age_ns(now) / 1e9,
            "batch_bytes": self.batch_bytes.to_json(unit="", scale=1),
            "batch_records": self.batch_records.to_json(unit="", scale=1),
            "places": {
                place: {
                    "batches": self.batches[place],
                    "records": self.records[place],
                    "bytes": self.sizes[place],
                    "failures": {
                        code: count
                        for (where, code), count in sorted(self.failures.items())
                        if where == place
                    },
                }
                for place in sorted({*self.batches, *(where for where, _ in self.failures)})
            },
            "error_output_why": dict(sorted(self.reasons.items())),
            "transformed": dict(sorted(self.statuses.items())),
            "partitions": self.partitions.to_json(),
        }


class Deliveries:
    """Observer: delivery streams."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.watches = {
            component.name: DeliveryWatch(component, system.duration_ns)
            for component in system.components.values()
            if announces(component, "ingested")
        }

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to what a delivery stream takes, delivers and cannot deliver."""
        watch = self.watches.get(component.name)
        return watch.listeners().get(signal.name) if watch is not None else None

    def tick(self, now: int) -> None:
        """Work off what has become long."""
        for watch in self.watches.values():
            watch.tick()

    def settle(self, now: int) -> None:
        """Bring levels up to date."""
        for watch in self.watches.values():
            watch.partitions.settle(now)

    def finish(self, now: int) -> None:
        """End the run."""
        for watch in self.watches.values():
            watch.partitions.finish(now)

    def measures(self, target: str) -> dict[str, Measure]:
        """Return the metrics of a delivery stream, with CloudWatch's names beside ours."""
        watch = self.watches.get(target)
        if watch is None:
            return {}
        counts, place = watch.counts, watch.place
        sim = self._system.sim
        own = {
            "ingested": counter(lambda: counts["ingested"]),
            "ingested_bytes": counter(lambda: counts["ingested_bytes"]),
            "throttled": counter(
                lambda: counts["throttled"], lambda: counts["throttled"] + counts["ingested"]
            ),
            "delivered_records": counter(lambda: watch.records[place]),
            "delivered_bytes": counter(lambda: watch.sizes[place]),
            "batches": counter(
                lambda: watch.batches[place],
                lambda: watch.batches[place] + watch.failed_at(place),
            ),
            "batch_failures": counter(lambda: watch.failed_at(place)),
            "batch_bytes": distribution("number", lambda: watch.batch_bytes),
            "batch_records": distribution("number", lambda: watch.batch_records),
            "data_freshness": distribution(
                "time", lambda: watch.freshness, lambda: watch.oldest_age_ns(sim.now)
            ),
            "backup_records": counter(lambda: watch.records["Backup"]),
            "transformed": counter(lambda: watch.statuses["Ok"]),
            "processing_failed": counter(lambda: watch.reasons["processing-failed"]),
            "partitions": level(watch.partitions),
            "partitions_exceeded": counter(lambda: watch.reasons["activePartitionExceeded"]),
        }
        return own | {name: own[ours] for name, ours in _aws_names(place).items()}

    def to_json(self) -> dict[str, Any]:
        """Return delivery streams as plain data."""
        now = self._system.sim.now
        return {name: watch.to_json(now) for name, watch in self.watches.items()}


def _aws_names(place: str) -> dict[str, str]:
    """Return CloudWatch's names → ours; those of the destination carry its name."""
    delivery = f"DeliveryTo{AWS_PLACES.get(place, place)}"
    return {
        "IncomingRecords": "ingested",
        "IncomingBytes": "ingested_bytes",
        "ThrottledRecords": "throttled",
        f"{delivery}.Records": "delivered_records",
        f"{delivery}.Bytes": "delivered_bytes",
        f"{delivery}.ObjectCount": "batches",
        f"{delivery}.DataFreshness": "data_freshness",
        "BackupToS3.Records": "backup_records",
        "SucceedProcessing.Records": "transformed",
        "PartitionCount": "partitions",
        "PartitionCountExceeded": "partitions_exceeded",
    }
