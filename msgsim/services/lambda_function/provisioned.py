"""Provisioned concurrency: environments that are initialised ahead of time, and paid for.

They can be used when the whole request is allocated: that begins after one to two minutes and goes
on at 6,000 environments per minute. An invocation that finds all of them busy spills over to an
on-demand environment. Source: Lambda developer guide, provisioned-concurrency.html,
lambda-concurrency.html.
"""

from __future__ import annotations

from msgsim.services.lambda_function.environments import Environment


class Provisioned:
    """The provisioned environments of one function: servers that are never cold.

    Args:
        count: `ProvisionedConcurrentExecutions`.
        begins_ns: when they are asked for, and count against the account; None for long before
            the run.
        delay_ns: until allocation begins.
        per_minute: environments allocated per minute.
    """

    def __init__(self, count: int, begins_ns: int | None, delay_ns: int, per_minute: int) -> None:
        self.count = count
        self.begins_ns = begins_ns or 0
        self.busy = 0
        self._idle: list[Environment] = []
        self.ready_ns = 0
        if begins_ns is not None:
            self.ready_ns = begins_ns + delay_ns + count * 60_000_000_000 // per_minute

    def set_aside(self, now: int) -> int:
        """Return how much concurrency is set aside for them: nothing before they are ready."""
        return self.count if now >= self.ready_ns else 0

    def take(self, now: int) -> Environment | None:
        """Take one, the one used last; None while they are not ready, or when all are busy."""
        if now < self.ready_ns or self.busy >= self.count:
            return None
        self.busy += 1
        if self._idle:
            return self._idle.pop()
        environment = Environment(self.ready_ns)
        environment.initialised = True
        environment.pool = self
        return environment

    def give_back(self, now: int, environment: Environment) -> None:
        """Let one wait for its next invocation; it does not expire."""
        self.busy -= 1
        environment.idle_since_ns = now
        self._idle.append(environment)
