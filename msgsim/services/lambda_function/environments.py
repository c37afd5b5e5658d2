"""What a function knows of its execution environments: which are busy, and which wait warm.

Pure: time is an argument. Expiry needs no timers, because nobody can tell an expired environment
from a living one before the next invocation asks for it.
"""

from __future__ import annotations

from collections import deque
from typing import Any


class Environment:
    """An execution environment (a server): it works on one invocation at a time.

    Attributes:
        created_ns: when it was created.
        generation: how many updates of the function came before it.
        idle_since_ns: when its last invocation ended.
        initialised: False when its next invocation has to run the initialisation first.
        pool: the provisioned concurrency it belongs to, or None.
        share: the claim that its present invocation counts against.
    """

    __slots__ = ("created_ns", "generation", "idle_since_ns", "initialised", "pool", "share")

    def __init__(self, created_ns: int, generation: int = 0) -> None:
        self.created_ns = created_ns
        self.generation = generation
        self.idle_since_ns = created_ns
        self.initialised = False
        self.pool: Any = None
        self.share: Any = None


class Environments:
    """The environments of one function; the one used last is used next.

    Args:
        idle_ns: how long an environment stays without work.
        max_age_ns: how long it stays at most; a busy one ends with its invocation.
    """

    def __init__(self, idle_ns: int, max_age_ns: int) -> None:
        self._idle_ns = idle_ns
        self._max_age_ns = max_age_ns
        self._idle: deque[Environment] = deque()
        self._generation = 0
        self.busy = 0

    def reuse(self, now: int) -> Environment | None:
        """Take the environment that was used most recently, or None when none is alive."""
        idle = self._idle
        while idle:
            found = idle.pop()
            if now - found.idle_since_ns >= self._idle_ns:
                idle.clear()
                return None
            if now - found.created_ns < self._max_age_ns:
                self.busy += 1
                return found
        return None

    def create(self, now: int) -> Environment:
        """Add an environment, busy from the start."""
        self.busy += 1
        return Environment(now, self._generation)

    def retire(self) -> None:
        """Replace them all: none that is here now works again after what it is working on."""
        self._generation += 1
        self._idle.clear()

    def give_back(self, now: int, environment: Environment) -> None:
        """Let an environment wait for its next invocation, unless it is retired."""
        self.busy -= 1
        if environment.generation != self._generation:
            return
        environment.idle_since_ns = now
        idle = self._idle
        while idle and now - idle[0].idle_since_ns >= self._idle_ns:
            idle.popleft()
        idle.append(environment)

    def count(self, now: int) -> int:
        """Count the environments alive at `now`, busy or idle."""
        return self.busy + sum(self._alive(item, now) for item in self._idle)

    def _alive(self, environment: Environment, now: int) -> bool:
        rested = now - environment.idle_since_ns
        return rested < self._idle_ns and now - environment.created_ns < self._max_age_ns
