"""SNS topics as components: they take publishes, ration them, and fan out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.kernel.waiting import TokenBucket
from msgsim.model import facts
from msgsim.model.message import Message
from msgsim.services.sns.archive import Archive
from msgsim.services.sns.delivered import Envelope, with_id
from msgsim.services.sns.rationing import Deduplication, GroupRates
from msgsim.services.sns.rules import MAX_BATCH_ENTRIES
from msgsim.services.sns.subscription import Subscription

THROTTLED = "ThrottlingException"
UNAVAILABLE = "ServiceUnavailable"
INVALID = "InvalidParameter"


class Topic(Component):
    """A standard SNS topic: a fork, which makes one copy of a message for each subscription.

    Publishing is rationed in messages per second, by a bucket that all topics of the account and
    Region share; a batch of ten takes ten tokens. Nothing is kept: once it has been handed to the
    subscriptions, a message is theirs.

    Args:
        quota: the account's publish quota for this type of topic.
        largest_bytes: `MaximumMessageSize`, body and attributes together.

    Attributes:
        subscriptions: who gets a copy, in the order of subscribing.
        largest_bytes: `MaximumMessageSize` in force.
        envelope: what surrounds messages that are not delivered raw; None for nothing.
        delivery_policy: `DeliveryPolicy` as written, for HTTP endpoints.
    """

    kind = "sns.topic"
    signals = (facts.REQUESTED, facts.ACCEPTED, facts.THROTTLED, facts.DEDUPLICATED)
    fifo = False

    def __init__(
        self, sim: Simulation, name: str, quota: TokenBucket, largest_bytes: int = 262_144
    ) -> None:
        super().__init__(sim, name)
        self.subscriptions: list[Subscription] = []
        self.largest_bytes = largest_bytes
        self.envelope: Envelope | None = None
        self.delivery_policy: Any = None
        self._quota = quota

    def subscribe(self, subscription: Subscription) -> None:
        """Deliver to one more subscription from now on."""
        self.subscriptions = [*self.subscriptions, subscription]

    def unsubscribe(self, subscription: Subscription) -> None:
        """Deliver nothing more to a subscription; what is on its way still arrives."""
        self.subscriptions = [kept for kept in self.subscriptions if kept is not subscription]

    def accept(self, message: Message) -> str | None:
        """Take one message (Publish)."""
        now: int = self.sim.env._now
        if self.down:
            error: str | None = UNAVAILABLE
        elif message.size_bytes > self.largest_bytes or not self._fits(message):
            error = INVALID
        elif not self._ration(now, 1, message.size_bytes):
            error = self._throttle(now, "Publish", 1)
        else:
            error = self._take(now, message, "Publish")
        if self.on_requested is not None:
            self.on_requested(now, "Publish", (message,), error)
        return error

    def accept_batch(self, messages: Sequence[Message]) -> list[str | None]:
        """Take up to ten messages in one call (PublishBatch); a throttled call takes none."""
        count = len(messages)
        size = sum([message.size_bytes for message in messages])
        now = self.sim.env._now
        error: str | None = None
        if self.down:
            error = UNAVAILABLE
        elif count > MAX_BATCH_ENTRIES:
            error = "TooManyEntriesInBatchRequest"
        elif size > self.largest_bytes:
            error = "BatchRequestTooLong"
        elif not all(self._fits(message) for message in messages):
            error = INVALID
        elif not self._ration(now, count, size):
            error = self._throttle(now, "PublishBatch", count)
        if self.on_requested is not None:
            self.on_requested(now, "PublishBatch", messages, error)
        if error is not None:
            return [error] * count
        return [self._take(now, message, "PublishBatch") for message in messages]

    def _fits(self, message: Message) -> bool:
        """Say whether the message's ids fit the type of topic: here, no deduplication id."""
        return message.deduplication_id is None

    def _ration(self, now: int, messages: int, size_bytes: int) -> bool:
        return self._quota.take(now, messages)

    def _throttle(self, now: int, action: str, messages: int) -> str:
        if self.on_throttled is not None:
            self.on_throttled(now, action, messages)
        return THROTTLED

    def _take(self, now: int, message: Message, action: str) -> str | None:
        accepted = self.on_accepted
        if accepted is not None:
            accepted(now, message)
        for subscription in self.subscriptions:
            subscription.offer(message)
        return None


class FifoTopic(Topic):
    """A FIFO topic: order within a message group, repeated publishes removed before the fork.

    A deduplication id is needed unless the topic takes the hash of the body; subscribed FIFO queues
    get the id, either way. An archive keeps what was accepted, for replays.

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
        self.archive: Archive | None = None

    def subscribe(self, subscription: Subscription) -> None:
        """Deliver to one more subscription from now on; it may replay the archive."""
        super().subscribe(subscription)
        subscription.archive = self.archive

    def set_archive(self, retention_ns: int | None) -> None:
        """Keep accepted messages so long (`ArchivePolicy`); None ends it and deletes them."""
        if retention_ns is None:
            self.archive = None
        elif self.archive is None:
            self.archive = Archive(retention_ns, self.sim.now)
        else:
            self.archive.retention_ns = retention_ns
        for subscription in self.subscriptions:
            subscription.archive = self.archive

    def spread_over_groups(self) -> None:
        """Turn high throughput on (`FifoThroughputScope: MessageGroup`): the topic's own rates end.

        Ids are compared within a group from now on; those accepted before are forgotten.
        """
        self._messages = self._octets = None
        self._deduplication.compare_within_groups()

    @property
    def content_based(self) -> bool:
        """`ContentBasedDeduplication`."""
        return self._deduplication.content_based

    def set_content_based(self, on: bool) -> None:
        """Switch `ContentBasedDeduplication`."""
        self._deduplication.content_based = on

    def _fits(self, message: Message) -> bool:
        return message.deduplication_id is not None or self._deduplication.content_based

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
        found = self._deduplication.id_of(message)
        if self._deduplication.is_duplicate(now, found, message.key.name):
            if self.on_deduplicated is not None:
                self.on_deduplicated(now, message)
            return None
        if message.deduplication_id is None:
            message = with_id(message, found)
        if self.archive is not None:
            self.archive.add(now, message)
        return super()._take(now, message, action)
