"""Duplicates: processings beyond the first of each message, by cause, and attempts per message.

Causes: *queue redelivery*, a later receive of the same copy; *replica*, a copy that came back after
its delete; *producer retry*, another copy of the same message; *delivery retry*, a copy that a
topic delivered again because an answer was lost; *replay*, one from a topic's archive; *redrive*,
one that a message move task brought although the message had been done; *consumer retry*, the same
copy once more within the consumer (a batch of a stream, or an asynchronous event, tried again, or a
request that was answered too late).

A handler with idempotency recognises records that it has done, and skips them: processed with
success, but without an effect on the outside world. *Effects* are the processings not skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Delivery
from msgsim.observe.completions import Completions, Stream
from msgsim.observe.histogram import Durations
from msgsim.observe.journal import DELIVERED_AGAIN, MOVED, REPLAYED, RESENT
from msgsim.observe.measure import Measure, counter, distribution
from msgsim.observe.queue_watch import QueueWatch
from msgsim.observe.queues import Queues
from msgsim.observe.system import System, holding

QUEUE_REDELIVERY = "queue redelivery"
REPLICA = "replica"
PRODUCER_RETRY = "producer retry"
DELIVERY_RETRY = "delivery retry"
REPLAY = "replay"
REDRIVE = "redrive"
CONSUMER_RETRY = "consumer retry"
CAUSES = (
    QUEUE_REDELIVERY,
    REPLICA,
    PRODUCER_RETRY,
    DELIVERY_RETRY,
    REPLAY,
    REDRIVE,
    CONSUMER_RETRY,
)


class SubscriberDuplicates:
    """Duplicates at one subscriber.

    Attributes:
        causes: processings beyond the first, by cause.
        skipped: processings that a handler's idempotency recognised as done.
        failures: failed attempts, by reason.
        own_attempts: where no queue knows it, how often processing of a copy began until its first
            success or until it was given up.
    """

    def __init__(self, stream: Stream, attempts: Callable[[], Durations] | None) -> None:
        self.stream = stream
        self.causes: Counter[str] = Counter()
        self.skipped = 0
        self.failures: Counter[str] = Counter()
        self.own_attempts = Durations()
        self.attempts = attempts if attempts is not None else lambda: self.own_attempts
        self.queued = attempts is not None

    def note_skipped(self, now: int, delivery: Delivery) -> None:
        """Take note of a processing without an effect."""
        self.skipped += 1

    @property
    def effects(self) -> int:
        """How often the outside world was changed."""
        return self.stream.messages + self.stream.again - self.skipped

    @property
    def duplicate_effects(self) -> int:
        """How often it was changed again by a message that had done so before."""
        return max(0, self.stream.again - self.skipped)

    def again(self, now: int, delivery: Delivery) -> None:
        """Take note of a processing of the same copy beyond the first."""
        copy = delivery.copy
        if copy.ghost:
            cause = REPLICA
        elif self.queued and delivery.attempt > 1:
            cause = QUEUE_REDELIVERY
        else:
            cause = CONSUMER_RETRY
        self.causes[cause] += 1

    def other_copies(self, what: NDArray[np.int64]) -> None:
        """Take note of processings of other copies of messages that had been done."""
        moved = (what & MOVED) != 0
        replayed = ~moved & ((what & REPLAYED) != 0)
        delivered = ~moved & ~replayed & ((what & DELIVERED_AGAIN) != 0)
        resent = ~moved & ~replayed & ~delivered & ((what & RESENT) != 0)
        counts = {
            REDRIVE: int(moved.sum()),
            REPLAY: int(replayed.sum()),
            PRODUCER_RETRY: int(resent.sum()),
        }
        counts[DELIVERY_RETRY] = len(what) - sum(counts.values())
        self.causes.update({cause: count for cause, count in counts.items() if count})

    def ended(self, copy: Copy) -> None:
        """Take note of how often a copy was tried that was given up without success."""
        if copy.completions == 0:
            self.own_attempts.add(copy.starts)

    def completed(self, now: int, delivery: Delivery) -> None:
        """Take note of how often a copy was tried until its first success."""
        copy = delivery.copy
        if copy.completions == 1:
            self.own_attempts.add(copy.starts)


class Duplicates:
    """Observer: duplicate processings and attempts, by subscriber."""

    def __init__(self, system: System, completions: Completions, queues: Queues) -> None:
        self._system = system
        self.subscribers: dict[str, SubscriberDuplicates] = {}
        for name, stream in completions.streams.items():
            watch = queues.watches.get(name)
            attempts = None if watch is None else _attempts_of(watch)
            found = self.subscribers[name] = SubscriberDuplicates(stream, attempts)
            stream.again_readers.append(found.again)
            stream.others_readers.append(found.other_copies)

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to failures, and to copies given up where no queue counts them."""
        found = self.subscribers.get(component.judged)
        if found is None:
            return None
        if signal.name == "failed":
            failures = found.failures

            def failed(now: int, delivery: Delivery, reason: str) -> None:
                failures[reason] += 1

            return failed
        if signal.name == "skipped":
            return found.note_skipped
        if found.queued:
            return None
        if signal.name == "completed":
            return found.completed
        if signal.name in {"dropped", "error_output"}:
            return lambda now, copy, reason: found.ended(copy)
        return (lambda now, copy: found.ended(copy)) if signal.name == "dead_lettered" else None

    def tick(self, now: int) -> None:
        """Work off what has become long."""
        for found in self.subscribers.values():
            found.own_attempts.tick()

    def finish(self, now: int) -> None:
        """End the run: what is still held has had its attempts so far."""
        for name, found in self.subscribers.items():
            if found.queued:
                continue
            for _, _, copy in holding(self._system.components[name]):
                if copy is not None and copy.starts and copy.completions == 0:
                    found.own_attempts.add(copy.starts)

    def measures(self, subscriber: str) -> dict[str, Measure]:
        """Return the metrics of a subscriber."""
        found = self.subscribers.get(subscriber)
        if found is None:
            return {}
        stream = found.stream
        duplicates = counter(
            lambda: stream.again, lambda: stream.messages, lambda: stream.messages > 0
        )
        metrics = {
            "duplicate_processings": duplicates,
            "duplicates": duplicates,
            "attempts_per_message": distribution("number", lambda: found.attempts()),
            "skipped": counter(
                lambda: found.skipped, lambda: stream.messages, lambda: stream.messages > 0
            ),
            "effects": counter(lambda: found.effects),
            "duplicate_effects": counter(
                lambda: found.duplicate_effects,
                lambda: stream.messages,
                lambda: stream.messages > 0,
            ),
            "failures": counter(lambda: found.failures.total()),
            "unique": counter(lambda: stream.messages),
            "delivered.unique": counter(lambda: stream.messages),
        }
        for cause in CAUSES:
            metrics[f"duplicates.{cause.replace(' ', '_')}"] = _of_cause(found, cause)
        return metrics

    def to_json(self) -> dict[str, Any]:
        """Return duplicates by subscriber, as plain data."""
        return {
            name: {
                "unique": found.stream.messages,
                "duplicate_processings": found.stream.again,
                "skipped": found.skipped,
                "effects": found.effects,
                "duplicate_effects": found.duplicate_effects,
                "by_cause": {cause: found.causes[cause] for cause in CAUSES},
                "failures": dict(sorted(found.failures.items())),
                "attempts_per_message": found.attempts().to_json(unit="", scale=1),
                "attempts": {
                    str(starts): count
                    for starts, count in zip(
                        *(column.tolist() for column in found.attempts().bins()), strict=True
                    )
                },
            }
            for name, found in self.subscribers.items()
        }


def _attempts_of(watch: QueueWatch) -> Callable[[], Durations]:
    return lambda: watch.attempts


def _of_cause(found: SubscriberDuplicates, cause: str) -> Measure:
    return counter(lambda: found.causes[cause], lambda: found.stream.messages)
