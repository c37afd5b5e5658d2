"""What the workers of a fleet are told: how to work, when to crash, how to come and go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgsim.kernel.sampling import Sampler
from msgsim.model.ports import Polled
from msgsim.services.worker_fleet.drain import Leaving, Spot
from msgsim.services.worker_fleet.heartbeat import Beats
from msgsim.services.worker_fleet.prefetch import Fetching
from msgsim.services.worker_fleet.worker import Worker

if TYPE_CHECKING:
    from msgsim.services.worker_fleet.daemons import Sqsd
    from msgsim.services.worker_fleet.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Routine:
    """How every worker of a fleet works.

    Attributes:
        limit: `MaxNumberOfMessages` of a receive.
        wait_ns: how long a receive waits for messages.
        visibility_ns: visibility timeout of its receives; None takes the queue's.
        idle_ns: pause after an empty answer; 0 polls again at once, which a long poll needs.
        in_sequence: work a batch one message after the other, or all at once.
        delete_each: delete every message when it is done, or all of a batch at its end.
        heartbeat: how receipts are renewed; None for not at all.
    """

    limit: int = 1
    wait_ns: int = 20_000_000_000
    visibility_ns: int | None = None
    idle_ns: int = 0
    in_sequence: bool = True
    delete_each: bool = True
    heartbeat: Beats | None = None


@dataclass(frozen=True, slots=True)
class Crash:
    """A crash that was planned: when (ns), of which worker, and how long it stays away (ns)."""

    at_ns: int
    worker: int
    away_ns: int


@dataclass(frozen=True, slots=True)
class BackOff:
    """How a worker's calls are repeated: capped exponential back-off with full jitter.

    Attributes:
        base_ns: longest wait after the first failure; it doubles with each further one.
        cap_ns: longest wait of all.
        delete_attempts: how often a delete is tried in all; receives never end.
        draw: uniform numbers from 0 to 1.
    """

    base_ns: int
    cap_ns: int
    delete_attempts: int
    draw: Callable[[], float]

    def wait_ns(self, failures: int) -> int:
        """Return how long to wait after so many failures in a row (ns)."""
        return round(min(self.cap_ns, self.base_ns << min(failures - 1, 32)) * self.draw())


@dataclass(frozen=True, slots=True)
class Shape:
    """What a worker is made of, and how it comes and goes.

    Attributes:
        threads: poll loops of each worker, which live and die together.
        startup: how long a new worker takes until it polls (ns); None takes no time.
        leaving: what it does when it is told to stop.
        spot: how Spot capacity is taken back; None for capacity that stays.
        fetching: how its client fetches ahead; None for poll loops without a buffer.
        make: makes one poll loop.
        sqsd: options of Beanstalk's daemon, for its workers.
        job_start: start-up of a job's container (ns), for workers that run jobs.
    """

    threads: int = 1
    startup: Sampler[int] | None = None
    leaving: Leaving = field(default_factory=Leaving)
    spot: Spot | None = None
    fetching: Fetching | None = None
    make: Callable[[Fleet, Polled], Worker] = Worker
    sqsd: Sqsd | None = None
    job_start: Sampler[int] | None = None
