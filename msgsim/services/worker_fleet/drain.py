"""How a worker leaves: at once, after what it has in hand, or giving that back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgsim.kernel.sampling import Sampler
from msgsim.model.message import Delivery
from msgsim.model.ports import Polled
from msgsim.services.worker_fleet.prefetch import Buffer
from msgsim.services.worker_fleet.worker import Worker

STARTING, RUNNING, AWAY, LEAVING, GONE = "starting", "running", "away", "leaving", "gone"
MODES = ("none", "finish", "release")

_AT_WORK = frozenset({STARTING, RUNNING, AWAY})
_STILL_COUNTS = {
    "noticed": frozenset[str](),
    "terminating": _AT_WORK,
    "stopped": _AT_WORK | {LEAVING},
    "gone": _AT_WORK | {LEAVING, GONE},
}
REPLACED = ("terminating", "stopped", "gone")
"""When a noticed worker no longer counts: told to stop, stopped, or its machine taken back."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a worker does when it is told to stop.

    Attributes:
        mode: `none` dies with everything in hand; `finish` takes nothing more and works off what
            it has; `release` makes everything visible again (ChangeMessageVisibility to 0).
        grace_ns: after so long it is killed.
    """

    mode: str = "none"
    grace_ns: int = 0


@dataclass(frozen=True, slots=True)
class Spot:
    """Interruptions of Spot capacity.

    Attributes:
        lifetime: how long after its start a worker is interrupted (ns); None for never by chance.
        planned: `(moment_ns, workers)`, oldest workers first.
        notice_ns: time between the notice and the end.
        heeded: whether workers act on the notice, or are cut off unprepared.
        replaced: when a replacement starts: `noticed`, or one of `REPLACED`.
    """

    lifetime: Sampler[int] | None
    planned: tuple[tuple[int, int], ...]
    notice_ns: int
    heeded: bool
    replaced: str = "gone"

    def counts(self, state: str) -> bool:
        """Say whether a noticed worker in this state still counts as capacity of its group."""
        return state in _STILL_COUNTS[self.replaced]


class Member:
    """One worker of a fleet: an instance, a task, a pod, with its threads.

    Attributes:
        state: `starting`, `running`, `away` (crashed, it will be back), `leaving` or `gone`.
        life: counts its restarts, so that what was planned for an earlier life is void.
        ready_ns: when it came into service last.
        noticed: whether its Spot interruption has been announced.
        threads: its poll loops, while it runs.
        buffer: where its client fetches ahead.
    """

    __slots__ = ("_left", "buffer", "life", "noticed", "number", "ready_ns", "state", "threads")

    def __init__(self, number: int) -> None:
        self.number = number
        self.state = STARTING
        self.life = 0
        self.ready_ns = 0
        self.noticed = False
        self.threads: list[Worker] = []
        self.buffer: Buffer | None = None
        self._left = 0

    def begin(self, now: int, threads: list[Worker], buffer: Buffer | None) -> None:
        """Come into service."""
        self.state = RUNNING
        self.life += 1
        self.ready_ns = now
        self.threads = threads
        self.buffer = buffer

    def poll(self) -> None:
        """Let every thread begin to ask for messages."""
        for thread in self.threads:
            thread.poll()

    def kill(self, status: str) -> list[Delivery]:
        """End all threads at once; return what they and the buffer had in hand."""
        lost = self.buffer.give_up() if self.buffer is not None else []
        for thread in self.threads:
            if thread.alive:
                lost += thread.die(status)
        self.threads = []
        return lost

    def finish(self, done: Callable[[Member], Any]) -> None:
        """Take nothing more, and call `done(self)` when every thread has finished.

        What waits in the client's buffer has not been begun: it becomes visible again.
        """
        self._left = len(self.threads)

        def left(thread: Worker) -> None:
            self._left -= 1
            if not self._left:
                done(self)

        for thread in self.threads:
            thread.leave(left)
        if self.buffer is not None:
            self.buffer.close()

    def release(self, queue: Polled) -> None:
        """Stop at once, and make everything in hand visible again, or that open polls bring."""
        if self.buffer is not None:
            self.buffer.close()
            self.buffer = None
        for thread in self.threads:
            thread.gives_back = True
        for delivery in self.kill("stopped"):
            queue.change_visibility(delivery, 0)


_ORDER = {STARTING: 0, AWAY: 1, RUNNING: 2}


def dispensable(member: Member) -> tuple[int, int]:
    """Order workers for scaling in: those that do not run yet, then the newest."""
    return _ORDER[member.state], -member.number
