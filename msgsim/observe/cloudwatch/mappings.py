"""The twins of `AWS/Lambda` for event source mappings: `EventCount` metrics and `IteratorAge`.

`EventCount` is opt-in on AWS (`MetricsConfig`); here it is always there. Its dimension is
`EventSourceMappingUUID`, whose value here is the mapping's name. Source: Lambda developer guide,
monitoring-metrics-types.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener
from msgsim.observe.cloudwatch.series import Series
from msgsim.observe.cloudwatch.twin import NS_PER_MS, Desk
from msgsim.observe.system import announces

COUNTED = {
    "polled": "PolledEventCount",
    "batch_invoked": "InvokedEventCount",
    "batch_failed": "FailedInvokeEventCount",
    "batch_deleted": "DeletedEventCount",
}


def applies(component: Component) -> bool:
    """Say whether it is a mapping: it hands batches of a queue or stream to a function."""
    return component.kind == "lambda.event_source_mapping"


class MappingTwin:
    """The metrics of one mapping."""

    def __init__(self, mapping: Any, desk: Desk) -> None:
        self._mapping = mapping
        self._desk = desk
        self._stream = announces(mapping, "iterator_age")

    def _of(self, name: str) -> Series:
        return self._desk.open("AWS/Lambda", name, EventSourceMappingUUID=self._mapping.name)

    def listeners(self) -> Mapping[str, Listener]:
        """Return what to call, by signal."""
        found: dict[str, Listener] = {
            name: _counter(self._of(metric))
            for name, metric in COUNTED.items()
            if announces(self._mapping, name)
        }
        if announces(self._mapping, "filtered"):
            series = self._of("FilteredOutEventCount")
            found["filtered"] = lambda now, message: series.add(now)
        if self._stream:
            polled, dropped = self._of("PolledEventCount"), self._of("DroppedEventCount")
            found["taken"] = lambda now, deliveries: polled.tally(now, len(deliveries))
            found["dropped"] = _dropped(self._mapping, dropped)
            found["iterator_age"] = self._iterator_age()
        return found

    def _iterator_age(self) -> Listener:
        series = self._desk.open(
            "AWS/Lambda", "IteratorAge", FunctionName=self._mapping.function.name
        )
        return lambda now, shard, age_ns: series.add(now, age_ns / NS_PER_MS)

    def period(self, now: int) -> None:
        """Report the pollers of a mapping in provisioned mode."""
        pollers: Sequence[Any] | None = getattr(self._mapping, "pollers", None)
        if pollers is not None:
            self._of("ProvisionedPollers").level(now, len(pollers))


def _counter(series: Series) -> Listener:
    return lambda now, count: series.tally(now, count)


def _dropped(mapping: Any, series: Series) -> Listener:
    """Count what is given up for age or retries, and is not kept at a destination."""

    def dropped(now: int, copy: Any, reason: str) -> None:
        if reason in {"RetryAttemptsExhausted", "RecordAgeExceeded"} and not kept():
            series.add(now)

    def kept() -> bool:
        return mapping.documents.destination is not None

    return dropped


make = MappingTwin
