"""Asynchronous invocation: Lambda's own queue in front of a function.

The caller gets 202 at once; from then on Lambda owns the event. Errors of the function are retried
after one and two minutes; throttles and system errors with a growing pause, until the event is too
old. Source: Lambda developer guide, invocation-async-error-handling.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from msgsim.kernel.sampling import GeometricGaps, Sampler
from msgsim.model.message import Copy, Delivery, Message
from msgsim.model.ports import Outcome
from msgsim.services.lambda_function.destinations import (
    AGE_EXCEEDED,
    NO_CONCURRENCY,
    RETRIES_EXHAUSTED,
    SUCCESS,
    Destinations,
    Response,
    Take,
)

if TYPE_CHECKING:
    from msgsim.services.lambda_function.function import Function

TOO_LARGE = "RequestTooLargeException"
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
        payload_bytes: the largest event.
    """

    retries: int
    error_delays_ns: tuple[int, ...]
    max_age_ns: int
    first_pause_ns: int
    longest_pause_ns: int
    jitter: float
    payload_bytes: int


class Replicas:
    """What the internal queue does not delete: an event that is done comes back once in a while.

    Lambda keeps asynchronous events in standard queues, whose replicas can miss a delete.

    Args:
        missed: deletes up to the next one that a replica misses.
        delay: nanoseconds until the event is back.
    """

    def __init__(self, missed: GeometricGaps, delay: Sampler[int]) -> None:
        self._missed = missed
        self._delay = delay
        self._left = missed.draw()

    def comes_back(self) -> int | None:
        """Take note of a delete; return when the event is back, if a replica missed it."""
        self._left -= 1
        if self._left:
            return None
        self._left = self._missed.draw()
        return self._delay.draw()


class _Event:
    __slots__ = (
        "copy",
        "deadline_ns",
        "delivery",
        "errors",
        "refusals",
        "response",
        "running",
        "runs",
        "status",
    )

    def __init__(self, delivery: Delivery, deadline_ns: int) -> None:
        self.copy = delivery.copy
        self.delivery = delivery
        self.deadline_ns = deadline_ns
        self.errors = 0
        self.refusals = 0
        self.runs = 0
        self.running = False
        self.status = ""
        self.response: Response = {}


class EventQueue:
    """The internal queue of a function's asynchronous events: a retrial queue with impatience.

    Args:
        function: whose events these are; it announces what happens to them.
        hand_off: nanoseconds from 202 to the first attempt.
        spread: uniform numbers that spread the pauses after throttles.
        rules: retries and age.
        destinations: writes records about events that are done or given up.
        replicas: what brings finished events back, or None.

    Attributes:
        answer: says what the handler answered in the run that has just ended; None where it
            answers nothing.
    """

    def __init__(
        self,
        function: Function,
        hand_off: Sampler[int],
        spread: Sampler[float],
        rules: EventRules,
        destinations: Destinations,
        replicas: Replicas | None = None,
    ) -> None:
        self.function = function
        self.rules = rules
        self.dead_letters: Take | None = None
        self.destinations = destinations
        self.answer: Callable[[], Any] | None = None
        self._replicas = replicas
        self._hand_off = hand_off
        self._spread = spread
        self._held: dict[int, _Event] = {}

    def accept(self, message: Message) -> str | None:
        """Take one event; the caller is done with it, unless it is too large (413)."""
        if message.size_bytes > self.rules.payload_bytes:
            return TOO_LARGE
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
            return None
        function.sim.after(self._hand_off.at(message.number), self._attempt, event)
        return None

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
        ended = partial(self._ended, event)
        code = function.invoke((event.delivery,), ended, self._completed, asynchronous=True)
        if code is None:
            event.runs += 1
            if function.on_event_started is not None:
                function.on_event_started(now, now - event.copy.arrived_ns)
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

    def _completed(self, now: int, delivery: Delivery, skipped: bool = False) -> None:
        delivery.copy.completions += 1
        if skipped and self.function.on_skipped is not None:
            self.function.on_skipped(now, delivery)
        if self.function.on_completed is not None:
            self.function.on_completed(now, delivery)

    def _ended(self, event: _Event, outcome: Outcome) -> None:
        event.running = False
        event.status = outcome.status
        if self.answer is not None:
            event.response = {"responsePayload": self.answer()}
        if outcome.status == "ok" and not outcome.failed:
            self._succeeded(event)
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

    def _succeeded(self, event: _Event) -> None:
        self._held.pop(id(event), None)
        self._record(event, self.destinations.on_success, SUCCESS)
        if self._replicas is None:
            return
        delay_ns = self._replicas.comes_back()
        if delay_ns is not None:
            self.function.sim.after(delay_ns, self._repeat, event)

    def _repeat(self, event: _Event) -> None:
        """Run a finished event again: it came back from a replica.

        It is the same event, so that errors before its success are retries that it has used up.
        """
        function, now = self.function, self.function.sim.now
        if function.on_repeated_event is not None:
            function.on_repeated_event(now, event.copy.message)
        event.copy.receives += 1
        event.delivery = Delivery(event.copy, event.copy.receives, now)
        self._attempt(event)

    def _record(self, event: _Event, take: Take | None, condition: str) -> bool:
        """Write to a destination, if there is one; say whether it took the record."""
        if take is None:
            return False
        function, now = self.function, self.function.sim.now
        error = self.destinations.write(
            now, take, event.copy.message, condition, event.runs, event.status, event.response
        )
        if error is not None and function.on_destination_failed is not None:
            function.on_destination_failed(now, error)
        return error is None

    def _give_up(self, event: _Event, reason: str, keep: bool = True) -> None:
        function, now = self.function, self.function.sim.now
        self._held.pop(id(event), None)
        event.copy.gone = True
        if function.on_given_up is not None:
            function.on_given_up(now, reason)
        target = self.dead_letters if keep else None
        error = target(event.copy.message) if target is not None else reason
        kept = self._record(event, self.destinations.on_failure if keep else None, reason)
        if error is None or kept:
            if function.on_dead_lettered is not None:
                function.on_dead_lettered(now, event.copy)
        elif function.on_dropped is not None:
            function.on_dropped(now, event.copy, error if target is not None else reason)


MakeEventQueue = Callable[["Function"], EventQueue]
