"""A Kinesis mapping that narrows a failure down: partial responses and bisecting
(services-kinesis-batchfailurereporting.html).
"""

from __future__ import annotations

from typing import Any

from tests.services.hand_built import HandBuilt
from tests.services.lambda_built import function
from tests.services.stream_mapped import (
    NO_RETRY,
    S,
    ages,
    completed,
    documents,
    sizes,
    steady,
    system_of,
    to_lost,
)


def test_partial_reports_start_a_new_batch_with_fresh_retries() -> None:
    """BatchSize 3, 3 retries, the sixth record always fails: it is delivered 1 + 4 = 5 times; the
    document says 4 invocations and a batch of one.

    Source: LocalStack, test_kinesis_report_batch_item_failures (2025-11-25).
    """
    system = system_of(
        function("10ms", handler__fails_if={"bad": "1"}, handler__report="failed"),
        BatchSize=3,
        MaximumRetryAttempts=3,
        FunctionResponseTypes=("ReportBatchItemFailures",),
        **to_lost(),
    )
    for number in range(6):
        system.send("Events", attributes={"bad": "1"} if number == 5 else {})
    system.run("5m")
    assert sizes(system) == [3, 3, 1, 1, 1, 1]
    (document,) = documents(system)
    assert document["requestContext"]["approximateInvokeCount"] == 4
    assert document["KinesisBatchInfo"]["batchSize"] == 1
    assert completed(system) == [0, 1, 2, 3, 4]
    assert system["Events"].checkpoints == {0: 6}


def test_a_report_that_cannot_be_understood_fails_the_whole_batch() -> None:
    """One record of four fails, and the report names none of the batch: with two retries all four
    are invoked three times and given up together.

    Source: Lambda developer guide, services-kinesis-batchfailurereporting.html; LocalStack's AWS
    tests test_kinesis_report_batch_item_failure_scenarios (2024-10-12): three invocations.
    """
    system = system_of(
        function("10ms", handler__fails_if={"bad": "1"}, handler__report="malformed"),
        BatchSize=4,
        MaximumRetryAttempts=2,
        FunctionResponseTypes=("ReportBatchItemFailures",),
        **to_lost(),
    )
    for number in range(4):
        system.send("Events", attributes={"bad": "1"} if number == 2 else {})
    system.run("5m")
    assert sizes(system) == [4, 4, 4]
    (document,) = documents(system)
    assert document["KinesisBatchInfo"]["batchSize"] == 4
    assert document["responseContext"]["functionError"] is None
    failed = [fact[2] for fact in system.log.of("Map", "failed")]
    assert failed == ["malformed report"] * 12


def test_the_lowest_reported_record_is_the_checkpoint() -> None:
    """Everything after the lowest reported record is tried again, also what had succeeded.

    Source: Lambda developer guide, with-kinesis.html (ReportBatchItemFailures).
    """
    system = system_of(
        function(
            "10ms",
            handler__fails_if={"bad": "1"},
            handler__fails_attempts=1,
            handler__report="failed",
        ),
        BatchSize=5,
        FunctionResponseTypes=("ReportBatchItemFailures",),
    )
    for number in range(5):
        system.send("Events", attributes={"bad": "1"} if number == 2 else {})
    system.run("1m")
    assert sizes(system) == [5, 3]
    assert completed(system) == [0, 1, 3, 4, 2, 3, 4]


def test_an_error_repeats_what_the_batch_had_done() -> None:
    """A batch is retried as a whole: effects of records before the failing one happen again."""
    system = system_of(
        function("10ms", handler__fails_if={"bad": "1"}, handler__fails_attempts=2), BatchSize=4
    )
    for number in range(4):
        system.send("Events", attributes={"bad": "1"} if number == 2 else {})
    system.run("1m")
    assert completed(system) == [0, 1, 0, 1, 0, 1, 2, 3]


def q17(**mapped: Any) -> HandBuilt:
    system = system_of(
        function("50ms", handler__fails_if={"bad": "1"}), shards=2, overhead=True, **mapped
    )
    steady(system, 20, 600, keys=10, shard=0)
    steady(system, 20, 600, keys=10, shard=1)
    system.sim.at(60 * S, lambda: system.send("Events", "1:0", attributes={"bad": "1"}))
    return system.run("10m")


def test_q17_a_poison_record_stops_its_shard() -> None:
    """Defaults: the shard of the poison record makes no progress from then on, its last batch is
    sent at an age of about 485 s (back-off); the other shard does not notice.

    Scaled down to 20 records/s; the arithmetic of question "one bad record" is about times only.
    """
    system = q17()
    blocked, other = ages(system, 1), sorted(age for _, age in ages(system, 0))
    assert 470 < max(age for _, age in blocked) < 500
    assert other[int(0.99 * len(other))] < 3
    last = max(
        fact[0]
        for fact in system.log.of("Map", "completed")
        if fact[1].message.key.name.startswith("1:") and fact[1].copy.completions == 1
    )
    assert last < 62
    assert system["Events"].checkpoints[1] <= 60 * 20


def test_q17_bisect_isolates_it_in_seconds() -> None:
    """Bisect, 3 retries, a destination: a stall of seconds, one document about one record, healthy
    records around it executed more than once. Source: kinesis-on-failure-destination.html.
    """
    system = q17(
        BisectBatchOnFunctionError="true", MaximumRetryAttempts=3, BatchSize=100, **to_lost()
    )
    (document,) = documents(system)
    assert document["KinesisBatchInfo"]["batchSize"] == 1
    assert document["requestContext"]["approximateInvokeCount"] == 4
    assert max(age for _, age in ages(system, 1)) < 15
    done = [fact[1].copy for fact in system.log.of("Map", "completed")]
    assert any(copy.completions > 1 for copy in done)
    assert not any(copy.message.attributes for copy in done)
    assert len({copy for copy in done if copy.message.key.name.startswith("1:")}) > 11_900


def test_bisect_tries_the_halves_in_order() -> None:
    """Splitting uses up no retry and keeps the order; with r = 0 the bad record alone is lost."""
    system = system_of(
        function("10ms", handler__fails_if={"bad": "1"}),
        BatchSize=8,
        BisectBatchOnFunctionError="true",
        **NO_RETRY,
        **to_lost(),
    )
    for number in range(8):
        system.send("Events", attributes={"bad": "1"} if number == 5 else {})
    system.run("1m")
    assert sizes(system) == [8, 4, 4, 2, 1, 1, 2]
    assert [d["KinesisBatchInfo"]["startSequenceNumber"] for d in documents(system)] == ["5"]


def test_bisect_and_partial_reports_together() -> None:
    """A partial response splits at the returned record and retries only the rest; an exception
    bisects. So with one retry the three records from the reported one on are invoked twice, and
    discarded together. Source: Lambda developer guide, with-kinesis.html.
    """
    for report, expected in (("failed", [8, 3, 3]), ("raise", [8, 4, 4, 2, 1, 1, 2])):
        system = system_of(
            function("10ms", handler__fails_if={"bad": "1"}, handler__report=report),
            BatchSize=8,
            BisectBatchOnFunctionError="true",
            FunctionResponseTypes=("ReportBatchItemFailures",),
            MaximumRetryAttempts=1 if report == "failed" else 0,
        )
        for number in range(8):
            system.send("Events", attributes={"bad": "1"} if number == 5 else {})
        system.run("1m")
        assert sizes(system) == expected, report
