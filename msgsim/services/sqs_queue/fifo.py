"""What a FIFO queue knows: message groups in order, and the ids it deduplicates by.

The prefix rule (S12): a receive may take only from a group's longest leading run in which every
message is visible. If the first one is in flight or delayed, the group yields nothing.
"""

from __future__ import annotations

from collections import deque
from hashlib import sha256
from typing import Any

from msgsim.model.message import Delivery, Message
from msgsim.services.sqs_queue.rules import DEDUPLICATION_NS, SCAN_WINDOW
from msgsim.services.sqs_queue.state import QueueState
from msgsim.services.sqs_queue.stored import DELAYED, GONE, IN_FLIGHT, VISIBLE, Moved, Stored

NO_EDGE = 1 << 62


class Group:
    """A message group: its copies in order of arrival, and whether it waits to be served."""

    __slots__ = ("in_flight", "line", "name", "ready")

    def __init__(self, name: str) -> None:
        self.name = name
        self.line: deque[Stored] = deque()
        self.in_flight = 0
        self.ready = False

    def head(self) -> Stored | None:
        """Return the first copy that is not gone."""
        line = self.line
        while line and line[0].state == GONE:
            line.popleft()
        return line[0] if line else None

    def close(self, gaps: int) -> None:
        """Take the first `gaps` copies that are gone out of the line."""
        line = self.line
        kept = []
        while gaps:
            copy = line.popleft()
            if copy.state == GONE:
                gaps -= 1
            else:
                kept.append(copy)
        line.extendleft(reversed(kept))


def _hash_of_body(message: Message) -> str:
    """Return the id that content-based deduplication gives: SHA-256 of the body alone (API)."""
    if message.body is None:
        return f"body of {message.number}"
    return sha256(message.body.encode("utf-8", "surrogatepass")).hexdigest()


