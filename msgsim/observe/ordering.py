"""Order: in which order the messages of each key are received and done, per subscriber.

*Inversions*: pairs of messages of one key whose first successful completions (or first receives)
are in the opposite order to their publication. *Reordered*, *extent*: RFC 4737 (see `disorder`).
*Gaps*: messages of a key skipped for good: dead-lettered, expired, purged, dropped or discarded
without having been done. Messages that were filtered, deduplicated or refused to the publisher were
never meant for the subscriber's sequence and are no gaps. *Max stall*: the longest time between
successive completions of a key (from its arrival, for the first) while at least one of its messages
was waiting; a stall that lasts to the end of the run counts as far as it got.

A copy that is completed although it had already been given up (by a slow consumer, or after a
message move task brought it back) closes its gap; no inversions are counted for it.
"""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Delivery, Key, Message
from msgsim.observe.bulk import WORTH_IT
from msgsim.observe.completions import Completions, Stream
from msgsim.observe.disorder import SEEN_BEFORE
from msgsim.observe.entries import Entries
from msgsim.observe.gauges import NS_PER_S
from msgsim.observe.histogram import Durations
from msgsim.observe.journal import (
    ARRIVED,
    DONE,
    FILTERED,
    GIVEN_UP,
    GONE,
    KEY,
    RANK,
    SKIPPED,
    WHAT,
    Rows,
    by_key,
)
from msgsim.observe.measure import Measure, counter, distribution, number
from msgsim.observe.queue_watch import RECEIVES
from msgsim.observe.queues import Queues
from msgsim.observe.ranks import Ranks
from msgsim.observe.sampling import OrderSample
from msgsim.observe.system import System, holding
from msgsim.observe.tracks import Track


