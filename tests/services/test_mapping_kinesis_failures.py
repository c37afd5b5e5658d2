"""A Kinesis mapping whose function fails or is throttled: retries in place, record ages, and the
documents of what is given up (kinesis-on-failure-destination.html).
"""

from __future__ import annotations

import pytest

from tests.services.hand_built import codes
from tests.services.lambda_built import built, function, mapping
from tests.services.stream_mapped import (
    NO_RETRY,
    S,
    ages,
    completed,
    documents,
    sizes,
    starts,
    steady,
    system_of,
    to_lost,
)


@pytest.mark.parametrize("retries", [0, 1, 2, 3])
def test_a_batch_is_invoked_once_more_than_it_is_retried(retries: int) -> None:
    """MaximumRetryAttempts r means r + 1 invocations, then a document with that count and no data;
    the shard goes on. Source: LocalStack's AWS-validated tests (r = 1, 2, 3 → 2, 3, 4).
    """
    system = system_of(
        function("10ms", handler__fails_if={"bad": "1"}),
        BatchSize=1,
        MaximumRetryAttempts=retries,
        **to_lost(),
    )
    system.send("Events", attributes={"bad": "1"})
    system.send("Events")
    system.run("1m")
    assert len(starts(system)) == retries + 2
    (document,) = documents(system)
    assert document["requestContext"]["approximateInvokeCount"] == retries + 1
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert document["KinesisBatchInfo"]["batchSize"] == 1
    assert [fact[2] for fact in system.log.of("Map", "dropped")] == ["RetryAttemptsExhausted"]
    assert completed(system) == [1]


def test_an_endless_failure_with_a_record_age_limit_is_invoked_8_times() -> None:
    """Record age limit 60 s, no retry limit: 8 invocations before RecordAgeExceeded (± 2).

    Source: LocalStack's AWS-validated tests (2025-11-25).
    """
    system = system_of(
        function("10ms", handler__fails="100%"), MaximumRecordAgeInSeconds=60, **to_lost()
    )
    system.send("Events")
    system.run("10m")
    assert 6 <= len(starts(system)) <= 10
    (document,) = documents(system)
    assert document["requestContext"]["condition"] == "RecordAgeExceeded"


def test_the_record_age_is_looked_at_record_by_record() -> None:
    """A batch with one record that is too old and five fresh ones: the old one alone goes to the
    destination, the five are invoked together. Source: LocalStack, test_…_discard_records.
    """
    system = system_of(function(), MaximumRecordAgeInSeconds=60, **to_lost())
    system["Fn"].fail()
    system.send("Events")
    for _ in range(5):
        system.send_at("55s", "Events")
    system.sim.at(70 * S, system["Fn"].recover)
    system.run("5m")
    assert [d["KinesisBatchInfo"]["batchSize"] for d in documents(system)] == [1]
    assert documents(system)[0]["requestContext"]["approximateInvokeCount"] == 1
    assert sizes(system) == [5]


def test_throttles_use_up_no_retries() -> None:
    """Failures before the function runs do not count against MaximumRetryAttempts.

    Source: Lambda developer guide, kinesis-on-failure-destination.html.
    """
    system = system_of(function(), **NO_RETRY)
    system["Fn"].fail()
    system.send("Events")
    system.sim.at(100 * S, system["Fn"].recover)
    system.run("5m")
    assert completed(system) == [0]
    assert len(starts(system)) == 1


def test_a_blocked_lane_lets_the_others_go_on() -> None:
    """With a parallelization factor only the lanes concerned stop."""
    system = system_of(
        function("10ms", handler__fails_if={"bad": "1"}), BatchSize=1, ParallelizationFactor=4
    )
    system.send("Events", "0:bad", attributes={"bad": "1"})
    steady(system, 10, 60, keys=40)
    system.run("90s")
    done = set(completed(system))
    assert 300 < len(done) < 600
    assert system["Events"].checkpoints == {}
    held = list(system["Map"].holds())
    assert len(held) + len(done) == 601
    assert {state for state, _ in held} <= {"waiting", "in_flight"}