class FifoState(QueueState):
    """Order within a group, and one acceptance per deduplication id within five minutes.

    Args:
        scope: `queue` or `messageGroup`: what a deduplication id is compared within.
        content_based: take the body as the id where the sender gives none.
        scan_window: how many messages from the front a receive looks at.
    """

    def __init__(
        self,
        *,
        scope: str = "queue",
        content_based: bool = False,
        scan_window: int = SCAN_WINDOW,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.scan_window = scan_window
        self._beyond: deque[Stored] = deque()
        self._edge = NO_EDGE  # sequence number of the last copy inside the window
        self._groups: dict[str, Group] = {}
        self._ready: deque[Group] = deque()
        self._per_group = scope == "messageGroup"
        self.content_based = content_based
        self._ids: dict[Any, int] = {}
        self._id_line: deque[tuple[int, Any]] = deque()

    def send(self, now: int, message: Message, delay_ns: int | None = None) -> Stored | None:
        """Store a message at the end of its group; None when it is a duplicate send.

        The queue's delay holds, whatever the call says.
        """
        if self._is_duplicate(now, message):
            return None
        self._sequence += 1
        group = self._group(message.key.name)
        copy = Stored(message, now, group, self._sequence)
        group.line.append(copy)
        if self.visible + self.in_flight + self.delayed >= self.scan_window:
            self._stand_beyond(copy)
        self._store(now, copy, self.delay_ns)
        return copy

    def set_delay(self, delay_ns: int) -> list[tuple[Stored, int]]:
        """Change the queue's delay, also for messages that are delayed already (GUIDE23)."""
        changed = []
        for copy in self._delays:
            if copy.state == DELAYED:
                changed.append((copy, copy.visible_from_ns))
                copy.visible_from_ns = copy.arrived_ns + delay_ns
        self.delay_ns = delay_ns
        return changed

    def _group(self, name: str) -> Group:
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = Group(name)
        return group

    def _is_duplicate(self, now: int, message: Message) -> bool:
        name = message.deduplication_id
        if name is None and self.content_based:
            name = _hash_of_body(message)
        if name is None:
            return False
        found = (message.key.name, name) if self._per_group else name
        line, ids = self._id_line, self._ids
        while line and line[0][0] <= now:
            del ids[line.popleft()[1]]
        if found in ids:
            return True
        ids[found] = now
        line.append((now + DEDUPLICATION_NS, found))
        return False

    def move_in(self, copy: Moved) -> None:
        """Store a copy that redrive brought: at the end of its group, which it keeps."""
        group = self._group(copy.message.key.name)
        copy.shelf = group
        group.line.append(copy)
        if self.stored >= self.scan_window:
            copy.sequence = self._sequence + 1
            self._stand_beyond(copy)
        super().move_in(copy)

    def show(self, copy: Stored) -> None:
        """Make the group available if this copy stands at its head."""
        group: Group = copy.shelf
        if not group.ready and group.head() is copy and copy.sequence <= self._edge:
            group.ready = True
            self._ready.append(group)

    def hide(self, copy: Stored) -> None:
        """Let the next copy of the group come to the head."""
        self._look_at(copy.shelf)
        if self._beyond:
            self._slide(copy)

    def release(self, copy: Stored) -> None:
        """A copy in flight is gone: the group may be free again."""
        copy.shelf.in_flight -= 1
        self._look_at(copy.shelf)
        if self._beyond:
            self._slide(copy)

    def _look_at(self, group: Group) -> None:
        head = group.head()
        if head is None:
            if not group.ready:
                self._groups.pop(group.name, None)
            return
        if head.state == VISIBLE and not group.ready and head.sequence <= self._edge:
            group.ready = True
            self._ready.append(group)

    def clear_shelves(self) -> None:
        """Forget every group, and every deduplication id too: a purge does."""
        for line in (self._groups, self._ready, self._beyond, self._ids, self._id_line):
            line.clear()
        self._edge = NO_EDGE

    def deliverable(self, copy: Stored) -> bool:
        """Say whether a receive could take this copy first of its group."""
        return copy.state == VISIBLE and copy.shelf.head() is copy

    # The scan window -----------------------------------------------------------------------

    def _stand_beyond(self, copy: Stored) -> None:
        if not self._beyond:
            self._edge = copy.sequence - 1
        self._beyond.append(copy)

    def _slide(self, gone: Stored) -> None:
        """Let the next copy into the window when one inside it is gone."""
        if gone.sequence > self._edge:
            return
        beyond = self._beyond
        while beyond:
            copy = beyond.popleft()
            if copy.state != GONE:
                self._edge = copy.sequence if beyond else NO_EDGE
                self._look_at(copy.shelf)
                return
        self._edge = NO_EDGE

    # Receiving -----------------------------------------------------------------------------

    def receive(
        self, now: int, limit: int, visibility_ns: int, hosts_asked: int | None = None
    ) -> tuple[list[Delivery], list[Stored]]:
        """Hand out up to `limit` copies: as many as possible from one group, then the next.

        Groups take turns: one that was served stands behind the others when it is free again.

        Returns:
            The deliveries, and copies that `maxReceiveCount` sends to the dead-letter queue.
        """
        deliveries: list[Delivery] = []
        dead: list[Stored] = []
        room = min(limit, self.in_flight_limit - self.in_flight)
        ready = self._ready
        while ready and len(deliveries) < room:
            group = ready.popleft()
            group.ready = False
            self._serve(now, group, room, visibility_ns, deliveries, dead)
            self._look_at(group)
        if self._beyond:
            for copy in dead:
                self._slide(copy)
        return deliveries, dead

    def _serve(
        self,
        now: int,
        group: Group,
        room: int,
        visibility_ns: int,
        deliveries: list[Delivery],
        dead: list[Stored],
    ) -> None:
        gaps, edge = 0, self._edge
        for copy in group.line:
            if len(deliveries) >= room:
                break
            if copy.state == GONE:
                gaps += 1
                continue
            if copy.state != VISIBLE or copy.sequence > edge:
                break
            if self.max_receives is not None and copy.receives >= self.max_receives:
                self.dead_letter(copy)
                dead.append(copy)
                gaps += 1
                continue
            group.in_flight += 1
            deliveries.append(self._hand_out(now, copy, visibility_ns))
        if gaps:
            group.close(gaps)

    def _come_back(self, copy: Stored) -> None:
        copy.shelf.in_flight -= 1
        super()._come_back(copy)

    def delete(self, now: int, delivery: Delivery) -> str | None:
        """Delete by the current receipt inside its timeout; any other handle has expired."""
        copy: Stored = delivery.copy  # type: ignore[assignment]
        latest = delivery.attempt == copy.receives
        if copy.state == GONE and latest and now < delivery.deadline_ns:
            return None  # deleted once already
        if copy.state != IN_FLIGHT or copy.receipt is not delivery:
            return "InvalidParameterValue"
        self.discard(copy)
        return None

    def obeys(self, current: Delivery, used: Delivery) -> bool:
        """Only the current receipt counts: the one before died with its visibility timeout."""
        return used is current

    def stale_visibility_change(self) -> str | None:
        """Refuse: the receipt handle died with its visibility timeout."""
        return "InvalidParameterValue"

    def groups_in_flight(self) -> int:
        """Count the groups that have at least one message in flight."""
        return sum(1 for group in self._groups.values() if group.in_flight)
