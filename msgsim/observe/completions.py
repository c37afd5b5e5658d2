"""Completions: the one listener for `completed`, which others read in batches.

A *first* completion is the first time a message is processed with success at a subscriber. Its
times are noted until some thousands have come together and then handed to every reader at once;
anything else (a second processing of the same copy, another copy of the same message) is told at
once. No delivery is kept: objects that stay alive cost more than what is read from them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Delivery
from msgsim.observe.histogram import Durations
from msgsim.observe.system import System, consumers_of, subscribers_of

BATCH = 8_192
MOST_RESENT = 65_536

Judge = Callable[[int, Delivery], bool]
Times = NDArray[np.int64]
FirstsReader = Callable[[Times, Times, Times, Times], None]
AgainReader = Callable[[int, Delivery], None]
LateReader = Callable[[Copy], None]
Keep = Callable[[int, int, Delivery], int]


class Stream:
    """The completions of one subscriber.

    Attributes:
        judge: says whether the message of a copy's first completion is done for the first time
            here; the observer of order, which knows the ranks that are done, replaces it.
        firsts_readers: called with four columns: when messages were born, arrived, were received
            by the attempt that succeeded, and were done (ns).
        again_readers: called with every other completion, at once.
        late_readers: called with copies that are done although they had been given up.
        keep: called with `(place, now, delivery)` of a first completion; returns the place at which
            it wants to be called next.
        groups: end-to-end latency of the keys that somebody asked about, by name.
        other_copies: copies done whose message had been done before by another copy.
        again: completions that were not the first of their message.
        by_consumer: messages done, per consumer, where several share the subscriber.
    """

    def __init__(self) -> None:
        self.judge: Judge = first_unless_resent()
        self.firsts_readers: list[FirstsReader] = []
        self.again_readers: list[AgainReader] = []
        self.late_readers: list[LateReader] = []
        self.keep: Keep = _keep_nothing
        self.groups: dict[str, Durations] = {}
        self.other_copies = 0
        self.again = 0
        self.by_consumer: dict[str, int] = {}
        self._handed_on = 0
        self._columns = tuple(array("q") for _ in range(4))
        self._listener: Listener | None = None

    @property
    def messages(self) -> int:
        """Messages that were processed with success at least once."""
        return self._handed_on + len(self._columns[0])

    @property
    def copies(self) -> int:
        """Copies that were processed with success at least once."""
        return self.messages + self.other_copies

    def flush(self) -> None:
        """Hand what has come together to the readers."""
        columns = [np.array(column, dtype=np.int64) for column in self._columns]
        for column in self._columns:
            del column[:]
        self._handed_on += columns[0].size
        for reader in self.firsts_readers:
            reader(*columns)

    def listener(self) -> Listener:
        """Return what to call with `(now, delivery)` when a delivery is completed."""
        if self._listener is None:
            self._listener = self._make_listener()
        return self._listener

    def _make_listener(self) -> Listener:
        judge, flush, repeated, late = self.judge, self.flush, self._repeated, self._late
        keep, groups, in_group = self.keep, self.groups, self._in_group
        born, arrived, received, ended = (column.append for column in self._columns)
        waiting = self._columns[0]
        place, wanted = -1, 0

        def completed(now: int, delivery: Delivery) -> None:
            nonlocal place, wanted
            copy = delivery.copy
            if copy.completions == 1:
                if copy.gone:
                    late(copy)
                if judge(now, delivery):
                    born(delivery.message.born_ns)
                    arrived(copy.arrived_ns)
                    received(delivery.received_ns)
                    ended(now)
                    place += 1
                    if place == wanted:
                        wanted = keep(place, now, delivery)
                    if groups:
                        in_group(now, delivery)
                    if len(waiting) == BATCH:
                        flush()
                    return
            repeated(now, delivery)

        return completed

    def _in_group(self, now: int, delivery: Delivery) -> None:
        message = delivery.message
        found = self.groups.get(message.key.name)
        if found is not None:
            found.add(now - message.born_ns)

    def counting_listener(self, consumer: str) -> Listener:
        """Return the same, counting the messages of one of several consumers."""
        inner, counts = self.listener(), self.by_consumer
        counts[consumer] = 0

        def completed(now: int, delivery: Delivery) -> None:
            before = self.messages
            inner(now, delivery)
            counts[consumer] += self.messages - before

        return completed

    def _repeated(self, now: int, delivery: Delivery) -> None:
        self.again += 1
        if delivery.copy.completions == 1:
            self.other_copies += 1
        for reader in self.again_readers:
            reader(now, delivery)

    def _late(self, copy: Copy) -> None:
        for reader in self.late_readers:
            reader(copy)


def _keep_nothing(place: int, now: int, delivery: Delivery) -> int:
    """Keep nothing, and never ask again."""
    return -1


def first_unless_resent() -> Judge:
    """Return a judge that knows no ranks: it remembers the messages that were sent repeatedly.

    It remembers 65,536 of them; should two copies of one message be completed further apart than
    that, both count as first.
    """
    seen: dict[int, None] = {}

    def judge(now: int, delivery: Delivery) -> bool:
        message = delivery.message
        if message.tries == 1:
            return True
        if message.number in seen:
            return False
        seen[message.number] = None
        if len(seen) > MOST_RESENT:
            del seen[next(iter(seen))]
        return True

    return judge


class Completions:
    """Observer: who has been served, by subscriber."""

    def __init__(self, system: System) -> None:
        self.streams = {name: Stream() for name in subscribers_of(system)}
        self._shared = {name for name in self.streams if len(consumers_of(system, name)) > 1}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to `completed` wherever it is announced for a subscriber."""
        stream = self.streams.get(component.judged)
        if signal.name != "completed" or stream is None:
            return None
        if component.judged in self._shared:
            return stream.counting_listener(component.name)
        return stream.listener()

    def tick(self, now: int) -> None:
        """Do nothing: batches are handed on when they are full."""

    def settle(self, now: int) -> None:
        """Hand on what has come together."""
        for stream in self.streams.values():
            stream.flush()

    def finish(self, now: int) -> None:
        """Hand on the rest."""
        self.settle(now)
