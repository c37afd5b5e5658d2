"""Idempotency: a handler that remembers which records it has done, in a store with a time-to-live.

Each record's key is claimed by a conditional write before the work, marked as complete by a second
write after the side effect, and released by a delete when the handler raises. A claim that finds a
completed key skips the record; one that finds a key in progress fails it, until the deadline of the
execution that holds it. This is the protocol of Powertools for AWS Lambda (idempotency utility).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol

from msgsim.model.message import Delivery
from msgsim.services.lambda_function.handler import (
    ERROR,
    OK,
    RAISE,
    REPORT_AND_STOP,
    REPORT_MALFORMED,
    TIMEOUT,
    Handler,
    Numbered,
    Plan,
)

CLAIM, COMPLETE, RELEASE = "claim", "complete", "release"
CLAIMED, DONE, IN_PROGRESS = "claimed", "done", "in progress"

KeyOf = Callable[[Delivery], Hashable]
Completed = Callable[..., Any]
End = Callable[[Plan], None]


def by_message(delivery: Delivery) -> Hashable:
    """Return the identity of the message itself, the same in every copy of it."""
    return delivery.message.number


def by_copy(delivery: Delivery) -> Hashable:
    """Return the identity of the copy, as the `MessageId` of a queue: a second send has another."""
    return delivery.copy


class KeyStore:
    """What the store knows of each key: until when it is in progress, or complete.

    Pure: time is an argument. An entry whose time is over counts as absent, whether or not the
    store has removed it yet.

    Args:
        ttl_ns: how long a completed key is remembered.
    """

    def __init__(self, ttl_ns: int) -> None:
        self._ttl_ns = ttl_ns
        self._complete: dict[Hashable, int] = {}
        self._in_progress: dict[Hashable, int] = {}
        self._expiring: deque[tuple[int, Hashable]] = deque()

    def __len__(self) -> int:
        return len(self._complete) + len(self._in_progress)

    def claim(self, now: int, key: Hashable, deadline_ns: int) -> str:
        """Write the key as in progress until the deadline, unless it is there: say what it was."""
        self._forget(now)
        if key in self._complete:
            return DONE
        if self._in_progress.get(key, -1) > now:
            return IN_PROGRESS
        self._in_progress[key] = deadline_ns
        return CLAIMED

    def complete(self, now: int, key: Hashable) -> None:
        """Mark the key as done; it is remembered for the time-to-live."""
        self._in_progress.pop(key, None)
        self._complete[key] = now + self._ttl_ns
        self._expiring.append((now + self._ttl_ns, key))

    def release(self, key: Hashable) -> None:
        """Remove a key whose work failed, so that the next attempt may claim it."""
        self._in_progress.pop(key, None)

    def _forget(self, now: int) -> None:
        expiring = self._expiring
        while expiring and expiring[0][0] <= now:
            expires, key = expiring.popleft()
            if self._complete.get(key) == expires:
                del self._complete[key]


class Host(Protocol):
    """The function that the handler belongs to."""

    sim: Any
    slowness: float
    on_store_called: Callable[..., Any] | None


class IdempotentHandler:
    """A handler whose records go through a key store.

    Args:
        handler: the work itself.
        store: which keys are done or in progress.
        key_of: the key of a record.
        times: nanoseconds of one call of the store, by operation.
    """

    def __init__(
        self, handler: Handler, store: KeyStore, key_of: KeyOf, times: Mapping[str, Numbered]
    ) -> None:
        self.handler = handler
        self.store = store
        self.key_of = key_of
        self._times = times

    def conduct(
        self,
        function: Host,
        batch: Sequence[Delivery],
        init_ns: int,
        completed: Completed,
        end: End,
    ) -> None:
        """Work on a batch, and say at its end how it went."""
        _Course(self, function, batch, completed, end).begin(init_ns)

    def time_ns(self, operation: str, records: Sequence[Delivery]) -> int:
        """Return how long an operation takes for records one after the other."""
        at = self._times[operation].at
        return sum(int(at(one.message.number, one.copy.starts + 1)) for one in records)


class _Course:
    """One invocation of an idempotent handler: claim, work, complete, unit by unit.

    A unit is one record where records are worked in sequence, and else the whole batch.
    """

    def __init__(
        self,
        owner: IdempotentHandler,
        function: Host,
        batch: Sequence[Delivery],
        completed: Completed,
        end: End,
    ) -> None:
        self.owner = owner
        self.function = function
        self.sim = function.sim
        self.completed = completed
        self.end = end
        self.failed: list[Delivery] = []
        self._rest = deque([one] for one in batch)
        if not owner.handler.in_sequence:
            self._rest = deque([list(batch)])
        self._batch = batch
        self._began_ns = 0
        self._deadline_ns = 0

    def begin(self, init_ns: int) -> None:
        handler = self.owner.handler
        self._began_ns = self.sim.now + init_ns
        self._deadline_ns = self._began_ns + handler.timeout_ns
        lead_ns = 0
        if handler.in_sequence:
            lead_ns = handler.lead_ns(self._batch, self.function.slowness)
        self._later(init_ns + lead_ns, self._next)

    def _later(self, delay_ns: int, fn: Callable[..., Any], *args: Any) -> None:
        """Go on after a while, or end at the time-out."""
        if self.sim.now + delay_ns > self._deadline_ns:
            self.sim.at(self._deadline_ns, self._time_out)
        else:
            self.sim.after(delay_ns, fn, *args)

    def _next(self) -> None:
        if not self._rest:
            self._finish(OK)
            return
        unit = self._rest[0]
        self._later(self.owner.time_ns(CLAIM, unit), self._claim, unit)

    def _claim(self, unit: list[Delivery]) -> None:
        owner, now = self.owner, self.sim.now
        claimed, busy = [], []
        for delivery in unit:
            self._called(CLAIM)
            found = owner.store.claim(now, owner.key_of(delivery), self._deadline_ns)
            if found == CLAIMED:
                claimed.append(delivery)
                continue
            delivery.copy.starts += 1
            if found == DONE:
                self.completed(now, delivery, True)
            else:
                busy.append(delivery)
        if busy and owner.handler.report in (RAISE, REPORT_AND_STOP):
            self._give_back(claimed, busy)
            return
        self.failed += busy
        if not claimed:
            self._done_with_unit()
            return
        plan = owner.handler.work(claimed, self.function.slowness)
        for delivery in claimed:
            delivery.copy.starts += 1
        self._later(plan.duration_ns, self._worked, claimed, plan)

    def _give_back(self, claimed: list[Delivery], busy: list[Delivery]) -> None:
        """Stop at a record that another execution has in hand; nothing was done yet."""
        stops = self.owner.handler.report == REPORT_AND_STOP
        status = OK if stops else ERROR
        self.failed = self._from(self._rest[0][0]) if stops else busy[:1]
        self._settle((), claimed, status)

    def _worked(self, claimed: list[Delivery], plan: Plan) -> None:
        now = self.sim.now
        for delivery in plan.done:
            self.completed(now, delivery)
        done = set(map(id, plan.done))
        undone = [delivery for delivery in claimed if id(delivery) not in done]
        status = plan.status
        if status == ERROR:
            self.failed = list(plan.failed)
        elif plan.failed and self.owner.handler.report == REPORT_AND_STOP:
            self.failed = self._from(plan.failed[0])
        else:
            self.failed += plan.failed
            self._settle(plan.done, undone, None)
            return
        self._settle(plan.done, undone, status)

    def _from(self, delivery: Delivery) -> list[Delivery]:
        """Return a record and all that follow it."""
        index = next(i for i, one in enumerate(self._batch) if one is delivery)
        return list(self._batch[index:])

    def _settle(
        self, done: Sequence[Delivery], undone: Sequence[Delivery], status: str | None
    ) -> None:
        """Mark what was done and release what was not; then end with a status, or go on."""
        time_ns = self.owner.time_ns(COMPLETE, done) + self.owner.time_ns(RELEASE, undone)
        self._later(time_ns, self._settled, done, undone, status)

    def _settled(
        self, done: Sequence[Delivery], undone: Sequence[Delivery], status: str | None
    ) -> None:
        owner, now = self.owner, self.sim.now
        for delivery in done:
            self._called(COMPLETE)
            owner.store.complete(now, owner.key_of(delivery))
        for delivery in undone:
            self._called(RELEASE)
            owner.store.release(owner.key_of(delivery))
        if status is None:
            self._done_with_unit()
        else:
            self._finish(status)

    def _done_with_unit(self) -> None:
        self._rest.popleft()
        self._next()

    def _called(self, operation: str) -> None:
        if self.function.on_store_called is not None:
            self.function.on_store_called(self.sim.now, operation)

    def _time_out(self) -> None:
        """End in the middle: what is claimed stays in progress until this deadline."""
        self.failed = [delivery for unit in self._rest for delivery in unit][:1]
        self._finish(TIMEOUT)

    def _finish(self, status: str) -> None:
        plan = Plan(status, self.sim.now - self._began_ns, (), self.failed)
        malformed = self.owner.handler.report == REPORT_MALFORMED
        plan.malformed = malformed and status == OK and bool(self.failed)
        self.end(plan)
