"""Prefetching: a client that fetches ahead into a buffer, where visibility timeouts run on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgsim.kernel.sampling import Sampler
from msgsim.model.message import Delivery
from msgsim.model.ports import Polled, ReceiveReply


@dataclass(frozen=True, slots=True)
class Fetching:
    """How a client fills its buffer.

    Attributes:
        most: messages that may wait in the buffer.
        drop_expired: whether the client drops what it finds expired when it hands it out.
        time: how long the answer to a receive travels (ns); None takes no time.
        back_off: number of failures in a row → how long to wait before the next call (ns).
    """

    most: int
    drop_expired: bool
    time: Sampler[int] | None
    back_off: Callable[[int], int]


class Buffer:
    """A client's buffer in front of a queue: the worker's threads take from it, one by one.

    A buffer is a second waiting line behind the first, which the queue knows as messages in
    flight. What waits here grows old under a timeout that nobody renews.

    Args:
        fetching: how it fills.
        slowed: stretches a time while the fleet is slowed down.
    """

    def __init__(
        self,
        sim: Any,
        queue: Polled,
        fetching: Fetching,
        receive_with: tuple[int, int, int | None],
        slowed: Callable[[int], int],
    ) -> None:
        self.name = queue.name
        self._sim = sim
        self._queue = queue
        self._fetching = fetching
        self._limit, self._wait_ns, self._visibility_ns = receive_with
        self._slowed = slowed
        self._waiting: deque[ReceiveReply] = deque()
        self._asking = False
        self._failures = 0
        self._dead = False
        self.closed = False
        self.held: deque[Delivery] = deque()
        self.delete = queue.delete
        self.delete_batch = queue.delete_batch
        self.change_visibility = queue.change_visibility

    def receive(
        self, limit: int, wait_ns: int, reply: ReceiveReply, visibility_ns: int | None = None
    ) -> None:
        """Wait for the next message of the buffer; how it is filled is the client's affair."""
        self._waiting.append(reply)
        self._hand_out()

    def close(self) -> None:
        """Fetch no more, and let go of what waits here: it has not been begun.

        A fetch that is under way is waited for, because it would get what was just let go.
        """
        self.closed = True
        self._hand_out()

    def give_up(self) -> list[Delivery]:
        """End at once; return what waits in the buffer, which nobody will work on."""
        self.closed = self._dead = True
        left = list(self.held)
        self.held.clear()
        self._waiting.clear()
        return left

    def _hand_out(self) -> None:
        held, waiting = self.held, self._waiting
        if self.closed:
            if not self._asking:
                self._let_go()
            return
        while waiting and held:
            delivery = held.popleft()
            if self._fetching.drop_expired and delivery.deadline_ns <= self._sim.now:
                continue
            waiting.popleft()([delivery], None)
        self._fetch()

    def _let_go(self) -> None:
        """Make everything visible again, and tell the threads that wait that nothing comes."""
        while self.held:
            self._queue.change_visibility(self.held.popleft(), 0)
        while self._waiting:
            self._waiting.popleft()([], None)

    def _fetch(self) -> None:
        room = self._fetching.most + len(self._waiting) - len(self.held)
        if self._asking or room < 1:
            return
        self._asking = True
        self._queue.receive(
            min(self._limit, room), self._wait_ns, self._answered, self._visibility_ns
        )

    def _answered(self, deliveries: Sequence[Delivery], error: str | None) -> None:
        time = self._fetching.time
        if time is None and error is None and deliveries:
            self._fetched(deliveries)
        else:
            wait_ns = 0 if time is None else self._slowed(time.draw())
            if error is not None:
                self._failures += 1
                wait_ns += self._fetching.back_off(self._failures)
            self._sim.after(wait_ns, self._fetched, deliveries, error)

    def _fetched(self, deliveries: Sequence[Delivery], error: str | None = None) -> None:
        self._asking = False
        if self._dead:
            return
        if error is None:
            self._failures = 0
        self.held.extend(deliveries)
        self._hand_out()
