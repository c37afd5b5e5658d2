"""Completions: the one listener for `completed`, which others read in batches.

A *first* completion is the first time a message is processed with success at a subscriber. It is
kept until a few thousand have come together and then handed to every reader at once; anything else
(a second processing of the same copy, another copy of the same message) is told at once.
"""

from __future__ import annotations

from collections.abc import Callable

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Delivery
from msgsim.observe.system import System, consumers_of, subscribers_of

BATCH = 2_048
MOST_RESENT = 65_536

Judge = Callable[[int, Delivery], bool]
FirstsReader = Callable[[list[int], list[Delivery]], None]
AgainReader = Callable[[int, Delivery], None]
LateReader = Callable[[Copy], None]


class Stream:
    """The completions of one subscriber.

    Attributes:
        judge: says whether the message of a copy's first completion is done for the first time
            here; the observer of order, which knows the ranks that are done, replaces it.
        messages: messages done so far.
        other_copies: copies done whose message had been done before by another copy.
        by_consumer: messages done, per consumer, where several share the subscriber.
    """

    def __init__(self) -> None:
        self.judge: Judge = first_unless_resent()
        self.firsts_readers: list[FirstsReader] = []
        self.again_readers: list[AgainReader] = []
        self.late_readers: list[LateReader] = []
        self.other_copies = 0
        self.again = 0
        self.by_consumer: dict[str, int] = {}
        self._handed_on = 0
        self._ends: list[int] = []
        self._firsts: list[Delivery] = []

    @property
    def messages(self) -> int:
        """Messages that were processed with success at least once."""
        return self._handed_on + len(self._ends)

    @property
    def copies(self) -> int:
        """Copies that were processed with success at least once."""
        return self.messages + self.other_copies

    def flush(self) -> None:
        """Hand what has come together to the readers."""
        ends, firsts = self._ends, self._firsts
        if not ends:
            return
        for reader in self.firsts_readers:
            reader(ends, firsts)
        self._handed_on += len(ends)
        ends.clear()
        firsts.clear()

    def listener(self) -> Listener:
        """Return what to call with `(now, delivery)` when a delivery is completed."""
        judge, flush, repeated, late = self.judge, self.flush, self._repeated, self._late
        ends, firsts = self._ends, self._firsts
        add_end, add_first = ends.append, firsts.append

        def completed(now: int, delivery: Delivery) -> None:
            copy = delivery.copy
            if copy.completions == 1:
                if copy.gone:
                    late(copy)
                if judge(now, delivery):
                    add_end(now)
                    add_first(delivery)
                    if len(ends) == BATCH:
                        flush()
                    return
            repeated(now, delivery)

        return completed

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
        """Hand on what has come together."""
        for stream in self.streams.values():
            stream.flush()

    def finish(self, now: int) -> None:
        """Hand on the rest."""
        self.tick(now)