def test_c12_without_limits_a_batch_blocks_until_it_expires() -> None:
    """Two shards, retention 24 h, no limits: the shard of the poison record delivers nothing beyond
    the batch until the record is 24 h old, then it goes on; the other one does not notice.

    Source: kinesis-on-failure-destination.html.
    """
    system = system_of(function("10ms", handler__fails_if={"bad": "1"}), shards=2, BatchSize=1)
    system.send("Events", "0:a", attributes={"bad": "1"})
    system.send_at("1h", "Events", "0:a")
    system.send_at("1h", "Events", "1:b")
    system.run("86300s")
    assert completed(system) == [2]
    assert system.log.of("Map", "completed")[0][0] < 3_602
    system.run("86500s")
    assert completed(system) == [2, 1]
    assert [fact[2] for fact in system.log.of("Map", "dropped")] == ["expired in the stream"]


def test_c12_with_two_retries_the_batch_is_invoked_three_times() -> None:
    """r = 2: three invocations, then a document without payload, `RetryAttemptsExhausted` and
    approximateInvokeCount 3, reaches SQS, and the shard goes on. Source: the same page.
    """
    system = system_of(
        function("10ms", handler__fails_if={"bad": "1"}),
        shards=2,
        BatchSize=1,
        MaximumRetryAttempts=2,
        **to_lost(),
    )
    system.send("Events", "0:a", attributes={"bad": "1"})
    system.send_at("1s", "Events", "0:a")
    system.send_at("1s", "Events", "1:b")
    system.run("1m")
    assert sorted(completed(system)) == [1, 2]
    assert len(starts(system)) == 3 + 2
    (document,) = documents(system)
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert document["requestContext"]["approximateInvokeCount"] == 3
    assert document["responseContext"]["functionError"] == "Unhandled"
    assert set(document) == {
        "requestContext",
        "responseContext",
        "version",
        "timestamp",
        "KinesisBatchInfo",
    }


def test_iterator_age_is_that_of_the_last_record_when_it_is_sent() -> None:
    """Not when it is done, and not while it waits for concurrency: records at 0, 1 and 2 s, a free
    function from 10 s on. Source: Lambda developer guide, monitoring-metrics-types.html.
    """
    system = system_of(function("3s", Timeout=10))
    system["Fn"].fail()
    for at in ("0s", "1s", "2s"):
        system.send_at(at, "Events")
    system.sim.at(10 * S, system["Fn"].recover)
    system.run("1m")
    first, *others = ages(system)
    sent = starts(system)[0]
    assert first == (sent, pytest.approx(sent - 0 if sizes(system)[0] == 1 else sent - 2))
    assert len(others) == len(starts(system)) - 1
    assert all(age == pytest.approx(at - 2) for at, age in others)


def test_documents_go_to_standard_queues_only() -> None:
    resources = {
        "Events": {"type": "plain.stream"},
        "Lost.fifo": {"type": "sqs.queue", "FifoQueue": "true"},
        "Fn": function(),
        "Map": mapping(
            "Events",
            StartingPosition="LATEST",
            DestinationConfig={"OnFailure": {"Destination": "Lost.fifo"}},
        ),
    }
    assert codes(resources) == ["E269"]


def test_a_document_about_an_age_has_no_response() -> None:
    """Source: LocalStack, test_…_discard_records (2025-11-25): no responseContext."""
    system = system_of(function(), MaximumRecordAgeInSeconds=60, **to_lost())
    system["Fn"].fail()
    system.send("Events")
    system.run("5m")
    (document,) = documents(system)
    assert document["requestContext"]["condition"] == "RecordAgeExceeded"
    assert "responseContext" not in document


def test_a_topic_can_take_the_documents() -> None:
    """Source: API, DestinationConfig.OnFailure: a queue or a topic."""
    system = built(
        {
            "Events": {"type": "plain.stream"},
            "Lost": {"type": "sqs.queue"},
            "Failures": {
                "type": "sns.topic",
                "Subscription": [
                    {"Protocol": "sqs", "Endpoint": "Lost", "RawMessageDelivery": "true"}
                ],
            },
            "Fn": function("10ms", handler__fails="100%"),
            "Map": mapping(
                "Events",
                StartingPosition="TRIM_HORIZON",
                DestinationConfig={"OnFailure": {"Destination": "Failures"}},
                **NO_RETRY,
            ),
        }
    )
    system.send("Events")
    system.run("1m")
    assert [d["KinesisBatchInfo"]["batchSize"] for d in documents(system)] == [1]
