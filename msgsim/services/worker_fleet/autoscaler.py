"""What decides how many workers a fleet has: it looks at the queue, and resizes."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgsim.kernel.simulation import NS_PER_S
from msgsim.model.ports import Counted
from msgsim.services.worker_fleet.pods import PodScaler
from msgsim.services.worker_fleet.scaling import PolicyRules, TargetTracking

if TYPE_CHECKING:
    from msgsim.services.worker_fleet.fleet import Fleet

MINUTE_NS = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Tracking:
    """A target tracking policy at work.

    Attributes:
        policy: what it knows.
        delay_ns: how long after a minute its datapoint can be read.
    """

    policy: TargetTracking
    delay_ns: int


@dataclass(frozen=True, slots=True)
class Pods:
    """Scaling on the length of the queue, as KEDA and AWS Batch do.

    Attributes:
        scaler: what it knows.
        sync_ns: how often it looks and resizes.
        in_flight: whether messages in flight count.
        delayed: whether delayed messages count.
        activation_ns: how often the step from none to one is looked at; None where `sync_ns` is.
    """

    scaler: PodScaler
    sync_ns: int
    in_flight: bool = True
    delayed: bool = False
    activation_ns: int | None = None


class Autoscaler:
    """Keeps a fleet between its smallest and its largest size.

    Args:
        least: fewest workers.
        most: most workers.
        policies: step and simple scaling policies, which alarms carry out, by name.
        tracking: the target tracking policy.
        pods: scaling on the queue's length.
    """

    fleet: Fleet
    queue: Counted

    def __init__(
        self,
        least: int,
        most: int,
        policies: Mapping[str, PolicyRules],
        tracking: Tracking | None = None,
        pods: Pods | None = None,
    ) -> None:
        self.least = least
        self.most = most
        self.policies = policies
        self._tracking = tracking
        self._pods = pods
        self._activity: tuple[int, int] | None = None

    def start(self) -> None:
        """Begin to look."""
        sim = self.fleet.sim
        if self._tracking is not None:
            sim.process(self._track(self._tracking))
        if self._pods is not None:
            sim.process(self._sync(self._pods))
            if self._pods.activation_ns is not None and self.least == 0:
                sim.process(self._activate(self._pods, self._pods.activation_ns))

    # Target tracking -----------------------------------------------------------------------

    def _track(self, tracking: Tracking) -> Generator[Any, Any, None]:
        sim = self.fleet.sim
        while True:
            yield sim.sleep(MINUTE_NS)
            running = self.fleet.running
            visible, _, _ = self.queue.counters()
            metric = visible / running if running else None
            sim.after(tracking.delay_ns, self._follow, tracking.policy, metric, running)

    def _follow(self, policy: TargetTracking, metric: float | None, running: int) -> None:
        fleet = self.fleet
        warming = fleet.warming(policy.rules.warmup_ns) > 0
        wanted = policy.decide(fleet.sim.now, metric, running, fleet.desired, warming)
        if wanted is not None:
            self._set(wanted, "target tracking")

    # Step and simple scaling ---------------------------------------------------------------

    def carry_out(self, name: str, beyond: float) -> None:
        """Carry a policy out for a metric that lies `beyond` its alarm's threshold."""
        rules, fleet = self.policies[name], self.fleet
        if rules.simple:
            if not self._cooling():
                wanted = rules.wanted(fleet.desired, beyond)
                if wanted is not None and self._set(wanted, name):
                    self._activity = fleet.sim.now, rules.cooldown_ns
            return
        warming = fleet.warming(rules.warmup_ns)
        wanted = rules.wanted(fleet.desired - warming, beyond)
        if wanted is None:
            return
        if wanted > fleet.desired or not warming:
            self._set(wanted, name)

    def _cooling(self) -> bool:
        """Say whether the last simple activity is not complete, or its own cooldown is not over.

        What counts is the cooldown of the policy that acted, whichever wants to act now.
        """
        if self._activity is None:
            return False
        began_ns, cooldown_ns = self._activity
        done_ns = max(began_ns, self.fleet.settled_ns)
        return self.fleet.starting > 0 or self.fleet.sim.now < done_ns + cooldown_ns

    # Queue length --------------------------------------------------------------------------

    def _messages(self, pods: Pods) -> int:
        visible, in_flight, delayed = self.queue.counters()
        return visible + in_flight * pods.in_flight + delayed * pods.delayed

    def _sync(self, pods: Pods) -> Generator[Any, Any, None]:
        fleet = self.fleet
        from_zero = pods.activation_ns is None
        while True:
            yield fleet.sim.sleep(pods.sync_ns)
            if fleet.desired or from_zero:
                wanted = pods.scaler.recommend(fleet.sim.now, self._messages(pods), fleet.desired)
                self._set(wanted if from_zero else max(1, wanted), "queue length")

    def _activate(self, pods: Pods, every_ns: int) -> Generator[Any, Any, None]:
        fleet = self.fleet
        while True:
            wanted = pods.scaler.activate(fleet.sim.now, self._messages(pods), fleet.desired)
            if (wanted == 0) != (fleet.desired == 0):
                self._set(wanted, "activation")
            yield fleet.sim.sleep(every_ns)

    def _set(self, wanted: int, policy: str) -> bool:
        """Resize to what is wanted within the bounds; say whether that changes anything."""
        fleet = self.fleet
        size = min(self.most, max(self.least, wanted))
        if size == fleet.desired:
            return False
        if fleet.on_scaled is not None:
            fleet.on_scaled(fleet.sim.now, policy, size)
        fleet.resize(size)
        return True
