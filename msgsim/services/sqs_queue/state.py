"""What any queue knows: its copies, who holds them, and which deadlines run.

Pure: time is an argument. `StandardState` and `FifoState` add where visible copies are kept and
which of them a receive may take. Deadlines that follow from the queue's own attributes
(visibility, delay, retention) stand in first-in-first-out lines, so that one alarm serves the whole
queue; timeouts set by hand, and those begun before an attribute changed, go through a heap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from msgsim.model.message import Delivery
from msgsim.services.sqs_queue.rules import (
    DEFAULT_RETENTION_NS,
    IN_FLIGHT_LIMIT,
    MAX_VISIBILITY_NS,
)
from msgsim.services.sqs_queue.stored import DELAYED, GONE, IN_FLIGHT, VISIBLE, Moved, Stored

SLACK = 64
"""Copies that are gone leave lines lazily: at most this many, plus as many as are still there."""


class QueueState:
    """The part of a queue's knowledge that standard and FIFO share.

    Args:
        visibility_ns: default visibility timeout.
        delay_ns: default delay of a new message.
        retention_ns: age at which a copy expires, in whatever state it is.
        max_receives: `maxReceiveCount`, or None without a redrive policy.
        in_flight_limit: quota of received, undeleted messages.
    """

    def __init__(
        self,
        *,
        visibility_ns: int,
        delay_ns: int = 0,
        retention_ns: int = DEFAULT_RETENTION_NS,
        max_receives: int | None = None,
        in_flight_limit: int = IN_FLIGHT_LIMIT,
    ) -> None:
        self.visibility_ns = visibility_ns
        self.delay_ns = delay_ns
        self.retention_ns = retention_ns
        self.max_receives = max_receives
        self.in_flight_limit = in_flight_limit
        self.visible = 0
        self.in_flight = 0
        self.delayed = 0
        self._sequence = 0
        self._timeouts: deque[Delivery] = deque()
        self._odd_timeouts: list[tuple[int, int, Delivery]] = []
        self._delays: deque[Stored] = deque()
        self._odd_delays: list[tuple[int, int, Stored]] = []
        self._ages: deque[Stored] = deque()
        self._most_ages = SLACK
        self._most_timeouts = SLACK
        self._odd_ages: list[tuple[int, int, Stored]] = []
        self._moved: deque[Moved] = deque()

    # What standard and FIFO do differently ------------------------------------------------

    def show(self, copy: Stored) -> None:
        """Put a visible copy where receives find it."""
        raise NotImplementedError

    def hide(self, copy: Stored) -> None:
        """Forget a copy that is gone while it was visible or delayed."""
        raise NotImplementedError

    def release(self, copy: Stored) -> None:
        """Take note that a copy in flight is gone."""

    def clear_shelves(self) -> None:
        """Forget where visible copies are kept: there are none any more."""
        raise NotImplementedError

    # Sending -------------------------------------------------------------------------------

    @property
    def stored(self) -> int:
        """How many copies the queue holds, in any state."""
        return self.visible + self.in_flight + self.delayed

    def _store(self, now: int, copy: Stored, delay_ns: int) -> None:
        self._ages.append(copy)
        if len(self._ages) > self._most_ages:
            self._shorten_ages()
        if delay_ns:
            copy.state = DELAYED
            copy.visible_from_ns = now + delay_ns
            self.delayed += 1
            if delay_ns == self.delay_ns:
                self._delays.append(copy)
            else:
                heappush(self._odd_delays, (copy.visible_from_ns, copy.sequence, copy))
            return
        self.visible += 1
        self.show(copy)

    def _shorten_ages(self) -> None:
        """Drop what is gone; do so again when the line is twice as long as what is stored."""
        self._ages = deque([old for old in self._ages if old.state != GONE])
        self._most_ages = SLACK + 2 * len(self._ages)

    def _shorten_timeouts(self) -> None:
        self._timeouts = deque([old for old in self._timeouts if old.copy.receipt is old])  # type: ignore[attr-defined]
        self._most_timeouts = SLACK + 2 * len(self._timeouts)

    def move_in(self, copy: Moved) -> None:
        """Store a copy that redrive brought from another queue; retention counts on from it."""
        moved = self._moved
        moved.append(copy)
        if len(moved) > SLACK + 2 * self.stored:
            self._moved = deque(old for old in moved if old.state != GONE)
        self._add(copy)

    def _add(self, copy: Stored) -> None:
        """Store a visible copy that is older than the queue's latest."""
        self._sequence += 1
        copy.sequence = self._sequence
        odd = self._odd_ages
        if len(odd) > SLACK + 2 * self.stored:
            self._odd_ages = odd = [entry for entry in odd if entry[2].state != GONE]
            heapify(odd)
        heappush(odd, (copy.arrived_ns, copy.sequence, copy))
        self.visible += 1
        self.show(copy)

    # Receiving -----------------------------------------------------------------------------

    def _hand_out(self, now: int, copy: Stored, visibility_ns: int) -> Delivery:
        """Give out a copy that counts as visible."""
        self.visible -= 1
        copy.receives = attempt = copy.receives + 1
        if copy.first_received_ns < 0:
            copy.first_received_ns = now
        copy.receipt = delivery = Delivery(copy, attempt, now, now + visibility_ns)
        copy.state = IN_FLIGHT
        self.in_flight += 1
        if visibility_ns == self.visibility_ns:
            self._timeouts.append(delivery)
            if len(self._timeouts) > self._most_timeouts:
                self._shorten_timeouts()
        else:
            self._note_timeout(delivery)
        return delivery

    def _note_timeout(self, delivery: Delivery) -> None:
        odd = self._odd_timeouts
        if len(odd) > SLACK + 2 * self.in_flight:
            alive = {entry[2]: entry for entry in odd if self._ends_then(entry[0], entry[2])}
            self._odd_timeouts = odd = list(alive.values())
            heapify(odd)
        self._sequence += 1
        heappush(odd, (delivery.deadline_ns, self._sequence, delivery))

    def _ends_then(self, due: int, delivery: Delivery) -> bool:
        return delivery.deadline_ns == due and self._running(delivery)

    def _running(self, delivery: Delivery) -> bool:
        return delivery.copy.receipt is delivery  # type: ignore[attr-defined]

    def dead_letter(self, copy: Stored) -> None:
        """Take a visible copy out, for the dead-letter queue."""
        copy.state = GONE
        copy.gone = True
        self.visible -= 1

    # Deleting ------------------------------------------------------------------------------

    def discard(self, copy: Stored) -> None:
        """Take a copy out, whatever its state."""
        state = copy.state
        copy.state = GONE
        if state == IN_FLIGHT:
            copy.receipt = None
            self.in_flight -= 1
            self.release(copy)
        elif state == VISIBLE:
            self.visible -= 1
            self.hide(copy)
        elif state == DELAYED:
            self.delayed -= 1
            self.hide(copy)

    def change_visibility(self, now: int, delivery: Delivery, timeout_ns: int) -> str | None:
        """Let this receipt's timeout end `timeout_ns` from now; 0 shows the copy again at once.

        Never beyond 12 h from the receive: asking for more is refused, not clamped.
        """
        copy: Stored = delivery.copy  # type: ignore[assignment]
        if copy.state == GONE or now + timeout_ns - delivery.received_ns > MAX_VISIBILITY_NS:
            return "InvalidParameterValue"
        receipt = copy.receipt
        if receipt is None or not self.obeys(receipt, delivery):
            return self.stale_visibility_change()
        receipt.deadline_ns = now + timeout_ns
        self._note_timeout(receipt)
        return None

    def obeys(self, current: Delivery, used: Delivery) -> bool:
        """Say whether a call with receipt `used` counts while `current` runs: standard: any."""
        return True

    def stale_visibility_change(self) -> str | None:
        """Answer a change on a receipt whose timeout is over: standard queues say yes."""
        return None

    # Changes of the queue itself --------------------------------------------------------------

    def set_visibility(self, timeout_ns: int) -> None:
        """Change the default timeout, for receives from now on."""
        for delivery in self._timeouts:
            due = delivery.received_ns + self.visibility_ns
            if self._ends_then(due, delivery):
                self._note_timeout(delivery)
        self._timeouts.clear()
        self.visibility_ns = timeout_ns

    def set_delay(self, delay_ns: int) -> list[tuple[Stored, int]]:
        """Change the default delay: not for messages that are delayed already (GUIDE23).

        Returns:
            The copies that become visible at another moment now, each with its former moment.
        """
        odd = self._odd_delays
        for copy in self._delays:
            if copy.state == DELAYED:
                heappush(odd, (copy.visible_from_ns, copy.sequence, copy))
        self._delays.clear()
        self.delay_ns = delay_ns
        return []

    def restart(self, now: int, delivery: Delivery, timeout_ns: int) -> None:
        """Let the timeout of a running receipt begin anew."""
        delivery.deadline_ns = now + timeout_ns
        self._note_timeout(delivery)

    def purge(self) -> list[Stored]:
        """Take out every copy, in whatever state, and return them."""
        purged = list(self.copies())
        for copy in purged:
            copy.state = GONE
            copy.receipt = None
            copy.gone = True
        lines = (self._timeouts, self._delays, self._ages, self._moved)
        for line in (*lines, self._odd_timeouts, self._odd_delays, self._odd_ages):
            line.clear()
        self.visible = self.in_flight = self.delayed = 0
        self.clear_shelves()
        return purged

    # Time ----------------------------------------------------------------------------------

    def expire(self, now: int) -> tuple[list[Delivery], list[Stored]]:
        """Let everything due at `now` happen.

        Returns:
            The receipts whose timeout ended (their copies are visible again), and the copies
            whose retention ended. Copies whose delay ended are simply visible.
        """
        expired = self._end_retention(now)
        self._end_delays(now)
        return self._end_timeouts(now), expired

    def next_change(self) -> int | None:
        """Return when `expire` has something to do next (ns), or None."""
        due: int | None = None
        timeouts, constant = self._timeouts, self.visibility_ns
        while timeouts and not (
            self._running(timeouts[0])
            and timeouts[0].deadline_ns == timeouts[0].received_ns + constant
        ):
            timeouts.popleft()
        if timeouts:
            due = timeouts[0].deadline_ns
        odd = self._odd_timeouts
        while odd and not self._ends_then(odd[0][0], odd[0][2]):
            heappop(odd)
        if odd and (due is None or odd[0][0] < due):
            due = odd[0][0]
        for moment in (self._next_delay(), self._next_retention()):
            if moment is not None and (due is None or moment < due):
                due = moment
        return due

    def oldest_ns(self) -> int | None:
        """Return since when the oldest unprocessed copy waits (ns), or None when there is none.

        `ApproximateAgeOfOldestMessage` (METRICS): ages count from the move in a dead-letter queue;
        copies that `ages` leaves out do not count, nor do ghosts, which have been processed.
        """
        self._next_retention()  # which drops what is gone at the front
        moved = self._moved
        while moved and moved[0].state == GONE:
            moved.popleft()
        counted = (copy.arrived_ns for copy in self._ages if copy.state != GONE and self.ages(copy))
        since = (copy.moved_ns for copy in moved if copy.state != GONE and self.ages(copy))
        found = [first for first in (next(counted, None), next(since, None)) if first is not None]
        return min(found, default=None)

    def ages(self, copy: Stored) -> bool:
        """Say whether a copy counts for the age of the oldest: on a FIFO queue every one does."""
        return True

    def deliverable(self, copy: Stored) -> bool:
        """Say whether a receive could take this copy now."""
        return copy.state == VISIBLE

    def copies(self) -> Iterator[Stored]:
        """Yield every copy the queue holds."""
        for copy in self._ages:
            if copy.state != GONE:
                yield copy
        for _, _, copy in self._odd_ages:
            if copy.state != GONE:
                yield copy

    def _end_timeouts(self, now: int) -> list[Delivery]:
        returned = []
        timeouts, constant = self._timeouts, self.visibility_ns
        while timeouts and timeouts[0].received_ns + constant <= now:
            delivery = timeouts.popleft()
            if self._running(delivery) and delivery.deadline_ns <= now:
                _end_flight(delivery)
                returned.append(delivery)
        odd = self._odd_timeouts
        while odd and odd[0][0] <= now:
            due, _, delivery = heappop(odd)
            if self._ends_then(due, delivery):  # a change may have noted one moment twice
                _end_flight(delivery)
                returned.append(delivery)
        if len(returned) > 1:
            returned.sort(key=lambda delivery: delivery.deadline_ns)
        for delivery in returned:
            self._come_back(delivery.copy)  # type: ignore[arg-type]
        return returned

    def _come_back(self, copy: Stored) -> None:
        self.in_flight -= 1
        self.visible += 1
        self.show(copy)

    def _end_delays(self, now: int) -> None:
        delays, odd = self._delays, self._odd_delays
        while delays and delays[0].visible_from_ns <= now:
            self._appear(delays.popleft())
        while odd and odd[0][0] <= now:
            self._appear(heappop(odd)[2])

    def _appear(self, copy: Stored) -> None:
        if copy.state == DELAYED:
            copy.state = VISIBLE
            self.delayed -= 1
            self.visible += 1
            self.show(copy)

    def _end_retention(self, now: int) -> list[Stored]:
        expired = []
        limit = now - self.retention_ns
        ages, odd = self._ages, self._odd_ages
        while ages and (ages[0].state == GONE or ages[0].arrived_ns <= limit):
            expired.append(ages.popleft())
        while odd and (odd[0][2].state == GONE or odd[0][0] <= limit):
            expired.append(heappop(odd)[2])
        expired = [copy for copy in expired if copy.state != GONE]
        for copy in expired:
            copy.gone = True
            self.discard(copy)
        return expired

    def _next_delay(self) -> int | None:
        moments = [self._delays[0].visible_from_ns] if self._delays else []
        if self._odd_delays:
            moments.append(self._odd_delays[0][0])
        return min(moments, default=None)

    def _next_retention(self) -> int | None:
        ages, odd = self._ages, self._odd_ages
        while ages and ages[0].state == GONE:
            ages.popleft()
        while odd and odd[0][2].state == GONE:
            heappop(odd)
        moments = [ages[0].arrived_ns] if ages else []
        if odd:
            moments.append(odd[0][0])
        return min(moments) + self.retention_ns if moments else None


def _end_flight(delivery: Delivery) -> None:
    copy: Stored = delivery.copy  # type: ignore[assignment]
    copy.state = VISIBLE
    copy.receipt = None
