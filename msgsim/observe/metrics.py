"""Metrics: one look-up for everything that can be asked about a run.

A metric belongs to a target (a resource, a workload, `total` or `consumer`), may be narrowed by a
selector (`("group", "A")`, `("shard", "0")`), and is asked for a statistic. Ours are in snake_case;
CloudWatch's names are accepted beside them. What is asked about a moment or a window has to be
announced with `prepare` before the run, so that a snapshot of constant size can be taken then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Protocol

from msgsim.observe.combined import combined
from msgsim.observe.measure import Counter, Measure, Window, counter, dimension_of
from msgsim.observe.system import System, consumers
from msgsim.problems import did_you_mean

Selector = tuple[str, str] | None
Stat = str | tuple[Any, ...]
"""A statistic's name (empty: the usual one), `("at", ns)`, or `("between", ns, ns[, name])`."""

EVERYONE = ("total", "consumer")
GROUPS = ("group", "key")


class UnknownMetric(ValueError):
    """Nobody measures that.

    Attributes:
        word: the word that is not known.
        candidates: what could have been meant in its place.
    """

    def __init__(self, what: str, word: str, candidates: Iterable[str]) -> None:
        self.word = word
        self.candidates = sorted(set(candidates))
        meant = did_you_mean(word, (one for one in self.candidates if one != word))
        hint = f"; did you mean {meant}?" if meant is not None else ""
        super().__init__(f"{what}{hint}")
        self.suggestion = meant


class Sources(Protocol):
    """The observers whose measures are looked up."""

    latency: Any
    ordering: Any
    duplicates: Any
    ledger: Any
    queues: Any
    servers: Any
    mappings: Any
    asynchronous: Any
    fleets: Any
    alarms: Any
    shards: Any
    deliveries: Any
    entries: Any
    topics: Any
    completions: Any
    cost: Any


