"""Splits, merges and UpdateShardCount: shards, limits, times, and order for every consumer.

Sources: Kinesis API reference (SplitShard, MergeShards, UpdateShardCount), Streams Developer Guide
(kinesis-using-sdk-java-after-resharding).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.kernel.simulation import Simulation
from msgsim.services.kinesis.control import ON_DEMAND, ControlRules
from msgsim.services.kinesis.limits import (
    HOUR_NS,
    IN_USE,
    INVALID,
    INVALID_ARGUMENT,
    LIMIT_EXCEEDED,
    NOT_FOUND,
    KinesisError,
)
from msgsim.services.kinesis.resharding import covers_all_once, middle, plan
from msgsim.services.kinesis.shards import StreamState
from msgsim.services.kinesis.stream import Stream
from tests.services.by_hand import ns


def made(shards: int, **more: Any) -> tuple[Simulation, Stream]:
    """Return a stream built by hand."""
    sim = Simulation()
    return sim, Stream(sim, "Clicks", StreamState(shards), **more)


def refused(code: str) -> Any:
    """Expect a refusal with this code."""
    return pytest.raises(KinesisError, match=f"^{code}: ")


def outcome(text: str) -> dict[str, Any]:
    """Run a scenario given as text; return its only run as plain data."""
    return to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]


# The state --------------------------------------------------------------------------------


def test_a_split_makes_two_children_that_share_the_parents_range() -> None:
    """S1, S5, S7: [start, h-1] and [h, end]; the parent takes no more and ends its sequence."""
    state = StreamState(1)
    first = state.put_record(0, "k", 10).sequence_number
    key = 1 << 127
    low, high = state.split(5, 0, key)
    parent = state.shards[0]
    assert (low.hash_range, high.hash_range) == ((0, key - 1), (key, (1 << 128) - 1))
    assert (parent.open, parent.closed_ns, parent.children) == (False, 5, [1, 2])
    assert low.parents == high.parents == (0,)
    after = state.put_record(6, "k", 10)
    assert after.shard_index in (1, 2)
    assert parent.last_sequence is not None and first is not None
    assert first < parent.last_sequence < low.first_sequence < (after.sequence_number or 0)


def test_a_merge_makes_one_child_of_two_adjacent_shards() -> None:
    """S2, S7: the child covers both ranges and names both parents, in either order of the call."""
    for pair in ((1, 2), (2, 1)):
        state = StreamState(4)
        child = state.merge(0, *pair)
        assert child.hash_range == (1 << 126, 3 * (1 << 126) - 1)
        assert set(child.parents) == {1, 2}
        assert [shard.index for shard in state.open_shards] == [0, 4, 3]


def test_refused_splits_and_merges() -> None:
    """S1, S2: a hash key outside the range, shards that do not touch, closed or unknown shards."""
    state = StreamState(4)
    start, end = state.shards[1].hash_range
    for key in (start, end + 1, 0):
        with refused(INVALID_ARGUMENT):
            state.split(0, 1, key)
    with refused(INVALID_ARGUMENT):
        state.merge(0, 0, 2)
    with refused(INVALID_ARGUMENT):
        state.merge(0, 0, 0)
    with refused(NOT_FOUND):
        state.split(0, 9, 5)
    state.merge(0, 0, 1)
    with refused(INVALID_ARGUMENT):
        state.split(0, 0, 5)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=12))
def test_open_shards_always_cover_the_hash_space_once(
    count: int, steps: list[tuple[bool, int]]
) -> None:
    """S7, whatever is split and merged; a record goes to the open shard that has its hash."""
    state = StreamState(count)
    for split, pick in steps:
        shards = state.open_shards
        place = pick % len(shards)
        if split:
            state.split(0, shards[place].index, middle(shards[place].hash_range))
        elif place + 1 < len(shards):
            state.merge(0, shards[place].index, shards[place + 1].index)
        assert covers_all_once(state.open_shards)
        for key in ("a", "b", "c"):
            assert state.shard_for(key).open


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 24))
def test_a_plan_leads_to_equal_ranges(count: int, target: int) -> None:
    """S3: UNIFORM_SCALING ends with `target` shards of equal ranges, by splits and merges alone."""
    sim = Simulation()
    clicks = Stream(sim, "Clicks", StreamState(count))
    steps = plan(clicks.state.open_shards, target)
    clicks.control._work(steps)
    sim.run(ns("1h"))
    wanted = [shard.hash_range for shard in StreamState(target).shards]
    assert [shard.hash_range for shard in clicks.state.open_shards] == wanted
    assert covers_all_once(clicks.state.open_shards)


# The control plane ------------------------------------------------------------------------


def test_a_split_takes_its_time_and_the_stream_is_updating() -> None:
    """S4: UPDATING for 30 s (assumption), writes go to the parent; then ACTIVE with children."""
    sim, clicks = made(1)
    clicks.control.split(0)
    assert clicks.control.status == "UPDATING"
    with refused(IN_USE):
        clicks.control.split(0)
    sim.run(ns("29s"))
    assert clicks.open_count == 1
    sim.run(ns("30s"))
    assert (clicks.control.status, clicks.open_count, clicks.shard_count) == ("ACTIVE", 2, 3)


def test_doubling_takes_a_split_for_each_shard() -> None:
    """S3, S4: 4 to 8 shards are four splits, one after the other."""
    sim, clicks = made(4)
    clicks.control.update_shard_count(8)
    sim.run(ns("119s"))
    assert (clicks.control.status, clicks.open_count) == ("UPDATING", 7)
    sim.run(ns("120s"))
    assert (clicks.control.status, clicks.open_count) == ("ACTIVE", 8)


def test_short_lived_shards_appear_on_the_way() -> None:
    """S3: 4 to 6 needs four splits and two merges, so 8 shards are open for a while."""
    sim, clicks = made(4)
    clicks.control.update_shard_count(6)
    most = 0
    for second in range(0, 181, 10):
        sim.run(ns(f"{second}s"))
        most = max(most, clicks.open_count)
    assert (most, clicks.open_count, clicks.control.status) == (8, 6, "ACTIVE")


def test_limits_of_update_shard_count() -> None:
    """S3: at most double, at least half, and ten calls in rolling 24 hours."""
    sim, clicks = made(4)
    with refused(INVALID_ARGUMENT):
        clicks.control.update_shard_count(9)
    with refused(INVALID_ARGUMENT):
        clicks.control.update_shard_count(1)
    with refused(LIMIT_EXCEEDED):
        clicks.control.update_shard_count(0)
    for call in range(10):
        clicks.control.update_shard_count(5 if call % 2 == 0 else 4)
        sim.run(sim.now + HOUR_NS)
    with refused(LIMIT_EXCEEDED):
        clicks.control.update_shard_count(5)
    sim.run(ns("24h") + 1)
    clicks.control.update_shard_count(5)


def test_the_shard_quota_counts_short_lived_shards_of_all_streams() -> None:
    """S3, S9: with a quota of 10 and another stream of 3, 4 to 8 is refused, a split is not."""
    state, other = StreamState(4), StreamState(3)
    sim = Simulation()
    clicks = Stream(
        sim,
        "Clicks",
        state,
        rules=lambda: ControlRules(account_shards=10),
        account=[state, other],
    )
    with refused(LIMIT_EXCEEDED):
        clicks.control.update_shard_count(8)
    clicks.control.split(0)


def test_on_demand_streams_refuse_resharding_and_switch_twice_a_day() -> None:
    """OD9, S10: ValidationException; two mode switches in 24 hours; the shards stay."""
    sim, clicks = made(4, mode=ON_DEMAND)
    for call in (
        lambda: clicks.control.split(0),
        lambda: clicks.control.merge(0),
        lambda: clicks.control.update_shard_count(8),
    ):
        with refused(INVALID):
            call()
    clicks.update_mode("PROVISIONED")
    sim.run(ns("10m"))
    assert (clicks.control.mode, clicks.open_count) == ("PROVISIONED", 4)
    clicks.update_mode("ON_DEMAND")
    sim.run(ns("20m"))
    with refused(LIMIT_EXCEEDED):
        clicks.update_mode("PROVISIONED")


def test_five_split_calls_a_second() -> None:
    """S1: SplitShard is called five times a second at most; refused calls count as well."""
    _, clicks = made(8)
    clicks.control.split(0)
    for _ in range(4):
        with refused(IN_USE):
            clicks.control.split(1)
    with refused(LIMIT_EXCEEDED):
        clicks.control.split(1)


# Consumers --------------------------------------------------------------------------------

CONSUMERS = {
    "polling": "R: {type: kinesis.consumer, StreamARN: Clicks, handler: {time: 10ms}}",
    "slow": "R: {type: kinesis.consumer, StreamARN: Clicks, Limit: 20, "
    "handler: {time: 0s, time_per_record: 9ms}}",
    "fan-out": "R: {type: kinesis.consumer, StreamARN: Clicks, ConsumerName: fast, "
    "handler: {time: 10ms}}",
    "workers": "R: {type: kinesis.consumer, StreamARN: Clicks, workers: 2, handler: {time: 10ms}}",
    "mapping": "Fn: {type: lambda.function, Timeout: 5, handler: {time: 300ms}}\n"
    "      R: {type: lambda.event_source_mapping, EventSourceArn: Clicks, FunctionName: Fn, "
    "StartingPosition: TRIM_HORIZON, BatchSize: 50}",
}


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_parents_come_before_children_for_every_consumer(consumer: str) -> None:
    """S6: a split and a merge under load: every record is done once and no key out of order."""
    text = f"""
    duration: 10m
    resources:
      Clicks: {{type: kinesis.stream, ShardCount: 2}}
      {CONSUMERS[consumer]}
    workload: [{{to: Clicks, rate: 80/s, keys: 40, until: 4m}}]
    actions:
      - {{at: 1m, split: Clicks, shard: 0}}
      - {{at: 2m, merge: Clicks, shard: 3, and: 1}}
    """
    run = outcome(text)
    row = run["ledger"]["R"]
    assert run["streams"]["streams"]["Clicks"]["by_shard"].keys() >= {"0", "1", "2", "3", "4"}
    assert row["done"] == row["published"] == 80 * 240
    assert row["sums"]
    assert run["order"]["R"]["order_inversions"] == 0


def test_a_reader_that_begins_children_at_once_sees_keys_out_of_order() -> None:
    """S6: the same records, read without waiting for the parent, come in the wrong order."""
    state = StreamState(1)
    for number in range(100):
        state.put_record(number, "k", 10, number)
    state.split(100, 0, 1 << 127)
    for number in range(100, 200):
        state.put_record(number, "k", 10, number)
    child = state.shard_for("k").index
    second = state.get_records(200, child, 0, 10).records
    first = state.get_records(200, 0, 0, 10).records
    assert [record.payload for record in second + first] == [*range(100, 110), *range(10)]


def test_the_backlog_of_children_is_in_the_books() -> None:
    """A consumer that never gets through the parent still owns what waits in the children."""
    text = """
    duration: 5m
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 1}
      R: {type: kinesis.consumer, StreamARN: Clicks, Limit: 10,
          handler: {time: 0s, time_per_record: 100ms}}
    workload: [{to: Clicks, rate: 50/s, keys: 40}]
    actions: [{at: 1m, split: Clicks, shard: 0}]
    """
    row = outcome(text)["ledger"]["R"]
    assert row["sums"]
    assert row["done"] == pytest.approx(10 * 300, rel=0.02)
    assert row["waiting"] == pytest.approx(40 * 300, rel=0.02)


def test_a_refused_action_changes_nothing_and_is_noted() -> None:
    """More than double the shards: AWS's error code stands in the notes of the results."""
    text = """
    duration: 2m
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 2}
      R: {type: kinesis.consumer, StreamARN: Clicks, handler: {time: 10ms}}
    workload: [{to: Clicks, rate: 5/s, keys: 4}]
    actions: [{at: 10s, update_shard_count: Clicks, to: 5}]
    """
    plain = to_plain(msgsim.run(msgsim.load_text(text)))
    assert plain["runs"][0]["streams"]["streams"]["Clicks"]["shards"] == 2
    assert any("InvalidArgumentException" in note for note in plain["notes"])


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("{at: 1s, split: Clicks}", "E134"),
        ("{at: 1s, split: Clicks, shard: 0, to: 3}", "E134"),
        ("{at: 1s, split: Clicks, merge: Clicks, shard: 0}", "E134"),
        ("{at: 1s, splt: Clicks, shard: 0}", "E144"),
        ("{at: 1s}", "E135"),
        ("{split: Clicks, shard: 0}", "E104"),
        ("{at: 1s, split: R, shard: 0}", "E141"),
        ("{at: 1s, split: Nothing, shard: 0}", "E140"),
        ("{at: 1s, split: Clicks, shard: 0, at_hash: -4}", "E130"),
        ("{at: 1s, crash_worker: R, worker: 0}", "E134"),
    ],
)
def test_actions_that_are_refused(action: str, code: str) -> None:
    """Unknown verbs, two verbs, missing or idle options, wrong targets: said before the run."""
    text = f"""
    duration: 1m
    resources:
      Clicks: {{type: kinesis.stream, ShardCount: 2}}
      R: {{type: kinesis.consumer, StreamARN: Clicks, handler: {{time: 10ms}}}}
    workload: [{{to: Clicks, rate: 5/s, keys: 4}}]
    actions: [{action}]
    """
    with pytest.raises(msgsim.ProblemError) as caught:
        msgsim.load_text(text)
    assert [problem.code for problem in caught.value.problems] == [code]


