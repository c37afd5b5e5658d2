"""A Lambda function as a component: it takes batches, occupies environments, and announces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

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
from msgsim.services.lambda_function.handler import TIMEOUT, Plan
from msgsim.services.lambda_function.provisioned import Provisioned

THROTTLED = "TooManyRequestsException"
UNAVAILABLE = "ServiceException"

Completed = Callable[..., Any]
End = Callable[[Plan], None]


class Planned(Protocol):
    """A handler whose course is known when it begins."""

    def plan(self, batch: Sequence[Delivery], slowness: float = 1.0) -> Plan:
        """Decide how the handler treats the batch."""


class Conducted(Protocol):
    """A handler whose course depends on what happens meanwhile."""

    def conduct(
        self,
        function: Any,
        batch: Sequence[Delivery],
        init_ns: int,
        completed: Completed,
        end: End,
    ) -> None:
        """Work on the batch once the environment is initialised, and call `end` when it is over."""


class _Run:
    """An invocation in progress."""

    __slots__ = ("completed", "environment", "plan", "reply")

    def __init__(
        self,
        plan: Plan | None,
        environment: Environment,
        reply: InvokeReply,
        completed: Completed,
    ) -> None:
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
        provisioned: environments that are initialised ahead of time.
    """

    kind = "lambda.function"
    signals = (
        facts.STARTED,
        facts.ENDED,
        facts.COLD_START,
        facts.INVOKE_THROTTLED,
        facts.PROVISIONED,
        facts.PROVISIONED_BUSY,
        facts.SPILLED_OVER,
        facts.STORE_CALLED,
        facts.TAKEN,
        facts.EVENT_STARTED,
        facts.GIVEN_UP,
        facts.DESTINATION_FAILED,
        facts.REPEATED_EVENT,
        facts.COMPLETED,
        facts.SKIPPED,
        facts.FAILED,
        facts.DEAD_LETTERED,
        facts.DROPPED,
    )

    def __init__(
        self,
        sim: Simulation,
        name: str,
        handler: Planned | Conducted,
        environments: Environments,
        share: Share,
        cold_start: Sampler[int],
        scaling: TokenBucket,
        events: MakeEventQueue,
        provisioned: Provisioned | None = None,
    ) -> None:
        super().__init__(sim, name)
        self.set_handler(handler)
        self.provisioned = provisioned
        self._claimed = 0
        self.environments = environments
        self.share = share
        self.cold_start = cold_start
        self._scaling = scaling
        self.events: EventQueue = events(self)

    def set_handler(self, handler: Any) -> None:
        """Use a handler from now on: one that plans, or one that conducts its invocations."""
        self.handler = handler
        self._conduct = getattr(handler, "conduct", None)

    def renew(self, cold_start: Sampler[int] | None = None) -> None:
        """Begin anew after an update of its code or configuration: with new environments.

        What runs goes on to its end in the environment it has. Provisioned environments stay: the
        update of a version they belong to would bring its own before the old ones end.

        Args:
            cold_start: nanoseconds of creating and initialising an environment from now on.
        """
        if cold_start is not None:
            self.cold_start = cold_start
        self.environments.retire()

    def set_provisioned(self, provisioned: Provisioned | None) -> None:
        """Have other provisioned environments from now on, or none."""
        self.share.account.set_aside(-self._claimed)
        self._claimed = 0
        self.provisioned = provisioned
        self.start()

    def start(self) -> None:
        """Claim the concurrency of provisioned environments, and announce when they are ready."""
        provisioned = self.provisioned
        if provisioned is None:
            return
        now = self.sim.now
        if provisioned.begins_ns <= now:
            self._claim(provisioned)
        else:
            self.sim.at(provisioned.begins_ns, self._claim, provisioned)
        self.sim.after(max(0, provisioned.ready_ns - now), self._provisioned_ready, provisioned)

    def _claim(self, provisioned: Provisioned) -> None:
        """Take them away from what functions share; a reserved part has been taken already."""
        if provisioned is self.provisioned and self.share.reserved is None:
            self._claimed = provisioned.count
            self.share.account.set_aside(provisioned.count)

    def _provisioned_ready(self, provisioned: Provisioned) -> None:
        if provisioned is self.provisioned and self.on_provisioned is not None:
            self.on_provisioned(self.sim.now, provisioned.count)

    @property
    def concurrency_limit(self) -> int:
        """How many executions it may have at once: its reserved part, or the common and its own."""
        reserved = self.share.reserved
        return self._unreserved if reserved is None else reserved

    @property
    def poller_concurrency(self) -> int:
        """How many executions pollers reckon with.

        They know the account and not what is reserved for the function (Lambda developer guide,
        services-sqs-scaling.html); they do not stop short of it either.
        """
        return max(self._unreserved, self.share.reserved or 0)

    @property
    def own_concurrency(self) -> int:
        """How many executions of the account nobody else can use: reserved, or provisioned."""
        return (self.share.reserved or 0) + self._claimed

    @property
    def _unreserved(self) -> int:
        return self.share.account.unreserved + self._claimed

    def invoke(
        self,
        batch: Sequence[Delivery],
        reply: InvokeReply,
        completed: Completed,
        asynchronous: bool = False,
    ) -> str | None:
        """Run the handler on a batch; refuse when no environment may be used.

        Args:
            batch: what it works on.
            reply: called at the end.
            completed: called for each record at the moment of its side effect.
            asynchronous: whether it comes from the event queue, where no request rate applies.

        Returns:
            None when the invocation has begun; else `TooManyRequestsException` (429) for want of
            concurrency, or `ServiceException` (a server error) during an outage.
        """
        if self.down:
            return UNAVAILABLE
        now = self.sim.now
        environment = self._occupy(now, asynchronous)
        if environment is None:
            return THROTTLED
        cold = not environment.initialised
        init_ns = self._initialise(now, environment) if cold else 0
        if self.on_started is not None:
            self.on_started(now, len(batch), cold)
        if self._conduct is not None:
            run = _Run(None, environment, reply, completed)
            self._conduct(self, batch, init_ns, completed, partial(self._conducted, run))
            return None
        plan = self.handler.plan(batch, self.slowness)
        run = _Run(plan, environment, reply, completed)
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
        return self.events.accept(message)

    def holds(self) -> Iterable[tuple[str, Copy]]:
        """Yield the asynchronous events that are not finished."""
        return self.events.held()

    def _occupy(self, now: int, asynchronous: bool) -> Environment | None:
        share = self.share
        set_aside = 0
        bucket = share.bucket
        if not (asynchronous or bucket is None or bucket.take(now)):
            self._refuse(now, share.too_fast)
            return None
        if self.provisioned is not None:
            environment = self.provisioned.take(now)
            if environment is not None:
                self._announce_provisioned(now)
                return environment
            set_aside = self.provisioned.set_aside(now)
            if set_aside and self.on_spilled_over is not None:
                self.on_spilled_over(now)
        reason = share.take(set_aside)
        if reason is None:
            environment = self.environments.reuse(now)
            if environment is None and self._scaling.take(now):
                environment = self.environments.create(now)
            if environment is not None:
                environment.share = share
                return environment
            share.give()
            reason = SCALING_TOO_FAST
        self._refuse(now, reason)
        return None

    def _announce_provisioned(self, now: int) -> None:
        if self.on_provisioned_busy is not None and self.provisioned is not None:
            self.on_provisioned_busy(now, self.provisioned.busy)

    def _refuse(self, now: int, reason: str) -> None:
        if self.on_invoke_throttled is not None:
            self.on_invoke_throttled(now, reason)

    def _initialise(self, now: int, environment: Environment) -> int:
        environment.initialised = True
        init_ns = self.cold_start.draw()
        if self.on_cold_start is not None:
            self.on_cold_start(now, init_ns)
        return init_ns

    def _end_step(self, run: _Run, index: int) -> None:
        assert run.plan is not None
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

    def _conducted(self, run: _Run, plan: Plan) -> None:
        run.plan = plan
        self._end(run)

    def _end(self, run: _Run) -> None:
        now = self.sim.now
        plan = run.plan
        assert plan is not None
        for delivery in plan.done:
            run.completed(now, delivery)
        if plan.status == TIMEOUT:
            run.environment.initialised = False
        self._vacate(now, run.environment)
        if self.on_ended is not None:
            self.on_ended(now, plan.duration_ns, plan.status)
        run.reply(Outcome(plan.status, list(plan.failed), plan.malformed))

    def _vacate(self, now: int, environment: Environment) -> None:
        if environment.pool is None:
            self.environments.give_back(now, environment)
            environment.share.give()
        else:
            environment.pool.give_back(now, environment)
            self._announce_provisioned(now)
