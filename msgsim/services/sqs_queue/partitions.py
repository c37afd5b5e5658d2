"""High-throughput FIFO: message groups spread over partitions, each with its own call quota."""

from __future__ import annotations

from collections.abc import Sequence

from msgsim.kernel.simulation import NS_PER_S
from msgsim.kernel.substreams import stable_hash
from msgsim.kernel.waiting import TokenBucket

ACTIONS = ("SendMessage", "ReceiveMessage", "DeleteMessage")  # those that quotas name (QUOTAS)


class Partitions:
    """Servers in parallel, to which a message group is tied by its hash.

    A call on one group costs its partition a transaction; a batch costs one on every partition
    that its entries fall on; a receive takes from all partitions together. The number doubles when
    calls come near what the partitions carry, up to the quota of the Region. Source:
    SQS Developer Guide, high-throughput-fifo.html; hash, first number and pace are assumptions.

    Args:
        per_partition: calls per second, action and partition.
        regional: calls per second and action of the whole queue.
        count: partitions to begin with.
        split_after_ns: how long the load is watched before they double.
        split_load: share of what they carry above which they double.
    """

    def __init__(
        self,
        per_partition: int,
        regional: int,
        count: int = 1,
        split_after_ns: int = 60 * NS_PER_S,
        split_load: float = 0.8,
    ) -> None:
        self.per_partition = per_partition
        self.most = -(-regional // per_partition)
        self.count = min(count, self.most)
        self._split_after_ns = split_after_ns
        self._split_load = split_load
        self._regional = {action: TokenBucket(regional, regional) for action in ACTIONS}
        self._window_ends = split_after_ns
        self._calls = dict.fromkeys(ACTIONS, 0)
        self._hashes: dict[str, int] = {}
        self._buckets: dict[tuple[str, int], TokenBucket] = {}
        self._receives = self._bucket_of_all(0)

    def partition(self, group: str) -> int:
        """Return the partition of a message group."""
        found = self._hashes.get(group)
        if found is None:
            if len(self._hashes) >= _MOST_REMEMBERED:
                self._hashes.clear()
            found = self._hashes[group] = stable_hash(group)
        return found % self.count

    def take(self, now: int, action: str, group: str | None) -> bool:
        """Take one transaction on the group's partition, or anywhere (a receive)."""
        self._watch(now, action, 1)
        if not self._regional[action].take(now):
            return False
        if group is None:
            return self._receives.take(now)
        return self._bucket(now, action, self.partition(group)).take(now)

    def take_batch(self, now: int, action: str, groups: Sequence[str]) -> set[int]:
        """Take a transaction on each partition concerned.

        Returns:
            The indices of the entries refused: those on partitions that have no call left.
        """
        by_partition: dict[int, list[int]] = {}
        for index, group in enumerate(groups):
            by_partition.setdefault(self.partition(group), []).append(index)
        self._watch(now, action, len(by_partition))
        if not self._regional[action].take(now):
            return set(range(len(groups)))
        refused: set[int] = set()
        for partition, entries in by_partition.items():
            if not self._bucket(now, action, partition).take(now):
                refused.update(entries)
        return refused

    def _bucket(self, now: int, action: str, partition: int) -> TokenBucket:
        bucket = self._buckets.get((action, partition))
        if bucket is None:
            bucket = TokenBucket(self.per_partition, self.per_partition, now)
            self._buckets[action, partition] = bucket
        return bucket

    def _bucket_of_all(self, now: int) -> TokenBucket:
        rate = self.per_partition * self.count
        return TokenBucket(rate, rate, now)

    def _watch(self, now: int, action: str, transactions: int) -> None:
        """Count what is asked for, and double the partitions after a window of high load."""
        if now >= self._window_ends:
            self._end_window(now)
        self._calls[action] += transactions

    def _end_window(self, now: int) -> None:
        length = self._split_after_ns
        carried = self.per_partition * self.count * length / NS_PER_S
        recent = now < self._window_ends + length
        if recent and max(self._calls.values()) > self._split_load * carried:
            grown = min(2 * self.count, self.most)
            if grown != self.count:
                self.count = grown
                self._buckets.clear()
                self._receives = self._bucket_of_all(now)
        self._calls = dict.fromkeys(ACTIONS, 0)
        self._window_ends = (now // length + 1) * length


_MOST_REMEMBERED = 1_000_000
