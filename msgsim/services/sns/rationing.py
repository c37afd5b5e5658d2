"""What a FIFO topic remembers about publishes: repeated ids, and the rate of each group.

Pure: time is an argument.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from hashlib import sha256

from msgsim.kernel.waiting import TokenBucket
from msgsim.model.message import Message

_FEWEST_GROUPS = 1_024


class Deduplication:
    """One acceptance per deduplication id within an interval that starts at the acceptance.

    A duplicate is acknowledged, not delivered, and does not extend the interval (AWS leaves that
    open). Source: SNS Developer Guide, fifo-message-dedup.html.

    Args:
        interval_ns: how long an id is remembered.
        per_group: compare within a message group (`FifoThroughputScope: MessageGroup`).
        content_based: take the body as the id where the sender gives none.
    """

    def __init__(
        self, interval_ns: int, per_group: bool = False, content_based: bool = False
    ) -> None:
        self.content_based = content_based
        self._interval_ns = interval_ns
        self._per_group = per_group
        self._known: set[Hashable] = set()
        self._line: deque[tuple[int, Hashable]] = deque()

    def compare_within_groups(self) -> None:
        """Compare ids of one message group only, from now on; what is known is forgotten."""
        self._per_group = True
        self._known.clear()
        self._line.clear()

    def id_of(self, message: Message) -> str:
        """Return the sender's id, or the SHA-256 of the body alone.

        A message whose body the scenario does not say is like no other one, but like itself sent
        again.
        """
        if message.deduplication_id is not None:
            return message.deduplication_id
        text = message.body if message.body is not None else f"message {message.number}"
        return sha256(text.encode()).hexdigest()

    def is_duplicate(self, now: int, name: str, group: str) -> bool:
        """Say whether an id was accepted within the interval, and remember it if it was not."""
        known, line = self._known, self._line
        while line and line[0][0] <= now:
            known.discard(line.popleft()[1])
        found = (group, name) if self._per_group else name
        if found in known:
            return True
        known.add(found)
        line.append((now + self._interval_ns, found))
        return False


class GroupRates:
    """A token bucket for every message group that was published to lately.

    Args:
        rate: messages per second and group.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._buckets: dict[str, TokenBucket] = {}
        self._sweep_at = _FEWEST_GROUPS

    def take(self, now: int, group: str) -> bool:
        """Take one message of a group at `now`; False when the group is too fast."""
        bucket = self._buckets.get(group)
        if bucket is None:
            if len(self._buckets) >= self._sweep_at:
                self._sweep(now)
            bucket = self._buckets[group] = TokenBucket(self._rate, self._rate, now)
        return bucket.take(now)

    def _sweep(self, now: int) -> None:
        """Forget groups whose bucket is full again: a new one would not differ."""
        full = self._rate
        self._buckets = {
            name: bucket for name, bucket in self._buckets.items() if bucket.level(now) < full
        }
        self._sweep_at = max(_FEWEST_GROUPS, 2 * len(self._buckets))
