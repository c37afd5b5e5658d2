"""The twins of `AWS/Kinesis` for registered consumers: what is pushed to them.

Source: Kinesis Data Streams Developer Guide, monitoring-with-cloudwatch.html, enhanced fan-out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener
from msgsim.observe.cloudwatch.series import Series
from msgsim.observe.cloudwatch.twin import NS_PER_MS, Desk


def applies(component: Component) -> bool:
    """Say whether it is a consumer with enhanced fan-out."""
    return bool(getattr(component, "fan_out", False))


class RegisteredConsumerTwin:
    """The metrics of one registered consumer."""

    def __init__(self, consumer: Any, desk: Desk) -> None:
        self._consumer = consumer
        self._desk = desk

    def _of(self, name: str) -> Series:
        return self._desk.open(
            "AWS/Kinesis",
            f"SubscribeToShardEvent.{name}",
            StreamName=self._consumer.stream.name,
            ConsumerName=self._consumer.name,
        )

    def listeners(self) -> Mapping[str, Listener]:
        """Return what to call, by signal."""
        return {"taken": self._taken, "iterator_age": self._iterator_age}

    def _taken(self, now: int, deliveries: Sequence[Any]) -> None:
        sizes = [delivery.message.size_bytes for delivery in deliveries]
        self._of("Records").tally(now, len(sizes))
        self._of("Bytes").add(now, sum(sizes))
        self._of("Success").add(now, 1.0)

    def _iterator_age(self, now: int, shard: int, age_ns: int) -> None:
        self._of("MillisBehindLatest").add(now, age_ns / NS_PER_MS)

    def period(self, now: int) -> None:
        """Nothing is reported once a period."""


make = RegisteredConsumerTwin