class SubscriberOrder:
    """Order at one subscriber.

    Attributes:
        tracks: by key, how its completions go.
        extents: extents of reordered completions (RFC 4737), in messages.
        keys, ranks: of first receives that have not been worked off.
        sample: completions for the picture of send rank against completion rank.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.tracks: dict[Key, Track] = {}
        self._receives = Ranks()
        self.keys = array("q")
        self.ranks = array("q")
        self.extents = Durations()
        self.sample = OrderSample()
        self._by_name: dict[str, list[Track]] = {}

    def judge(self, rows: Rows) -> NDArray[np.bool_]:
        """Follow the journal, and say which of its rows are first completions of a message."""
        extents = np.full(len(rows), SEEN_BEFORE, dtype=np.int64)
        keys = self.stream.keys.seen
        for key, where in by_key(rows[:, KEY]):
            extents[where] = _follow(self.track(keys[key]), rows[where])
        self.extents.extend(extents[extents > 0])
        return extents >= 0

    def track(self, key: Key) -> Track:
        """Return what is known of a key."""
        track = self.tracks.get(key)
        if track is None:
            track = self.tracks[key] = Track()
            self._by_name.setdefault(key.name, []).append(track)
        return track

    def taken(self) -> Listener:
        """Return what notes the first receives of a batch of deliveries."""
        keys, ranks = self.stream.keys, self.ranks
        note_key, note_rank = self.keys.append, ranks.append

        def received(now: int, deliveries: list[Delivery]) -> None:
            for delivery in deliveries:
                if delivery.attempt == 1:
                    message = delivery.message
                    note_key(keys[message.key])
                    note_rank(message.rank)
            if len(ranks) >= RECEIVES:
                self.follow()

        return received

    def follow(self) -> None:
        """Work off what was received, and what is not going to be."""
        ranks = np.array(self.ranks, dtype=np.int64)
        numbers = np.array(self.keys, dtype=np.int64)
        del self.ranks[:], self.keys[:]
        keys = self.stream.keys.seen
        for key, where in by_key(numbers):
            self._receives.follow(keys[key], ranks[where])

    @property
    def receives(self) -> Ranks:
        """The ranks of first receives, up to date."""
        self.follow()
        return self._receives

    def _skip_receive(self, message: Message) -> None:
        self.keys.append(self.stream.keys[message.key])
        self.ranks.append(~message.rank)  # a skip is a negative number
        if len(self.ranks) >= RECEIVES:
            self.follow()

    def skip(self, now: int, message: Message) -> None:
        """Take note that a message was never meant to be done here."""
        self.stream.note_end(SKIPPED, now, message, now)
        self._skip_receive(message)

    def give_up(self, now: int, copy: Copy) -> None:
        """Take note that a copy ended without having been done."""
        if copy.completions == 0 and not copy.ghost:
            self.stream.note_end(GIVEN_UP, now, copy.message, copy.arrived_ns)
        self._skip_receive(copy.message)

    def of(self, group: str | None) -> list[Track]:
        """Return the tracks of a group by its name, or all."""
        self.stream.flush()
        if group is None:
            return list(self.tracks.values())
        return self._by_name.get(group, [])

    def receive_inversions(self, group: str | None = None) -> int:
        """Return inversions at first receive, of one group or all."""
        return sum(
            disorder.inversions
            for key, disorder in self.receives.troubled.items()
            if group is None or key.name == group
        )

    @property
    def inversions(self) -> int:
        """Inversions at first completion, of all keys."""
        return sum(track.inversions for track in self.of(None))

    @property
    def reordered(self) -> int:
        """Messages done after a later one of their key."""
        return sum(track.reordered for track in self.of(None))

    @property
    def gaps(self) -> int:
        """Messages given up for good."""
        return sum(track.gaps for track in self.of(None))


class Ordering:
    """Observer: order at every subscriber of a route."""

    def __init__(
        self, system: System, completions: Completions, entries: Entries, queues: Queues
    ) -> None:
        self._system = system
        self._queues = queues
        self.subscribers: dict[str, SubscriberOrder] = {}
        self._via: dict[str, list[SubscriberOrder]] = {}
        self._behind: dict[tuple[str, str], list[SubscriberOrder]] = {}
        for route in system.routes:
            stream = completions.streams.get(route.subscriber)
            if stream is None:
                continue
            order = self.subscribers.get(route.subscriber)
            if order is None:
                order = self.subscribers[route.subscriber] = SubscriberOrder(stream)
                stream.judge = order.judge
                stream.keep = order.sample.keep
                if route.subscriber in queues.watches:
                    queues.watches[route.subscriber].order = order
            if route.via is not None:
                self._via.setdefault(route.via, []).append(order)
            for workload in route.workloads:
                self._behind.setdefault((route.entry, workload), []).append(order)
        entries.on_duplicate.append(self._duplicate)

    def _duplicate(self, entry: str, now: int, message: Message) -> None:
        for order in self._behind.get((entry, message.key.workload), ()):
            order.skip(now, message)

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to first receives, and to every way in which a message may end."""
        name = signal.name
        if component.kind == "workload":
            return self._of_workload(component.name) if name == "refused" else None
        if component.name in self._via:
            return self._of_subscription(self._via[component.name], name)
        order = self.subscribers.get(component.judged)
        if order is None:
            return None
        if name in {"received", "taken"}:
            return None if component.name in self._queues.watches else order.taken()
        if name == "filtered":
            return _skipper([order])
        if name == "deduplicated":
            return self._of_duplicates(component.name, order)
        if name in {"dead_lettered", "expired", "purged", "moved_out"}:
            return order.give_up
        if name in {"dropped", "error_output"}:
            return lambda now, copy, reason: order.give_up(now, copy)
        return None

    def _of_duplicates(self, queue: str, order: SubscriberOrder) -> Listener:
        """Skip what a topic brought and the queue did not keep; direct sends: see `entries`."""

        def deduplicated(now: int, message: Message) -> None:
            if message.tries == 1 and (queue, message.key.workload) not in self._behind:
                order.skip(now, message)

        return deduplicated

    def _of_workload(self, workload: str) -> Listener:
        behind = [
            order
            for (_, name), found in self._behind.items()
            if name == workload
            for order in found
        ]
        skip = _skipper(behind)
        return lambda now, message, code: skip(now, message)

    def _of_subscription(self, orders: list[SubscriberOrder], signal: str) -> Listener | None:
        if signal == "filtered":
            return _skipper(orders)

        def discarded(now: int, message: Message, code: str) -> None:
            for order in orders:
                order.give_up(now, Copy(message, now))

        def dead_lettered(now: int, copy: Copy) -> None:
            for order in orders:
                order.give_up(now, copy)

        heard: dict[str, Listener] = {"discarded": discarded, "dead_lettered": dead_lettered}
        return heard.get(signal)

    def tick(self, now: int) -> None:
        """Work off what has become long."""
        for order in self.subscribers.values():
            order.extents.tick()

    def finish(self, now: int) -> None:
        """End the run: stalls that go on count as far as they got."""
        for name, order in self.subscribers.items():
            order.stream.flush()
            waiting: dict[Key, int] = {}
            for _, message, copy in holding(self._system.components[name]):
                if copy is not None and copy.completions == 0:
                    arrived = waiting.get(message.key, copy.arrived_ns)
                    waiting[message.key] = min(arrived, copy.arrived_ns)
            for key, arrived in waiting.items():
                order.track(key).note_stall(now, arrived)

    def measures(self, subscriber: str, group: str | None = None) -> dict[str, Measure]:
        """Return the metrics of a subscriber, or of one group (key) there."""
        order = self.subscribers.get(subscriber)
        if order is None:
            return {}

        def stall() -> int | None:
            return max((track.stall_ns for track in order.of(group)), default=None)

        def known() -> bool:
            return any(track.last_ns >= 0 for track in order.of(group))

        found = {
            "order_inversions": counter(
                lambda: sum(track.inversions for track in order.of(group)), known=known
            ),
            "receive_inversions": counter(lambda: order.receive_inversions(group), known=known),
            "reordered": counter(lambda: sum(track.reordered for track in order.of(group))),
            "gaps": counter(
                lambda: sum(track.gaps for track in order.of(group)),
                known=lambda: bool(order.of(group)),
            ),
            "max_stall": number(stall, "time"),
        }
        if group is None:
            found["reordered"] = counter(lambda: order.reordered, lambda: order.stream.messages)
            found["reordering_extent"] = distribution("number", lambda: order.extents)
            found["keys"] = counter(lambda: len(order.tracks))
        return found

    def to_json(self) -> dict[str, Any]:
        """Return order by subscriber, as plain data."""
        return {name: _to_json(order) for name, order in self.subscribers.items()}


