"""Observers: they listen to announced facts and count; attaching one never changes a result."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.signals import Observer
from msgsim.observe.actions import Actions
from msgsim.observe.alarms import Alarms
from msgsim.observe.asynchronous import Asynchronous
from msgsim.observe.completions import Completions
from msgsim.observe.conservation import Conservation, Violation
from msgsim.observe.cost import Cost
from msgsim.observe.deliveries import Deliveries
from msgsim.observe.duplicates import Duplicates
from msgsim.observe.entries import Entries
from msgsim.observe.fleets import Fleets
from msgsim.observe.invariants import Invariants
from msgsim.observe.latency import Latency
from msgsim.observe.ledger import Ledger
from msgsim.observe.littles_law import LittlesLaw
from msgsim.observe.mappings import Mappings
from msgsim.observe.metrics import Metrics, UnknownMetric
from msgsim.observe.ordering import Ordering
from msgsim.observe.queues import Queues
from msgsim.observe.servers import Servers
from msgsim.observe.shards import Shards
from msgsim.observe.system import System
from msgsim.observe.topics import Topics
from msgsim.observe.visits import Visits

__all__ = ["Metrics", "Observers", "UnknownMetric", "Violation", "default_observers"]


class Observers:
    """The default observers of one run, in the order in which they depend on each other.

    Attributes:
        list: what to bind to every component.
        metrics: the one look-up for all they know.
        invariants: the rules that look at every fact, where they were asked for.
    """

    invariants: Invariants | None = None

    def __init__(self, system: System) -> None:
        self.entries = Entries(system)
        self.completions = Completions(system)
        self.queues = Queues(system)
        self.latency = Latency(self.completions)
        self.ordering = Ordering(system, self.completions, self.entries, self.queues)
        self.duplicates = Duplicates(system, self.completions, self.queues)
        self.servers = Servers(system)
        self.mappings = Mappings(system)
        self.asynchronous = Asynchronous(system)
        self.fleets = Fleets(system)
        self.alarms = Alarms(system)
        self.visits = Visits(self.completions, self.queues, self.servers)
        self.shards = Shards(system)
        self.deliveries = Deliveries(system)
        self.topics = Topics(system, self.entries)
        self.cost = Cost(system, self.entries)
        self.actions = Actions()
        self.ledger = Ledger(system, self.completions, self.entries)
        self.conservation = Conservation(self.queues, self.ledger)
        self.littles_law = LittlesLaw(self.queues)
        self._all = (
            self.entries,
            self.completions,
            self.queues,
            self.latency,
            self.ordering,
            self.duplicates,
            self.servers,
            self.mappings,
            self.asynchronous,
            self.fleets,
            self.alarms,
            self.visits,
            self.shards,
            self.deliveries,
            self.topics,
            self.cost,
            self.actions,
            self.ledger,
            self.conservation,
            self.littles_law,
        )
        self.list: list[Observer] = list(self._all)
        self._ticking = [observer.tick for observer in self._growing()]
        self.metrics = Metrics(system, self)

    def _growing(self) -> list[Any]:
        """Return the observers that have something to work off now and then, in this system."""
        followed: tuple[tuple[Any, Any], ...] = (
            (self.queues, self.queues.watches),
            (self.latency, self.latency.subscribers),
            (self.ordering, self.ordering.subscribers),
            (self.duplicates, self.duplicates.subscribers),
            (self.servers, self.servers.watches),
            (self.asynchronous, self.asynchronous.watches),
            (self.fleets, self.fleets.watches),
            (self.shards, self.shards.ages),
            (self.deliveries, self.deliveries.watches),
        )
        return [observer for observer, what in followed if what]

    def tick(self, now: int) -> None:
        """Work off, between two events, what has become long; at watched moments take snapshots."""
        for tick in self._ticking:
            tick(now)
        if self.metrics.watches(now):
            self.settle(now)
            self.metrics.tick(now)

    def settle(self, now: int) -> None:
        """Bring everything up to date, so that metrics may be asked in the middle of a run."""
        sized = (self.fleets, self.alarms)
        timed = (self.completions, self.queues, self.servers, *sized, self.shards)
        for observer in (*timed, self.deliveries):
            observer.settle(now)

    def forget(self, now: int) -> None:
        """End the warm-up: latency, depth, age and servers are observed from now on.

        Counts of messages, and with them the ledger, stay those of the whole run, so that it
        still sums.
        """
        self.settle(now)
        for stream in self.completions.streams.values():
            for kept in stream.groups.values():
                kept.forget()
        for seen in self.latency.subscribers.values():
            seen.forget()
        for queue in self.queues.watches.values():
            queue.forget(now)
        for server in self.servers.watches.values():
            server.forget()
        self.fleets.forget()
        self.alarms.forget()
        for delivery in self.deliveries.watches.values():
            delivery.forget()

    def finish(self, now: int) -> None:
        """End the run: ask who still holds what, and check the invariants. Called once."""
        for observer in self._all:
            observer.finish(now)
        self.metrics.tick(now)
        if self.invariants is not None:
            self.invariants.finish(now)

    @property
    def violations(self) -> list[Violation]:
        """Invariants that do not hold; none unless the model is broken."""
        more = self.invariants.violations if self.invariants is not None else []
        return [*more, *self.conservation.violations, *self.littles_law.violations]

    @property
    def checked(self) -> int:
        """How often an invariant was looked at."""
        more = self.invariants.checked if self.invariants is not None else 0
        return self.conservation.checked + self.littles_law.checked + more

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data, raw numbers with units in the keys."""
        return {
            "workloads": self.entries.to_json(),
            "ledger": self.ledger.to_json(),
            "sums": self.ledger.sums,
            "latency": self.latency.to_json(),
            "order": self.ordering.to_json(),
            "duplicates": self.duplicates.to_json(),
            "queues": self.queues.to_json(),
            "servers": self.servers.to_json(),
            "mappings": self.mappings.to_json(),
            "asynchronous": self.asynchronous.to_json(),
            "fleets": self.fleets.to_json(),
            "alarms": self.alarms.to_json(),
            "topics": self.topics.to_json(),
            "streams": self.shards.to_json(),
            "delivery_streams": self.deliveries.to_json(),
            "cost": self.cost.to_json(),
            "actions": self.actions.to_json(),
            "invariants": {
                "checked": self.conservation.checked + self.littles_law.checked,
                "violated": [violation.to_json() for violation in self.violations],
            },
        }


def default_observers(system: System) -> Observers:
    """Return the default observers of a wired system: bind `.list`, call `.tick` and `.finish`."""
    return Observers(system)
