"""Completions: the one listener for `completed`, which others read in batches.

A *first* completion is the first time a message is processed with success at a subscriber. Each
completion is noted in a journal until some thousands have come together; then the observer of order
says which of them are firsts, and their times are handed to every reader at once. A second
processing of the same copy is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Delivery, Key, Message, redrive_of
from msgsim.observe import journal
from msgsim.observe.histogram import Durations
from msgsim.observe.journal import (
    DELIVERED_AGAIN,
    FILTERED,
    FULL,
    GONE,
    MOVED,
    REPEATED,
    REPLAYED,
    RESENT,
    SKIPPED,
    VISIT,
    KeyNumbers,
    Rows,
    pack,
)
from msgsim.observe.system import System, announces, consumers, subscribers_of

MOST_RESENT = 65_536

Judge = Callable[[Rows], NDArray[np.bool_]]
Times = NDArray[np.int64]
FirstsReader = Callable[[Times, Times, Times, Times], None]
OthersReader = Callable[[NDArray[np.int64]], None]
AgainReader = Callable[[int, Delivery], None]
LateReader = Callable[[Copy, bool], None]
Keep = Callable[[int, Rows, Sequence[Key]], None]
QueueReader = Callable[[Times, Times, Times], None]
ServerReader = Callable[[Times, Times], None]


class Stream:
    """The completions of one subscriber, and what the observer of order has to know between them.

    Attributes:
        judge: says which rows of the journal are first completions; the observer of order, which
            knows the ranks that are done, replaces it.
        firsts_readers: called with four columns: when messages were born, arrived, were received
            by the attempt that succeeded, and were done (ns).
        others_readers: called with the WHAT column of completions that were of another copy of a
            message done before.
        again_readers: called with every further completion of the same copy, at once.
        late_readers: called with copies that are done although they had been given up, and whether
            that was because a filter had kept them out.
        keep: called with a batch of first completions: the place of the first of them, their rows,
            and the keys by their numbers.
        keys: the numbers of keys in the journal.
        groups: end-to-end latency of the keys that somebody asked about, by name.
        by_consumer: messages done, per consumer, where several share the subscriber.
        queue_reader: called with three columns of visits: done, arrived (ns) and the attempt.
        server_readers: by consumer's number, called with two: done and received (ns).
        journal: what has not been worked off.
        enveloped: kinds of messages met here that are as published but for their envelope.
    """

    def __init__(self, subscriber: str = "") -> None:
        self._subscriber = subscriber
        self._reclaimed: dict[tuple[Key, int], None] = {}
        self._filtered: dict[Message, int] = {}
        self.judge: Judge = first_unless_resent()
        self.firsts_readers: list[FirstsReader] = []
        self.others_readers: list[OthersReader] = []
        self.again_readers: list[AgainReader] = []
        self.late_readers: list[LateReader] = []
        self.keep: Keep = _keep_nothing
        self.keys = KeyNumbers()
        self.groups: dict[str, Durations] = {}
        self.by_consumer: dict[str, int] = {}
        self.queue_reader: QueueReader | None = None
        self.server_readers: dict[int, ServerReader] = {}
        self.journal = bytearray()
        self.enveloped: set[type[Message]] = set()
        self._listeners: dict[int, Listener] = {}
        self._messages = 0
        self._other_copies = 0
        self._again = 0

    @property
    def messages(self) -> int:
        """Messages that were processed with success at least once."""
        self.flush()
        return self._messages

    @property
    def copies(self) -> int:
        """Copies that were processed with success at least once."""
        return self.messages + self._other_copies

    @property
    def again(self) -> int:
        """Completions that were not the first of their message."""
        self.flush()
        return self._again + self._other_copies

    # Noting --------------------------------------------------------------------------------

    def listener(self, consumer: int = 0) -> Listener:
        """Return what to call with `(now, delivery)` when a consumer has completed a delivery."""
        if consumer not in self._listeners:
            self._listeners[consumer] = self._listener(consumer)
        return self._listeners[consumer]

    def _listener(self, consumer: int) -> Listener:
        notes, flush, repeated, late = self.journal, self.flush, self._repeated, self._late
        unusual, enveloped = self.unusual, self.enveloped
        write, keys = notes.extend, self.keys

        def completed(now: int, delivery: Delivery) -> None:
            copy = delivery.copy
            if copy.completions != 1:
                repeated(now, delivery)
                return
            message = delivery.message
            kind = message.__class__
            if kind is Message:
                what = 0 if message.tries == 1 else RESENT
            elif kind in enveloped:
                what = 0 if message.published.tries == 1 else RESENT  # type: ignore[attr-defined]
            else:
                what = unusual(message)
            if copy.fate and copy.gone:
                what |= late(copy)
            born, rank, number = message.born_ns, message.rank, message.number
            key, received = keys[message.key], delivery.received_ns
            write(pack(now, born, copy.arrived_ns, received, rank, number, key, what, consumer))
            if len(notes) >= FULL:
                flush()

        return completed

    def count(self, consumer: str) -> int:
        """Return the number of one of several consumers, whose messages are counted apart."""
        self.by_consumer.setdefault(consumer, 0)
        return list(self.by_consumer).index(consumer)

    def note_end(self, what: int, now: int, message: Message, arrived_ns: int) -> None:
        """Note, for the observer of order, that a message was SKIPPED or GIVEN_UP."""
        rank, number, key = message.rank, message.number, self.keys[message.key]
        self.journal += pack(now, message.born_ns, arrived_ns, -1, rank, number, key, what, 0)
        if len(self.journal) >= FULL:
            self.flush()

    def _repeated(self, now: int, delivery: Delivery) -> None:
        self._again += 1
        for reader in self.again_readers:
            reader(now, delivery)

    def keep_out(self, now: int, message: Message) -> None:
        """Remember what the filter of one of several consumers kept out: another may have it.

        A worker whose visibility timeout is over may still be busy with it. 65,536 are remembered.
        """
        kept_out = self._filtered
        kept_out[message] = kept_out.get(message, 0) + 1
        if len(kept_out) > MOST_RESENT:
            del kept_out[next(iter(kept_out))]

    def _late(self, copy: Copy) -> int:
        times = self._filtered.pop(copy.message, 0)
        if times > 1:
            self._filtered[copy.message] = times - 1
        for reader in self.late_readers:
            reader(copy, times > 0)
        back = self._reclaim(copy.message)
        return FILTERED if back and times else back

    def unusual(self, message: Message) -> int:
        """Return why a message that is not as it was published may have another copy."""
        if is_only_enveloped(message.__class__):
            self.enveloped.add(message.__class__)
        redrive = redrive_of(message)
        if redrive is None:
            return repeated_because(message)
        given_up = self._subscriber in redrive.given_up_by
        return MOVED | (self._reclaim(message) if given_up else 0)

    def _reclaim(self, message: Message) -> int:
        """Return GONE for a message that had been given up and is done now, the first time.

        A slow consumer may complete what was given up, and so may whoever gets it after a message
        move task brought it back; only one of them closes the gap. 65,536 of them are remembered.
        """
        reclaimed, work = self._reclaimed, (message.key, message.rank)
        if work in reclaimed:
            return 0
        reclaimed[work] = None
        if len(reclaimed) > MOST_RESENT:
            del reclaimed[next(iter(reclaimed))]
        return GONE

    # Working off ---------------------------------------------------------------------------

    def flush(self) -> None:
        """Work the journal off: hand first completions to the readers."""
        if not self.journal:
            return
        rows = journal.unpacked(self.journal)
        if self.queue_reader is not None:
            self._hand_visits_on(rows)
        first = self.judge(rows)
        what = rows[:, journal.WHAT]
        others = what[(what < SKIPPED) & ~first]
        if len(others):
            self._other_copies += len(others)
            for tell in self.others_readers:
                tell(others)
        firsts = rows[first]
        if len(firsts):
            self._hand_on(firsts)

    def _hand_visits_on(self, rows: Rows) -> None:
        attempt, consumer = rows[:, journal.CONSUMER] // VISIT, rows[:, journal.CONSUMER] % VISIT
        is_visit = attempt > 0
        visits = rows[is_visit]
        if not len(visits):
            return
        assert self.queue_reader is not None
        done, arrived, received = (
            visits[:, column] for column in (journal.DONE, journal.ARRIVED, journal.RECEIVED)
        )
        self.queue_reader(done, arrived, attempt[is_visit])
        whose = consumer[is_visit]
        for number, reader in self.server_readers.items():
            own = whose == number
            reader(done[own], received[own])

    def _hand_on(self, firsts: Rows) -> None:
        done, born, arrived, received = (firsts[:, column].copy() for column in range(4))
        for reader in self.firsts_readers:
            reader(born, arrived, received, done)
        if self.groups:
            self._group(firsts[:, journal.KEY], done - born)
        if self.by_consumer:
            consumers = firsts[:, journal.CONSUMER] % VISIT
            counts = np.bincount(consumers, minlength=len(self.by_consumer))
            for consumer, count in zip(self.by_consumer, counts.tolist(), strict=True):
                self.by_consumer[consumer] += count
        self.keep(self._messages, firsts, self.keys.seen)
        self._messages += len(firsts)

    def _group(self, keys: NDArray[np.int64], latencies: Times) -> None:
        names = [key.name for key in self.keys.seen]
        for name, durations in self.groups.items():
            numbers = [number for number, known in enumerate(names) if known == name]
            durations.extend(latencies[np.isin(keys, numbers)])


def is_only_enveloped(kind: type[Message]) -> bool:
    """Say whether messages of a kind are as published but for what surrounds them.

    Such a kind says so itself (`sent_again` is None); one derived from it may be something else.
    """
    return "published" in vars(kind) and getattr(kind, "sent_again", "") is None


def repeated_because(message: Message) -> int:
    """Return why there may be another copy of a message that a topic has delivered, or 0."""
    told = getattr(message, "sent_again", None)
    if told is not None:
        return REPLAYED if told == "replay" else DELIVERED_AGAIN
    published = getattr(message, "published", message)
    return RESENT if published.tries > 1 else 0


def _keep_nothing(place: int, firsts: Rows, keys: Sequence[Key]) -> None:
    """Keep no sample."""


def first_unless_resent() -> Judge:
    """Return a judge that knows no ranks: it remembers the messages that were sent repeatedly.

    It remembers 65,536 of them; should two copies of one message be completed further apart than
    that, both count as first.
    """
    seen: dict[int, None] = {}

    def judge(rows: Rows) -> NDArray[np.bool_]:
        first = np.ones(len(rows), dtype=np.bool_)
        for place in np.flatnonzero(rows[:, journal.WHAT] & REPEATED).tolist():
            number = int(rows[place, journal.NUMBER])
            first[place] = number not in seen
            seen[number] = None
            if len(seen) > MOST_RESENT:
                del seen[next(iter(seen))]
        return first

    return judge


class Completions:
    """Observer: who has been served, by subscriber."""

    def __init__(self, system: System) -> None:
        self.streams = {name: Stream(name) for name in subscribers_of(system)}
        self._shared = {name for name, each in consumers(system).items() if len(each) > 1}

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to `completed` of subscribers, and to filters where several consumers share it."""
        stream = self.streams.get(component.judged)
        if stream is None:
            return None
        if signal.name == "filtered" and component.judged in self._shared:
            return stream.keep_out if announces(component, "completed") else None
        if signal.name != "completed":
            return None
        return stream.listener(self.consumer_number(component))

    def consumer_number(self, component: Component) -> int:
        """Return the number of a consumer in its stream: 0 unless several share the subscriber."""
        if component.judged not in self._shared:
            return 0
        return self.streams[component.judged].count(component.name)

    def tick(self, now: int) -> None:
        """Do nothing: batches are handed on when they are full."""

    def settle(self, now: int) -> None:
        """Hand on what has come together."""
        for stream in self.streams.values():
            stream.flush()

    def finish(self, now: int) -> None:
        """Hand on the rest."""
        self.settle(now)
