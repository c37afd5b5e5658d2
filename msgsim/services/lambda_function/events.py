"""Asynchronous invocation: Lambda's own queue in front of a function.

The caller gets 202 at once; from then on Lambda owns the event. Errors of the function are retried
after one and two minutes; throttles and system errors with a growing pause, until the event is too
old. Source: Lambda developer guide, invocation-async-error-handling.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from msgsim.kernel.sampling import Sampler
from msgsim.model.message import Copy, Delivery, Message
from msgsim.model.ports import Outcome, Target

if TYPE_CHECKING:
    from msgsim.services.lambda_function.function import Function

AGE_EXCEEDED = "EventAgeExceeded"
RETRIES_EXHAUSTED = "RetriesExhausted"
NO_CONCURRENCY = "reserved concurrency is 0"
REPORT_IGNORED = "the handler reported a failure, which an asynchronous invocation ignores"


@dataclass(frozen=True, slots=True)
class EventRules:
    """How an event is retried and given up.

    Attributes:
        retries: `MaximumRetryAttempts`, for errors of the function.
        error_delays_ns: pause before each of these retries.
        max_age_ns: `MaximumEventAgeInSeconds`.
        first_pause_ns: pause after the first throttle; it doubles.
        longest_pause_ns: where doubling ends.
        jitter: share of each of these pauses that is drawn, from 0 (none) to 1 (full).
    """

    retries: int
    error_delays_ns: tuple[int, ...]
    max_age_ns: int
    first_pause_ns: int
    longest_pause_ns: int
    jitter: float


class _Event:
    __slots__ = ("copy", "deadline_ns", "delivery", "errors", "refusals", "running")

    def __init__(self, delivery: Delivery, deadline_ns: int) -> None:
        self.copy = delivery.copy
        self.delivery = delivery
        self.deadline_ns = deadline_ns
        self.errors = 0
        self.refusals = 0
        self.running = False


class EventQueue:
    """The internal queue of a function's asynchronous events: a retrial queue with impatience.

    Args:
        function: whose events these are; it announces what happens to them.
        hand_off: nanoseconds from 202 to the first attempt.
        spread: uniform numbers that spread the pauses after throttles.
        rules: retries and age.
    """

    def __init__(
        self,
        function: Function,
        hand_off: Sampler[int],
        spread: Sampler[float],
        rules: EventRules,
    ) -> None:
        self.function = function
        self.rules = rules
        self.dead_letters: Target | None = None
        self._hand_off = hand_off
        self._spread = spread
        self._held: dict[int, _Event] = {}

    def accept(self, message: Message) -> None:
        """Take one event; the caller is done with it."""
        function = self.function
        now = function.sim.now
        copy = Copy(message, now)
        copy.receives = 1
        event = _Event(Delivery(copy, 1, now), now + self.rules.max_age_ns)
        self._held[id(event)] = event
        if function.on_taken is not None:
            function.on_taken(now, [event.delivery])
        if function.share.reserved == 0:
            self._give_up(event, NO_CONCURRENCY)
            return
        function.sim.after(self._hand_off.at(message.number), self._attempt, event)

    def held(self) -> Iterator[tuple[str, Copy]]:
        """Yield every event that is neither done nor given up, with its state."""
        for event in self._held.values():
            yield ("in_flight" if event.running else "waiting"), event.copy

    def _attempt(self, event: _Event) -> None:
        function = self.function
        now = function.sim.now
        if now >= event.deadline_ns:
            self._give_up(event, AGE_EXCEEDED)
            return
        if event.copy.first_received_ns < 0:
            event.copy.first_received_ns = now
        event.running = True
        code = function.invoke((event.delivery,), partial(self._ended, event), self._completed)
        if code is None:
            return
        event.running = False
        event.refusals += 1
        self._again(event, self._pause_ns(event))

    def _pause_ns(self, event: _Event) -> int:
        """Return how long a refused event waits; spread, lest a burst come back as one herd."""
        rules = self.rules
        pause = min(rules.first_pause_ns << min(event.refusals - 1, 40), rules.longest_pause_ns)
        if not rules.jitter:
            return pause
        drawn = self._spread.at(event.copy.message.number, event.refusals)
        return pause - int(pause * rules.jitter * drawn)

    def _again(self, event: _Event, pause_ns: int) -> None:
        sim = self.function.sim
        sim.at(min(sim.now + pause_ns, max(event.deadline_ns, sim.now)), self._attempt, event)

    def _completed(self, now: int, delivery: Delivery) -> None:
        delivery.copy.completions += 1
        if self.function.on_completed is not None:
            self.function.on_completed(now, delivery)

    def _ended(self, event: _Event, outcome: Outcome) -> None:
        event.running = False
        if outcome.status == "ok" and not outcome.failed:
            del self._held[id(event)]
            return
        function, now = self.function, self.function.sim.now
        if function.on_failed is not None:
            function.on_failed(now, event.delivery, outcome.status)
        if outcome.status == "ok":
            self._give_up(event, REPORT_IGNORED, keep=False)
            return
        event.errors += 1
        if event.errors > self.rules.retries:
            self._give_up(event, RETRIES_EXHAUSTED)
            return
        delays = self.rules.error_delays_ns
        event.copy.receives += 1
        event.delivery = Delivery(event.copy, event.copy.receives, now)
        self._again(event, delays[min(event.errors, len(delays)) - 1])

    def _give_up(self, event: _Event, reason: str, keep: bool = True) -> None:
        function, now = self.function, self.function.sim.now
        del self._held[id(event)]
        event.copy.gone = True
        target = self.dead_letters if keep else None
        error = target.accept(event.copy.message) if target is not None else reason
        if error is None:
            if function.on_dead_lettered is not None:
                function.on_dead_lettered(now, event.copy)
        elif function.on_dropped is not None:
            function.on_dropped(now, event.copy, error if target is not None else reason)


MakeEventQueue = Callable[["Function"], EventQueue]
