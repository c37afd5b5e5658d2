"""The seventeen questions: the predicted bands stand in the scenarios, and hold on other seeds.

Predictions come from arithmetic on the stated parameters (5 receives × 30 s; 6 × 4.9 s < 30 s …),
so a band that had to be widened, or that holds for one seed alone, would be no answer.
"""

from __future__ import annotations

import pytest

import msgsim
from msgsim.bundled import scenario_path
from msgsim.experiment.result import to_plain

PREDICTED = {
    "q01": [
        "timeout_30.Orders.duplicate_processings == 4",
        "timeout_30.Orders.deletes_refused == 4",
        "timeout_60.Orders.duplicate_processings == 0",
        "Orders.send_deduplicated == 0",
    ],
    "q02": [
        "redrive.Orders.group[A].max_stall in 150s..160s",
        "redrive.OrdersDlq.arrived == 1",
        "redrive.Orders.group[A].gaps == 1",
        "Orders.group[B].latency.p99 < 2s",
        "Orders.group[A].order_inversions == 0",
    ],
    "q03": [
        "by_content.Status.send_deduplicated == 20",
        "by_content.Status.delivered.unique == 6",
        "by_id.Status.delivered.unique == 26",
    ],
    "q04": [
        "three_groups.OrdersFn.concurrency.max <= 3",
        "three_groups.Orders.backlog.end in 4000..4400",
        "unbatched.Orders.api.SendMessage.throttled.share in 38%..42%",
        "in_tens.Orders.api.SendMessage.throttled.share == 0",
    ],
    "q05": [
        "report.Orders.duplicate_processings == 0",
        "report.OrdersDlq.arrived == 10 and report.Orders.done == 990",
        "fifo_go_on.Orders.order_inversions == 7",
        "fifo_stop.Orders.order_inversions == 0",
    ],
    "q06": [
        "work_45s.Workers.attempts_per_message.mean == 2",
        "work_100s.Workers.attempts_per_message.mean == 4",
        "Workers.errors == 0 and Workers.failures == 0",
    ],
    "q07": [
        "reserved.OrdersFn.errors == 0 and reserved.OrdersFn.throttles > 0",
        "reserved.OrdersDlq.never_processed >= 3",
        "maximum_concurrency.OrdersDlq.arrived == 0",
        "maximum_concurrency.Orders.drain_time in 495s..540s",
    ],
    "q08": [
        "today.Orders.drain_time in 60s..95s",
        "before_2023.Orders.drain_time in 130s..175s",
        "capped.Orders.drain_time in 495s..550s",
    ],
    "q09": [
        "window_5s.OrdersFn.batch_size.max <= 12",
        "window_5s.OrdersFn.invocations < 0.55 * no_window.OrdersFn.invocations",
        "window_5s.Orders.latency.p50 > no_window.Orders.latency.p50 + 1s",
    ],
    "q10": [
        "one.Orders.order_inversions <= ten.Orders.order_inversions",
        "ten.Orders.order_inversions < ten_failing.Orders.order_inversions",
        "fifo_one_group.Orders.order_inversions == 0",
        "fifo_groups.Orders.order_inversions == 0",
        "ten_failing.Orders.received_again > ten.Orders.received_again",
    ],
    "q11": [
        "Orders.NotVisible.at(200s) == 10",
        "fifo.Orders.delivered.between(10s,300s) == 0",
        "five_minutes.Orders.received.between(300s,302s) == 10",
    ],
    "q12": [
        "SharedA.unique + SharedB.unique == 1000",
        "CopyA.unique == 1000 and CopyB.unique == 1000",
        "ReadA.unique == 1000 and ReadB.unique == 1000",
    ],
    "q13": [
        "direct.total.lost == 0 and direct.total.done == 1000",
        "direct.total.latency.p99 > 5 * through_queue.total.latency.p99",
        "direct_failing.total.attempts_per_message.mean == 3",
        "direct_failing.total.discarded == 1000",
    ],
    "q14": [
        "Orders.deduplicated.share in 4%..6%",
        "FifoQueue.unique == 5000 and StdQueue.unique == 5000",
        "FifoQueue.order_inversions == 0",
        "StdQueue.order_inversions > 0",
    ],
    "q15": [
        "regions.Clicks.PutRecord.throttled.share in 0.36..0.39",
        "regions.Clicks.shard.idle == 3",
        "devices.Clicks.PutRecord.throttled.share == 0",
    ],
    "q16": [
        "factor_1.ClicksMap.IteratorAge.end in 285s..315s",
        "factor_4.ClicksMap.IteratorAge.p99 < 3s",
        "factor_4.ClicksMap.order_inversions == 0",
    ],
    "q17": [
        "defaults.ReadingsMap.shard[1].IteratorAge.max > 470s",
        "ReadingsMap.shard[0].IteratorAge.p99 < 3s",
        "limited.Failures.arrived == 1",
        "limited.ReadingsMap.duplicate_processings > 0",
    ],
}
"""Question → rules with the bands that were predicted before the first run."""

LONG = {"q04", "q08", "q10", "q15", "q16", "q17"}
STEADY = {"q15", "q17"}
"""Arrivals, keys and service times without chance: one other seed shows that it is so."""

