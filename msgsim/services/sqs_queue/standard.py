"""What a standard queue knows: copies spread over hosts, handed out roughly by age.

AWS documents the mechanism, not its numbers: a queue lives on several hosts, a short poll asks a
sample of them, a long poll asks all, and a host that misses a delete may show the copy once more.
The number of hosts, the sample and the rate of missed deletes are labelled assumptions of the page.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heapify
from typing import Any

from msgsim.model.message import Delivery, Message
from msgsim.services.sqs_queue.rules import BACK_OF_QUEUE_RECEIVES
from msgsim.services.sqs_queue.state import SLACK, QueueState
from msgsim.services.sqs_queue.stored import GONE, IN_FLIGHT, VISIBLE, Moved, Stored


class StandardState(QueueState):
    """At-least-once delivery in best-effort order.

    Args:
        host_count: hosts the queue is spread over.
        pick_host: message number → host that stores it.
        visit_order: returns the hosts in the random order in which one receive visits them.
    """

    fair = False
    """Whether tenants are told apart: then copies pass through the hooks that count them."""

    def __init__(
        self,
        *,
        host_count: int = 1,
        pick_host: Callable[[int], int] = lambda number: 0,
        visit_order: Callable[[], list[int]] = lambda: [0],
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self._fresh: list[deque[Stored]] = [deque() for _ in range(host_count)]
        self._again: list[deque[Stored]] = [deque() for _ in range(host_count)]
        self._pick_host = pick_host
        self._visit_order = visit_order

    def send(self, now: int, message: Message, delay_ns: int | None = None) -> Stored:
        """Store a message on a host; it becomes visible after its delay."""
        pick_host = self._pick_host
        host = pick_host(message.number)
        copy = Stored(message, now, host, 0)  # its place in the lines tells its turn
        delay = self.delay_ns if delay_ns is None else delay_ns
        if delay or self.fair:
            self._sequence = copy.sequence = self._sequence + 1
            self._store(now, copy, delay)
            return copy
        # What `_store` and `show` do with a copy that is visible at once.
        self._ages.append(copy)
        if len(self._ages) > self._most_ages:
            self._shorten_ages()
        self.visible += 1
        self._fresh[host].append(copy)
        return copy

    def show(self, copy: Stored) -> None:
        """Stand at the back when new or received three times or more, else ahead of new ones."""
        if copy.shelf is None:
            copy.shelf = self._pick_host(copy.message.number)
        if 0 < copy.receives < BACK_OF_QUEUE_RECEIVES:
            self._again[copy.shelf].append(copy)
        else:
            self._fresh[copy.shelf].append(copy)

    def hide(self, copy: Stored) -> None:
        """Leave it to receives to skip copies that are gone, until they are too many."""
        for lines in (self._again, self._fresh):
            if len(lines[copy.shelf]) > SLACK + 2 * self.visible:
                alive = (other for other in lines[copy.shelf] if other.state == VISIBLE)
                lines[copy.shelf] = deque(alive)

    def clear_shelves(self) -> None:
        """Empty every host."""
        for lines in (self._again, self._fresh):
            for line in lines:
                line.clear()

    def ages(self, copy: Stored) -> bool:
        """Leave out what was received three times or more here: a poison pill (METRICS)."""
        before = copy.receives_before if isinstance(copy, Moved) else 0
        return copy.receives - before < BACK_OF_QUEUE_RECEIVES

    def receive(
        self, now: int, limit: int, visibility_ns: int, hosts_asked: int | None = None
    ) -> tuple[list[Delivery], list[Stored]]:
        """Hand out up to `limit` copies, the heads of the hosts asked, in random host order.

        Args:
            now: the time (ns).
            limit: `MaxNumberOfMessages`.
            visibility_ns: timeout of the receipts.
            hosts_asked: how many hosts a short poll samples; None asks all (long poll).

        Returns:
            The deliveries, and copies that `maxReceiveCount` sends to the dead-letter queue.
        """
        deliveries: list[Delivery] = []
        dead: list[Stored] = []
        if not self.visible:
            return deliveries, dead
        hosts = self._visit_order()
        if hosts_asked is not None:
            hosts = hosts[:hosts_asked]
        room = self.in_flight_limit - self.in_flight
        if room > limit:
            room = limit
        self._collect(now, hosts, room, visibility_ns, deliveries, dead)
        return deliveries, dead

    def take_one(self, now: int, visibility_ns: int, dead: list[Stored]) -> Delivery | None:
        """Do what `receive` does for a long poll that asks for one message, in half the time.

        Args:
            now: the time (ns).
            visibility_ns: timeout of the receipt.
            dead: gets the copies that `maxReceiveCount` sends to the dead-letter queue.
        """
        if self.fair or self.in_flight >= self.in_flight_limit:
            found, gone = self.receive(now, 1, visibility_ns)
            dead.extend(gone)
            return found[0] if found else None
        again, fresh, most = self._again, self._fresh, self.max_receives
        visit_order = self._visit_order
        for host in (hosts := visit_order()):
            shelf = again[host] or fresh[host]
            if not shelf:
                continue
            copy = shelf[0]
            if copy.state != VISIBLE or (most is not None and copy.receives >= most):
                found = []  # the unusual: the host that comes next is this one again
                self._collect(now, hosts[hosts.index(host) :], 1, visibility_ns, found, dead)
                return found[0] if found else None
            shelf.popleft()
            return self._hand_out(now, copy, visibility_ns)
        return None

    def _collect(
        self,
        now: int,
        hosts: list[int],
        room: int,
        visibility_ns: int,
        deliveries: list[Delivery],
        dead: list[Stored],
    ) -> None:
        """Take the heads of the hosts in turn until there is no room or nothing left."""
        again, fresh, most = self._again, self._fresh, self.max_receives
        hand_out = self._hand_out
        while hosts and len(deliveries) < room:
            still_full = []
            for host in hosts:
                shelf = again[host] or fresh[host]
                while shelf:
                    copy = shelf.popleft()
                    if copy.state == VISIBLE:
                        break
                    shelf = again[host] or fresh[host]
                else:
                    continue
                still_full.append(host)
                if most is not None and copy.receives >= most:
                    self.dead_letter(copy)
                    dead.append(copy)
                    continue
                deliveries.append(hand_out(now, copy, visibility_ns))
                if len(deliveries) >= room:
                    break
            hosts = still_full

    def hand_over(self, now: int, message: Message, visibility_ns: int) -> Delivery:
        """Store a message and give it at once to a long poll that waits: it rests on no host."""
        copy = Stored(message, now, None, 0)
        self._ages.append(copy)
        if len(self._ages) > self._most_ages:
            self._shorten_ages()
        if visibility_ns != self.visibility_ns:
            self.visible += 1
            return QueueState._hand_out(self, now, copy, visibility_ns)
        # What `_hand_out` does with a copy that nobody had before.
        copy.receives = 1
        copy.first_received_ns = now
        copy.receipt = delivery = Delivery(copy, 1, now, now + visibility_ns)
        copy.state = IN_FLIGHT
        self.in_flight += 1
        self._timeouts.append(delivery)
        if len(self._timeouts) > self._most_timeouts:
            self._shorten_timeouts()
        return delivery

    def delete(self, now: int, delivery: Delivery) -> str | None:
        """Delete by any receipt of the copy, old or late; deleting twice succeeds too."""
        copy: Stored = delivery.copy  # type: ignore[assignment]
        if copy.state == IN_FLIGHT:  # the common case of `discard`, spelled out for speed
            copy.state = GONE
            copy.receipt = None
            self.in_flight -= 1
        elif copy.state != GONE:
            self.discard(copy)
        return None

    def haunt(self, now: int, copy: Stored) -> None:
        """Show a deleted copy once more: a replica had missed its delete."""
        self._shorten_ages()
        self._moved = deque(old for old in self._moved if old.state != GONE)
        self._odd_ages = [entry for entry in self._odd_ages if entry[2].state != GONE]
        heapify(self._odd_ages)
        copy.state = VISIBLE
        copy.ghost = True
        self._add(copy)
