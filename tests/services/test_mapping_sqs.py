"""lambda.event_source_mapping of an SQS queue: one message's way, and what makes a batch
(with-sqs.html).
"""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest

from tests.services.hand_built import HandBuilt
from tests.services.lambda_built import function, mapping
from tests.services.queue_mapped import S, queue, starts, system_of


def batch_sizes(system: HandBuilt) -> list[int]:
    return [fact[1] for fact in system.log.of("Fn", "started")]


# One message's way ------------------------------------------------------------------------------


def test_a_message_is_received_processed_and_deleted() -> None:
    system = system_of(queue(), function("1s"))
    system.send_at("5s", "Orders")
    system.run("10s")
    assert [fact[0] for fact in system.log.of("Map", "completed")] == [6.0]
    assert [fact[0] for fact in system.log.of("Orders", "deleted")] == [6.0]
    assert system["Map"].judged == "Orders"
    assert list(system["Orders"].holds()) == []


def test_low_load_latency_is_as_measured() -> None:
    """SQS standard to Lambda adds 13.7 / 16.2 / 33.8 / 105 ms at P10 / P50 / P90 / P99. The default
    is calibrated on these figures; the test shows that it arrives. Source:
    https://bitesizedserverless.com/bite/serverless-messaging-latency-compared/
    """
    system = system_of(queue(), function("1ms"), overhead=True)
    n = 8_000
    for number in range(n):
        system.send_at(f"{number}s", "Orders")
    system.run(f"{n}s")
    waits = sorted(at % 1 * 1_000 for at in starts(system))
    assert len(waits) == n
    for share, measured in ((0.1, 13.7), (0.5, 16.2), (0.9, 33.8)):
        assert waits[int(share * n)] == pytest.approx(measured, rel=0.15)
    assert waits[int(0.99 * n)] == pytest.approx(105, rel=0.4)


def test_a_disabled_mapping_leaves_the_queue_alone() -> None:
    system = system_of(queue(), function(), mapping(Enabled="false"))
    system.send("Orders")
    system.run("1m")
    assert system.log.of("Orders", "received") == []


# Batches ----------------------------------------------------------------------------------------


def q9(**more: Any) -> tuple[list[int], float]:
    system = system_of(queue(), function("20ms"), mapping(**more), overhead=True)
    for half_second in range(2_400):
        system.send_at(f"{half_second * 500}ms", "Orders")
    system.run("21m")
    waits = [fact[0] - fact[1].message.born_ns / S for fact in system.log.of("Map", "completed")]
    assert len(waits) == 2_400
    return batch_sizes(system), median(waits)


def test_q9_a_batch_size_is_a_ceiling() -> None:
    """2 messages/s (20 min of the hour): BatchSize 10 without a window gives about one message per
    invocation; BatchSize 100 with a window of 5 s 2–10, never 100, and seconds of added latency.
    """
    small, quick = q9(BatchSize=10)
    large, slow = q9(BatchSize=100, MaximumBatchingWindowInSeconds=5)
    assert 2_300 <= len(small) <= 2_400
    assert 240 <= len(large) <= 1_200
    assert max(large) <= 12
    assert 2 <= sum(large) / len(large) <= 10
    assert len(large) < 0.55 * len(small)
    assert slow > quick + 1


def test_a_window_gathers_what_is_there_up_to_the_batch_size() -> None:
    """30 messages waiting, BatchSize 20, window 1 s, MaximumConcurrency 2: two invocations.

    Source: LocalStack's AWS-validated SQS mapping tests (2025-11-25).
    """
    system = system_of(
        queue(DelaySeconds=1),
        function(ReservedConcurrentExecutions=2),
        mapping(
            BatchSize=20,
            MaximumBatchingWindowInSeconds=1,
            ScalingConfig={"MaximumConcurrency": 2},
        ),
    )
    for _ in range(30):
        system.send("Orders")
    system.run("30s")
    assert sum(batch_sizes(system)) == 30
    assert len(batch_sizes(system)) == 2
    assert max(batch_sizes(system)) <= 20


def test_ten_thousand_messages_can_be_one_batch() -> None:
    """BatchSize up to 10,000, gathered from receives of ten, if records had no metadata; with it,
    6,291,456 B / (100 + 770) B = 7,231 fill the 6 MB. Source: services-sqs-configure.html.
    """
    assert first_of_ten_thousand("0B") == 10_000
    assert first_of_ten_thousand("770B") == 7_231


def first_of_ten_thousand(metadata: str) -> int:
    """Return the size of the first batch of 10,000 messages of 100 B; all are deleted."""
    system = system_of(
        queue(VisibilityTimeout=600, DelaySeconds=1),
        function("1s"),
        mapping(
            BatchSize=10_000,
            MaximumBatchingWindowInSeconds=10,
            ScalingConfig={"MaximumConcurrency": 2},
        ),
        assumptions={("lambda.event_source_mapping", "record_metadata"): metadata},
    )
    for _ in range(10_000):
        system.send("Orders", size_bytes=100)
    system.run("60s")
    assert len(system.log.of("Orders", "deleted")) == 10_000
    return batch_sizes(system)[0]


def test_a_batch_holds_at_most_6_mb() -> None:
    """The synchronous payload limit cuts a batch; the rest follows in the next invocation. Of six
    messages of 1 MiB the metadata of their records leaves room for five.
    """
    system = system_of(
        queue(DelaySeconds=1), function(), mapping(ScalingConfig={"MaximumConcurrency": 2})
    )
    for _ in range(10):
        system.send("Orders", size_bytes=1_048_576)
    system.run("30s")
    assert sum(batch_sizes(system)) == 10
    assert max(batch_sizes(system)) == 5


def test_a_throttled_batch_is_forgotten_when_its_timeout_ends() -> None:
    """Throttled invocations are retried inside the visibility timeout of the batch, then the
    messages are visible again with a higher receive count. Source: services-sqs-errorhandling.html.
    """
    system = system_of(
        queue(VisibilityTimeout=30), function(ReservedConcurrentExecutions=0), mapping(BatchSize=1)
    )
    system.send("Orders")
    system.run("70s")
    received = [(fact[0], fact[1][0].attempt) for fact in system.log.of("Orders", "received")]
    assert received == [(0.0, 1), (30.0, 2), (60.0, 3)]
    throttles = [fact[0] for fact in system.log.of("Fn", "invoke_throttled") if fact[0] < 30]
    assert throttles[:4] == [0.0, 0.25, 0.75, 1.75]
    assert throttles[-1] < 30


def test_deletes_survive_an_outage_of_the_queue() -> None:
    """A delete that the queue cannot take is tried again until the visibility timeout ends."""
    system = system_of(queue(), function("1s"))
    system.send("Orders")
    system.sim.at(S // 2, system["Orders"].fail)
    system.sim.at(10 * S, system["Orders"].recover)
    system.run("2m")
    assert len(system.log.of("Orders", "deleted")) == 1
    assert len(starts(system)) == 1


def test_a_mapping_that_is_down_begins_no_batch() -> None:
    system = system_of(queue(), function())
    system["Map"].fail()
    system.run("30s")
    system.send("Orders")
    system.run("60s")
    assert starts(system) == []
    system["Map"].recover()
    system.run("80s")
    assert len(starts(system)) == 1