SEEDS = range(1, 6)
CASES = [
    pytest.param(name, seed, marks=[pytest.mark.slow] if name in LONG else [], id=f"{name}-{seed}")
    for name in PREDICTED
    for seed in (SEEDS[:1] if name in STEADY else SEEDS)
]


def test_every_question_has_its_prediction() -> None:
    assert list(PREDICTED) == [f"q{number:02}" for number in range(1, 18)]


@pytest.mark.parametrize("name", PREDICTED)
def test_the_scenario_has_the_bands_that_were_predicted(name: str) -> None:
    stated = {rule.text for rule in msgsim.load(scenario_path(name)).rules}
    assert set(PREDICTED[name]) <= stated


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_the_answers_hold_on_other_seeds(name: str, seed: int) -> None:
    found = to_plain(msgsim.run(msgsim.load(scenario_path(name)), seed=seed))
    missed = [(rule["rule"], rule["actual"]) for rule in found["expect"] if not rule["passed"]]
    assert missed == []
    assert all(run["invariants"]["violated"] == [] and run["sums"] for run in found["runs"])


def test_a_dead_letter_queue_is_what_ends_the_wait_of_q02() -> None:
    """The mechanism named is the one at work: with three receives instead of five, 90 s."""
    found = to_plain(
        msgsim.run(msgsim.load(scenario_path("q02"), ["Orders.RedrivePolicy.maxReceiveCount=3"]))
    )
    stalls = [run["order"]["Orders"]["max_stall_s"] for run in found["runs"]]
    assert 90 <= stalls[0] <= 100 and stalls[1] > 600


def test_the_visibility_timeout_is_what_doubles_the_work_of_q01() -> None:
    """One worker's batch needs 49 s: under 40 s it deletes eight, and two come to the other."""
    scenario = msgsim.load(scenario_path("q01"), ["Orders.VisibilityTimeout=40"])
    run = to_plain(msgsim.run(scenario))["runs"][0]
    assert run["duplicates"]["Orders"]["duplicate_processings"] == 2
    assert run["duplicates"]["Orders"]["by_cause"]["queue redelivery"] == 2


@pytest.mark.parametrize(("timeout", "receives"), [("20", 3), ("44", 2), ("46", 1)])
def test_the_attempts_of_q06_are_the_work_over_the_timeout(timeout: str, receives: int) -> None:
    """⌈45 s / VisibilityTimeout⌉ receives."""
    overrides = [
        f"Orders.VisibilityTimeout={timeout}",
        "Workers.receive_time=0s",
        "Workers.delete_time=0s",
    ]
    run = to_plain(msgsim.run(msgsim.load(scenario_path("q06"), overrides)))["runs"][0]
    assert run["duplicates"]["Orders"]["attempts_per_message"]["mean"] == receives


@pytest.mark.parametrize(("timeout", "back_at"), [(120, 121), (900, 901)])
def test_the_clock_alone_releases_what_q11s_dead_worker_holds(timeout: int, back_at: int) -> None:
    """Received at 1 s, visible again exactly a timeout later."""
    text = scenario_path("q11").read_text("utf-8").split("expect:")[0].split("variants:")[0]
    text += "assumptions: {sqs.queue: {missed_delete_share: 0}}\nexpect:\n"
    text += f"  - Orders.NotVisible.at({back_at - 1}s) == 10\n"
    text += f"  - Orders.received.between({back_at - 1}s,{back_at + 1}s) == 10\n"
    text = text.replace("VisibilityTimeout: 300", f"VisibilityTimeout: {timeout}")
    found = to_plain(msgsim.run(msgsim.load_text(text)))
    assert [rule["actual"] for rule in found["expect"] if not rule["passed"]] == []


def test_without_repetitions_q14_deduplicates_nothing() -> None:
    found = to_plain(msgsim.run(msgsim.load(scenario_path("q14"), ["workload[0].resend=0%"])))
    (run,) = found["runs"]
    assert run["ledger"]["FifoQueue"]["deduplicated"] == 0
    assert run["duplicates"]["FifoQueue"]["unique"] == 5000


def test_q03_depends_on_the_interval_alone() -> None:
    """Every 299 s each second one is swallowed (4 of 7 in half an hour); every 300 s none of 6."""
    for every, unique in (("299s", 4), ("300s", 6)):
        overrides = [f"workload[0].arrivals.every={every}"]
        run = to_plain(msgsim.run(msgsim.load(scenario_path("q03"), overrides)))["runs"][0]
        assert run["duplicates"]["Status"]["unique"] == unique, every


def test_q10s_disorder_is_of_the_consumers_and_of_redelivery() -> None:
    """With one host and no replica faults the queue adds nothing: one consumer sees no disorder,
    and what remains with ten is theirs.
    """
    overrides = [
        'assumptions."sqs.queue"={hosts: 1, missed_delete_share: 0}',
        "workload[0].count=1000",
    ]
    scenario = msgsim.load(scenario_path("q10"), overrides)
    runs = {run["variant"]: run for run in to_plain(msgsim.run(scenario))["runs"]}
    inversions = {name: run["order"]["Orders"]["order_inversions"] for name, run in runs.items()}
    assert inversions["one"] == 0 < inversions["ten"] < inversions["ten_failing"]
