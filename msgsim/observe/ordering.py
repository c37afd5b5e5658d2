"""Order: in which order the messages of each key are received and done, per subscriber.

*Inversions*: pairs of messages of one key whose first successful completions (or first receives)
are in the opposite order to their publication. *Reordered*, *extent*: RFC 4737 (see `disorder`).
*Gaps*: messages of a key skipped for good: dead-lettered, expired, dropped or discarded without
having been done. Messages that were filtered, deduplicated or refused to the publisher were never
meant for the subscriber's sequence and are no gaps. *Max stall*: the longest time between
successive completions of a key (from its arrival, for the first) while at least one of its messages
was waiting; a stall that lasts to the end of the run counts as far as it got.

A copy that is completed although it had already been given up closes its gap; no inversions are
counted for it.
"""

from __future__ import annotations

from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Delivery, Key, Message
from msgsim.observe.completions import Completions, Judge, Stream
from msgsim.observe.disorder import SEEN_BEFORE
from msgsim.observe.entries import Entries
from msgsim.observe.gauges import NS_PER_S
from msgsim.observe.histogram import Durations
from msgsim.observe.measure import Measure, counter, distribution, number
from msgsim.observe.ranks import Ranks
from msgsim.observe.sampling import OrderSample
from msgsim.observe.system import System, holding
from msgsim.observe.tracks import Track


class SubscriberOrder:
    """Order at one subscriber.

    Attributes:
        tracks: by key, how its completions go.
        receives: the ranks of first receives.
        extents: extents of reordered completions (RFC 4737), in messages.
        sample: completions for the picture of send rank against completion rank.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.tracks: dict[Key, Track] = {}
        self.receives = Ranks()
        self.extents = Durations()
        self.sample = OrderSample()
        self._by_name: dict[str, list[Track]] = {}

    def judge(self) -> Judge:
        """Return what decides whether a completion is its message's first here."""
        tracks, slow = self.tracks, self._complete_slowly

        def first(now: int, delivery: Delivery) -> bool:
            message = delivery.message
            track = tracks.get(message.key)
            if track is None or message.rank != track.next:
                return slow(now, delivery, track)
            track.next += 1
            last = track.last_ns
            if now - last > track.stall_ns:
                arrived = delivery.copy.arrived_ns
                gap = now - (arrived if arrived > last else last)
                if gap > track.stall_ns:
                    track.stall_ns = gap
            track.last_ns = now
            return True

        return first

    def _complete_slowly(self, now: int, delivery: Delivery, track: Track | None) -> bool:
        message = delivery.message
        if track is None:
            track = self.track(message.key)
        copy = delivery.copy
        extent = track.complete(now, message.rank, copy.arrived_ns, copy.gone)
        if extent > 0:
            self.extents.add(extent)
        return extent != SEEN_BEFORE

    def track(self, key: Key) -> Track:
        """Return what is known of a key."""
        track = self.tracks.get(key)
        if track is None:
            track = self.tracks[key] = Track()
            self._by_name.setdefault(key.name, []).append(track)
        return track

    def taken(self) -> Listener:
        """Return what notes the first receives of a batch of deliveries."""
        in_turn, troubled = self.receives.in_turn, self.receives.arrive

        def received(now: int, deliveries: list[Delivery]) -> None:
            for delivery in deliveries:
                if delivery.attempt == 1:
                    message = delivery.message
                    key = message.key
                    rank = message.rank
                    if in_turn.get(key) == rank:
                        in_turn[key] = rank + 1
                    else:
                        troubled(key, rank)

        return received

    def skip(self, message: Message) -> None:
        """Take note that a message was never meant to be done here."""
        self.track(message.key).skip(message.rank)
        self.receives.skip(message.key, message.rank)

    def give_up(self, now: int, copy: Copy) -> None:
        """Take note that a copy ended without having been done."""
        message = copy.message
        if copy.completions == 0 and not copy.ghost:
            self.track(message.key).give_up(now, message.rank, copy.arrived_ns)
        self.receives.skip(message.key, message.rank)

    def of(self, group: str | None) -> list[Track]:
        """Return the tracks of a group by its name, or all."""
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
        return sum(track.inversions for track in self.tracks.values())

    @property
    def reordered(self) -> int:
        """Messages done after a later one of their key."""
        return sum(track.reordered for track in self.tracks.values())

    @property
    def gaps(self) -> int:
        """Messages given up for good."""
        return sum(track.gaps for track in self.tracks.values())


class Ordering:
    """Observer: order at every subscriber of a route."""

    def __init__(self, system: System, completions: Completions, entries: Entries) -> None:
        self._system = system
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
                stream.judge = order.judge()
                stream.keep = order.sample.keep
            if route.via is not None:
                self._via.setdefault(route.via, []).append(order)
            for workload in route.workloads:
                self._behind.setdefault((route.entry, workload), []).append(order)
        entries.on_duplicate.append(self._duplicate)

    def _duplicate(self, entry: str, now: int, message: Message) -> None:
        for order in self._behind.get((entry, message.key.workload), ()):
            order.skip(message)

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
            return order.taken()
        if name == "filtered":
            return _skipper([order])
        if name == "deduplicated":
            return self._of_duplicates(component.name, order)
        if name in {"dead_lettered", "expired"}:
            return order.give_up
        if name == "dropped":
            return lambda now, copy, reason: order.give_up(now, copy)
        return None

    def _of_duplicates(self, queue: str, order: SubscriberOrder) -> Listener:
        """Skip what a topic brought and the queue did not keep; direct sends: see `entries`."""

        def deduplicated(now: int, message: Message) -> None:
            if message.tries == 1 and (queue, message.key.workload) not in self._behind:
                order.skip(message)

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


def _skipper(orders: list[SubscriberOrder]) -> Listener:
    def skip(now: int, message: Message) -> None:
        for order in orders:
            order.skip(message)

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
        "sample": order.sample.to_json(),
    }