KINDS = st.sampled_from(["polling", "fan-out", "workers", "mapping"])
ACTIONS = st.lists(
    st.tuples(
        st.integers(5, 170), st.sampled_from(["split", "merge", "double"]), st.integers(0, 9)
    ),
    max_size=5,
)


@settings(max_examples=12, deadline=None)
@given(KINDS, ACTIONS, st.integers(0, 1_000), st.booleans())
def test_whatever_is_resharded_order_and_books_hold(
    consumer: str, actions: list[tuple[int, str, int]], seed: int, library: bool
) -> None:
    """S6, S7 as an invariant: any actions, refused ones too; every key in order, all accounted."""
    written = {
        "split": "split: Clicks, shard: {shard}",
        "merge": "merge: Clicks, shard: {shard}",
        "double": "update_shard_count: Clicks, to: {to}",
    }
    entries = [
        f"      - {{at: {at}s, {written[verb].format(shard=pick, to=2 + pick)}}}"
        for at, verb, pick in actions
    ]
    text = f"""
    seed: {seed}
    duration: 8m
    resources:
      Clicks: {{type: kinesis.stream, ShardCount: 3}}
      {CONSUMERS[consumer]}
    workload: [{{to: Clicks, rate: 30/s, keys: 25, until: 3m{", kpl: true" if library else ""}}}]
    actions:{" []" if not entries else ""}
{chr(10).join(entries)}
    """
    run = outcome(text)
    row = run["ledger"]["R"]
    assert row["done"] == row["published"] == 30 * 180
    assert row["sums"]
    if not library:  # a record of the library may end up in another child than some of its keys
        assert run["order"]["R"]["order_inversions"] == 0
