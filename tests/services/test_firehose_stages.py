"""firehose.delivery_stream before the buffer: transformation, partitions, sources."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.firehose_built import (
    KIB,
    MIB,
    S,
    archive,
    built,
    delivered,
    function,
    lambda_step,
)
from tests.services.hand_built import HandBuilt, codes

CLEAN = "Clean"


def transforming(fn: dict[str, Any], transform: Any = None, **parameters: Any) -> HandBuilt:
    """Wire `Archive` with the transformation `Clean`, and buffers of 10 s."""
    parameters.setdefault("BufferIntervalInSeconds", 5)
    stream = archive(
        into__ProcessingConfiguration=lambda_step(**parameters),
        into__BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 10},
        **({"transform": transform} if transform else {}),
    )
    return built(stream, more={CLEAN: fn})


def steady(system: HandBuilt, per_s: int, seconds: int, to: str = "Archive", **more: Any) -> None:
    for number in range(per_s * seconds):
        system.sim.at(number * S // per_s, lambda: system.send(to, **more))


def done(system: HandBuilt) -> list[int]:
    return [fact[1].message.number for fact in system.log.of("Archive", "completed")]


def reasons(system: HandBuilt) -> list[str]:
    return [fact[2] for fact in system.log.of("Archive", "error_output")]


def sizes(system: HandBuilt) -> list[int]:
    return [fact[1] for fact in system.log.of(CLEAN, "started")]


# Transformation ---------------------------------------------------------------------------------


def test_records_gather_for_the_function_and_again_for_the_destination() -> None:
    """5 s for the function, 10 s for S3. Source: data-transformation.html."""
    system = transforming(function("1s"))
    steady(system, 1, 5)
    system.run("1m")
    assert sizes(system) == [5]
    assert [fact[0] for fact in system.log.of(CLEAN, "started")] == [5]
    assert [(at, records) for at, records, *_ in delivered(system)] == [(16, 5)]


def test_the_hint_of_the_function_cuts_by_size() -> None:
    """BufferSizeInMBs 0.2: 204.8 KiB take six records of 32 KiB."""
    system = transforming(function("1s"), BufferSizeInMBs=0.2, BufferIntervalInSeconds=60)
    for _ in range(12):
        system.send("Archive", size_bytes=32 * KIB)
    system.run("2m")
    assert sizes(system) == [6, 6]


def test_the_three_statuses() -> None:
    """`Ok` goes on, `Dropped` ends as filtered, `ProcessingFailed` goes to the error output.

    Source: data-transformation.html, data-transformation-failure-handling.html.
    """
    system = transforming(
        function("1s", handler__fails_if={"bad": "1"}, handler__report="failed"),
        {"drops_if": {"noise": "1"}, "size": "0.5x"},
    )
    for attributes in ({}, {"bad": "1"}, {"noise": "1"}):
        system.send("Archive", attributes=attributes, size_bytes=1_000)
    system.run("2m")
    assert done(system) == [0]
    assert [fact[1].number for fact in system.log.of("Archive", "filtered")] == [2]
    assert [fact[1].message.number for fact in system.log.of("Archive", "error_output")] == [1]
    assert reasons(system) == ["processing-failed"]
    assert [size for _, _, size, _ in delivered(system)] == [500]
    assert list(system["Archive"].holds()) == []


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_throttled_invocation_is_tried_again(retries: int) -> None:
    """NumberOfRetries after throttles; then the batch has failed, and is not lost.

    Source: data-transformation-failure-handling.html.
    """
    system = transforming(function("1s", ReservedConcurrentExecutions=0), NumberOfRetries=retries)
    system.send("Archive")
    system.run("5m")
    assert len(system.log.of(CLEAN, "invoke_throttled")) == retries + 1
    assert reasons(system) == ["processing-failed"]
    assert done(system) == []


def test_a_time_out_is_tried_again_and_an_exception_is_not() -> None:
    for code, invocations in (
        (function("10s", Timeout=3), 4),
        (function("1s", handler__fails="100%"), 1),
    ):
        system = transforming(code)
        system.send("Archive")
        system.run("5m")
        assert len(sizes(system)) == invocations
        assert reasons(system) == ["processing-failed"]


def test_firehose_waits_five_minutes_for_an_invocation() -> None:
    """A function of 400 s is given up after 300 s, and what it returns later changes nothing."""
    system = transforming(function("400s", Timeout=900), NumberOfRetries=1)
    system.send("Archive")
    system.run("1h")
    assert [at for at, *_ in system.log.of(CLEAN, "started")] == [5, 306]
    assert reasons(system) == ["processing-failed"] and done(system) == []
    assert codes({CLEAN: function("1s", Timeout=301), "Archive": _with_lambda()}) == ["W266"]


def _with_lambda(target: str = CLEAN) -> dict[str, Any]:
    return archive(into__ProcessingConfiguration=lambda_step(LambdaArn=target))


def test_a_transformation_needs_a_function() -> None:
    assert codes({CLEAN: function("1s"), "Archive": _with_lambda("Claen")}) == ["E265"]


def test_an_answer_above_6_mb_fails_the_batch() -> None:
    """Three MB that become nine cannot come back. Source: data-transformation.html."""
    system = transforming(function("1s"), {"size": "3x"}, BufferSizeInMBs=3)
    for _ in range(6):
        system.send("Archive", size_bytes=512 * KIB)
    system.run("2m")
    assert reasons(system) == ["processing-failed"] * 6


def test_at_most_five_invocations_at_once() -> None:
    """Per shard of the source. Source: Firehose Developer Guide, limits.html."""
    system = transforming(function("30s", Timeout=60), BufferSizeInMBs=0.2)
    for _ in range(10):
        system.send("Archive", size_bytes=200 * KIB)
    system.run("10m")
    starts = [at for at, *_ in system.log.of(CLEAN, "started")]
    assert len([at for at in starts if at < 30]) == 5
    assert sorted(done(system)) == list(range(10))


# Dynamic partitioning ---------------------------------------------------------------------------


def partitioned(query: str | None = None, seconds: int = 60, **more: Any) -> dict[str, Any]:
    processing = {}
    if query is not None:
        parameters = [{"ParameterName": "MetadataExtractionQuery", "ParameterValue": query}]
        processing = {
            "into__ProcessingConfiguration": {
                "Processors": [{"Type": "MetadataExtraction", "Parameters": parameters}]
            }
        }
    return archive(
        into__DynamicPartitioningConfiguration={"Enabled": "true"},
        into__BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": seconds},
        **processing,
        **more,
    )


def test_each_partition_has_its_own_object() -> None:
    """Source: Firehose Developer Guide, dynamic-partitioning.html."""
    system = built(partitioned("{customer: .customer}"))
    for number in range(30):
        system.send("Archive", attributes={"customer": number % 3})
    system.run("5m")
    assert [records for _, records, *_ in delivered(system)] == [10, 10, 10]
    counts = [fact[1] for fact in system.log.of("Archive", "partitions")]
    assert counts == [1, 2, 3, 2, 1, 0]


def test_a_record_without_the_key_goes_to_the_error_output() -> None:
    system = built(partitioned("{customer: .customer}"))
    system.send("Archive", attributes={"client": 1})
    system.run("5m")
    assert reasons(system) == ["partitioning-failed"]


def test_beyond_500_active_partitions_the_rest_goes_to_the_error_output() -> None:
    """Source: Firehose Developer Guide, buffering.html (activePartitionExceeded)."""
    system = built(partitioned())
    for number in range(600):
        system.send("Archive", f"customer-{number}")
    system.send("Archive", "customer-1")
    system.run("10m")
    assert sorted(done(system)) == [*range(500), 600]
    assert reasons(system) == ["activePartitionExceeded"] * 100


def test_three_new_partitions_a_second_for_60_s_make_about_180() -> None:
    """AWS's own example: on average 180 active partitions. Source: buffering.html.

    The sweep adds up to half an interval, so the mean lies between 180 and 270.
    """
    system = built(partitioned())
    for number in range(3 * 600):
        system.sim.at(number * S // 3, lambda n=number: system.send("Archive", f"p{n}"))
    system.run("10m")
    counts = [fact[1] for fact in system.log.of("Archive", "partitions") if fact[0] > 120]
    assert 180 <= sum(counts) / len(counts) <= 270


def test_a_record_waits_up_to_one_and_a_half_intervals() -> None:
    """Source: Firehose Developer Guide, buffering.html."""
    system = built(partitioned())
    for number in range(200):
        system.sim.at(number * S, lambda n=number: system.send("Archive", f"p{n % 40}"))
    system.run("10m")
    ages = [age for *_, age in delivered(system)]
    assert min(ages) >= 60 and 75 < max(ages) <= 90


def test_a_partition_gets_no_more_than_1_gb_per_second() -> None:
    """64 MiB take at least 67 ms. Source: Firehose Developer Guide, limits.html."""
    system = built(partitioned(), assumptions={("firehose.delivery_stream", "put_window"): "1h"})
    for _ in range(128):
        system.send("Archive", size_bytes=512 * KIB)
    system.run("1m")
    ((at, _, size, _),) = delivered(system)
    assert size == 64 * MIB
    assert at == pytest.approx(size / 1e9, rel=1e-6)


@pytest.mark.parametrize("query", ["customer", "{customer: .a.b}", "{}", "{customer}"])
def test_a_query_that_is_not_understood_is_refused(query: str) -> None:
    assert codes({"Archive": partitioned(query)}) == ["E260"]


# A Kinesis stream as the source -----------------------------------------------------------------


def from_stream(shards: int = 1, source: dict[str, Any] | None = None, **stream: Any) -> HandBuilt:
    return built(
        archive(
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={"KinesisStreamARN": "Clicks"},
            **stream,
        ),
        more={"Clicks": source or {"type": "kinesis.stream", "ShardCount": shards}},
    )


def test_each_shard_fills_its_own_buffer() -> None:
    """Hints apply per shard of the source: four shards, four objects per interval.

    Source: Firehose Developer Guide, buffering-hints.html.
    """
    system = from_stream(4, into__BufferingHints={"SizeInMBs": 5, "IntervalInSeconds": 60})
    for number in range(400):
        key = f"user-{number}"
        system.sim.at(number * S // 10, lambda key=key: system.send("Clicks", key))
    system.run("3m")
    assert len(delivered(system)) == 4
    assert sorted(done(system)) == list(range(400))


def test_a_shard_is_read_once_a_second_and_twice_with_full_backup() -> None:
    """Within the shard's five calls. Source: writing-with-kinesis-streams.html."""
    for backup, reads in (({}, 60), ({"into__S3BackupMode": "Enabled"}, 120)):
        system = from_stream(**backup)
        calls = counted_reads(system)
        system.run("60s")
        assert len(calls) == pytest.approx(reads, abs=1)


