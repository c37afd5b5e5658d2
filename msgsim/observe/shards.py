"""Shards: load, refusals and idleness of a stream's shards, and iterator age of its consumers.

A stream that is watched tells how many shards it has ever had through `shard_count` (or the length
of `shards`), and how many are open; a shard is named in facts by its index, which it keeps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Message
from msgsim.observe.gauges import NS_PER_S, nice_width_ns
from msgsim.observe.histogram import Durations
from msgsim.observe.measure import Measure, counter, distribution, number
from msgsim.observe.system import System, announces

MOST_BUCKETS = 120


class StreamWatch:
    """What is known of one stream.

    Attributes:
        stored, refused: records per shard.
        reads_throttled: refused reads per shard.
        width_ns: width of the buckets of the two courses.
        stored_course, refused_course: records per (shard, bucket of time).
        reshards: when shards were replaced, and by which.
    """

    def __init__(self, stream: Component, duration_ns: int) -> None:
        self.stream = stream
        self.width_ns = nice_width_ns(max(1, duration_ns), MOST_BUCKETS)
        self.stored: Counter[Hashable] = Counter()
        self.refused: Counter[Hashable] = Counter()
        self.reads_throttled: Counter[Hashable] = Counter()
        self.stored_course: Counter[tuple[Hashable, int]] = Counter()
        self.refused_course: Counter[tuple[Hashable, int]] = Counter()
        self.reshards: list[tuple[int, tuple[Hashable, ...], tuple[Hashable, ...]]] = []
        self._stored_notes: list[tuple[Hashable, int]] = []
        self._refused_notes: list[tuple[Hashable, int]] = []

    def listeners(self) -> dict[str, Listener]:
        """Return what to call, by signal."""
        return {
            "stored": self._noting(self._stored_notes),
            "shard_throttled": self._noting(self._refused_notes),
            "read_throttled": self._read_throttled,
            "resharded": self._resharded,
        }

    def _noting(self, notes: list[tuple[Hashable, int]]) -> Listener:
        note, width, work_off = notes.append, self.width_ns, self.work_off

        def noted(now: int, shard: Hashable, message: Message) -> None:
            note((shard, now // width))
            if len(notes) > 16_384:
                work_off()

        return noted

    def _read_throttled(self, now: int, shard: Hashable) -> None:
        self.reads_throttled[shard] += 1

    def _resharded(
        self, now: int, parents: tuple[Hashable, ...], children: tuple[Hashable, ...]
    ) -> None:
        self.reshards.append((now, parents, children))

    def work_off(self) -> None:
        """Count the notes."""
        for notes, counts, course in (
            (self._stored_notes, self.stored, self.stored_course),
            (self._refused_notes, self.refused, self.refused_course),
        ):
            course.update(notes)
            counts.update(shard for shard, _ in notes)
            notes.clear()

    @property
    def shard_count(self) -> int:
        """How many shards the stream has, by its own account, else those that were seen."""
        told = getattr(self.stream, "shard_count", None)
        if told is None:
            shards = getattr(self.stream, "shards", None)
            told = len(shards) if shards is not None else len({*self.stored, *self.refused})
        return int(told)

    @property
    def open_count(self) -> int:
        """How many shards take records, by the stream's own account; without one, all of them."""
        return int(getattr(self.stream, "open_count", self.shard_count))

    @property
    def idle(self) -> int:
        """Shards that nobody ever wrote to."""
        self.work_off()
        return self.shard_count - len({*self.stored, *self.refused})

    def total(self, counts: Counter[Hashable], shard: int | None = None) -> int:
        """Return the count of one shard, or of all."""
        self.work_off()
        return counts.total() if shard is None else counts[shard]

    def to_json(self) -> dict[str, Any]:
        """Return loads per shard and their courses as plain data."""
        self.work_off()
        shards = sorted({*self.stored, *self.refused}, key=_in_order)
        buckets = 1 + max(
            (bucket for _, bucket in (*self.stored_course, *self.refused_course)), default=-1
        )
        return {
            "shards": self.shard_count,
            "open": self.open_count,
            "reshards": [
                {"at_s": at / NS_PER_S, "parents": list(parents), "children": list(children)}
                for at, parents, children in self.reshards
            ],
            "idle": self.idle,
            "bucket_s": self.width_ns / NS_PER_S,
            "by_shard": {
                str(shard): {
                    "stored": self.stored[shard],
                    "throttled": self.refused[shard],
                    "reads_throttled": self.reads_throttled[shard],
                    "stored_course": [self.stored_course[shard, b] for b in range(buckets)],
                    "throttled_course": [self.refused_course[shard, b] for b in range(buckets)],
                }
                for shard in shards
            },
        }


