"""What AWS bills of SNS: publishes, deliveries by protocol, body filters, and FIFO traffic.

A standard topic bills each 64 KB of a published payload as one request, and deliveries by protocol:
those to SQS and Lambda are free. A FIFO topic bills calls and GB published, and for every
subscription each published message and its GB, filtered or not.
Source: https://aws.amazon.com/sns/pricing/.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgsim.kernel.signals import Listener, Signal
from msgsim.model.billing import GB, Price, Prices, Usage, gb_months, units_of
from msgsim.model.message import Message
from msgsim.model.service import Context
from msgsim.services.sns.spec import SUBSCRIPTION_PAGE, TOPIC_PAGE, SubscriptionSpec, TopicSpec
from msgsim.services.sns.subscription import Subscription
from msgsim.services.sns.topic import UNAVAILABLE, FifoTopic, Topic

UNIT_BYTES: int = TOPIC_PAGE.billed("request_bytes")
PRICE_OF = {
    "http": "http_delivery",
    "https": "http_delivery",
    "email": "email_delivery",
    "email-json": "email_delivery",
    "application": "push_delivery",
    "firehose": "firehose_delivery",
}
"""Protocol → price. SQS and Lambda are free; an SMS costs what the assumption `sms_usd` says."""


class TopicMeter:
    """Counts what is published to one topic.

    Args:
        topic: whose calls are billed.
        prices: of the page.
        refused_billed: whether calls that AWS answers with a client's error are billed.
    """

    def __init__(self, topic: Topic, prices: Prices, refused_billed: bool) -> None:
        self._topic = topic
        self._prices = prices
        self._refused_billed = refused_billed
        self._units: dict[str, int] = defaultdict(int)
        self.refused: dict[str, int] = defaultdict(int)
        self.published_bytes = 0
        self.archived_bytes = 0
        self._request, self._singles = self._count()

    def listener(self, signal: Signal) -> Listener | None:
        """Listen to calls, and to what an archive takes."""
        if signal.name == "requested":
            return self._fifo_request if self._topic.fifo else self._request
        keeps = isinstance(self._topic, FifoTopic) and self._topic.archive is not None
        return self._archived if keeps and signal.name == "accepted" else None

    def _count(self) -> tuple[Listener, Callable[[], int]]:
        """Return what counts calls, and what tells of those of one message and one unit."""
        singles, most, others = 0, UNIT_BYTES, self._other

        def requested(now: int, action: str, items: Sequence[Any], code: str | None) -> None:
            nonlocal singles
            if code is None and action == "Publish" and items[0].size_bytes <= most:
                singles += 1
            else:
                others(action, items, code)

        return requested, lambda: singles

    def _other(self, action: str, items: Sequence[Any], code: str | None) -> None:
        if code is None:
            self._units[action] += units_of(_size(items), UNIT_BYTES)
        elif code != UNAVAILABLE:
            self.refused[action] += 1

    @property
    def units(self) -> dict[str, int]:
        """Billed requests by action, in alphabetical order."""
        found = dict(self._units)
        if self._singles():
            found["Publish"] = found.get("Publish", 0) + self._singles()
        return dict(sorted(found.items()))

    def _fifo_request(self, now: int, action: str, items: Sequence[Any], code: str | None) -> None:
        if code is None:
            self._units[action] += 1
            self.published_bytes += _size(items)
        elif code != UNAVAILABLE:
            self.refused[action] += 1

    def _archived(self, now: int, message: Message) -> None:
        self.archived_bytes += message.size_bytes

    def usage(self, now: int) -> Iterator[Usage]:
        """Yield requests by action, and a FIFO topic's GB, archive included."""
        prices = self._prices
        price = prices["fifo_publish" if self._topic.fifo else "publish"]
        for action, units in self.units.items():
            yield Usage(action, price, units)
        if self._refused_billed:
            for action, units in sorted(self.refused.items()):
                yield Usage(f"{action} (refused)", price, units)
        if self._topic.fifo:
            yield Usage("GB published", prices["fifo_publish_gb"], self.published_bytes / GB)
        archive = self._topic.archive if isinstance(self._topic, FifoTopic) else None
        if archive is not None:
            yield Usage("GB archived", prices["archive_gb"], self.archived_bytes / GB)
            stored = gb_months(self.archived_bytes, archive.retention_ns)
            yield Usage("GB-months of archive", prices["archive_storage"], stored)


class SubscriptionMeter:
    """Counts what one subscription is offered and what it delivers.

    Args:
        subscription: whose deliveries are billed.
        prices: of the page.
        fifo: whether its topic is a FIFO topic.
        price: of a delivery; None where it is free.
    """

    def __init__(
        self, subscription: Subscription, prices: Prices, fifo: bool, price: Price | None
    ) -> None:
        self._subscription = subscription
        self._prices = prices
        self._fifo = fifo
        self._price = price
        self.delivered = 0
        self.offered = 0
        self.offered_bytes = 0
        self.scanned_bytes = 0

    def listener(self, signal: Signal) -> Listener | None:
        """Listen to deliveries that cost something, and to messages offered where they do."""
        if signal.name == "delivered":
            return None if self._price is None else self._delivered
        offered = signal.name in {"forwarded", "filtered"}
        return self._offered if offered and (self._fifo or self._scans()) else None

    def _scans(self) -> bool:
        policy = self._subscription.filter_policy
        return policy is not None and policy.scope == "MessageBody"

    def _delivered(self, now: int, message: Message) -> None:
        self.delivered += 1

    def _offered(self, now: int, message: Message) -> None:
        self.offered += 1
        self.offered_bytes += message.size_bytes
        if self._scans():
            self.scanned_bytes += len(message.body.encode()) if message.body else message.size_bytes

    def usage(self, now: int) -> Iterator[Usage]:
        """Yield deliveries, FIFO subscription messages, and bodies that were scanned."""
        prices, protocol = self._prices, self._subscription.protocol
        if self._price is not None:
            yield Usage(f"deliveries ({protocol})", self._price, self.delivered)
        if self._fifo:
            yield Usage("subscription messages", prices["fifo_subscription"], self.offered)
            gigabytes = self.offered_bytes / GB
            yield Usage("GB to subscriptions", prices["fifo_subscription_gb"], gigabytes)
        if self.scanned_bytes:
            yield Usage("GB scanned by filters", prices["body_filter_gb"], self.scanned_bytes / GB)


def _size(messages: Sequence[Message]) -> int:
    return sum([message.size_bytes for message in messages])


def topic_meter(topic: Topic, spec: TopicSpec, prices: Prices, context: Context) -> TopicMeter:
    """Return the meter of a topic."""
    refused = bool(int(context.assumption(TOPIC_PAGE.data["kind"], "refused_billed")))
    return TopicMeter(topic, prices, refused)


def subscription_meter(
    subscription: Subscription, spec: SubscriptionSpec, prices: Prices, context: Context
) -> SubscriptionMeter:
    """Return the meter of a subscription."""
    topic = context.find(spec.TopicArn)
    price = None
    if spec.Protocol == "sms":
        usd = float(context.assumption(SUBSCRIPTION_PAGE.data["kind"], "sms_usd"))
        price = prices.assumed("sms_delivery", usd, "deliveries")
    elif spec.Protocol in PRICE_OF:
        price = prices[PRICE_OF[spec.Protocol]]
    return SubscriptionMeter(subscription, prices, isinstance(topic, FifoTopic), price)
