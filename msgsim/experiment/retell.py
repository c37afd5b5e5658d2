"""Retell: run a scenario once more to learn what happened to certain messages.

The same scenario, seed and version repeat a run exactly, and observers change nothing. So a run
does not keep what might be asked later; whoever asks runs it again with other observers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from msgsim.experiment.run import Run, drive, prepare
from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Observer, Signal
from msgsim.model.message import NUMBERS_PER_WORKLOAD, Message
from msgsim.observe.system import holding
from msgsim.observe.trace import Biographies, Choice, Interest, Recorder, Tracer, chosen
from msgsim.observe.trace.biographies import Step
from msgsim.observe.trace.listening import Note
from msgsim.scenario.schema import Scenario

SHOWN = 1_000


@dataclass(frozen=True)
class Told:
    """Which run is told about.

    Attributes:
        scenario: one design; of a scenario with variants, one of them.
        seed: None for the scenario's own.
        replication: index of the replication.
    """

    scenario: Scenario
    seed: int | None = None
    replication: int = 0

    def again(self, *observers: Observer) -> Run:
        """Run it with further observers, to the end."""
        run = prepare(
            self.scenario, seed=self.seed, replication=self.replication, observers=observers
        )
        drive(run)
        return run


def interesting(told: Told, most: int = 5) -> Interest:
    """Return which messages of a run are slow, often received, dead-lettered or duplicated."""
    interest = Interest(most)
    told.again(interest)
    return interest


def biographies(told: Told, choice: Choice) -> Biographies:
    """Return everything that happened to the chosen messages."""
    kept = Biographies()
    told.again(Tracer(kept, choice))
    return kept


class _Only:
    """Recorder: keeps what concerns one key or one shard, for another recorder."""

    def __init__(self, inner: Recorder, key: str | None, shard: tuple[str, int] | None) -> None:
        self._inner = inner
        self._key = key
        self._shard = shard
        self._numbers: set[int] = set()

    def note(self, component: Component, signal: Signal) -> Note | None:
        """Let through the facts about the key, or about messages that the shard has stored."""
        note = self._inner.note(component, signal)
        if note is None:
            return None
        key, shard, numbers = self._key, self._shard, self._numbers
        stores = shard is not None and component.name == shard[0] and "shard" in signal.carries
        kept = note

        def keep(now: int, message: Message, *more: Any) -> None:
            if stores and shard is not None and more[2] and more[2][0] == shard[1]:
                numbers.add(message.number)
            wanted = message.key.name == key if shard is None else message.number in numbers
            if wanted:
                kept(now, message, *more)

        return keep


def of_group(told: Told, key: str, most: int = SHOWN) -> Biographies:
    """Return what happened to the messages of one key (message group, partition key)."""
    kept = Biographies(most)
    told.again(Tracer(_Only(kept, key, None)))
    return kept


def of_shard(told: Told, stream: str, shard: int, most: int = SHOWN) -> Biographies:
    """Return what happened to the records of one shard, from when it stored them."""
    kept = Biographies(most)
    told.again(Tracer(_Only(kept, None, (stream, shard))))
    return kept


class _Labelled:
    """Recorder: keeps what concerns the message of one label, for another recorder."""

    def __init__(self, inner: Recorder, workload: str, place: int) -> None:
        self._inner = inner
        self._workload = workload
        self._place = place

    def note(self, component: Component, signal: Signal) -> Note | None:
        """Let through the facts about the message."""
        note, workload, place = self._inner.note(component, signal), self._workload, self._place
        if note is None:
            return None
        kept = note

        def keep(now: int, message: Message, *more: Any) -> None:
            if message.number % NUMBERS_PER_WORKLOAD == place and message.key.workload == workload:
                kept(now, message, *more)

        return keep


def of_message(told: Told, workload: str, place: int) -> Biographies:
    """Return what happened to the message that is called `workload#place`."""
    kept = Biographies()
    told.again(Tracer(_Labelled(kept, workload, place - 1)))
    return kept


class _Numbered:
    """Recorder: keeps what others keep, and what the messages of each number are called."""

    def __init__(self, inner: Recorder) -> None:
        self._inner = inner
        self.labels: dict[int, str] = {}

    def note(self, component: Component, signal: Signal) -> Note | None:
        """Let everything through."""
        note, labels = self._inner.note(component, signal), self.labels
        if note is None:
            return None
        kept = note

        def keep(now: int, message: Message, *more: Any) -> None:
            labels[message.number] = message.label
            kept(now, message, *more)

        return keep


def by_number(told: Told, numbers: Collection[int]) -> dict[int, list[Step]]:
    """Return what happened to each of the messages of these numbers."""
    kept = Biographies()
    named = _Numbered(kept)
    told.again(Tracer(named, chosen(numbers)))
    return {number: kept.of(label) for number, label in named.labels.items()}


class _Keys:
    """Observer: the keys of messages, and how many each workload published."""

    def __init__(self) -> None:
        self.keys: dict[str, None] = {}
        self.published: Counter[str] = Counter()

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to births."""
        if signal.name != "published":
            return None
        self.published[component.name] += 0
        keys, published = self.keys, self.published

        def born(now: int, message: Message) -> None:
            keys.setdefault(message.key.name)
            published[message.key.workload] += 1

        return born


