"""The simulation clock: SimPy's own heap, driven in integer nanoseconds.

Hot paths do not create SimPy events. They arm *re-usable* ones: an event object with a constant
callback list is pushed on the environment's heap again and again, so that a hop costs about half a
microsecond. Nothing outside this file touches the heap.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
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


class BudgetExceeded(Exception):
    """The run handled more events than it was allowed to: the model feeds itself."""

    def __init__(self, events: int, now_ns: int) -> None:
        super().__init__(f"stopped after {events:,} events at {now_ns / NS_PER_S:.3f} s")
        self.events = events
        self.now_ns = now_ns


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
        heappush(heap, (env._now + delay_ns, _NORMAL, next_id(), call))

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

    def run(self, until: int, max_events: int | None = None) -> None:
        """Handle every event up to and including `until` (ns), then set the clock to it.

        Raises:
            BudgetExceeded: more than `max_events` events in total have been handled.
        """
        env, heap, keep = self.env, self._heap, self._pool.append
        handled = before = self.events_handled
        limit = max_events if max_events is not None else 1 << 62
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
                    break
                else:
                    _process(event)
            else:
                handled += 1
                raise BudgetExceeded(handled, self.now)
        except BaseException:
            _remove_pause(heap)
            raise
        finally:
            self.events_handled = handled
        env._now = until

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
