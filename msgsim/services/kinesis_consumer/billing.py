"""What AWS bills of a registered consumer: shards by the hour, and the GB pushed.

Each registered consumer is paid for every open shard of its stream by the hour, whether or not
anything is pushed; in an on-demand stream only the GB are, at a price of their own. A consumer that
polls is free with a provisioned stream; what it reads of an on-demand one is on the stream's bill.
Source: https://aws.amazon.com/kinesis/data-streams/pricing/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgsim.kernel.signals import Listener, Signal
from msgsim.model.billing import GIB, Prices, Usage, hours
from msgsim.model.service import Context


class FanOutMeter:
    """Counts what one registered consumer is paid for.

    Args:
        stream: whose shards are pushed.
        prices: of the page.
        registered: False for an application that polls, which costs nothing itself.
    """

    def __init__(self, stream: Any, prices: Prices, registered: bool = True) -> None:
        self._stream = stream
        self._registered = registered
        self._prices = prices
        self.pushed_bytes = 0

    def listener(self, signal: Signal) -> Listener | None:
        """Listen to what is pushed."""
        return self._pushed if signal.name == "pushed" else None

    def _pushed(self, now: int, shard: int, count: int, size_bytes: int) -> None:
        self.pushed_bytes += size_bytes

    def usage(self, now: int) -> Iterator[Usage]:
        """Yield consumer-shard hours of a provisioned stream, and GB pushed."""
        if not self._registered:
            return
        gigabytes = self.pushed_bytes / GIB
        if self._stream.on_demand:
            price = self._prices["on_demand_consumer_gb"]
            yield Usage("GB by enhanced fan-out", price, gigabytes)
            return
        shard_hours = hours(self._stream.shard_ns(now))
        price = self._prices["consumer_shard_hour"]
        yield Usage("consumer-shard hours", price, shard_hours, True)
        yield Usage("GB by enhanced fan-out", self._prices["consumer_gb"], gigabytes)


def registered_meter(consumer: Any, spec: Any, prices: Prices, context: Context) -> FanOutMeter:
    """Return the meter of a `kinesis.stream_consumer`."""
    return FanOutMeter(consumer.stream, prices)


def consumer_meter(consumer: Any, spec: Any, prices: Prices, context: Context) -> FanOutMeter:
    """Return the meter of an application."""
    return FanOutMeter(consumer.stream, prices, spec.ConsumerName is not None)