class Metrics:
    """Looks metrics up, during and after a run.

    Args:
        system: what is observed.
        sources: the observers.
    """

    def __init__(self, system: System, sources: Sources) -> None:
        self._system = system
        self._sources = sources
        self._found: dict[tuple[str, Selector], dict[str, Measure]] = {}
        self._watched: dict[int, dict[tuple[str, Selector, str], Any]] = {}

    # Looking up ----------------------------------------------------------------------------

    def targets(self) -> list[str]:
        """Return every name that has metrics."""
        return [name for name in self._system.components if self._of(name, None)] + [*EVERYONE]

    def names(self, target: str, selector: Selector = None) -> list[str]:
        """Return the metrics of a target.

        Raises:
            UnknownMetric: no such target, or none that can be narrowed like this.
        """
        return sorted(self._measures(target, selector))

    def split(self, target: str, selector: Selector, path: Sequence[str]) -> tuple[str, str]:
        """Take `("throttled", "share")` apart into metric and statistic; the latter may be empty.

        Raises:
            UnknownMetric: no such target, metric or statistic.
        """
        words = tuple(path)
        if len(words) > 1 and words[0] in GROUPS:
            words = words[1:]
        known = self._measures(target, selector)
        for length in (len(words), len(words) - 1):
            metric = ".".join(words[:length])
            if metric in known:
                stat = ".".join(words[length:])
                self._check_stat(known[metric], metric, stat)
                return metric, stat
        word = ".".join(words)
        bare = ".".join(words[:-1]) if len(words) > 1 else word
        wanted = bare if did_you_mean(word, known) is None else word
        raise UnknownMetric(f"{target} has no metric {word}", wanted, known)

    def dimension(self, target: str, selector: Selector, metric: str, stat: Stat = "") -> str:
        """Return `time` (in s), `size` (in bytes), `rate` (per s), `share` or `number`.

        Raises:
            UnknownMetric: no such target, metric or statistic.
        """
        measure = self._measure(target, selector, metric)
        name = _inner(stat)
        self._check_stat(measure, metric, name, _is_window(stat))
        return dimension_of(measure, name or _usual(measure, _is_window(stat)))

    def value(self, target: str, selector: Selector, metric: str, stat: Stat = "") -> float | None:
        """Return a statistic in base units (seconds, bytes, per second); None without data.

        Raises:
            UnknownMetric: no such target, metric or statistic.
        """
        measure = self._measure(target, selector, metric)
        if isinstance(stat, str):
            self._check_stat(measure, metric, stat)
            return measure.value(stat or measure.default, self._system.sim.now)
        where = (target, selector, metric)
        taken = [self._watched.get(moment, {}).get(where) for moment in _moments(stat)]
        shots = [shot for shot in taken if shot is not None]
        if len(shots) < len(taken):
            return None
        if stat[0] == "at":
            return measure.at(shots[0][0])
        window = Window(shots[0][0], shots[1][0], stat[2] - stat[1])
        return measure.between(window, _inner(stat) or _usual(measure, True))

    def measures(self, target: str, selector: Selector = None) -> dict[str, Measure]:
        """Return every metric of a target by name; CloudWatch's twins are the same objects.

        Raises:
            UnknownMetric: no such target, or none that can be narrowed like this.
        """
        return dict(self._measures(target, selector))

    # Windows -------------------------------------------------------------------------------

    def prepare(self, target: str, selector: Selector, metric: str, stat: Stat = "") -> None:
        """Announce before the run what will be asked; moments and groups need it.

        Raises:
            UnknownMetric: no such target, metric or statistic.
        """
        measure = self._measure(target, selector, metric)
        self._check_stat(measure, metric, _inner(stat), _is_window(stat))
        for moment in _moments(stat):
            self.watch(moment)
            shot = (measure.snapshot(),) if moment == 0 else None
            self._watched[moment][target, selector, metric] = shot

    def watch(self, moment_ns: int) -> None:
        """Announce a moment at which `tick` will be called and snapshots are taken."""
        self._watched.setdefault(moment_ns, {})

    @property
    def moments(self) -> list[int]:
        """The moments (ns) at which the run has to pause between events and call `tick`."""
        return sorted(self._watched)

    def watches(self, now: int) -> bool:
        """Say whether a snapshot was asked for at this moment."""
        return bool(self._watched.get(now))

    def tick(self, now: int) -> None:
        """Take the snapshots that were asked for at this moment."""
        wanted = self._watched.get(now)
        if wanted:
            for where in wanted:
                wanted[where] = (self._measure(*where).snapshot(),)

    # Finding -------------------------------------------------------------------------------

    def _measure(self, target: str, selector: Selector, metric: str) -> Measure:
        known = self._measures(target, selector)
        if metric not in known:
            raise UnknownMetric(f"{target} has no metric {metric}", metric, known)
        return known[metric]

    def _check_stat(self, measure: Measure, metric: str, stat: str, window: bool = False) -> None:
        known = measure.window_stats if window else measure.stats
        if window and not known:
            raise UnknownMetric(f"{metric} cannot be asked for a window of time", metric, ())
        if stat and stat not in known:
            of = " of a window" if window else ""
            what = f"{metric} has no statistic {stat}{of}, only {', '.join(known)}"
            raise UnknownMetric(what, stat, known)

    def _measures(self, target: str, selector: Selector) -> dict[str, Measure]:
        if target not in self._system.components and target not in EVERYONE:
            raise UnknownMetric(
                f"there is no {target} to measure", target, [*self._system.components, *EVERYONE]
            )
        if selector is not None and selector[0] not in (*GROUPS, "shard"):
            raise UnknownMetric(f"cannot select by {selector[0]}", selector[0], [*GROUPS, "shard"])
        found = self._of(target, selector)
        if not found:
            narrowed = f" by {selector[0]}" if selector is not None else ""
            raise UnknownMetric(f"{target} has no metrics{narrowed}", target, self.targets())
        return found

    def _of(self, target: str, selector: Selector) -> dict[str, Measure]:
        found = self._found.get((target, selector))
        if found is None:
            found = self._everyone() if target in EVERYONE else self._one(target, selector)
            if target in EVERYONE and selector is not None:
                found = {}
            self._found[target, selector] = found
        return found

    def _one(self, target: str, selector: Selector) -> dict[str, Measure]:
        sources = self._sources
        judged = self._judged(target)
        if selector is not None and selector[0] == "shard":
            number = selector[1]
            return dict(sources.shards.measures(target, int(number))) if number.isdigit() else {}
        if selector is not None:
            group = selector[1]
            return {
                **sources.latency.measures(judged, group),
                **sources.ordering.measures(judged, group),
            }
        return {
            **self._of_subscriber(judged),
            **self._of_consumer(target, judged),
            **sources.cost.measures(target),
            **sources.topics.measures(target),
            **sources.entries.measures(target),
            **sources.ledger.measures(target),
            **sources.shards.measures(target),
            **sources.deliveries.measures(target),
            **sources.queues.measures(target),
            **sources.servers.measures(target),
            **sources.mappings.measures(target),
            **sources.asynchronous.measures(target),
            **sources.fleets.measures(target),
            **sources.alarms.measures(target),
        }

    def _of_subscriber(self, name: str) -> dict[str, Measure]:
        sources = self._sources
        return {
            **sources.latency.measures(name),
            **sources.ordering.measures(name),
            **sources.duplicates.measures(name),
        }

    def _of_consumer(self, target: str, judged: str) -> dict[str, Measure]:
        """Return what one of several consumers of a subscriber did alone."""
        stream = self._sources.completions.streams.get(judged)
        names = [self._consumer_behind(target), target]
        counts = stream.by_consumer if stream is not None else {}
        sharing = self._sharing.get(judged, set())
        name = next((name for name in names if name in sharing), None)
        if name is None or len(sharing) < 2:
            return {}
        alone = counter(lambda: counts.get(name, 0), lambda: sum(counts.values()))
        return {"unique": alone, "delivered.unique": alone}

    def _judged(self, target: str) -> str:
        """Return the subscriber at which a target's messages are judged."""
        consumer = self._consumer_behind(target)
        components = self._system.components
        return components[consumer if consumer is not None else target].judged

    def _consumer_behind(self, target: str) -> str | None:
        """Return the mapping that invokes a function, unless messages are judged at it."""
        if target in self._sources.ordering.subscribers:
            return None
        return self._invoking.get(id(self._system.components[target]))

    @cached_property
    def _sharing(self) -> dict[str, set[str]]:
        """The names of the consumers of each subscriber."""
        return {
            subscriber: {component.name for component in each}
            for subscriber, each in consumers(self._system).items()
        }

    @cached_property
    def _invoking(self) -> dict[int, str]:
        """The first component that invokes each function, by the function's identity."""
        found: dict[int, str] = {}
        for component in self._system.components.values():
            function = getattr(component, "function", None)
            if function is not None and function is not component:
                found.setdefault(id(function), component.name)
        return found

    def _everyone(self) -> dict[str, Measure]:
        """Return each metric over all subscribers of routes together."""
        sources = self._sources
        names = [name for name, row in sources.ledger.rows.items() if row.routes]
        each = [{**sources.ledger.measures(name), **self._of_subscriber(name)} for name in names]
        found: dict[str, Measure] = {}
        for metric in {metric: None for measures in each for metric in measures}:
            together = combined(
                [measures[metric] for measures in each if metric in measures],
                largest=metric == "max_stall",
            )
            if together is not None:
                found[metric] = together
        senders = sources.entries.senders.values()
        found["published"] = Counter(lambda: sum(sender.published for sender in senders))
        found |= sources.cost.total()
        return found


def _inner(stat: Stat) -> str:
    """Return the statistic's own name; windows may carry one."""
    if isinstance(stat, str):
        return stat
    return stat[3] if len(stat) > 3 else ""


def _is_window(stat: Stat) -> bool:
    return not isinstance(stat, str) and stat[0] == "between"


def _usual(measure: Measure, window: bool) -> str:
    """Return the statistic meant when none is named."""
    if not window or measure.default in measure.window_stats:
        return measure.default
    return measure.window_stats[0]


def _moments(stat: Stat) -> tuple[int, ...]:
    if isinstance(stat, str):
        return ()
    return (stat[1],) if stat[0] == "at" else (stat[1], stat[2])