def counted_reads(system: HandBuilt) -> list[int]:
    calls: list[int] = []
    read = system["Clicks"].read

    def counting(*args: Any) -> Any:
        calls.append(system.sim.now)
        return read(*args)

    system["Clicks"].read = counting
    return calls


def test_reading_begins_with_the_latest_record() -> None:
    """Two records that were there before are left out. Source: writing-with-kinesis-streams."""
    system = from_stream(source={"type": "plain.stream", "Older": 2})
    system.send_at("1s", "Clicks")
    system.run("10m")
    assert done(system) == [0]


def test_a_put_is_refused() -> None:
    """InvalidSourceException. Source: API PutRecord."""
    assert from_stream().send("Archive") == "InvalidSourceException"


def test_with_a_destination_down_records_wait_in_the_stream() -> None:
    """Reading pauses when 1 MiB of the shard is held, and goes on afterwards; nothing is lost."""
    hold = {("firehose.delivery_stream", "read_ahead"): "1MiB"}
    system = built(
        archive(
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={"KinesisStreamARN": "Clicks"},
            into__BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 10},
        ),
        more={"Clicks": {"type": "kinesis.stream", "ShardCount": 1}},
        assumptions=hold,
    )
    system["Archive.destination"].fail()
    steady(system, 10, 60, "Clicks", size_bytes=32 * KIB)
    system.run("60s")
    held = [state for state, thing in system["Archive"].holds()]
    assert len(held) == 600
    assert len(system.log.of("Archive", "ingested")) < 100
    system["Archive.destination"].recover()
    system.run("10m")
    assert sorted(done(system)) == list(range(600))