def published(told: Told) -> tuple[list[str], dict[str, int]]:
    """Return the keys that a run's messages had, and how many messages each workload published."""
    seen = _Keys()
    told.again(seen)
    return list(seen.keys), dict(seen.published)


@dataclass(frozen=True)
class Moment:
    """A moment of a run.

    Attributes:
        at_ns: when.
        held: component → state → how many messages it holds.
        oldest_ns: component → when the oldest of them arrived there (copies), or was born.
        facts: component → fact → how often it was announced in the second before.
        before: what was announced in that second about messages, the last of it.
    """

    at_ns: int
    held: dict[str, dict[str, int]]
    oldest_ns: dict[str, int]
    facts: dict[str, dict[str, int]]
    before: Biographies


class _Recent:
    """Observer: counts facts from a moment on."""

    def __init__(self, since_ns: int) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self._since_ns = since_ns

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        counts = self.counts.setdefault(component.name, Counter())
        since_ns, name = self._since_ns, signal.name

        def heard(now: int, *facts: Any) -> None:
            if now >= since_ns:
                counts[name] += 1

        return heard


class _Late:
    """Recorder: keeps facts from a moment on."""

    def __init__(self, inner: Recorder, since_ns: int) -> None:
        self._inner = inner
        self._since_ns = since_ns

    def note(self, component: Component, signal: Signal) -> Note | None:
        """Let through what happens late enough."""
        note, since_ns = self._inner.note(component, signal), self._since_ns
        if note is None:
            return None
        kept = note

        def keep(now: int, *facts: Any) -> None:
            if now >= since_ns:
                kept(now, *facts)

        return keep


def moment(told: Told, at_ns: int, window_ns: int = 1_000_000_000) -> Moment:
    """Return how things stand at a moment of the run, and what happened just before.

    Raises:
        ValueError: the run does not last that long.
    """
    if not 0 <= at_ns <= told.scenario.duration_ns:
        raise ValueError("the run is over by then")
    since_ns = max(0, at_ns - window_ns)
    recent, kept = _Recent(since_ns), Biographies()
    observers: Sequence[Observer] = (recent, Tracer(_Late(kept, since_ns)))
    run = prepare(told.scenario, seed=told.seed, replication=told.replication, observers=observers)
    run.system.start()
    run.system.sim.run(at_ns)
    held: dict[str, dict[str, int]] = {}
    oldest: dict[str, int] = {}
    for name, component in run.system.components.items():
        states: Counter[str] = Counter()
        for state, message, copy in holding(component):
            states[state] += 1
            since = message.born_ns if copy is None else copy.arrived_ns
            oldest[name] = min(since, oldest.get(name, since))
        if states:
            held[name] = dict(states)
    facts = {name: dict(counts) for name, counts in recent.counts.items() if counts}
    return Moment(at_ns, held, oldest, facts, kept)
