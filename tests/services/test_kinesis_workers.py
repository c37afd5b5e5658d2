"""KCL workers: leases, checkpoints, reprocessing after a crash, skipping, starting positions.

Sources: Kinesis Client Library 3.5.1 (LeaseManagementConfig), Streams Developer Guide
(kinesis-record-processor-duplicates, troubleshooting-consumers).
"""

from __future__ import annotations

from typing import Any

import pytest

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.scenario.build import build


def outcome(text: str) -> dict[str, Any]:
    """Run a scenario given as text; return its only run as plain data."""
    return to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]


def application(more: str = "", actions: str = "[]", shards: int = 4, duration: str = "8m") -> str:
    """Return a scenario with workers on a stream of 40 records/s."""
    return f"""
    duration: {duration}
    resources:
      Clicks: {{type: kinesis.stream, ShardCount: {shards}}}
      R: {{type: kinesis.consumer, StreamARN: Clicks, workers: 2, poll: 500ms,
           handler: {{time: 5ms}}{more}}}
    workload: [{{to: Clicks, rate: 40/s, keys: 60, until: 6m}}]
    actions: {actions}
    """


def test_without_trouble_workers_change_nothing() -> None:
    """Every record once, whoever holds the shard."""
    row = outcome(application())["ledger"]["R"]
    assert row["done"] == row["published"] == 40 * 360
    assert row["sums"]


def test_after_a_crash_records_since_the_checkpoint_are_processed_again() -> None:
    """U3: with a checkpoint a minute, up to a minute of the dead worker's shards comes twice.

    Nothing is lost, and no other record is repeated.
    """
    crash = "[{at: 150s, crash_worker: R, worker: 1}]"
    run = outcome(application(", checkpoint: 60s", crash))
    row, again = run["ledger"]["R"], run["duplicates"]["R"]["duplicate_processings"]
    assert row["done"] == row["published"] == 40 * 360
    assert row["sums"]
    assert 0 < again <= 40 * 61


def test_a_checkpoint_after_every_batch_leaves_one_batch_to_repeat() -> None:
    """U3: a batch of half a second per shard is all that can come twice."""
    crash = "[{at: 150s, crash_worker: R, worker: 1}]"
    run = outcome(application("", crash))
    assert run["ledger"]["R"]["done"] == run["ledger"]["R"]["published"]
    assert run["duplicates"]["R"]["duplicate_processings"] <= 40


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_dead_workers_shards_stand_still_for_10_to_50_seconds(seed: int) -> None:
    """Crash recovery in KCL 3.x: between 10 s and about 50 s."""
    text = application("", "[{at: 150s, crash_worker: R, worker: 1}]") + f"\n    seed: {seed}"
    worst = outcome(text)["latency"]["R"]["end_to_end"]["max_s"]
    assert 10 <= worst <= 52


def test_a_dead_leader_costs_up_to_two_minutes_more() -> None:
    """Its lock lasts 120 s from the last heartbeat; nobody assigns leases until then."""
    worst = outcome(application("", "[{at: 150s, crash_worker: R, worker: 0}]"))
    worst_s = worst["latency"]["R"]["end_to_end"]["max_s"]
    assert 100 <= worst_s <= 120 + 52
    assert worst["ledger"]["R"]["done"] == worst["ledger"]["R"]["published"]


def test_an_orderly_stop_repeats_nothing() -> None:
    """Graceful hand-over: batches end and are checkpointed; the shards wait for the next look."""
    actions = "[{at: 2m, start_worker: R}, {at: 3m, stop_worker: R, worker: 1}]"
    run = outcome(application(", checkpoint: 60s", actions))
    assert run["ledger"]["R"]["done"] == run["ledger"]["R"]["published"]
    assert run["duplicates"]["R"]["duplicate_processings"] == 0
    assert run["order"]["R"]["order_inversions"] == 0


def test_a_new_worker_gets_its_share_of_leases() -> None:
    """Evening out: 6 shards and 2 workers, then 3: two leases each."""
    system = build(msgsim.load_text(application("", "[{at: 1m, start_worker: R}]", shards=6)))
    system.observe([])
    system.start()
    consumer: Any = system.components["R"]
    system.sim.run(1_000_000_000)
    before = sorted(consumer.workers.owners().values())
    system.sim.run(300_000_000_000)
    assert before == [0, 0, 0, 1, 1, 1]
    assert sorted(consumer.workers.owners().values()) == [0, 0, 1, 1, 2, 2]


def test_more_workers_than_shards_are_idle() -> None:
    """One lease per shard: the second worker of a one-shard stream has nothing to do."""
    system = build(msgsim.load_text(application(shards=1)))
    system.observe([])
    system.start()
    system.sim.run(60_000_000_000)
    consumer: Any = system.components["R"]
    assert list(consumer.workers.owners().values()) == [0]


def test_no_worker_left_reads_nothing_and_the_books_balance() -> None:
    """Both workers die: what is not checkpointed, and all that follows, waits."""
    crashes = "[{at: 1m, crash_worker: R, worker: 0}, {at: 2m, crash_worker: R, worker: 1}]"
    row = outcome(application(", checkpoint: 60s", crashes))["ledger"]["R"]
    assert row["sums"]
    assert row["waiting"] > 40 * 200
    assert row["done"] + row["waiting"] == row["published"]