# SNS --------------------------------------------------------------------------------------------


def from_topic(quota: str = "1s", **subscription: Any) -> HandBuilt:
    assumptions = {
        ("firehose.delivery_stream", "quota_raise_after"): "0s",
        ("firehose.delivery_stream", "put_window"): quota,
    }
    return HandBuilt(
        {
            "Orders": {"type": "sns.topic", "MaximumMessageSize": "1MiB"},
            "Archive": archive(into__BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 10}),
            "Sub": {
                "type": "sns.subscription",
                "TopicArn": "Orders",
                "Protocol": "firehose",
                "Endpoint": "Archive",
                "latency": "0s",
                **subscription,
            },
        },
        assumptions=assumptions,
    )


@pytest.mark.parametrize("raw", [False, True])
def test_a_topic_delivers_with_its_envelope_or_raw(raw: bool) -> None:
    """Raw is the body alone, without attributes. Source: sns-large-payload-raw-message-delivery."""
    system = from_topic(RawMessageDelivery=str(raw).lower())
    system.send("Orders", size_bytes=1_000, attributes={"kind": "order"})
    system.run("1m")
    ((_, _, size, _),) = delivered(system)
    assert size == 1_000 - len("kindorder") if raw else size > 1_800
    assert done(system) == [0]


def test_a_record_above_1000_kib_fails_at_once() -> None:
    """Its envelope counts: larger deliveries fail and are not tried again.

    Source: SNS Developer Guide, sns-large-payload-raw-message-delivery.html.
    """
    system = from_topic()
    system.send("Orders", size_bytes=1_024_000)
    system.run("1m")
    assert [fact[2] for fact in system.log.of("Sub", "discarded")] == ["InvalidArgumentException"]
    assert len(system.log.of("Sub", "attempt_failed")) == 1


