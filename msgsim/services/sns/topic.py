"""SNS topics as components: they take publishes, ration them, and fan out."""

from __future__ import annotations

from collections.abc import Sequence

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.kernel.waiting import TokenBucket
from msgsim.model import facts
from msgsim.model.message import Message
from msgsim.services.sns.rationing import Deduplication, GroupRates
from msgsim.services.sns.subscription import Subscription

THROTTLED = "ThrottlingException"
UNAVAILABLE = "ServiceUnavailable"
MAX_BATCH_ENTRIES = 10


class Topic(Component):
    """A standard SNS topic: a fork, which makes one copy of a message for each subscription.

    Publishing is rationed in messages per second, by a bucket that all topics of the account and
    Region share; a batch of ten takes ten tokens. Nothing is kept: once it has been handed to the
    subscriptions, a message is theirs.

    Args:
        quota: the account's publish quota for this type of topic.
        largest_bytes: `MaximumMessageSize`, body and attributes together.
    """

    kind = "sns.topic"
    signals = (facts.ACCEPTED, facts.THROTTLED, facts.DEDUPLICATED)
    fifo = False

    def __init__(
        self, sim: Simulation, name: str, quota: TokenBucket, largest_bytes: int = 262_144
    ) -> None:
        super().__init__(sim, name)
        self.subscriptions: list[Subscription] = []
        self._quota = quota
        self._largest_bytes = largest_bytes

    def subscribe(self, subscription: Subscription) -> None:
        """Deliver to one more subscription from now on."""
        self.subscriptions.append(subscription)

    def accept(self, message: Message) -> str | None:
        """Take one message (Publish)."""
        if self.down:
            return UNAVAILABLE
        if message.size_bytes > self._largest_bytes:
            return "InvalidParameter"
        now: int = self.sim.env._now
        if not self._ration(now, 1, message.size_bytes):
            return self._throttle(now, "Publish", 1)
        return self._take(now, message, "Publish")

    def accept_batch(self, messages: Sequence[Message]) -> list[str | None]:
        """Take up to ten messages in one call (PublishBatch); a throttled call takes none."""
        count = len(messages)
        size = sum(message.size_bytes for message in messages)
        now = self.sim.now
        error: str | None = None
        if self.down:
            error = UNAVAILABLE
        elif count > MAX_BATCH_ENTRIES:
            error = "TooManyEntriesInBatchRequest"
        elif size > self._largest_bytes:
            error = "BatchRequestTooLong"
        elif not self._ration(now, count, size):
            error = self._throttle(now, "PublishBatch", count)
        if error is not None:
            return [error] * count
        return [self._take(now, message, "PublishBatch") for message in messages]

    def _ration(self, now: int, messages: int, size_bytes: int) -> bool:
        return self._quota.take(now, messages)

    def _throttle(self, now: int, action: str, messages: int) -> str:
        if self.on_throttled is not None:
            self.on_throttled(now, action, messages)
        return THROTTLED

    def _take(self, now: int, message: Message, action: str) -> str | None:
        if self.on_accepted is not None:
            self.on_accepted(now, message)
        for subscription in self.subscriptions:
            subscription.offer(message)
        return None


class FifoTopic(Topic):
    """A FIFO topic: order within a message group, repeated publishes removed before the fork.

    Args:
        quota: the account's publish quota for FIFO topics.
        deduplication: the ids accepted lately.
        groups: the rate of each message group.
        messages: the topic's own rate, None with `FifoThroughputScope: MessageGroup`.
        octets: the topic's own rate in bytes, None likewise.
        largest_bytes: `MaximumMessageSize`.
    """

    fifo = True

    def __init__(
        self,
        sim: Simulation,
        name: str,
        quota: TokenBucket,
        deduplication: Deduplication,
        groups: GroupRates,
        messages: TokenBucket | None = None,
        octets: TokenBucket | None = None,
        largest_bytes: int = 262_144,
    ) -> None:
        super().__init__(sim, name, quota, largest_bytes)
        self._deduplication = deduplication
        self._groups = groups
        self._messages = messages
        self._octets = octets

    def _ration(self, now: int, messages: int, size_bytes: int) -> bool:
        """Take from every bucket of the topic, or from none."""
        needs = ((self._quota, messages), (self._messages, messages), (self._octets, size_bytes))
        taken: list[tuple[TokenBucket, int]] = []
        for bucket, amount in needs:
            if bucket is None:
                continue
            if not bucket.take(now, amount):
                for other, spent in taken:
                    other.put_back(spent)
                return False
            taken.append((bucket, amount))
        return True

    def _take(self, now: int, message: Message, action: str) -> str | None:
        if not self._groups.take(now, message.key.name):
            return self._throttle(now, action, 1)
        if self._deduplication.is_duplicate(now, message):
            if self.on_deduplicated is not None:
                self.on_deduplicated(now, message)
            return None
        return super()._take(now, message, action)
