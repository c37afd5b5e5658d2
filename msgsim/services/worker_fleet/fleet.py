"""Worker fleets as components: N workers on one queue, their calls, their crashes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.signals import Combined, Listener
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.failing import Fails
from msgsim.model.message import Delivery
from msgsim.model.ports import Polled
from msgsim.services.worker_fleet.worker import Worker


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
        heartbeat_ns: how often receipts are renewed; 0 never.
        renewed_ns: to how much from then.
    """

    limit: int = 1
    wait_ns: int = 20_000_000_000
    visibility_ns: int | None = None
    idle_ns: int = 0
    in_sequence: bool = True
    delete_each: bool = True
    heartbeat_ns: int = 0
    renewed_ns: int = 0


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


class Fleet(Component):
    """A worker fleet on a queue: a multi-server station that fetches its own customers.

    A customer that is not deleted in time is served again by somebody else (a retrial); a worker
    that dies takes nobody along, because the queue still has the message. While the fleet is
    `down`, its workers are dead.

    Args:
        workers: how many.
        routine: how each of them works.
        handler_time: how long one message takes (ns).
        back_off: what happens when a call fails.
        fails: whether an attempt at a message fails (1 for the first); None for never.
        receive_time: how long the answer to a receive travels (ns); None takes no time.
        delete_time: how long a delete takes (ns), the worker waiting; None takes no time.
        crashes: planned crashes.
        lifetime: how long a worker lives before it crashes by chance (ns); None for ever.
        away_ns: how long a worker that crashed by chance stays away.
        start_ns: when the workers begin to poll.
    """

    __slots__ = ("fails", "handler_time", "plain", "queue", "receive_time", "receive_with",
                 "remove", "visited")  # fmt: skip

    kind = "worker.fleet"
    signals = (
        facts.STARTED,
        facts.ENDED,
        facts.COMPLETED,
        facts.FAILED,
        facts.CRASHED,
        facts.VISITED,
    )
    queue: Polled

    def __init__(
        self,
        sim: Simulation,
        name: str,
        workers: int,
        routine: Routine,
        handler_time: Sampler[int],
        back_off: BackOff,
        *,
        fails: Fails | None = None,
        receive_time: Sampler[int] | None = None,
        delete_time: Sampler[int] | None = None,
        crashes: Sequence[Crash] = (),
        lifetime: Sampler[int] | None = None,
        away_ns: int = 0,
        start_ns: int = 0,
    ) -> None:
        super().__init__(sim, name)
        self.routine = routine
        self.receive_with = (routine.limit, routine.wait_ns, routine.visibility_ns)
        self.handler_time = handler_time
        self.fails = fails
        self.receive_time = receive_time
        self.delete_time = delete_time
        self.back_off = back_off.wait_ns
        self.delete_attempts = back_off.delete_attempts
        self.skips_group = False
        self.plain = self._is_plain()
        self.visited: Listener | None = None
        self.remove: Callable[[Delivery], bool] | None = None
        self._crashes = crashes
        self._lifetime = lifetime
        self._away_ns = away_ns
        self._start_ns = start_ns
        self._struck: list[int] = []
        self._is_open = False
        self._workers = [Worker(self) for _ in range(workers)]

    def serve(
        self, queue: Polled, skips_group: bool = False, routine: Routine | None = None
    ) -> None:
        """Say which queue the workers poll, whose name the fleet is judged by.

        Args:
            queue: the queue.
            skips_group: whether, after a failure, the rest of its message group in the batch is
                left alone, so that it comes back in order.
            routine: how to work, where that depends on the queue.
        """
        if routine is not None:
            self.routine = routine
            self.receive_with = (routine.limit, routine.wait_ns, routine.visibility_ns)
            self.plain = self._is_plain()
        self.queue = queue
        self.judged = queue.name
        self.skips_group = skips_group

    def _is_plain(self) -> bool:
        """Say whether messages are worked one by one, and nothing else takes time."""
        routine = self.routine
        instant = self.receive_time is None and self.delete_time is None
        alone = routine.limit == 1 and routine.delete_each
        return instant and alone and not routine.heartbeat_ns

    @property
    def concurrency_limit(self) -> int:
        """How many batches can be worked on at once: one for each worker."""
        return len(self._workers)

    def start(self) -> None:
        """Let the workers begin to poll at the start time, and plan the crashes."""
        self._listen_in_one()
        self.sim.at(self._start_ns, self._open)
        for crash in self._crashes:
            self.sim.at(crash.at_ns, self._crash, crash.worker, None, crash.away_ns)

    def _listen_in_one(self) -> None:
        """Announce `visited` for three facts, if whoever listens to these offers to hear it."""
        offer, queue = self.on_visited, self.queue
        heard = (self.on_completed, getattr(queue, "on_deleted", None), self.on_ended)
        self.remove = getattr(queue, "remove", None)
        if isinstance(offer, Combined) and offer.replaces == heard and self.remove is not None:
            self.visited = offer.tell

    def _open(self) -> None:
        self._is_open = True
        for index, worker in enumerate(self._workers):
            self._live(index, worker)

    def _live(self, index: int, worker: Worker) -> None:
        if not self._is_open or not worker.alive:
            return
        if self._lifetime is not None:
            self.sim.after(self._lifetime.draw(), self._crash, index, worker, self._away_ns)
        worker.poll()

    def _crash(self, index: int, only: Worker | None, away_ns: int) -> None:
        """Let a worker die, unless it is dead already or another life of it has begun."""
        worker = self._workers[index]
        if not worker.alive or (only is not None and worker is not only):
            return
        worker.crash()
        self.sim.after(away_ns, self._return, index)

    def _return(self, index: int) -> None:
        if self.down:
            self._struck.append(index)
            return
        worker = self._workers[index] = Worker(self)
        self._live(index, worker)

    def fail(self) -> None:
        """An outage begins: every worker dies with what it has in hand."""
        super().fail()
        for index, worker in enumerate(self._workers):
            if worker.alive:
                worker.crash()
                self._struck.append(index)

    def recover(self) -> None:
        """The outage ends: those it killed are back."""
        super().recover()
        struck, self._struck = self._struck, []
        for index in struck:
            self._return(index)

    def slowed(self, time_ns: int) -> int:
        """Return one of the fleet's own times, stretched by a slowdown."""
        return time_ns if self.slowness == 1.0 else round(time_ns * self.slowness)
