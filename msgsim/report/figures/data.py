"""What figures are drawn from: plain numbers and names, so that any source can feed them.

A mapping from variant name to one of these is what every figure takes; a run without variants is
`{"": data}`. Times are seconds since the start of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Provenance:
    """Where a figure comes from; printed in its corner.

    Attributes:
        scenario: name of the scenario.
        seed: the seed that repeats it.
        msgsim: version of msgsim.
        numpy: version of numpy, which owns the random generators.
        note: what else a reader must know: `partial`, `2 assumptions`.
    """

    scenario: str
    seed: int
    msgsim: str
    numpy: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class Course:
    """A number over time, in buckets.

    Attributes:
        time_s: begin of each bucket.
        mean: average over each bucket.
        high: largest value within each bucket; None where only one value is known.
    """

    time_s: Floats
    mean: Floats
    high: Floats | None = None

    @property
    def peak(self) -> float:
        """The largest value; 0 without any."""
        values = self.mean if self.high is None else self.high
        return float(values.max()) if values.size else 0.0


@dataclass(frozen=True)
class FaultBand:
    """A fault from `begin_s` to `end_s`, in words; an action, which lasts no time, likewise."""

    begin_s: float
    end_s: float
    text: str


@dataclass(frozen=True, eq=False)
class LatencyData:
    """End-to-end latency at one subscriber: publish → first successful completion.

    Attributes:
        subscriber: its name.
        values_s: latencies in any order.
        counts: how often each value occurred; None if each stands for one message.
        stages_s: mean time by stage (`transit`, `waiting`, `processing`), if known.
    """

    subscriber: str
    values_s: Floats
    counts: NDArray[np.int64] | None = None
    stages_s: Mapping[str, float] | None = None


@dataclass(frozen=True, eq=False)
class QueueData:
    """A queue over time.

    Attributes:
        queue: its name.
        visible: messages waiting (ApproximateNumberOfMessagesVisible).
        in_flight: messages handed out and not yet deleted (…NotVisible).
        oldest_age: age in seconds of the oldest message (ApproximateAgeOfOldestMessage).
        end_s: when the run ended.
        in_flight_limit: AWS's quota of messages in flight, if there is one.
        faults: bands to shade.
    """

    queue: str
    visible: Course
    in_flight: Course
    oldest_age: Course
    end_s: float
    in_flight_limit: float | None = None
    faults: Sequence[FaultBand] = ()


@dataclass(frozen=True, eq=False)
class ConcurrencyData:
    """A function's or a fleet's busy environments or workers over time.

    Attributes:
        name: function or fleet.
        running: ConcurrentExecutions, or busy workers.
        end_s: when the run ended.
        limit: how many may run at once; None if nothing limits them.
        limit_name: what the limit is called: `ReservedConcurrentExecutions`, `workers`.
        throttles: refused invocations per bucket of time, in `mean`; None if unknown.
        faults: bands to shade.
        counted: what `running` counts, the words on the axis: `busy workers`.
        size: how many there were to be busy, where that changed; None where it did not.
        size_name: what the line of `size` is called: `workers in service`.
    """

    name: str
    running: Course
    end_s: float
    limit: float | None = None
    limit_name: str = "limit"
    throttles: Course | None = None
    faults: Sequence[FaultBand] = ()
    counted: str = "concurrent executions"
    size: Course | None = None
    size_name: str = "size"


@dataclass(frozen=True, eq=False)
class OrderData:
    """First completions at one subscriber, all or every `stride`-th.

    Attributes:
        subscriber: its name.
        sent: what orders the messages by publication (their numbers); need not be dense.
        done: what orders them by completion (their places); need not be dense.
        keys: the key of each message (its message group, its partition key).
        inversions: pairs of one key done in the opposite order, over *all* completions.
        stride: every how many-th completion is here.
    """

    subscriber: str
    sent: NDArray[np.int64]
    done: NDArray[np.int64]
    keys: Sequence[str]
    inversions: int
    stride: int = 1


@dataclass(frozen=True, eq=False)
class ShardData:
    """What was put on each shard of a stream over time.

    Attributes:
        stream: its name.
        shards: names of the shards.
        offered_per_s: records per second that producers sent, taken or refused, one row per shard
            and one column per bucket.
        bucket_s: width of a bucket in seconds.
        limit_per_s: records per second that one shard takes; None to show plain records/s.
        throttled_share: refused share of each shard's records, over the whole run.
    """

    stream: str
    shards: Sequence[str]
    offered_per_s: Floats
    bucket_s: float
    limit_per_s: float | None = None
    throttled_share: Floats | None = None


@dataclass(frozen=True, eq=False)
class CostData:
    """What a month at the run's rate costs.

    Attributes:
        parts: US dollars by component and request type.
        month_usd: their sum.
        per_million_usd: what a million published messages cost; None without any.
    """

    parts: Mapping[tuple[str, str], float]
    month_usd: float
    per_million_usd: float | None = None


@dataclass(frozen=True, eq=False)
class SweptMetric:
    """A metric over the points of a sweep; NaN without data.

    Attributes:
        name: as asked.
        dimension: `time` (s), `size`, `rate`, `share` or `number`.
        estimate: at each point.
        low, high: ends of the 95 % intervals, NaN where there are none.
    """

    name: str
    dimension: str
    estimate: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, eq=False)
class CurveData:
    """What a sweep of one knob came to.

    Attributes:
        knob: its path.
        values: as written.
        numbers: the values as numbers, or None where they are words.
        metrics: the first is the one of interest.
        feasible: `yes`, `no` or `undecided` at each point.
        chosen: the index of the winner, if there is one.
    """

    knob: str
    values: Sequence[str]
    numbers: Sequence[float] | None
    metrics: Sequence[SweptMetric]
    feasible: Sequence[str]
    chosen: int | None = None


@dataclass(frozen=True, eq=False)
class MapData:
    """What a sweep of two knobs came to; rows are the second knob's values.

    Attributes:
        x, y: paths of the first and the second knob.
        x_values, y_values: as written.
        metric: the one of interest, as a matrix.
        feasible: `yes`, `no` or `undecided` in each cell.
        chosen: row and column of the winner, if there is one.
    """

    x: str
    y: str
    x_values: Sequence[str]
    y_values: Sequence[str]
    metric: SweptMetric
    feasible: Sequence[Sequence[str]]
    chosen: tuple[int, int] | None = None