def test_an_exception_skips_the_rest_of_the_batch() -> None:
    """U4: the KCL swallows it: loss, not duplicates; records after it in the batch are skipped."""
    text = """
    duration: 2m
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 1}
      R: {type: kinesis.consumer, StreamARN: Clicks, poll: 10s,
          handler: {time: 5ms, fails_if: {poison: true}}}
    workload:
      - {to: Clicks, rate: 10/s, keys: 1, until: 1m,
         attributes: {poison: {value: true, nth: 250}}}
    """
    run = outcome(text)
    row = run["ledger"]["R"]
    assert row["sums"]
    assert row["done"] + row["discarded"] == row["published"] == 600
    assert 1 <= row["discarded"] <= 101
    assert run["duplicates"]["R"]["duplicate_processings"] == 0


def test_replay_from_a_point_in_time() -> None:
    """R9: a second application begins at 5 min, and reads again what arrived since 2 min."""
    text = """
    duration: 8m
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 2}
      A: {type: kinesis.consumer, StreamARN: Clicks, handler: {time: 1ms}}
      B: {type: kinesis.consumer, StreamARN: Clicks, from: 5m, handler: {time: 1ms},
          StartingPosition: AT_TIMESTAMP, Timestamp: 2m}
      C: {type: kinesis.consumer, StreamARN: Clicks, from: 5m, handler: {time: 1ms},
          StartingPosition: LATEST}
    workload: [{to: Clicks, rate: 10/s, keys: 8, until: 6m}]
    actions: [{at: 3m, split: Clicks, shard: 0}]
    """
    run = outcome(text)
    rows = run["ledger"]
    assert rows["A"]["done"] == 3600
    assert rows["B"]["done"] == pytest.approx(2400, abs=1)
    assert rows["C"]["done"] == pytest.approx(600, abs=1)
    assert rows["B"]["filtered"] == 3600 - rows["B"]["done"]
    assert all(row["sums"] for row in rows.values())
    assert all(run["order"][name]["order_inversions"] == 0 for name in "ABC")


@pytest.mark.parametrize(
    "later",
    [
        "{at: 151s, start_worker: R}, {at: 152s, stop_worker: R, worker: 1}",
        "{at: 151s, crash_worker: R, worker: 1}, {at: 152s, start_worker: R}",
        "{at: 151s, start_worker: R}, {at: 152s, crash_worker: R, worker: 1}",
    ],
    ids=["the next stops", "all die and one starts", "the next dies"],
)
def test_a_dead_leaders_lock_lasts_whoever_comes_and_goes(later: str) -> None:
    """Who waits for the lock has none to give back: nobody assigns leases for at least 90 s."""
    actions = f"[{{at: 150s, crash_worker: R, worker: 0}}, {later}]"
    worst_s = outcome(application("", actions))["latency"]["R"]["end_to_end"]["max_s"]
    assert 90 <= worst_s <= 120 + 52


def test_the_only_worker_dies_and_waits_for_its_own_lock() -> None:
    """A restart is another worker: leases wait for the lock of the one that died."""
    actions = "[{at: 150s, crash_worker: R, worker: 0}, {at: 151s, start_worker: R}]"
    text = application("", actions).replace("workers: 2", "workers: 1")
    assert outcome(text)["latency"]["R"]["end_to_end"]["max_s"] >= 90


@pytest.mark.parametrize(("batch_s", "handed_over_s"), [(20, 20), (240, 30)])
def test_a_graceful_hand_over_takes_thirty_seconds_at_most(
    batch_s: int, handed_over_s: int
) -> None:
    """A batch that ends within `gracefulLeaseHandoffTimeoutMillis` (30 s) is done once; a longer
    one is cut off, and the new owner begins at the last checkpoint. Source: KCL 3.x.
    """
    text = f"""
    duration: 20m
    resources:
      Clicks: {{type: kinesis.stream, ShardCount: 2}}
      R: {{type: kinesis.consumer, StreamARN: Clicks, workers: 1, handler: {{time: {batch_s}s}}}}
    workload: [{{to: Clicks, rate: 1/s, keys: 60, until: 6m}}]
    actions: [{{at: 100s, start_worker: R}}]
    """
    system = build(msgsim.load_text(text))
    moved: list[float] = []
    system.observe([])
    consumer: Any = system.components["R"]
    give = consumer.workers._give

    def giving(lease: Any, number: int, at_once: bool = False) -> None:
        if number == 1:
            moved.append(system.sim.now / 1e9)
        give(lease, number, at_once)

    consumer.workers._give = giving
    system.start()
    system.sim.run(1_200_000_000_000)
    assert len(moved) == 1
    assert 120 <= moved[0] <= 120 + handed_over_s  # every third look evens out, each 20 s
    if batch_s > handed_over_s:
        assert moved[0] == 120 + handed_over_s


def test_a_hand_over_that_was_cut_short_repeats_the_batch_and_loses_nothing() -> None:
    """What the old owner had completed of its batch comes again."""
    text = application("", "[{at: 170s, start_worker: R}]", duration="14m")
    slow = text.replace("handler: {time: 5ms}", "handler: {time: 1s, time_per_record: 8s}")
    run = outcome(slow.replace("rate: 40/s", "rate: 1/s").replace("until: 6m", "until: 3m"))
    row = run["ledger"]["R"]
    assert row["sums"] and row["done"] == row["published"]
    assert run["duplicates"]["R"]["duplicate_processings"] > 0
