"""One run: build the system, let it happen, and keep what the observers saw."""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol, runtime_checkable

from msgsim.experiment.memory import EARLIER_RUNS, out_of_memory
from msgsim.kernel.signals import Observer
from msgsim.observe import Observers, Violation, default_observers
from msgsim.observe.invariants import Invariants
from msgsim.scenario.build import System, build
from msgsim.scenario.schema import Scenario
from msgsim.version import __version__

STEPS = 200
"""A run pauses this often between events, for progress, for interrupts and for memory."""

EVENT_BUDGET = 500_000_000
"""Events after which a run is taken for a runaway loop."""

CHECK = False
"""Whether every run is checked by all invariants and fails on the first violation: in tests."""


@runtime_checkable
class Clocked(Protocol):
    """A further observer that looks at the end of each period, between two events."""

    period_ns: int

    def tick(self, now: int) -> None:
        """Look, at the end of a period."""

    def finish(self, now: int) -> None:
        """End the run."""


Progress = Callable[[float, int], Any]
Stop = Callable[[], bool]
Look = Callable[[int], Any]


class InvariantBroken(AssertionError):
    """A run broke an invariant, where that is no result but a failed test."""


@dataclass
class Run:
    """One replication with provenance.

    Attributes:
        scenario: what is run.
        variant: name of the variant, empty without variants.
        replication: index of the replication.
        system: the model; after the run, as it stands at the end.
        observers: what was seen.
        events: events handled.
        wall_s: how long it took on this machine.
        partial: True when it was interrupted; the clock then stopped short of the duration.
        clocked: further observers that look at the end of each of their periods.
    """

    scenario: Scenario
    variant: str
    replication: int
    system: System
    observers: Observers
    events: int = 0
    wall_s: float = 0.0
    partial: bool = False
    clocked: Sequence[Clocked] = ()

    @property
    def violations(self) -> list[Violation]:
        """What broke an invariant; nothing unless msgsim is broken."""
        return self.observers.violations

    @property
    def seed(self) -> int:
        """The seed of its random draws."""
        return self.system.sim.seed

    @property
    def simulated_ns(self) -> int:
        """How far the clock came."""
        return self.system.sim.now


def prepare(
    scenario: Scenario,
    *,
    variant: str = "",
    seed: int | None = None,
    replication: int = 0,
    observers: Sequence[Observer] = (),
    check: bool = False,
) -> Run:
    """Build a scenario's system and attach observers; nothing has happened yet.

    Args:
        scenario: what to run.
        variant: its name among the variants, for reports.
        seed: overrides the scenario's seed.
        replication: index of the replication.
        observers: further observers besides the default ones; they never change a result.
        check: watch all invariants, not only those that cost nothing.
    """
    EARLIER_RUNS.free()
    with quiet_collector():
        system = build(scenario, seed, replication)
        watching = default_observers(system)
        further = list(observers)
        if check or CHECK:
            watching.invariants = Invariants(system, watching.cost)
            further.append(watching.invariants)
        system.observe([*watching.list, *further])
    clocked = [each for each in observers if isinstance(each, Clocked)]
    return Run(scenario, variant, replication, system, watching, clocked=clocked)


def drive(
    run: Run,
    *,
    moments: Sequence[int] = (),
    progress: Progress | None = None,
    stop: Stop | None = None,
    look: Look | None = None,
    max_events: int = EVENT_BUDGET,
) -> None:
    """Let a prepared run happen.

    Args:
        run: what `prepare` returned.
        moments: times (ns) at which observers are to look, besides the regular steps.
        progress: called with the share of simulated time that is done and the events so far.
        stop: asked between steps; True ends the run early, with what there is.
        look: called with the time at each pause; it may ask metrics, and changes nothing.
        max_events: event budget.

    Raises:
        BudgetExceeded: the model feeds itself, or memory runs out.
        InvariantBroken: in tests, where `CHECK` is set.
    """
    begun = time.perf_counter()
    sim, watching = run.system.sim, run.observers
    with quiet_collector():
        run.system.start()
        warm_up = run.system.warm_up_ns
        own = _moments(run.system.duration_ns, [*moments, warm_up])
        for moment in _with_periods(own, run.clocked):
            sim.run(moment, max_events, out_of_memory)
            for each in run.clocked:
                if moment and moment % each.period_ns == 0:
                    each.tick(moment)
            if moment not in own:
                continue
            watching.tick(moment)
            if moment == warm_up and warm_up:
                watching.forget(moment)
            if look is not None:
                look(moment)
            if progress is not None:
                progress(moment / run.system.duration_ns, sim.events_handled)
            if stop is not None and stop() and moment < run.system.duration_ns:
                run.partial = True
                break
    _finish(run)
    run.events = sim.events_handled
    run.wall_s = time.perf_counter() - begun


def _finish(run: Run) -> None:
    now = run.system.sim.now
    run.observers.finish(now)
    for each in run.clocked:
        each.finish(now)
    if CHECK and run.violations:
        raise InvariantBroken("\n".join(str(each) for each in run.violations))


def _moments(duration_ns: int, watched: Sequence[int]) -> dict[int, None]:
    steps = {duration_ns * step // STEPS for step in range(1, STEPS + 1)}
    wanted = steps | {moment for moment in watched if 0 <= moment <= duration_ns}
    return dict.fromkeys(sorted(wanted))


def _with_periods(own: dict[int, None], clocked: Sequence[Clocked]) -> Iterator[int]:
    """Yield the run's own pauses and, between them, the ends of others' periods."""
    last = 0
    for moment in own:
        ends = {
            end
            for each in clocked
            for end in range((last // each.period_ns + 1) * each.period_ns, moment, each.period_ns)
        }
        yield from sorted(ends)
        yield moment
        last = moment


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Keep the cyclic garbage collector from walking the model again and again.

    Both while it is built, when all that is new stays, and while it runs.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    return {
        "msgsim": __version__,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "simpy": version("simpy"),
    }
