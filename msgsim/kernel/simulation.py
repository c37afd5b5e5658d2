"""The simulation clock: SimPy's own heap, driven in integer nanoseconds.

Hot paths do not create SimPy events: they put calls on the environment's heap, so that a hop costs
about half a microsecond. Nothing but `environment` touches the heap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from itertools import islice
from typing import Any

import simpy

from msgsim.kernel.distributions import Distribution
from msgsim.kernel.environment import Environment
from msgsim.kernel.sampling import (
    ChoiceSampler,
    GeometricGaps,
    IntegerSampler,
    PermutationSampler,
    Sampler,
)

NS_PER_S = 1_000_000_000

STRETCH = 1_000_000
"""Events after which a run looks at itself: does the clock move, is there memory left?"""

GUARDED = 10_000
"""Events that need no look at the memory: a look costs as much as fifty of them."""

STANDSTILL = 20 * STRETCH
"""Events at one and the same instant after which a run is taken for a loop without delay."""

SAMPLED = 5_000
"""Events that are looked at to find out who feeds a loop."""


class BudgetExceeded(Exception):
    """The run handled more events than it was allowed to: the model feeds itself.

    Attributes:
        events: handled so far.
        now_ns: the time at which it was stopped.
        feeding: whose events the last ones were, with their share, the largest first.
    """

    def __init__(
        self,
        events: int,
        now_ns: int,
        feeding: Sequence[tuple[str, float]] = (),
        why: str = "",
    ) -> None:
        text = f"stopped after {events:,} events at {now_ns / NS_PER_S:.3f} s"
        if why:
            text += f": {why}"
        if feeding:
            shares = ", ".join(f"{name} {share:.0%}" for name, share in feeding[:5])
            text += f"; the last events were those of {shares}"
        super().__init__(text)
        self.events = events
        self.now_ns = now_ns
        self.feeding = tuple(feeding)


def _unpacked(call: tuple[Callable[..., Any], tuple[Any, ...]]) -> None:
    """Make a call that has not exactly one argument."""
    fn, args = call
    fn(*args)


def _owner(fn: Any, item: Any) -> str:
    """Return the name of the component whose call this is, or else what would be called."""
    if fn is _unpacked:
        fn = item[0]
    for _ in range(4):  # a timer calls its owner, which may be a part of a component
        here = getattr(fn, "__self__", None)
        for part in (here, *(getattr(here, each, None) for each in _OWNERS)):
            name = getattr(part, "name", None)
            if isinstance(name, str):
                return name
        inner = getattr(here, "_fn", None)
        if inner is None:
            break
        fn = inner
    return str(getattr(fn, "__qualname__", type(item).__name__))


_OWNERS = ("_owner", "owner", "fleet", "_fleet", "function", "_function", "mapping", "_mapping",
           "component", "_component", "queue", "_queue", "worker", "_worker")  # fmt: skip


class Timer:
    """An alarm for one purpose, armed and moved as often as needed; it calls `fn()` when due.

    Moving it later is free (the pending event wakes, sees that it is early, and re-arms);
    moving it earlier takes a fresh event and voids the old one, because an event that is already
    on the heap must not be touched.
    """

    __slots__ = ("_due", "_fn", "_pending", "_sim")

    def __init__(self, sim: Simulation, fn: Callable[[], Any]) -> None:
        self._sim = sim
        self._fn = fn
        self._due: int | None = None
        self._pending: int | None = None  # the wake-up on the heap that still counts

    @property
    def due(self) -> int | None:
        """When the alarm will ring (ns), or None."""
        return self._due

    def arm(self, due: int) -> None:
        """Ring at `due` (ns, not in the past), instead of whenever it would have rung."""
        self._due = due
        if self._pending is None or due < self._pending:
            self._pending = due
            self._sim.at(due, self._wake, due)

    def cancel(self) -> None:
        """Do not ring."""
        self._due = None

    def _wake(self, armed_for: int) -> None:
        if armed_for != self._pending:
            return
        self._pending = None
        due = self._due
        if due is None:
            return
        if due > armed_for:
            self.arm(due)
            return
        self._due = None
        self._fn()


class Simulation:
    """One replication: a clock in integer nanoseconds, a heap of events and named randomness.

    Args:
        seed: the run's seed; together with `replication` it fixes every random draw.
        replication: index of this replication of the same scenario.

    Attributes:
        once: `once(delay_ns, fn, item)` calls `fn(item)` after `delay_ns` nanoseconds: `after` for
            hot paths. It raises `ValueError` if the delay is negative.
    """

    def __init__(self, seed: int = 1, replication: int = 0) -> None:
        self.env: Any = Environment()
        self.seed = seed
        self.replication = replication
        self._stood_at = -1
        self._guard_at = 0
        self._standing_since = 0
        self._names: set[str] = set()
        self.once = self.env.once

    @property
    def now(self) -> int:
        """The current time in nanoseconds since the start."""
        return self.env._now

    @property
    def events_handled(self) -> int:
        """How many events have been handled."""
        return int(self.env.handled)

    def after(self, delay_ns: int, fn: Callable[..., Any], *args: Any) -> None:
        """Call `fn(*args)` after `delay_ns` nanoseconds.

        Raises:
            ValueError: the delay is negative.
        """
        if len(args) == 1:
            self.once(delay_ns, fn, args[0])
        else:
            self.once(delay_ns, _unpacked, (fn, args))

    def at(self, time_ns: int, fn: Callable[..., Any], *args: Any) -> None:
        """Call `fn(*args)` at `time_ns`; calls for one instant run in the order they were made.

        Raises:
            ValueError: the time lies in the past.
        """
        now = self.env._now
        if time_ns < now:
            raise ValueError(f"cannot schedule at {time_ns} ns: it is already {now} ns")
        self.after(time_ns - now, fn, *args)

    def pending(self, fn: Callable[[Any], Any]) -> list[Any]:
        """Return what `fn` will still be called with by `once` or `after`, in order."""
        found: list[Any] = self.env.pending(fn)
        return found

    def timer(self, fn: Callable[[], Any]) -> Timer:
        """Return an alarm, not yet armed, that calls `fn()`."""
        return Timer(self, fn)

    def process(self, generator: Generator[simpy.Event, Any, Any]) -> simpy.Process:
        """Start a SimPy process, for cold paths such as phases and faults."""
        return self.env.process(generator)

    def sleep(self, delay_ns: int) -> simpy.Event:
        """Return what a process yields to wait `delay_ns` nanoseconds."""
        return self.env.timeout(delay_ns)

    def run(
        self,
        until: int,
        max_events: int | None = None,
        guard: Callable[[], str] | None = None,
    ) -> None:
        """Handle every event up to and including `until` (ns), then set the clock to it.

        Args:
            until: the time to stop at.
            max_events: events in total after which the run is stopped.
            guard: asked now and then, at ends and at least every million events, why the run must
                not go on; empty if it may.

        Raises:
            BudgetExceeded: more than `max_events` events in total have been handled, or
                `STANDSTILL` of them at one instant, or the guard has a reason.
        """
        most = max_events if max_events is not None else 1 << 62
        more = True
        while more:
            handled = self.events_handled
            more = self.env.stretch(until, max(0, min(most - handled, STRETCH)) + 1)
            why = self._runaway(most) if more else ""
            if not why and guard is not None and self.events_handled >= self._guard_at:
                self._guard_at = self.events_handled + GUARDED
                why = guard()
            if why:
                events, now = self.events_handled, self.now
                raise BudgetExceeded(events, now, self._feeding(), why)
        self.env._now = until

    def _runaway(self, most: int) -> str:
        """Say why a run must not go on, or nothing."""
        if self.events_handled > most:
            return "the event budget is used up"
        now = self.env._now
        if now != self._stood_at:
            self._stood_at, self._standing_since = now, self.events_handled
        elif self.events_handled - self._standing_since >= STANDSTILL:
            return "time stands still, in a loop without delay"
        return ""

    def _feeding(self) -> list[tuple[str, float]]:
        """Handle some more events to see whose they are: the shares of components."""
        seen = Counter(_owner(fn, item) for fn, item in islice(self.env.sample(), SAMPLED))
        return [(name, count / seen.total()) for name, count in seen.most_common()]

    def sampler(self, component: str, purpose: str, distribution: Distribution) -> Sampler[float]:
        """Return the named random substream `component/purpose`."""
        name = self._claim(component, purpose)
        return Sampler(distribution, self.seed, self.replication, name)

    def times(self, component: str, purpose: str, distribution: Distribution) -> Sampler[int]:
        """Return a sampler of durations: whole nanoseconds."""
        name = self._claim(component, purpose)
        return Sampler(distribution, self.seed, self.replication, name, integer=True)

    def choice(self, component: str, purpose: str, weights: list[float]) -> ChoiceSampler:
        """Return a sampler of indices drawn with `weights`."""
        name = self._claim(component, purpose)
        return ChoiceSampler(weights, self.seed, self.replication, name)

    def integers(self, component: str, purpose: str, n: int) -> IntegerSampler:
        """Return a sampler of uniform integers 0 … n−1."""
        return IntegerSampler(n, self.seed, self.replication, self._claim(component, purpose))

    def permutations(self, component: str, purpose: str, n: int) -> PermutationSampler:
        """Return a sampler of random orders of 0 … n−1."""
        return PermutationSampler(n, self.seed, self.replication, self._claim(component, purpose))

    def gaps(self, component: str, purpose: str, probability: float) -> GeometricGaps:
        """Return a sampler of the number of trials up to the next rare success."""
        name = self._claim(component, purpose)
        return GeometricGaps(probability, self.seed, self.replication, name)

    def _claim(self, component: str, purpose: str) -> str:
        name = f"{component}/{purpose}"
        if name in self._names:
            raise ValueError(f"the random substream {name} exists already")
        self._names.add(name)
        return name
