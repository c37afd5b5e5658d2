"""On-demand mode: shards are watched, and busy ones are split after a while.

A shard that takes more than 500 KB/s is split evenly within 15 minutes, so that capacity comes to
twice the peak. Until then it throttles like any other shard, and a split of a shard with one hot
key helps nobody. Rules: Streams Developer Guide, how-do-i-size-a-stream; the delay inside the 15
minutes is an assumption. A stream never shrinks here: AWS documents no rule for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import NS_PER_S, Simulation
from msgsim.services.kinesis.control import ON_DEMAND, Control
from msgsim.services.kinesis.resharding import middle
from msgsim.services.kinesis.shards import StreamState


@dataclass(frozen=True, slots=True)
class ScalingRules:
    """When a shard of an on-demand stream is split.

    Attributes:
        bytes_per_s: above this a shard is split.
        records_per_s: likewise (assumption: half of a shard's limit, as for bytes).
        every_ns: how long load is averaged (assumption).
        most_shards: the most a stream may have (its quota of MiB/s).
    """

    bytes_per_s: int
    records_per_s: int
    every_ns: int
    most_shards: int


class Scaler:
    """What watches the shards of a stream while it is on-demand.

    Args:
        sim: the clock.
        state: the stream's shards.
        control: what is told of splits.
        rules: when shards are split.
        delay: how long after it was found busy a shard is split (ns), by its index.
    """

    def __init__(
        self,
        sim: Simulation,
        state: StreamState,
        control: Control,
        rules: ScalingRules,
        delay: Sampler[int],
    ) -> None:
        self._sim = sim
        self._state = state
        self._control = control
        self._rules = rules
        self._delay = delay
        self._before: dict[int, tuple[int, int]] = {}
        self._planned: set[int] = set()

    def start(self) -> None:
        """Begin to watch; what came in before, under another mode, is no load of now."""
        self._before = self._counts()
        self._sim.after(self._rules.every_ns, self._watch)

    def _counts(self) -> dict[int, tuple[int, int]]:
        return {
            shard.index: (shard.bytes_in, shard.records_in) for shard in self._state.open_shards
        }

    def _watch(self) -> None:
        rules = self._rules
        seconds = rules.every_ns / NS_PER_S
        counts = self._counts()
        for index, (bytes_in, records_in) in counts.items():
            old_bytes, old_records = self._before.get(index, (0, 0))
            busy = (bytes_in - old_bytes) / seconds > rules.bytes_per_s or (
                records_in - old_records
            ) / seconds > rules.records_per_s
            if busy and index not in self._planned and self._control.mode == ON_DEMAND:
                self._planned.add(index)
                self._sim.after(max(0, self._delay.at(index)), self._split, index)
        self._before = counts
        self._sim.after(rules.every_ns, self._watch)

    def _split(self, index: int) -> None:
        state = self._state
        shard = state.shards[index]
        room = len(state.open_shards) < self._rules.most_shards
        self._planned.discard(index)
        if shard.open and room and self._control.mode == ON_DEMAND:
            children = state.split(self._sim.now, index, middle(shard.hash_range))
            self._control.replaced((index,), children)