def _in_order(shard: Hashable) -> tuple[int, str]:
    return (shard, "") if isinstance(shard, int) else (1 << 62, str(shard))


class IteratorAges:
    """Ages of the last record of each batch of one consumer, in all and per shard."""

    def __init__(self) -> None:
        self.all = Durations()
        self.by_shard: dict[Hashable, Durations] = {}
        self.last: dict[Hashable, int] = {}

    def announced(self, now: int, shard: Hashable, age_ns: int) -> None:
        """Take note of an age."""
        self.all.add(age_ns)
        ages = self.by_shard.get(shard)
        if ages is None:
            ages = self.by_shard[shard] = Durations()
        ages.add(age_ns)
        self.last[shard] = age_ns

    def of(self, shard: int | None) -> Durations:
        """Return the ages of one shard, or all."""
        return self.all if shard is None else self.by_shard.get(shard, Durations())

    def end(self, shard: int | None) -> int | None:
        """Return the age announced last, by one shard, or the largest of all shards."""
        if shard is None:
            return max(self.last.values(), default=None)
        return self.last.get(shard)


class Shards:
    """Observer: streams, and how far behind their consumers are."""

    def __init__(self, system: System) -> None:
        components = system.components.values()
        self.streams = {
            component.name: StreamWatch(component, system.duration_ns)
            for component in components
            if announces(component, "stored")
        }
        self.ages = {
            component.name: IteratorAges()
            for component in components
            if announces(component, "iterator_age")
        }

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to what shards take and refuse, and to iterator ages."""
        if signal.name == "iterator_age":
            ages = self.ages.get(component.name)
            return ages.announced if ages is not None else None
        watch = self.streams.get(component.name)
        return watch.listeners().get(signal.name) if watch is not None else None

    def tick(self, now: int) -> None:
        """Work off what has become long."""
        for ages in self.ages.values():
            for durations in (ages.all, *ages.by_shard.values()):
                durations.tick()

    def settle(self, now: int) -> None:
        """Count the notes of every stream."""
        for watch in self.streams.values():
            watch.work_off()

    def finish(self, now: int) -> None:
        """Work off the rest."""
        self.settle(now)

    def measures(self, target: str, shard: int | None = None) -> dict[str, Measure]:
        """Return the metrics of a stream or of a stream's consumer, in all or for one shard."""
        found: dict[str, Measure] = {}
        watch = self.streams.get(target)
        if watch is not None:
            found |= _stream_measures(watch, shard)
        ages = self.ages.get(target)
        if ages is not None:
            age = distribution("time", lambda: ages.of(shard), lambda: ages.end(shard))
            found |= {"iterator_age": age, "IteratorAge": age}
        return found

    def to_json(self) -> dict[str, Any]:
        """Return streams and iterator ages as plain data."""
        return {
            "streams": {name: watch.to_json() for name, watch in self.streams.items()},
            "iterator_age": {
                name: {
                    "all": ages.all.to_json(),
                    "by_shard": {
                        str(shard): {
                            **durations.to_json(),
                            "end_s": ages.last[shard] / NS_PER_S,
                        }
                        for shard, durations in sorted(
                            ages.by_shard.items(), key=lambda item: _in_order(item[0])
                        )
                    },
                }
                for name, ages in self.ages.items()
            },
        }


def _stream_measures(watch: StreamWatch, shard: int | None) -> dict[str, Measure]:
    def offered() -> int:
        return watch.total(watch.stored, shard) + watch.total(watch.refused, shard)

    throttled = counter(lambda: watch.total(watch.refused, shard), offered)
    found = {
        "stored": counter(lambda: watch.total(watch.stored, shard)),
        "throttled": throttled,
        "PutRecord.throttled": throttled,
        "PutRecords.throttled": throttled,
        "WriteProvisionedThroughputExceeded": throttled,
        "IncomingRecords": counter(lambda: watch.total(watch.stored, shard)),
        "reads_throttled": counter(lambda: watch.total(watch.reads_throttled, shard)),
        "ReadProvisionedThroughputExceeded": counter(
            lambda: watch.total(watch.reads_throttled, shard)
        ),
    }
    if shard is None:
        found["shard.idle"] = number(lambda: watch.idle)
        found["shards"] = number(lambda: watch.shard_count)
        found["shards.open"] = number(lambda: watch.open_count)
    return found
