"""A Lambda function as a component: it takes batches, occupies environments, and announces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.kernel.waiting import TokenBucket
from msgsim.model import facts
from msgsim.model.message import Copy, Delivery, Message
from msgsim.model.ports import InvokeReply, Outcome
from msgsim.services.lambda_function.concurrency import SCALING_TOO_FAST, Share
from msgsim.services.lambda_function.environments import Environment, Environments
from msgsim.services.lambda_function.events import EventQueue, MakeEventQueue
from msgsim.services.lambda_function.handler import TIMEOUT, Handler, Plan

THROTTLED = "TooManyRequestsException"
UNAVAILABLE = "ServiceException"

Completed = Callable[[int, Delivery], Any]


class _Run:
    """An invocation in progress."""

    __slots__ = ("batch", "completed", "environment", "plan", "reply")

    def __init__(
        self,
        batch: Sequence[Delivery],
        plan: Plan,
        environment: Environment,
        reply: InvokeReply,
        completed: Completed,
    ) -> None:
        self.batch = batch
        self.plan = plan
        self.environment = environment
        self.reply = reply
        self.completed = completed


class Function(Component):
    """A Lambda function: a multi-server station without a waiting room.

    Its servers are execution environments. An arrival that finds no concurrency left is lost to
    the caller (a throttle), and the caller decides whether it comes back. A new environment has a
    set-up time, the cold start. The concurrency is the number of `started` without their `ended`;
    it includes environments that initialise.

    Args:
        handler: how long invocations take and where they fail.
        environments: the servers.
        share: this function's claim on the account's concurrency.
        cold_start: nanoseconds of creating and initialising an environment.
        scaling: tokens for new environments.
        events: makes the queue of asynchronous invocation.
    """

    kind = "lambda.function"
    signals = (
        facts.STARTED,
        facts.ENDED,
        facts.COLD_START,
        facts.INVOKE_THROTTLED,
        facts.TAKEN,
        facts.COMPLETED,
        facts.FAILED,
        facts.DEAD_LETTERED,
        facts.DROPPED,
    )

    def __init__(
        self,
        sim: Simulation,
        name: str,
        handler: Handler,
        environments: Environments,
        share: Share,
        cold_start: Sampler[int],
        scaling: TokenBucket,
        events: MakeEventQueue,
    ) -> None:
        super().__init__(sim, name)
        self.handler = handler
        self.environments = environments
        self.share = share
        self._cold_start = cold_start
        self._scaling = scaling
        self.events: EventQueue = events(self)

    @property
    def concurrency_limit(self) -> int:
        """How many executions it may have at once: its reserved part, or the common one."""
        reserved = self.share.reserved
        return self.account_concurrency if reserved is None else reserved

    @property
    def account_concurrency(self) -> int:
        """How many executions the account leaves to functions without a reserved part."""
        return self.share.account.unreserved

    def invoke(
        self, batch: Sequence[Delivery], reply: InvokeReply, completed: Completed
    ) -> str | None:
        """Run the handler on a batch; refuse when no environment may be used.

        Returns:
            None when the invocation has begun; else `TooManyRequestsException` (429) for want of
            concurrency, or `ServiceException` (a server error) during an outage.
        """
        if self.down:
            return UNAVAILABLE
        now = self.sim.now
        environment = self._occupy(now)
        if environment is None:
            return THROTTLED
        cold = not environment.initialised
        init_ns = self._initialise(now, environment) if cold else 0
        if self.on_started is not None:
            self.on_started(now, len(batch), cold)
        plan = self.handler.plan(batch, self.slowness)
        run = _Run(batch, plan, environment, reply, completed)
        if plan.steps is None:
            for delivery in batch:
                delivery.copy.starts += 1
            self.sim.after(init_ns + plan.duration_ns, self._end, run)
        else:
            batch[0].copy.starts += 1
            self.sim.after(init_ns + plan.steps[0].ends_ns, self._end_step, run, 0)
        return None

    def invoke_async(self, message: Message) -> str | None:
        """Queue one event for the function and answer at once (202)."""
        if self.down:
            return UNAVAILABLE
        self.events.accept(message)
        return None

    def holds(self) -> Iterable[tuple[str, Copy]]:
        """Yield the asynchronous events that are not finished."""
        return self.events.held()

    def _occupy(self, now: int) -> Environment | None:
        reason = self.share.take()
        if reason is None:
            environment = self.environments.reuse(now)
            if environment is not None:
                return environment
            if self._scaling.take(now):
                return self.environments.create(now)
            self.share.give()
            reason = SCALING_TOO_FAST
        if self.on_invoke_throttled is not None:
            self.on_invoke_throttled(now, reason)
        return None

    def _initialise(self, now: int, environment: Environment) -> int:
        environment.initialised = True
        init_ns = self._cold_start.draw()
        if self.on_cold_start is not None:
            self.on_cold_start(now, init_ns)
        return init_ns

    def _end_step(self, run: _Run, index: int) -> None:
        steps = run.plan.steps
        assert steps is not None
        step = steps[index]
        if step.done:
            run.completed(self.sim.now, step.delivery)
        if index + 1 == len(steps):
            self._end(run)
            return
        following = steps[index + 1]
        following.delivery.copy.starts += 1
        self.sim.after(following.ends_ns - step.ends_ns, self._end_step, run, index + 1)

    def _end(self, run: _Run) -> None:
        now = self.sim.now
        plan = run.plan
        for delivery in plan.done:
            run.completed(now, delivery)
        if plan.status == TIMEOUT:
            run.environment.initialised = False
        self.environments.give_back(now, run.environment)
        self.share.give()
        if self.on_ended is not None:
            self.on_ended(now, plan.duration_ns, plan.status)
        run.reply(Outcome(plan.status, list(plan.failed)))
