"""KCL workers: who holds which shard, and who takes over when a worker dies.

A lease table says who owns each shard. Owners renew their leases; one leader looks at the table
every now and then, gives leases whose owner is silent or absent to the worker with the fewest, and
evens out what is uneven. Rules: Kinesis Client Library 3.5.1 (LeaseManagementConfig and the guide
to its leader-based assignment). In queueing words: servers with breakdowns, whose jobs resume at
their last checkpoint.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.services.kinesis_consumer.consumer import Consumer
from msgsim.services.kinesis_consumer.reading import Lease


@dataclass(frozen=True, slots=True)
class LeaseRules:
    """How leases change hands.

    Attributes:
        failover_ns: a lease that nobody renewed for so long is taken from its owner.
        every_ns: time between two looks of the leader at the table.
        rebalance_every: evening out happens in every n-th look.
        leader_lock_ns: how long a dead leader's lock lasts after its last heartbeat.
        heartbeat_ns: time between a leader's heartbeats.
        handoff_ns: how long the owner of a lease that moves may go on with its batch.
    """

    failover_ns: int
    every_ns: int
    rebalance_every: int
    leader_lock_ns: int
    heartbeat_ns: int
    handoff_ns: int


class _Worker:
    """One process of the application."""

    __slots__ = ("alive", "number", "silent_since_ns")

    def __init__(self, number: int) -> None:
        self.number = number
        self.alive = True
        self.silent_since_ns = 0


class Workers:
    """The workers of one consumer application, and its lease table.

    Args:
        consumer: the application, which processes shards.
        count: workers at the start.
        rules: how leases change hands.
        notice: how long a new owner takes to notice its lease and begin (ns).
        renewal: age of a dying worker's last renewal (ns).
    """

    def __init__(
        self,
        consumer: Consumer,
        count: int,
        rules: LeaseRules,
        notice: Sampler[int],
        renewal: Sampler[int],
    ) -> None:
        self._consumer = consumer
        self._sim: Simulation = consumer.sim
        self._rules = rules
        self._notice = notice
        self._renewal = renewal
        self._workers = [_Worker(number) for number in range(count)]
        self._leader = 0
        self._locked_until_ns = 0
        self._seen: dict[int, tuple[int, int]] = {}
        self._looks = 0
        self._began_ns: int | None = None
        consumer.keeps = True
        consumer.on_lease = self._created

    @property
    def count(self) -> int:
        """How many workers run."""
        return sum(worker.alive for worker in self._workers)

    def owners(self) -> dict[int, int | None]:
        """Return who holds each shard that is not at its end."""
        return {lease.shard: lease.owner for lease in self._consumer.leases if not lease.ended}

    # Workers come and go -------------------------------------------------------------------

    def crash(self, number: int) -> None:
        """Let a worker die at once: nothing is checkpointed, its leases go on being in its name.

        Raises:
            ValueError: there is no such worker, or it does not run.
        """
        worker = self._running(number)
        now = self._sim.now
        worker.alive = False
        worker.silent_since_ns = now - self._renewal.draw()
        consumer = self._consumer
        in_hand = [
            delivery for lease in self._leases_of(number) for delivery in consumer.abandon(lease)
        ]
        if consumer.on_crashed is not None:
            consumer.on_crashed(now, in_hand)
        if number == self._leader:
            self._lose_leader(now)

    def stop(self, number: int) -> None:
        """Let a worker shut down in good order: batches end, checkpoints are written.

        Raises:
            ValueError: there is no such worker, or it does not run.
        """
        worker = self._running(number)
        worker.alive = False
        for lease in self._leases_of(number):
            self._consumer.hand_over(lease, lambda lease=lease: self._free(lease))  # type: ignore[misc]
        if number == self._leader:
            self._elect()

    def add(self) -> int:
        """Start a worker; the leader gives it leases when it next evens out."""
        worker = _Worker(len(self._workers))
        self._workers.append(worker)
        if self.count == 1:
            self._elect()
        return worker.number

    def _running(self, number: int) -> _Worker:
        if not 0 <= number < len(self._workers) or not self._workers[number].alive:
            raise ValueError(f"{self._consumer.name} has no running worker {number}")
        return self._workers[number]

    def _leases_of(self, number: int) -> list[Lease]:
        return [each for each in self._consumer.leases if each.owner == number and not each.ended]

    # The leader ----------------------------------------------------------------------------

    def _lose_leader(self, now: int) -> None:
        """Wait until the dead leader's lock has run out before anybody else looks.

        Who waits for it has no lock of its own, and leaves none.
        """
        if now >= self._locked_until_ns:
            heartbeat_ns = now - now % self._rules.heartbeat_ns
            self._locked_until_ns = heartbeat_ns + self._rules.leader_lock_ns
        self._elect()

    def _elect(self) -> None:
        alive = [worker.number for worker in self._workers if worker.alive]
        self._leader = alive[0] if alive else -1

    def _created(self, lease: Lease) -> None:
        """Take a new lease into the table; at the start it has an owner already."""
        now = self._sim.now
        if self._began_ns is None:
            self._began_ns = now
            self._sim.after(self._rules.every_ns, self._look)
        alive = [worker.number for worker in self._workers if worker.alive]
        if now == self._began_ns and alive:
            self._give(lease, self._fewest(alive), at_once=True)

    def _look(self) -> None:
        """Let the leader go through the table."""
        self._sim.after(self._rules.every_ns, self._look)
        now = self._sim.now
        alive = [worker.number for worker in self._workers if worker.alive]
        if not alive or now < self._locked_until_ns:
            return
        self._looks += 1
        for lease in self._consumer.leases:
            if not lease.ended and (lease.owner is None or self._expired(now, lease)):
                self._give(lease, self._fewest(alive))
        if self._looks % self._rules.rebalance_every == 0:
            self._even_out(alive)

    def _expired(self, now: int, lease: Lease) -> bool:
        """Say whether a lease's counter stood still since an earlier look, and for long enough."""
        assert lease.owner is not None
        owner = self._workers[lease.owner]
        renewed_ns = now if owner.alive else owner.silent_since_ns
        seen, since_ns = self._seen.get(lease.shard, (-1, now))
        if renewed_ns != seen:
            self._seen[lease.shard] = (renewed_ns, now)
            return False
        return now - since_ns >= self._rules.failover_ns

    def _fewest(self, alive: list[int]) -> int:
        held = Counter(self.owners().values())
        return min(alive, key=lambda number: (held[number], number))

    def _give(self, lease: Lease, number: int, at_once: bool = False) -> None:
        lease.owner = number
        self._seen.pop(lease.shard, None)
        if at_once:
            self._begin(lease, number)
        else:
            self._sim.after(self._notice.draw(), self._begin, lease, number)

    def _begin(self, lease: Lease, number: int) -> None:
        if lease.owner == number and self._workers[number].alive and lease.processor is None:
            self._consumer.begin(lease)

    def _free(self, lease: Lease) -> None:
        lease.owner = None

    def _even_out(self, alive: list[int]) -> None:
        """Move leases from the fullest to the emptiest worker, with a graceful hand-over."""
        held = Counter(dict.fromkeys(alive, 0))
        held.update(owner for owner in self.owners().values() if owner in alive)
        moved: set[int] = set()
        while True:
            full = max(alive, key=lambda number: (held[number], -number))
            empty = min(alive, key=lambda number: (held[number], number))
            if held[full] - held[empty] <= 1:
                return
            lease = next((x for x in self._leases_of(full) if x.shard not in moved), None)
            if lease is None:
                return
            moved.add(lease.shard)
            held[full] -= 1
            held[empty] += 1
            self._consumer.hand_over(
                lease,
                lambda lease=lease, empty=empty: self._give(lease, empty),  # type: ignore[misc]
                self._rules.handoff_ns,
            )
