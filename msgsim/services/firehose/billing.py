"""What AWS bills of a delivery stream: GB taken in, each record rounded up to 5 KB.

Delivery, retries, transformation and backup cost nothing here (Lambda and the destinations bill
their own); a record that was refused is not billed. A stream as the source makes no difference.
What a producer library has aggregated is counted message by message.
Source: https://aws.amazon.com/firehose/pricing/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgsim.kernel.signals import Listener, Signal
from msgsim.model.billing import GIB, Prices, Usage, units_of
from msgsim.model.message import Copy
from msgsim.model.service import Context
from msgsim.services.firehose.spec import PAGE, DeliveryStreamSpec

STEP_BYTES: int = PAGE.billed("record_step_bytes")


class DeliveryStreamMeter:
    """Counts what one delivery stream takes in.

    Args:
        prices: of the page.
    """

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self.steps = 0

    def listener(self, signal: Signal) -> Listener | None:
        """Listen to records that were taken."""
        return self._ingested if signal.name == "ingested" else None

    def _ingested(self, now: int, copy: Copy) -> None:
        self.steps += units_of(copy.message.size_bytes, STEP_BYTES)

    def usage(self, now: int) -> Iterator[Usage]:
        """Yield GB taken in."""
        yield Usage("GB ingested", self._prices["ingested_gb"], self.steps * STEP_BYTES / GIB)


def meter(
    stream: Any, spec: DeliveryStreamSpec, prices: Prices, context: Context
) -> DeliveryStreamMeter:
    """Return the meter of a delivery stream."""
    return DeliveryStreamMeter(prices)
