"""What AWS bills of a stream, by its capacity mode.

Provisioned: shards by the hour, records by 25 KB, longer retention; GetRecords is free up to an age
of seven days, beyond it costs by the GB (with enhanced fan-out it does not). On-demand: the stream
by the hour, GB in (each record rounded up to 1 KB), GB out by GetRecords, and what is kept longer
than a day. Source: https://aws.amazon.com/kinesis/data-streams/pricing/.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgsim.kernel.signals import Listener, Signal
from msgsim.model.billing import GB, GIB, Prices, Usage, gb_months, hours, units_of
from msgsim.model.message import Message
from msgsim.model.service import Context
from msgsim.services.kinesis.limits import HOUR_NS
from msgsim.services.kinesis.spec import PAGE, StreamSpec
from msgsim.services.kinesis.stream import Stream

PUT_UNIT_BYTES: int = PAGE.billed("put_unit_bytes")
IN_STEP_BYTES: int = PAGE.billed("in_step_bytes")
INCLUDED_NS: int = PAGE.billed("included_retention_hours") * HOUR_NS
EXTENDED_NS: int = PAGE.billed("extended_retention_hours") * HOUR_NS


class StreamMeter:
    """Counts what one stream is paid for.

    Args:
        stream: whose records are billed; its shards cost whether or not there are any.
        prices: of the page.
    """

    def __init__(self, stream: Stream, prices: Prices) -> None:
        self._stream = stream
        self._prices = prices
        self.put_units = 0
        self.stored_bytes = 0
        self.in_bytes = 0
        self.out_bytes = 0
        self.late_bytes = 0
        self._open = stream.shard_count
        self._since_ns = 0
        self._shard_ns = 0

    def listener(self, signal: Signal) -> Listener | None:
        """Listen to what is stored (a refused record costs nothing), read, and to resharding."""
        heard: dict[str, Listener] = {
            "stored": self._stored,
            "aggregated": self._aggregated,
            "resharded": self._resharded,
            "requested": self._requested,
        }
        return heard.get(signal.name)

    def _requested(self, now: int, action: str, items: Sequence[Any], code: str | None) -> None:
        if action == "GetRecords" and items:
            self.out_bytes += sum([record.message.size_bytes for record in items])
            if now - items[0].arrived_ns > EXTENDED_NS:
                self.late_bytes += sum(
                    record.message.size_bytes
                    for record in items
                    if now - record.arrived_ns > EXTENDED_NS
                )

    def _resharded(self, now: int, parents: Sequence[Any], children: Sequence[Any]) -> None:
        """Bill the shards that were open until now: closed ones cost nothing more."""
        self._shard_ns += self._open * (now - self._since_ns)
        self._since_ns = now
        self._open += len(children) - len(parents)

    def _stored(self, now: int, shard: int, message: Message) -> None:
        size = message.size_bytes
        self.put_units += 1 if size <= PUT_UNIT_BYTES else units_of(size, PUT_UNIT_BYTES)
        self.stored_bytes += size
        self.in_bytes += units_of(size, IN_STEP_BYTES) * IN_STEP_BYTES

    def _aggregated(self, now: int, shard: int, count: int, record: Any) -> None:
        """Bill one record instead of the messages in it, which were counted one by one."""
        for part in record.parts:
            self._count(part.size_bytes, -1)
        self._count(record.size_bytes, 1)

    def _count(self, size: int, sign: int) -> None:
        self.put_units += sign * units_of(size, PUT_UNIT_BYTES)
        self.stored_bytes += sign * size
        self.in_bytes += sign * units_of(size, IN_STEP_BYTES) * IN_STEP_BYTES

    def usage(self, now: int) -> Iterator[Usage]:
        """Yield what its mode at that moment costs, from time zero."""
        return self._on_demand(now) if self._stream.on_demand else self._provisioned(now)

    def _on_demand(self, now: int) -> Iterator[Usage]:
        """Yield stream hours, GB in and out, and retention beyond what is included."""
        prices, kept_ns = self._prices, self._stream.retention_ns
        yield Usage("stream hours", prices["on_demand_stream_hour"], hours(now), True)
        yield Usage("GB in", prices["on_demand_in_gb"], self.in_bytes / GIB)
        yield Usage("GB out", prices["on_demand_out_gb"], self.out_bytes / GIB)
        stored = self.stored_bytes * GB / GIB
        longer_ns = min(kept_ns, EXTENDED_NS) - INCLUDED_NS
        if longer_ns > 0:
            kept = gb_months(stored, longer_ns)
            yield Usage("GB-months of extended retention", prices["on_demand_retention"], kept)
        if kept_ns > EXTENDED_NS:
            kept = gb_months(stored, kept_ns - EXTENDED_NS)
            yield Usage("GB-months of long-term retention", prices["long_retention"], kept)

    def _provisioned(self, now: int) -> Iterator[Usage]:
        """Yield shard hours, PUT payload units, and retention beyond what is included."""
        shard_hours = hours(self._shard_ns + self._open * (now - self._since_ns))
        retention_ns = self._stream.retention_ns
        yield Usage("shard hours", self._prices["shard_hour"], shard_hours, True)
        yield Usage("PUT payload units", self._prices["put_unit"], self.put_units)
        if retention_ns > INCLUDED_NS:
            price = self._prices["extended_retention_hour"]
            yield Usage("shard hours of extended retention", price, shard_hours, True)
        if retention_ns > EXTENDED_NS:
            kept = gb_months(self.stored_bytes, retention_ns - EXTENDED_NS)
            yield Usage("GB-months of long-term retention", self._prices["long_retention"], kept)
            late = self.late_bytes / GIB
            yield Usage("GB read after seven days", self._prices["long_retrieval_gb"], late)


def meter(stream: Stream, spec: StreamSpec, prices: Prices, context: Context) -> StreamMeter:
    """Return the meter of a stream."""
    return StreamMeter(stream, prices)
