"""Enhanced fan-out: a subscription pushes one shard to one registered consumer.

In queueing words: a delay line per record in front of a server of 2 MiB/s that belongs to one
consumer and one shard, so that neither other consumers nor the shard's five calls slow it down.
Rules: Kinesis API reference, RegisterStreamConsumer and SubscribeToShard. AWS publishes neither how
large an event is nor when it is pushed: both are assumptions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgsim.kernel.distributions import Constant, Distribution
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.services.kinesis.limits import MIB, SECOND_NS
from msgsim.services.kinesis.record_log import StoredRecord
from msgsim.services.kinesis.shard import Shard

Deliver = Callable[[list[StoredRecord], int, bool], None]
"""(records, position behind them, whether the shard ends there)."""


@dataclass(frozen=True, slots=True)
class PushRules:
    """How events are pushed.

    Attributes:
        bytes_per_s: of one consumer and shard.
        event_bytes: data of one event (assumption).
        event_records: records of one event (assumption: as many as GetRecords returns).
    """

    bytes_per_s: int = 2 * MIB
    event_bytes: int = MIB
    event_records: int = 10_000


class Subscription:
    """One consumer's subscription to one shard (SubscribeToShard).

    Args:
        sim: the clock.
        shard: what it reads.
        position: where it begins.
        delay: how long a record takes from arrival to the consumer (ns), by sequence number.
        rules: how events are pushed.
        deliver: called with each event.
        reachable: whether the stream answers now.

    Attributes:
        position: what the consumer gets next.
        open: whether it still pushes.
        room: events that the consumer takes before it has worked some off (back-pressure).
    """

    __slots__ = (
        "_delay",
        "_deliver",
        "_due",
        "_ended",
        "_hop_ns",
        "_paid_ns",
        "_reachable",
        "_rules",
        "_shard",
        "_sim",
        "open",
        "position",
        "room",
    )

    def __init__(
        self,
        sim: Simulation,
        shard: Shard,
        position: int,
        delay: Sampler[int],
        rules: PushRules,
        deliver: Deliver,
        reachable: Callable[[], bool],
        room: int,
    ) -> None:
        self.position = position
        self.open = True
        self.room = room
        self._sim = sim
        self._shard = shard
        self._delay = delay
        self._rules = rules
        self._deliver = deliver
        self._reachable = reachable
        self._due = False
        self._ended = False
        self._hop_ns = 0
        self._paid_ns = sim.now
        shard.subscriptions.append(self.wake)

    def close(self) -> None:
        """Push nothing more."""
        if self.open:
            self.open = False
            self._shard.subscriptions.remove(self.wake)

    def take_more(self, events: int = 1) -> None:
        """Note that the consumer has worked off events, and has room for as many."""
        self.room += events
        self.wake()

    def wake(self) -> None:
        """Plan the next event, unless one is planned, nothing is there, or there is no room."""
        if self._due or not self.open or self.room <= 0 or self._ended:
            return
        log = self._shard.log
        now = self._sim.env._now
        if self.position >= log.end:
            if not self._shard.open:
                self._due = True
                self._hop_ns = 0
                self._sim.at(max(now, self._paid_ns), self._push)
            return
        first = log.at_position(self.position)
        self._hop_ns = max(0, self._delay.at(first.sequence_number))
        self._due = True
        self._sim.at(max(now, self._paid_ns, first.arrival_ns + self._hop_ns), self._push)

    def _push(self) -> None:
        self._due = False
        if not self.open:
            return
        now = self._sim.env._now
        if not self._reachable():
            self._due = True
            self._sim.after(SECOND_NS, self._push)
            return
        log, rules = self._shard.log, self._rules
        found: list[StoredRecord] = []
        if self.position < log.end:
            within = log.at_time(now - self._hop_ns + 1) - max(self.position, log.first)
            most = min(max(1, within), rules.event_records)
            found, size = log.read(self.position, most, rules.event_bytes)
            self._paid_ns = now - (-size * SECOND_NS // rules.bytes_per_s)
            self.position = max(self.position, log.first) + len(found)
        self._ended = not self._shard.open and self.position >= log.end
        self.room -= 1
        self._deliver(found, self.position, self._ended)
        self.wake()


def no_delay() -> Distribution:
    """Return the push delay of a stream built by hand: none."""
    return Constant(0)


class FanOut:
    """The registered consumers of one stream.

    Args:
        sim: the clock.
        stream: the stream's name.
        delay: gives the distribution of a record's way to a consumer (ns).
        rules: gives how events are pushed; both are asked for late, as runs list what they used.
    """

    def __init__(
        self,
        sim: Simulation,
        stream: str,
        delay: Callable[[], Distribution],
        rules: Callable[[], PushRules],
    ) -> None:
        self._sim = sim
        self._stream = stream
        self._delay = delay
        self._rules = rules
        self._delays: dict[str, Sampler[int]] = {}

    def register(self, consumer: str) -> None:
        """Register a consumer, once."""
        if consumer not in self._delays:
            purpose = f"push {consumer}"
            self._delays[consumer] = self._sim.times(self._stream, purpose, self._delay())

    def forget(self, consumer: str) -> None:
        """Deregister a consumer."""
        self._delays.pop(consumer, None)

    def subscribe(
        self,
        consumer: str,
        shard: Shard,
        position: int,
        deliver: Deliver,
        reachable: Callable[[], bool],
        room: int,
    ) -> Subscription:
        """Return the subscription of a registered consumer to a shard."""
        delay, rules = self._delays[consumer], self._rules()
        return Subscription(self._sim, shard, position, delay, rules, deliver, reachable, room)
