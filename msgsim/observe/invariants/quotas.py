"""Quotas are never exceeded: calls on FIFO queues and their partitions, writes to shards.

Judged from what was let through, not from what was refused. A receive is paid when it begins and
announced when it is answered: those that began by a moment are those answered and those that wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Message, redrive_of
from msgsim.observe.invariants.allowance import Allowance, SpreadAllowance
from msgsim.observe.invariants.rule import Rule
from msgsim.observe.system import System, announces

CALLS = "quota: calls of a FIFO queue"
PARTITION = "quota: calls of a partition"
RECEIVES = "quota: receives of a FIFO queue"
RECORDS = "quota: records of a shard"
BYTES = "quota: bytes of a shard"
ENTRIES = 10
"""Messages that one call can carry."""

RECEIVE = "ReceiveMessage"
QUOTA_OF = {
    "SendMessage": "SendMessage",
    "SendMessageBatch": "SendMessage",
    "DeleteMessage": "DeleteMessage",
    "DeleteMessageBatch": "DeleteMessage",
}


class Receives:
    """The receives that a FIFO queue let through, against its quota of calls.

    Its partitions answer a receive together, so that what they carry is added up.
    """

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._answered = self._begun = 0
        self.per_s = self._quota()
        self._allowed = SpreadAllowance(self.per_s, self.per_s)

    def exceeded(self, now: int, answered: bool) -> bool:
        """Look at the receives at `now`, when one may just have been answered."""
        self._answered += answered
        begun = max(self._begun, self._answered + self._queue.waiting_receives)
        began, self._begun = begun - self._begun, begun
        per_s = self._quota()
        if per_s != self.per_s:  # partitions doubled, and begin anew
            self.per_s, self._allowed = per_s, SpreadAllowance(per_s, per_s, now)
            return False
        return bool(per_s) and self._allowed.exceeded(now, began)

    def _quota(self) -> int:
        partitions = self._queue.partitions
        if partitions is None:
            return self._queue.calls_per_s(RECEIVE) or 0
        return int(partitions.per_partition * partitions.count)


class CallQuotas(Rule):
    """Invariant: a FIFO queue lets through no more calls than its quota."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self._calls: dict[tuple[str, str], Allowance] = {}
        self._by_group: dict[tuple[str, str, str], tuple[int, Allowance]] = {}
        self._receives: dict[str, Receives] = {}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to calls on FIFO queues, and to what is stored whoever sent it."""
        queue: Any = component
        if not (announces(component, "received") and getattr(component, "fifo", False)):
            return None
        if signal.name == "requested":
            self._receives[queue.name] = Receives(queue)
            return lambda now, action, items, code: self._call(queue, now, action, items, code)
        if signal.name == "sent":
            return lambda now, copy: self._stored(queue, now, copy)
        return None

    def _call(
        self, queue: Any, now: int, action: str, items: Sequence[Any], code: str | None
    ) -> None:
        self._receive(queue, now, action == RECEIVE and code is None)
        quota = QUOTA_OF.get(action)
        if quota is None or code is not None:
            return
        self.checked += 1
        first = getattr(items[0], "message", items[0])
        partitions = getattr(queue, "partitions", None)
        if partitions is None:
            self._spend(queue, quota, now, 1, first)
        elif quota == action:  # a batch may have been refused in part: `_stored` judges it
            self._spend_on_group(queue, quota, now, first, 1)

    def _receive(self, queue: Any, now: int, answered: bool) -> None:
        self.checked += 1
        receives = self._receives[queue.name]
        if receives.exceeded(now, answered):
            self.note(RECEIVES, queue.name, receives.per_s, receives.per_s + 1, now)

    def _stored(self, queue: Any, now: int, copy: Copy) -> None:
        message = copy.message
        if redrive_of(message) is not None:  # a message move task has a rate of its own
            return
        self.checked += 1
        if getattr(queue, "partitions", None) is None:
            self._spend(queue, "SendMessage", now, ENTRIES, message)
        else:
            self._spend_on_group(queue, "SendMessage", now, message, ENTRIES)

    def _spend(self, queue: Any, quota: str, now: int, entries: int, message: Message) -> None:
        per_s: int | None = queue.calls_per_s(quota)
        if per_s is None:
            return
        key = (queue.name, f"{quota} × {entries}")
        allowed = self._calls.setdefault(key, Allowance(per_s * entries, per_s * entries))
        if allowed.exceeded(now):
            self.note(CALLS, queue.name, per_s * entries, per_s * entries + 1, now, message)

    def _spend_on_group(
        self, queue: Any, quota: str, now: int, message: Message, entries: int
    ) -> None:
        """A group lies on one partition, whose quota it cannot exceed alone."""
        partitions = queue.partitions
        per_s: int = partitions.per_partition * entries
        key = (queue.name, f"{quota} × {entries}", message.key.name)
        count, allowed = self._by_group.get(key, (0, Allowance(per_s, per_s)))
        if count != partitions.count:  # partitions doubled, and begin anew
            count, allowed = partitions.count, Allowance(per_s, per_s)
            self._by_group[key] = (count, allowed)
        if allowed.exceeded(now):
            self.note(PARTITION, queue.name, per_s, per_s + 1, now, message)


class ShardQuotas(Rule):
    """Invariant: a shard stores no more records and bytes per second than AWS allows."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self._shards: dict[tuple[str, Any], tuple[Allowance, Allowance]] = {}
        self._aggregating: dict[str, bool] = {}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to what shards store."""
        if signal.name not in {"stored", "aggregated"} or not hasattr(component, "state"):
            return None
        stream: Any = component
        if signal.name == "aggregated":
            return lambda now, shard, count, record: self._stored(stream, now, shard, record)

        def stored(now: int, shard: Any, message: Message) -> None:
            """Messages of the producer library are parts of a record, which is told by itself."""
            if not self._travels_with_others(message.key.workload):
                self._stored(stream, now, shard, message)

        return stored

    def _travels_with_others(self, workload: str) -> bool:
        known = self._aggregating.get(workload)
        if known is None:
            sender = self.system.components.get(workload)
            known = self._aggregating[workload] = getattr(sender, "aggregates", False)
        return known

    def _stored(self, stream: Any, now: int, shard: Any, message: Message) -> None:
        self.checked += 1
        limits = stream.state.limits
        found = self._shards.get((stream.name, shard))
        if found is None:
            burst = max(1, round(limits.write_records_per_s * limits.write_window))
            ordinary = max(1 << 20, round(limits.write_bytes_per_s * limits.write_window))
            large = getattr(stream.state, "max_record_size_kib", 0) > 1_024
            octets = limits.large_burst_bytes if large else ordinary
            found = (
                Allowance(limits.write_records_per_s, burst),
                Allowance(limits.write_bytes_per_s, octets),
            )
            self._shards[stream.name, shard] = found
        records, octets_allowed = found
        if records.exceeded(now):
            most = limits.write_records_per_s
            self.note(RECORDS, stream.name, most, most + 1, now, message)
        if octets_allowed.exceeded(now, message.size_bytes):
            most = limits.write_bytes_per_s
            self.note(BYTES, stream.name, most, most + message.size_bytes, now, message)