def _follow(track: Track, rows: Rows) -> Any:
    """Let a track take in the rows of its key; return extents, -1 for what was no first one."""
    ranks, done, arrived, what = (rows[:, column] for column in (RANK, DONE, ARRIVED, WHAT))
    if len(rows) >= WORTH_IT and not (what >= GONE).any():
        found = track.complete_all(ranks, done, arrived)
        if found is not None:
            return found
    columns = (column.tolist() for column in (ranks, done, arrived, what))
    return [_follow_one(track, *row) for row in zip(*columns, strict=True)]


def _follow_one(track: Track, rank: int, done: int, arrived: int, what: int) -> int:
    if what < SKIPPED:
        if what & FILTERED:
            return track.complete_after_all(done)
        return track.complete(done, rank, arrived, bool(what & GONE))
    if what == SKIPPED:
        track.skip(rank)
    else:
        track.give_up(done, rank, arrived)
    return SEEN_BEFORE


def _skipper(orders: list[SubscriberOrder]) -> Listener:
    def skip(now: int, message: Message) -> None:
        for order in orders:
            order.skip(now, message)

    return skip


def _to_json(order: SubscriberOrder) -> dict[str, Any]:
    stall = max((track.stall_ns for track in order.tracks.values()), default=None)
    messages = order.stream.messages
    return {
        "keys": len(order.tracks),
        "order_inversions": order.inversions,
        "receive_inversions": order.receive_inversions(),
        "reordered": order.reordered,
        "reordered_share": order.reordered / messages if messages else None,
        "reordering_extent": order.extents.to_json(unit="", scale=1),
        "gaps": order.gaps,
        "max_stall_s": None if stall is None else stall / NS_PER_S,
    }
