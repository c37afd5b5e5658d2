"""The twins of `AWS/SQS`: what a queue reports about itself, while it is active.

Source: SQS Developer Guide, sqs-available-cloudwatch-metrics.html and
monitoring-using-cloudwatch.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Tallied
from msgsim.model.catalog import Page
from msgsim.observe.cloudwatch.series import Series
from msgsim.observe.cloudwatch.twin import NS_PER_S, Desk
from msgsim.observe.system import announces

PAGE = Page(Path(__file__).parent.parent / "cloudwatch.md")
IDLE_NS = int(PAGE.quota("queue_active")) * NS_PER_S
WAKE_NS = int(PAGE.data["assumptions"]["queue_reactivation"]["value"]) * NS_PER_S
COUNTERS = ("Visible", "NotVisible", "Delayed")
COUNTS = ("Sent", "Received", "Deleted")


def applies(component: Component) -> bool:
    """Say whether it is a queue."""
    return announces(component, "sent") and announces(component, "dead_lettered")


class QueueTwin:
    """The metrics of one queue.

    Args:
        queue: the queue.
        desk: where series come from.
    """

    def __init__(self, queue: Any, desk: Desk) -> None:
        def open_(name: str) -> Series:
            return desk.open("AWS/SQS", name, QueueName=queue.name)

        self._queue = queue
        desk.shared[queue.name] = self
        self._levels = [open_(f"ApproximateNumberOfMessages{name}") for name in COUNTERS]
        self._age = open_("ApproximateAgeOfOldestMessage")
        self._counts = {name: open_(f"NumberOfMessages{name}") for name in COUNTS}
        self._deleted = self._counts["Deleted"]
        self._empty = open_("NumberOfEmptyReceives")
        self._size = open_("SentMessageSize")
        self._fair: list[Series] = []
        self._groups: Series | None = None
        self._repeats: Series | None = None
        if getattr(queue, "fifo", False):
            self._groups = open_("ApproximateNumberOfGroupsWithInflightMessages")
            self._repeats = open_("NumberOfDeduplicatedSentMessages")
        else:
            names = [f"ApproximateNumberOfMessages{name}InQuietGroups" for name in COUNTERS]
            self._quiet = [open_(name) for name in names]
            self._noisy = open_("ApproximateNumberOfNoisyGroups")
            self._quiet_age = open_("ApproximateAgeOfOldestMessageInQuietGroups")
        self._batch: Sequence[Any] = ()
        self._throttled = 0
        self._accessed_ns = 0
        self._reports_from_ns: int | None = 0

    # Facts ---------------------------------------------------------------------------------

    def listeners(self) -> Mapping[str, Listener]:
        """Return what to call, by signal."""
        return {
            "sent": self._sent_listener(),
            "received": self._received_listener(),
            "repeated": self._received_listener(),
            "requested": self._requested_listener(),
            "delete_refused": self._delete_refused,
            "throttled": self._refused,
            "empty": self._returned_nothing,
            "deduplicated": self._deduplicated,
        }

    # The next three hear every message, and lengthen a run of samples in place.

    def _sent_listener(self) -> Listener:
        sizes = self._size

        def sent(now: int, copy: Any) -> None:
            size = copy.message.size_bytes
            if size == sizes.value and sizes.begin <= now < sizes.end:
                sizes.run += 1
            else:
                sizes.add(now, size)
            self._accessed_ns = now

        return sent

    def _received_listener(self) -> Listener:
        handed_out = self._counts["Received"]

        def received(now: int, deliveries: Sequence[Any]) -> None:
            count = len(deliveries)
            if count == handed_out.value and handed_out.begin <= now < handed_out.end:
                handed_out.run += 1
            else:
                handed_out.add(now, count)
            self._accessed_ns = now

        return received

    def _requested_listener(self) -> Listener:
        """Return what need not hear plain calls: receives are heard as such, deletes in visits."""
        deleted, other = self._counts["Deleted"], self._requested

        def requested(now: int, action: str, items: Sequence[Any], code: str | None) -> None:
            self._accessed_ns = now
            if action == "DeleteMessage":
                if code is not None:
                    return
                if deleted.value == 1.0 and deleted.begin <= now < deleted.end:
                    deleted.run += 1
                else:
                    deleted.add(now)
            elif action == "DeleteMessageBatch":
                other(now, items, code)

        return Tallied(requested, None)

    def visited(self, now: int, delivery: Any) -> None:
        """Hear of a delete by a fleet that tells it together with the rest of a visit.

        Where the queue does not only count its plain calls, the call itself is heard instead.
        """
        if self._queue.plain_calls is None:
            return
        self._accessed_ns = now
        deleted = self._deleted
        if deleted.value == 1.0 and deleted.begin <= now < deleted.end:
            deleted.run += 1
        else:
            deleted.add(now)

    def _requested(self, now: int, items: Sequence[Any], code: str | None) -> None:
        """Count deletes with a valid handle, also those of a message that is gone already."""
        if code is None:
            self._counts["Deleted"].tally(now, len(items) - self._throttled)
            self._batch = items
        self._throttled = 0

    def _refused(self, now: int, action: str, messages: int) -> None:
        """Remember entries that the batch, announced next, leaves out."""
        self._throttled = messages if action == "DeleteMessage" and messages > 1 else 0

    def _delete_refused(self, now: int, delivery: Any, code: str) -> None:
        if any(entry is delivery for entry in self._batch):
            self._counts["Deleted"].tally(now, -1)

    def _returned_nothing(self, now: int, code: str | None) -> None:
        if code is None:
            self._empty.add(now)
        self._accessed_ns = now

    def _deduplicated(self, now: int, message: Any) -> None:
        if self._repeats is not None:
            self._repeats.add(now)
        self._accessed_ns = now

    # Periods -------------------------------------------------------------------------------

    def period(self, now: int) -> None:
        """Report the levels, and zeros where nothing was counted; or nothing while inactive."""
        queue = self._queue
        self._batch = ()
        levels = queue.counters()
        if not self._reports(now, any(levels)):
            for series in (*self._counts.values(), self._empty, self._repeats, self._size):
                if series is not None:
                    series.withdraw(now)
            return
        for series, value in zip(self._levels, levels, strict=True):
            series.level(now, value)
        self._age.level(now, _age_s(now, queue.oldest_ns()))
        sizes = self._size.points.get((now - 1) // self._size.period_ns)
        self._counts["Sent"].level(now, sizes.count if sizes is not None else 0)
        for series in (*self._counts.values(), self._empty, self._repeats):
            if series is not None:
                series.silent(now)
        if self._groups is not None:
            self._groups.level(now, queue.state.groups_in_flight())
        elif hasattr(queue.state, "quiet_oldest_ns"):
            self._report_groups(now)

    def _report_groups(self, now: int) -> None:
        """Report what only a fair queue has: one that has seen a message group."""
        queue = self._queue
        self._noisy.level(now, len(queue.noisy_groups()))
        for series, value in zip(self._quiet, queue.quiet_counters(), strict=True):
            series.level(now, value)
        self._quiet_age.level(now, _age_s(now, queue.state.quiet_oldest_ns()))

    def _reports(self, now: int, holds: bool) -> bool:
        """Say whether the queue reports: it is active, and has been for long enough."""
        if not holds and now - self._accessed_ns > IDLE_NS:
            self._reports_from_ns = None
            return False
        if self._reports_from_ns is None:
            self._reports_from_ns = now + WAKE_NS
        return now >= self._reports_from_ns


def _age_s(now: int, since_ns: int | None) -> float:
    """Return an age in whole seconds; 0 where nothing waits."""
    return 0.0 if since_ns is None else float((now - since_ns) // NS_PER_S)


make = QueueTwin
