"""A user's handler on a thread of its own: it and the simulation take turns with one baton.

The handler runs while the simulation stands still at an instant. A call that waits hands the baton
back, the simulation goes on, and the handler continues at the moment of the answer. Exactly one of
them runs at any time, and the order of turns is the order of events, so that runs repeat.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from msgsim.cloud.calls import Call
from msgsim.kernel.simulation import Simulation


class InvocationEnded(BaseException):
    """Raised inside a handler whose invocation has timed out, so that its thread ends."""


class Turns(threading.Thread):
    """One execution of a handler.

    Args:
        sim: the simulation whose events wake it.
        work: the handler, bound to its event and context.
        over: called in the simulation when the handler has returned or raised.

    Attributes:
        value: what it returned.
        error: what it raised, or None.
    """

    def __init__(
        self, sim: Simulation, work: Callable[[], Any], over: Callable[[Turns], Any]
    ) -> None:
        super().__init__(name="msgsim handler", daemon=True)
        self.value: Any = None
        self.error: BaseException | None = None
        self._sim = sim
        self._work = work
        self._over = over
        self._mine = threading.Semaphore(0)
        self._theirs = threading.Semaphore(0)
        self._ended = False
        self._abandoned = False

    def run(self) -> None:
        """Do the work; Python calls this on the new thread."""
        self._mine.acquire()
        try:
            self.value = self._work()
        except BaseException as error:
            self.error = error
        self._ended = True
        self._theirs.release()

    def begin(self) -> None:
        """Start the handler and let it run until it waits or ends; called by the simulation."""
        self.start()
        self.turn()

    def turn(self) -> None:
        """Let the handler go on until it waits again or ends; called by the simulation."""
        if self._ended:
            return
        self._mine.release()
        self._theirs.acquire()
        if self._ended:
            self.join()
            if not self._abandoned:
                self._over(self)

    def abandon(self) -> None:
        """End a handler that waits: its thread unwinds, and nobody hears of it."""
        self._abandoned = True
        self.turn()

    # Called by the handler ------------------------------------------------------------------

    def sleep(self, time_ns: int) -> None:
        """Let virtual time pass."""
        self.check()
        self._sim.after(time_ns, self.turn)
        self._wait()

    def answer_of(self, call: Call) -> dict[str, Any]:
        """Wait for a call's answer and return it."""
        self.check()
        if call.done:
            self.sleep(0)
        else:
            call.when_done = self._wake
            self._wait()
        return call.result()

    def _wake(self) -> None:
        self._sim.after(0, self.turn)

    def _wait(self) -> None:
        self._theirs.release()
        self._mine.acquire()
        self.check()

    def check(self) -> None:
        """Raise if the invocation has ended meanwhile: nothing more is done in its name."""
        if self._abandoned:
            raise InvocationEnded


def my_turns() -> Turns | None:
    """Return the execution whose thread this is, or None outside of handlers."""
    found = threading.current_thread()
    return found if isinstance(found, Turns) else None