def test_throttling_is_met_with_the_patience_for_people() -> None:
    """First retry after 10 s, not at once. Source: sns-message-delivery-retries.html, footnote."""
    system = from_topic(quota="1ms")  # a bucket of 5,242 bytes
    for _ in range(3):
        system.send("Orders", size_bytes=4_000)
    system.run("1m")
    attempts = [at for at, *_ in system.log.of("Sub", "delivered")]
    assert attempts[0] == 0 and attempts[1] >= 10


def test_an_outage_is_tried_again_at_once() -> None:
    system = from_topic()
    system["Archive"].fail()
    system.send("Orders")
    system.sim.at(2 * S, system["Archive"].recover)
    system.run("1m")
    failed = [at for at, *_ in system.log.of("Sub", "attempt_failed")]
    assert failed[:4] == [0, 0, 0, 0]
    assert done(system) == [0]


def test_five_delivery_streams_may_subscribe() -> None:
    """Source: AWS General Reference, SNS quotas."""
    resources: dict[str, Any] = {"Orders": {"type": "sns.topic"}}
    for number in range(6):
        resources[f"To{number}"] = archive()
        resources[f"Sub{number}"] = {
            "type": "sns.subscription",
            "TopicArn": "Orders",
            "Protocol": "firehose",
            "Endpoint": f"To{number}",
        }
    assert codes(resources) == ["E253"]
    del resources["Sub5"]
    assert codes(resources) == []
