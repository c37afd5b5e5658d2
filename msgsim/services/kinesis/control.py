"""The control plane of a stream: calls that change its shards, with their limits and durations.

Every call is asynchronous: the stream is UPDATING until the work is done, reads and writes go on,
and parents close at the moment their children open. Rules: Kinesis API reference, SplitShard,
MergeShards, UpdateShardCount, UpdateStreamMode; developer guide, service-sizes-and-limits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from msgsim.kernel.simulation import Simulation
from msgsim.kernel.waiting import TokenBucket
from msgsim.services.kinesis.limits import (
    HOUR_NS,
    IN_USE,
    INVALID,
    INVALID_ARGUMENT,
    LIMIT_EXCEEDED,
    SECOND_NS,
    KinesisError,
)
from msgsim.services.kinesis.resharding import (
    Step,
    check_merge,
    check_split,
    middle,
    most_at_once,
    open_shard,
    plan,
)
from msgsim.services.kinesis.shard import Shard
from msgsim.services.kinesis.shards import StreamState

ACTIVE, UPDATING = "ACTIVE", "UPDATING"
ON_DEMAND, PROVISIONED = "ON_DEMAND", "PROVISIONED"
DAY_NS = 24 * HOUR_NS


@dataclass(frozen=True, slots=True)
class ControlRules:
    """Limits and durations of the control plane.

    Attributes:
        reshard_ns: how long one split or merge takes (assumption: AWS publishes no duration).
        at_once: splits or merges that UpdateShardCount does side by side (assumption).
        settings_ns: how long a longer retention, a mode or warm throughput takes to apply
            (assumption: AWS says "several minutes").
        calls_per_s: SplitShard or MergeShards calls per stream.
        updates_per_day: UpdateShardCount calls per rolling 24 hours.
        mode_switches_per_day: UpdateStreamMode calls per rolling 24 hours.
        most_shards: shards that UpdateShardCount may lead to.
        account_shards: open shards of all provisioned streams of the account together.
    """

    reshard_ns: int = 30 * SECOND_NS
    at_once: int = 1
    settings_ns: int = 180 * SECOND_NS
    calls_per_s: int = 5
    updates_per_day: int = 10
    mode_switches_per_day: int = 2
    most_shards: int = 10_000
    account_shards: int = 20_000


class Control:
    """What changes the shards of one stream.

    Args:
        sim: the clock.
        state: the stream's shards.
        rules: gives limits and durations when they are first needed, because runs list the
            assumptions they used.
        mode: `PROVISIONED` or `ON_DEMAND`.
        account: the states of all streams of the account, which share a quota.
        resharded: called with parents' and children's indexes when shards were replaced.

    Attributes:
        status: `ACTIVE`, or `UPDATING` while work is under way.
        mode: the stream's capacity mode now.
    """

    def __init__(
        self,
        sim: Simulation,
        state: StreamState,
        rules: Callable[[], ControlRules],
        mode: str,
        account: list[StreamState],
        resharded: Callable[[tuple[int, ...], list[Shard]], None],
    ) -> None:
        self.status = ACTIVE
        self.mode = mode
        self._sim = sim
        self._state = state
        self._make_rules = rules
        self._account = account
        self._resharded = resharded
        self._calls: dict[str, TokenBucket] = {}
        self._updates: list[int] = []
        self._switches: list[int] = []

    @cached_property
    def _rules(self) -> ControlRules:
        return self._make_rules()

    # Calls ---------------------------------------------------------------------------------

    def split(self, index: int, new_starting_hash_key: int | None = None) -> None:
        """SplitShard; without a hash key, in the middle.

        Raises:
            KinesisError: AWS refuses the call.
        """
        self._check_rate("SplitShard")
        self._check_ready("SplitShard")
        if new_starting_hash_key is None:
            new_starting_hash_key = middle(open_shard(self._state, index).hash_range)
        check_split(self._state, index, new_starting_hash_key)
        self.check_quota(1)
        self._work([Step(new_starting_hash_key, True)])

    def merge(self, index: int, adjacent_index: int | None = None) -> None:
        """MergeShards; without the other shard, with the one that follows in hash order.

        Raises:
            KinesisError: AWS refuses the call.
        """
        self._check_rate("MergeShards")
        self._check_ready("MergeShards")
        one = open_shard(self._state, index)
        if adjacent_index is None:
            adjacent_index = self._following(one)
        check_merge(self._state, index, adjacent_index)
        other = self._state.shards[adjacent_index]
        meeting = max(one.hash_range.start, other.hash_range.start)
        self._work([Step(meeting, False)])

    def update_shard_count(self, target: int) -> None:
        """UpdateShardCount with UNIFORM_SCALING: splits, then merges, to `target` equal shards.

        Raises:
            KinesisError: AWS refuses the call.
        """
        self._check_ready("UpdateShardCount")
        current = len(self._state.open_shards)
        self._check_target(current, target)
        steps = plan(self._state.open_shards, target)
        self.check_quota(most_at_once(current, steps) - current)
        self._count(self._updates, self._rules.updates_per_day, "UpdateShardCount")
        self._work(steps)

    def update_mode(self, mode: str) -> None:
        """UpdateStreamMode: the shards stay as they are at the switch.

        Raises:
            KinesisError: AWS refuses the call.
        """
        if mode not in (ON_DEMAND, PROVISIONED):
            raise KinesisError(INVALID, f"StreamMode is {mode!r}")
        self.check_active("UpdateStreamMode")
        self._count(self._switches, self._rules.mode_switches_per_day, "UpdateStreamMode")
        self.settle_later(lambda: setattr(self, "mode", mode))

    def warm(self, mibps: int) -> None:
        """UpdateStreamWarmThroughput: split until there is a shard for each MiB/s, never merge.

        Raises:
            KinesisError: AWS refuses the call.
        """
        if self.mode != ON_DEMAND:
            raise KinesisError(INVALID, "warm throughput is for on-demand streams")
        self.check_active("UpdateStreamWarmThroughput")
        self.settle_later(lambda: self._grow_to(mibps))

    def _grow_to(self, count: int) -> None:
        """Split the widest shards, each in its middle, until there are so many."""
        while len(shards := self._state.open_shards) < count:
            widest = max(shards, key=lambda shard: shard.hash_range.end - shard.hash_range.start)
            self._do(Step(middle(widest.hash_range), True))

    def settle_later(self, change: Callable[[], object]) -> None:
        """Be UPDATING for some minutes, then let a change of settings take effect."""
        self.status = UPDATING
        self._sim.after(self._rules.settings_ns, self._settle, change)

    def _settle(self, change: Callable[[], object]) -> None:
        change()
        self.status = ACTIVE

    def leave(self) -> None:
        """Give the shards back to the account's quota: the stream is deleted."""
        if self._state in self._account:
            self._account.remove(self._state)

    # Checks --------------------------------------------------------------------------------

    def _check_rate(self, call: str) -> None:
        most = self._rules.calls_per_s
        bucket = self._calls.setdefault(call, TokenBucket(most, most, self._sim.now))
        if not bucket.take(self._sim.now):
            raise KinesisError(LIMIT_EXCEEDED, f"more than {most} {call} calls per second")

    def _check_ready(self, call: str) -> None:
        if self.mode == ON_DEMAND:
            raise KinesisError(INVALID, f"{call} is for provisioned streams; this is on-demand")
        self.check_active(call)

    def check_active(self, call: str) -> None:
        """Refuse a call while the stream is UPDATING.

        Raises:
            KinesisError: it is.
        """
        if self.status != ACTIVE:
            raise KinesisError(IN_USE, f"{call}: the stream is {self.status}, not {ACTIVE}")

    def _check_target(self, current: int, target: int) -> None:
        most = self._rules.most_shards
        if not 1 <= target <= most:
            raise KinesisError(
                LIMIT_EXCEEDED, f"TargetShardCount must be 1 to {most:,}, got {target}"
            )
        if target > 2 * current:
            raise KinesisError(
                INVALID_ARGUMENT,
                f"UpdateShardCount cannot go above double the {current} open shards, to {target}",
            )
        if 2 * target < current:
            raise KinesisError(
                INVALID_ARGUMENT,
                f"UpdateShardCount cannot go below half of the {current} open shards, to {target}",
            )

    def check_quota(self, more: int = 0) -> None:
        """Refuse more shards than the account may have; short-lived ones count.

        Raises:
            KinesisError: the quota does not allow `more` shards.
        """
        total = sum(len(state.open_shards) for state in self._account) + more
        if total > self._rules.account_shards:
            raise KinesisError(
                LIMIT_EXCEEDED,
                f"{total:,} shards in this account and Region; the quota is "
                f"{self._rules.account_shards:,}",
            )

    def _count(self, calls: list[int], most: int, call: str) -> None:
        now = self._sim.now
        calls[:] = [at for at in calls if at > now - DAY_NS]
        if len(calls) >= most:
            raise KinesisError(LIMIT_EXCEEDED, f"more than {most} {call} calls in 24 hours")
        calls.append(now)

    # Work ----------------------------------------------------------------------------------

    def _work(self, steps: Sequence[Step]) -> None:
        if not steps:
            return
        self.status = UPDATING
        self._sim.after(self._rules.reshard_ns, self._go_on, steps)

    def _go_on(self, steps: Sequence[Step]) -> None:
        """Do the next steps of a plan: those of one kind, as many as go side by side."""
        now_done = [step for step in steps[: self._rules.at_once] if step.split == steps[0].split]
        for step in now_done:
            self._do(step)
        self.status = ACTIVE
        self._work(steps[len(now_done) :])

    def _do(self, step: Step) -> None:
        now, state = self._sim.now, self._state
        shards = state.open_shards
        place = next(i for i, shard in enumerate(shards) if shard.hash_range.end >= step.at)
        found = shards[place]
        if step.split:
            self.replaced((found.index,), state.split(now, found.index, step.at))
        else:
            before = shards[place - 1]
            child = state.merge(now, before.index, found.index)
            self.replaced((before.index, found.index), [child])

    def replaced(self, parents: tuple[int, ...], children: list[Shard]) -> None:
        """Let the stream know that shards were replaced."""
        self._resharded(parents, children)

    def _following(self, shard: Shard) -> int:
        shards = self._state.open_shards
        place = shards.index(shard) + 1
        if place == len(shards):
            raise KinesisError(
                INVALID_ARGUMENT, f"no shard follows {shard.shard_id} in hash order; name the other"
            )
        return shards[place].index
