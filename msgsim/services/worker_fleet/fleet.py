"""Worker fleets as components: workers on one queue, their calls, their crashes, their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.signals import Combined, Listener, parts
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.failing import Fails
from msgsim.model.message import Delivery
from msgsim.model.ports import Polled
from msgsim.services.worker_fleet.drain import (
    AWAY,
    GONE,
    LEAVING,
    RUNNING,
    STARTING,
    Leaving,
    Member,
    dispensable,
)
from msgsim.services.worker_fleet.prefetch import Buffer
from msgsim.services.worker_fleet.routine import BackOff, Crash, Routine, Shape
from msgsim.services.worker_fleet.worker import Worker

if TYPE_CHECKING:
    from msgsim.services.worker_fleet.autoscaler import Autoscaler


class Fleet(Component):
    """A worker fleet on a queue: a multi-server station that fetches its own customers.

    A customer that is not deleted in time is served again by somebody else (a retrial); a worker
    that dies takes nobody along, because the queue still has the message. While the fleet is
    `down`, its workers are dead. The number of servers may follow the load.

    Args:
        workers: how many run when the fleet starts.
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
        shape: what a worker is made of, and how it comes and goes.
        autoscaler: decides how many there should be; None for a fixed number.

    Attributes:
        desired: how many workers there should be.
        settled_ns: when a worker came or went last.
    """

    __slots__ = ("fails", "handler_time", "plain", "queue", "receive", "receive_time",
                 "receive_with", "remove", "time_of", "visited")  # fmt: skip

    kind = "worker.fleet"
    signals = (
        facts.STARTED,
        facts.ENDED,
        facts.COMPLETED,
        facts.FAILED,
        facts.VISITED,
        facts.DROPPED,
        facts.CRASHED,
        facts.RESIZED,
        facts.SCALED,
        facts.LEFT,
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
        shape: Shape | None = None,
        autoscaler: Autoscaler | None = None,
    ) -> None:
        super().__init__(sim, name)
        self.shape = shape = shape or Shape()
        self.routine = routine
        self.receive_with = (routine.limit, routine.wait_ns, routine.visibility_ns)
        self.handler_time = handler_time
        self.time_of = handler_time.at
        self.fails = fails
        self.receive_time = receive_time
        self.delete_time = delete_time
        self.back_off = back_off.wait_ns
        self.delete_attempts = back_off.delete_attempts
        self.skips_group = False
        self.plain = self._is_plain()
        self.visited: Listener | None = None
        self.remove: Callable[[Delivery], bool] | None = None
        self.sqsd = shape.sqsd
        self.job_start = shape.job_start
        self.desired = workers
        self.settled_ns = 0
        self.autoscaler = autoscaler
        self._crashes = crashes
        self._lifetime = lifetime
        self._away_ns = away_ns
        self._start_ns = start_ns
        self._struck: list[Member] = []
        self._members: dict[int, Member] = {}
        self._born = 0

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
        self.queue = queue
        self.receive = queue.receive
        self.judged = queue.name
        self.skips_group = skips_group
        self.plain = self._is_plain()

    def _is_plain(self) -> bool:
        """Say whether messages are worked one after the other, and nothing else takes time."""
        routine = self.routine
        instant = self.receive_time is None and self.delete_time is None
        alone = routine.limit == 1 and routine.delete_each
        in_batches = routine.in_sequence and not routine.delete_each and not self.skips_group
        usual = self.shape.make is Worker and self.shape.fetching is None
        return instant and (alone or in_batches) and usual and not routine.heartbeat

    # What others ask -----------------------------------------------------------------------

    @property
    def concurrency_limit(self) -> int:
        """How many batches can be worked on at once: one for each thread of each worker."""
        most = self.desired if self.autoscaler is None else self.autoscaler.most
        return most * self.shape.threads

    @property
    def threads(self) -> int:
        """How many poll loops each worker has."""
        return self.shape.threads

    @property
    def running(self) -> int:
        """How many workers are in service."""
        return sum(member.state == RUNNING for member in self._members.values())

    @property
    def starting(self) -> int:
        """How many workers are on their way: new ones, and those that come back."""
        return sum(member.state in (STARTING, AWAY) for member in self._members.values())

    @property
    def policies(self) -> Sequence[str]:
        """The names of the scaling policies that alarms carry out."""
        return () if self.autoscaler is None else tuple(self.autoscaler.policies)

    def warming(self, warmup_ns: int) -> int:
        """Return how many workers start, or have started less than `warmup_ns` ago."""
        since = self.sim.now - warmup_ns
        return sum(
            member.state in (STARTING, AWAY)
            or (member.state == RUNNING and member.ready_ns > max(since, self._start_ns))
            for member in self._members.values()
        )

    def scale(self, policy: str, beyond: float) -> None:
        """Carry a scaling policy out, because its alarm says so."""
        assert self.autoscaler is not None
        self.autoscaler.carry_out(policy, beyond)

    # Coming --------------------------------------------------------------------------------

    def start(self) -> None:
        """Let the workers begin to poll at the start time, and plan what strikes them."""
        self._listen_in_one()
        self.sim.at(self._start_ns, self._open)
        for crash in self._crashes:
            self.sim.at(crash.at_ns, self._crash, crash.worker, None, crash.away_ns)
        spot = self.shape.spot
        for moment_ns, workers in spot.planned if spot is not None else ():
            self.sim.at(moment_ns, self._interrupt_oldest, workers)

    def _listen_in_one(self) -> None:
        """Announce `visited` for three facts, if whoever listens to these offers to hear it."""
        offer, queue = self.on_visited, self.queue
        heard = (self.on_completed, getattr(queue, "on_deleted", None), self.on_ended)
        self.remove = getattr(queue, "remove", None)
        if not isinstance(offer, Combined) or self.remove is None:
            return
        if all(part in offer.replaces for each in heard for part in parts(each)):
            self.visited = offer.tell

    def _open(self) -> None:
        members = [self._new() for _ in range(self.desired)]
        for member in members:
            self._begin(member, announce=False)
        self._announce()
        if self.autoscaler is not None:
            self.autoscaler.start()

    def _new(self) -> Member:
        member = self._members[self._born] = Member(self._born)
        self._born += 1
        return member

    def _launch(self) -> None:
        member, startup = self._new(), self.shape.startup
        self.sim.after(0 if startup is None else startup.draw(), self._begin, member)

    def _begin(self, member: Member, announce: bool = True) -> None:
        """Come into service, unless the worker was dismissed while it started."""
        if member.state not in (STARTING, AWAY):
            return
        if self.down:
            self._struck.append(member)
            return
        queue: Polled = self.queue
        buffer = None
        shape = self.shape
        if shape.fetching is not None:
            queue = buffer = Buffer(
                self.sim, self.queue, shape.fetching, self.receive_with, self.slowed
            )
        threads = [shape.make(self, queue) for _ in range(shape.threads)]
        now = self.settled_ns = self.sim.now
        member.begin(now, threads, buffer)
        if announce:
            self._announce()
        if self._lifetime is not None:
            life = self._lifetime.draw()
            self.sim.after(life, self._crash, member.number, member.life, self._away_ns)
        if shape.spot is not None and shape.spot.lifetime is not None:
            self.sim.after(shape.spot.lifetime.draw(), self._interrupt, member, member.life)
        member.poll()

    # Going ---------------------------------------------------------------------------------

    def resize(self, wanted: int) -> None:
        """Launch workers, or dismiss some, until there are as many as wanted."""
        self.desired = wanted
        staying, count = self._staying(), self._capacity()
        for _ in range(wanted - count):
            self._launch()
        if count > wanted:
            for member in sorted(staying, key=dispensable)[: count - wanted]:
                self._dismiss(member, "scale_in", self.shape.leaving)
        self._announce()

    def _staying(self) -> list[Member]:
        """Return the workers that nobody has told to stop, and whose machines are theirs."""
        members = self._members.values()
        return [each for each in members if not each.noticed and each.state != LEAVING]

    def _capacity(self) -> int:
        """Return how many workers the group believes it has."""
        spot, noticed = self.shape.spot, 0
        if spot is not None:
            members = self._members.values()
            noticed = sum(each.noticed and spot.counts(each.state) for each in members)
        return len(self._staying()) + noticed

    def _dismiss(self, member: Member, reason: str, leaving: Leaving) -> None:
        """Tell a worker to stop, and see that it does."""
        if member.state != RUNNING:
            self._forget(member, reason, [])
        elif leaving.mode == "release":
            member.release(self.queue)
            self._forget(member, reason, [])
        elif leaving.mode == "none" or not leaving.grace_ns:
            self._forget(member, reason, member.kill("stopped"))
        else:
            member.state = LEAVING
            self.sim.after(leaving.grace_ns, self._cut_off, member, reason)
            member.finish(lambda left: self._forget(left, reason, []))

    def _cut_off(self, member: Member, reason: str) -> None:
        """The grace is over: what is still in hand stays in flight until its timeout."""
        if member.state == LEAVING:
            self._forget(member, reason, member.kill("stopped"))

    def _forget(self, member: Member, reason: str, lost: list[Delivery]) -> None:
        if member.state == GONE:
            return
        member.state = GONE
        if not member.noticed:
            del self._members[member.number]
        now = self.settled_ns = self.sim.now
        if self.on_left is not None:
            self.on_left(now, reason, lost)
        self._announce()
        if member.noticed:
            self._replace()

    def _announce(self) -> None:
        if self.on_resized is not None:
            self.on_resized(self.sim.now, self.desired, self.running, self.starting)

    # Spot ----------------------------------------------------------------------------------

    def _interrupt_oldest(self, workers: int) -> None:
        running = [each for each in self._members.values() if each.state == RUNNING]
        for member in [each for each in running if not each.noticed][:workers]:
            self._interrupt(member, member.life)

    def _interrupt(self, member: Member, life: int) -> None:
        """The notice comes: the capacity is taken back when its time is over."""
        spot = self.shape.spot
        assert spot is not None
        if member.state != RUNNING or member.life != life or member.noticed:
            return
        member.noticed = True
        self.sim.after(spot.notice_ns, self._take_back, member)
        leaving = self.shape.leaving
        if spot.heeded and leaving.mode != "none":
            grace_ns = min(leaving.grace_ns or spot.notice_ns, spot.notice_ns)
            self._dismiss(member, "spot", Leaving(leaving.mode, grace_ns))
        self._replace()

    def _replace(self) -> None:
        """Launch replacements of noticed workers that no longer count."""
        if self._capacity() < self.desired:
            self.resize(self.desired)

    def _take_back(self, member: Member) -> None:
        """The machine is gone, and the group replaces it unless it has done so before."""
        if member.state != GONE:
            self._forget(member, "spot", member.kill("stopped"))
        del self._members[member.number]
        self.resize(self.desired)

    # Crashes and outages -------------------------------------------------------------------

    def _crash(self, number: int, life: int | None, away_ns: int) -> None:
        """Let a worker die, unless it is dead already or another life of it has begun."""
        member = self._members.get(number)
        if member is None or member.state not in (RUNNING, LEAVING):
            return
        if life is None or life == member.life:
            if self._die(member):
                self.sim.after(away_ns, self._begin, member)
            self._announce()

    def _die(self, member: Member) -> bool:
        """Kill a worker; say whether it comes back."""
        back = member.state == RUNNING
        lost = member.kill("crashed")
        member.state = AWAY
        if self.on_crashed is not None:
            self.on_crashed(self.sim.now, lost)
        if not back:
            self._forget(member, "crashed", [])
        return back

    def fail(self) -> None:
        """An outage begins: every worker dies with what it has in hand."""
        super().fail()
        dying = [each for each in self._members.values() if each.state in (RUNNING, LEAVING)]
        self._struck += [member for member in dying if self._die(member)]
        self._announce()

    def recover(self) -> None:
        """The outage ends: those it killed are back."""
        super().recover()
        struck, self._struck = self._struck, []
        for member in struck:
            self._begin(member)

    def slowed(self, time_ns: int) -> int:
        """Return one of the fleet's own times, stretched by a slowdown."""
        return time_ns if self.slowness == 1.0 else round(time_ns * self.slowness)

    def members(self) -> Iterable[Member]:
        """Return the workers that have not gone."""
        return self._members.values()
