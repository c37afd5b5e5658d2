"""The simulation clock: SimPy's own heap, driven in integer nanoseconds.

Hot paths do not create SimPy events. They arm *re-usable* ones: an event object with a constant
callback list is pushed on the environment's heap again and again, so that a hop costs about half a
microsecond. Nothing outside this file touches the heap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

import simpy

from msgsim.kernel.distributions import Distribution
from msgsim.kernel.sampling import (
    ChoiceSampler,
    GeometricGaps,
    IntegerSampler,
    PermutationSampler,
    Sampler,
)

NS_PER_S = 1_000_000_000
_NORMAL = 1  # SimPy's priority for ordinary events
_LAST = 2  # after all of these


STRETCH = 1_000_000
"""Events after which a run looks at itself: does the clock move, is there memory left?"""

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


class _Call(simpy.Event):
    """One pending call `fn(item)`, returned to the pool just before it is made.

    `Simulation.run` makes the call itself; the callback is for SimPy's own `step`.
    """

    __slots__ = ("fn", "item")

    def __init__(self, env: simpy.Environment, pool: list[Any]) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        self.fn: Callable[[Any], Any] = _nothing
        self.item: Any = None

        def fire(_event: simpy.Event) -> None:
            fn, item = self.fn, self.item
            self.callbacks = calls
            pool.append(self)
            fn(item)

        calls: list[Any] = [fire]
        self.callbacks = calls


def _nothing(item: Any) -> None:
    """Stand in for the call of an event that has never been armed."""


def _unpacked(call: tuple[Callable[..., Any], tuple[Any, ...]]) -> None:
    """Make a call that has not exactly one argument."""
    fn, args = call
    fn(*args)


class _Pause(simpy.Event):
    """Ends `Simulation.run`: it stands on the heap behind everything else of its moment."""


def _process(event: Any) -> None:
    """Do for one of SimPy's own events what its `step` does."""
    callbacks = event.callbacks
    event.callbacks = None
    for callback in callbacks:
        callback(event)
    if not event._ok and not hasattr(event, "_defused"):
        raise event._value


def _owner(event: Any) -> str:
    """Return the name of the component whose event this is, or else what would be called."""
    fn = getattr(event, "fn", None)
    if fn is _unpacked:
        fn = event.item[0]
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
    return str(getattr(fn, "__qualname__", type(event).__name__))


_OWNERS = ("_owner", "owner", "fleet", "_fleet", "function", "_function", "mapping", "_mapping",
           "component", "_component", "queue", "_queue", "worker", "_worker")  # fmt: skip


def _once(env: Any, pool: list[_Call]) -> Callable[[int, Callable[[Any], Any], Any], None]:
    """Return `Simulation.once`: made once, because looking its parts up is half of a call."""
    heap, next_id, spare = env._queue, env._eid.__next__, pool.pop

    def once(delay_ns: int, fn: Callable[[Any], Any], item: Any) -> None:
        if delay_ns < 0:
            raise ValueError(f"negative delay: {delay_ns} ns")
        try:
            call = spare()
        except IndexError:
            call = _Call(env, pool)
        call.fn = fn
        call.item = item
        # A sum of whole numbers has room for a carry: `| 0` is a copy without, a third smaller.
        # Waiting messages keep two such times each, so that a million of them save 32 MB.
        heappush(heap, (env._now + delay_ns | 0, _NORMAL, next_id(), call))

    return once


def _remove_pause(heap: list[Any]) -> None:
    """Take the pause of a run that broke off from the heap."""
    heap[:] = [entry for entry in heap if entry[1] != _LAST]
    heapify(heap)


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
        self.env: Any = simpy.Environment(initial_time=0)
        self.seed = seed
        self.replication = replication
        self.events_handled = 0
        self._stood_at = -1
        self._standing_since = 0
        self._heap: list[Any] = self.env._queue
        self._pool: list[_Call] = []
        self._names: set[str] = set()
        self.once = _once(self.env, self._pool)

    @property
    def now(self) -> int:
        """The current time in nanoseconds since the start."""
        return self.env._now

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
            guard: asked every million events, and at the end, why the run must not go on; empty if
                it may.

        Raises:
            BudgetExceeded: more than `max_events` events in total have been handled, or
                `STANDSTILL` of them at one instant, or the guard has a reason.
        """
        most = max_events if max_events is not None else 1 << 62
        more = True
        while more:
            more = self._stretch(until, min(most, self.events_handled + STRETCH))
            why = (self._runaway(most) if more else "") or (guard() if guard is not None else "")
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
        seen: Counter[str] = Counter()
        heap = self._heap
        while heap and seen.total() < SAMPLED:
            self.env._now, _, _, event = heappop(heap)
            seen[_owner(event)] += 1
            _process(event)
        return [(name, count / seen.total()) for name, count in seen.most_common()]

    def _stretch(self, until: int, limit: int) -> bool:
        """Handle events until `limit` is exceeded; say whether there may be more before `until`."""
        env, heap, keep = self.env, self._heap, self._pool.append
        handled = before = self.events_handled
        # The pause stands on the heap, and counting is left to `range`: two tests less per event.
        heappush(heap, (until, _LAST, -1, _Pause(env)))
        try:
            for handled in range(before, max(before, limit) + 1):  # noqa: B007 - read at the end
                env._now, _, _, event = heappop(heap)
                if event.__class__ is _Call:
                    fn, item = event.fn, event.item
                    keep(event)
                    fn(item)
                elif event.__class__ is _Pause:
                    return False
                else:
                    _process(event)
            handled += 1
            _remove_pause(heap)
        except BaseException:
            _remove_pause(heap)
            raise
        finally:
            self.events_handled = handled
        return True

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
