"""firehose.delivery_stream: Direct PUT, buffers, destinations and their retries."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

import msgsim
from tests.services.firehose_built import KIB, MIB, S, archive, built, delivered
from tests.services.hand_built import HandBuilt, codes

THROTTLED = "ServiceUnavailableException"
NEVER = {("firehose.delivery_stream", "quota_raise_after"): "0s"}


def steady(system: HandBuilt, per_s: int, seconds: int, **more: Any) -> None:
    """Put records evenly."""
    for number in range(per_s * seconds):
        system.sim.at(number * S // per_s, lambda: system.send("Archive", **more))


def hints(size: int, seconds: int) -> dict[str, Any]:
    return {"into__BufferingHints": {"SizeInMBs": size, "IntervalInSeconds": seconds}}


def outputs(system: HandBuilt) -> list[tuple[float, int, str]]:
    """Return `(seconds, message, reason)` of the error output."""
    return [(f[0], f[1].message.number, f[2]) for f in system.log.of("Archive", "error_output")]


def done(system: HandBuilt) -> list[int]:
    return [fact[1].message.number for fact in system.log.of("Archive", "completed")]


# Buffering --------------------------------------------------------------------------------------


@pytest.mark.conformance("Kinesis C13")
def test_c13_i_a_busy_stream_delivers_by_size() -> None:
    """Direct PUT to S3 with the defaults of 5 MB and 300 s, fed 1 MB/s: an object of 5 MB about
    every 5 s. Source: Firehose Developer Guide, buffering-hints.html.
    """
    system = built(archive())
    steady(system, 64, 60, size_bytes=16 * KIB)
    system.run("62s")
    objects = delivered(system)
    assert len(objects) == 12
    assert {size for _, _, size, _ in objects} == {5 * MIB}
    assert all(b[0] - a[0] == pytest.approx(5, abs=0.02) for a, b in pairwise(objects))
    assert max(age for *_, age in objects) <= 5


@pytest.mark.conformance("Kinesis C13")
def test_c13_ii_a_quiet_stream_delivers_by_interval() -> None:
    """The same, fed 1 KB/s: an object of about 300 KB every 300 s; nothing is older than the
    interval and the upload. Source: Firehose Developer Guide, buffering-hints.html.
    """
    system = built(archive(destination={"time": "2s"}))
    steady(system, 1, 1_200, size_bytes=KIB)
    system.run("20m")
    objects = delivered(system)
    assert [at for at, *_ in objects] == pytest.approx([302, 602, 902], abs=3)
    assert [size / KIB for _, _, size, _ in objects] == pytest.approx([300] * 3, abs=1)
    assert all(age <= 302 for *_, age in objects)


def test_what_would_overflow_a_buffer_goes_before() -> None:
    """A batch never exceeds the size: 700 + 700 KiB do not fit into 1 MiB."""
    system = built(archive(**hints(1, 60)))
    for _ in range(3):
        system.send("Archive", size_bytes=700 * KIB)
    system.run("2m")
    assert [size for _, _, size, _ in delivered(system)] == [700 * KIB] * 3


def test_the_interval_counts_from_the_first_record() -> None:
    system = built(archive(**hints(5, 60)))
    for at in ("10s", "50s", "90s"):
        system.send_at(at, "Archive")
    system.run("5m")
    assert [(at, records) for at, records, *_ in delivered(system)] == [(70, 2), (150, 1)]


def test_zero_buffering_delivers_within_a_few_seconds() -> None:
    """Source: Firehose Developer Guide, buffering-hints.html (IntervalInSeconds: 0)."""
    system = built(archive(**hints(5, 0)))
    steady(system, 10, 30)
    system.run("1m")
    assert sum(records for _, records, *_ in delivered(system)) == 300
    assert max(age for *_, age in delivered(system)) < 5


def test_falling_behind_raises_the_size_and_catching_up_lowers_it() -> None:
    """1 MiB arrives a second and an object takes 3 s: objects grow beyond the hint until delivery
    keeps up; then the hint holds again. Source: API BufferingHints; basic-deliver.html.
    """
    system = built(archive(destination={"time": "3s"}, **hints(1, 60)))
    steady(system, 64, 60, size_bytes=16 * KIB)
    system.run("2m")
    sizes = [size for _, _, size, _ in delivered(system)]
    assert sizes[0] == MIB and 2 * MIB < max(sizes) <= 128 * MIB
    assert max(age for at, *_, age in delivered(system) if at < 70) < 10
    system.sim.at(system.sim.now, lambda: steady_from(system, 130))
    system.run("4m")
    assert MIB in [size for at, _, size, _ in delivered(system) if at > 125]


def steady_from(system: HandBuilt, start: int) -> None:
    for number in range(64):
        at = (start * S) + number * S // 64
        system.sim.at(at, lambda: system.send("Archive", size_bytes=16 * KIB))


# Direct PUT -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("region", "records", "bytes_per_s"),
    [("us-east-1", 2_000, 5 * MIB), ("eu-west-1", 2_000, 5 * MIB), ("eu-north-1", 1_000, MIB)],
)
def test_quotas_are_those_of_the_region(region: str, records: int, bytes_per_s: int) -> None:
    """PutRecord calls and bytes per second; beyond them ServiceUnavailableException.

    Source: Firehose Developer Guide, limits.html.
    """
    for size, taken in ((200, records), (64 * KIB, bytes_per_s // (64 * KIB))):
        system = built(archive(), region=region, assumptions=NEVER)
        answers = [system.send("Archive", size_bytes=size) for _ in range(2 * records)]
        assert answers.count(None) == taken
        assert set(answers) == {None, THROTTLED}


def test_a_batch_is_taken_record_by_record() -> None:
    """HTTP 200, and each refused entry has its own code, in order: 4 MiB of 5 are taken, then 1.

    Source: API PutRecordBatch.
    """
    system = built(archive(), assumptions=NEVER)
    batch = [system.message(size_bytes=512 * KIB) for _ in range(8)]
    assert system["Archive"].accept_batch(batch) == [None] * 8
    batch = [system.message(size_bytes=512 * KIB) for _ in range(4)]
    assert system["Archive"].accept_batch(batch) == [None, None, THROTTLED, THROTTLED]
    assert system.log.of("Archive", "throttled") == [(0.0, "PutRecordBatch", 2)]


def test_what_is_too_large_is_refused_as_a_whole() -> None:
    """1,000 KiB a record; 500 records and 4 MiB a batch. Source: API PutRecordBatch, limits."""
    system = built(archive())
    accept, message = system["Archive"].accept_batch, system.message
    assert system.send("Archive", size_bytes=1_000 * KIB) is None
    assert system.send("Archive", size_bytes=1_000 * KIB + 1) == "InvalidArgumentException"
    for batch in ([message() for _ in range(501)], [message(size_bytes=900 * KIB)] * 5):
        assert set(accept(batch)) == {"InvalidArgumentException"}
    assert len(system.log.of("Archive", "ingested")) == 1


def test_lasting_throttling_raises_the_quotas() -> None:
    """AWS raises the limits of a Direct PUT stream until throttling stops (limits.html); how soon
    is an assumption. 3,000 records/s against 2,000 calls/s: after it nothing is refused.
    """
    raised = {("firehose.delivery_stream", "quota_raise_after"): "5s"}
    system = built(archive(), assumptions=raised)
    steady(system, 3_000, 10, size_bytes=200)
    system.run("10s")
    refused = [at for at, *_ in system.log.of("Archive", "throttled")]
    assert len(refused) > 3_000
    assert max(refused) < 7


# S3 ---------------------------------------------------------------------------------------------


def test_s3_is_tried_until_it_is_back() -> None:
    """Records of Direct PUT are held up to 24 hours. Source: basic-deliver.html."""
    system = built(archive(**hints(1, 60)))
    system["Archive.destination"].fail()
    system.send("Archive")
    system.sim.at(10 * 3_600 * S, system["Archive.destination"].recover)
    system.run("11h")
    assert done(system) == [0]
    assert 36_000 <= delivered(system)[0][0] <= 36_060


def test_after_24_hours_records_are_lost() -> None:
    system = built(archive(**hints(1, 60)))
    system["Archive.destination"].fail()
    system.send("Archive")
    system.send_at("10h", "Archive")
    system.run("40h")
    expired = [
        (fact[0] / 3_600, fact[1].message.number) for fact in system.log.of("Archive", "expired")
    ]
    assert [number for _, number in expired] == [0, 1]
    assert expired[0][0] == pytest.approx(24, abs=0.02)
    assert expired[1][0] == pytest.approx(34, abs=0.02)
    assert list(system["Archive"].holds()) == []


def test_a_lost_answer_makes_a_duplicate() -> None:
    """At least once: the object is there, Firehose does not know it and writes it again.

    Source: Firehose Developer Guide, basic-deliver.html.
    """
    system = built(archive(destination={"answers_lost": "50%"}, **hints(1, 10)))
    steady(system, 1, 600)
    system.run("4h")
    numbers = done(system)
    assert set(numbers) == set(range(600)) and len(numbers) > 900
    assert system.log.of("Archive", "batch_failed")[0][2] == "Timeout"


def test_a_late_answer_is_no_answer() -> None:
    """An HTTP endpoint that takes longer than the 180 s Firehose waits is asked again."""
    system = built(archive("HttpEndpoint", destination={"time": "200s"}, **hints(1, 10)))
    system.send("Archive")
    system.run("10m")
    assert [fact[0] for fact in system.log.of("Archive", "completed")][:2] == [210, 391]


# The other destinations -------------------------------------------------------------------------


def test_opensearch_is_tried_for_300_s_with_the_first_attempt() -> None:
    """Then the documents go to S3. Source: API AmazonopensearchserviceRetryOptions."""
    system = built(archive("Amazonopensearchservice", **hints(1, 60)))
    system["Archive.destination"].fail()
    system.send("Archive")
    system.run("20m")
    tries = [at - 60 for at, *_ in system.log.of("Archive", "batch_failed")]
    assert tries[0] == 0 and 200 < max(tries) <= 300
    ((at, number, reason),) = outputs(system)
    assert (number, reason) == (0, "AmazonOpenSearchService_failed")
    assert at == max(tries) + 60 + 300  # the buffer of the backup gathers for its own interval


def test_no_retries_with_a_duration_of_zero() -> None:
    system = built(archive("Amazonopensearchservice", into__RetryOptions={"DurationInSeconds": 0}))
    system["Archive.destination"].fail()
    system.send("Archive")
    system.run("20m")
    assert len(system.log.of("Archive", "batch_failed")) == 1
    assert len(outputs(system)) == 1


def test_rejected_documents_go_to_s3_and_the_others_arrive() -> None:
    system = built(
        archive("Amazonopensearchservice", destination={"rejects": "10%"}, **hints(1, 10))
    )
    steady(system, 100, 10)
    system.run("30m")
    rejected = {number for _, number, _ in outputs(system)}
    assert 60 < len(rejected) < 140
    assert sorted([*done(system), *rejected]) == list(range(1_000))


@pytest.mark.parametrize("config", ["Splunk", "HttpEndpoint"])
def test_waits_for_an_acknowledgment_do_not_count(config: str) -> None:
    """The duration counts from the first failure and leaves out the waits of 180 s: with 60 s
    there are pauses of 1, 2, 4, 8 and 16 s and so 6 tries, though they take 18 minutes.

    Source: API SplunkRetryOptions, HttpEndpointRetryOptions.
    """
    retries = {"into__RetryOptions": {"DurationInSeconds": 60}}
    system = built(archive(config, destination={"hangs": "100%"}, **hints(1, 10), **retries))
    system.send("Archive")
    system.run("1h")
    tries = [at for at, *_ in system.log.of("Archive", "batch_failed")]
    assert tries == [190, 371, 553, 737, 925, 1_121]
    assert len(outputs(system)) == 1


def test_redshift_copies_what_waits_one_copy_at_a_time() -> None:
    """An object into S3 every 5 s, a COPY takes 12 s: the next starts when it ends, and takes all
    objects that have come meanwhile. Source: basic-deliver.html.
    """
    config = {"S3Configuration": {"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 5}}}
    stream = archive("Redshift", destination={"time": "12s"})
    stream["RedshiftDestinationConfiguration"] = config
    system = built(stream)
    steady(system, 1, 60)
    system.run("2m")
    objects, copies = delivered(system, "S3"), delivered(system, "Redshift")
    assert len(objects) == 10
    assert all(b[0] - a[0] >= 12 for a, b in pairwise(copies))
    assert len(copies) < 7
    assert sorted(done(system)) == list(range(60))
    assert all(at >= 5 + 12 for at, *_ in copies)


def test_redshift_gives_up_after_an_hour_and_leaves_a_manifest() -> None:
    system = built(archive("Redshift", destination={"fails": "100%"}))
    system.send("Archive")
    system.run("3h")
    failures = [at for at, place, _ in system.log.of("Archive", "batch_failed")]
    assert 3_500 <= failures[-1] - failures[0] <= 3_600
    assert [reason for *_, reason in outputs(system)] == ["errors"]


def test_a_backup_of_everything_holds_everything() -> None:
    """`AllDocuments`: S3 gets a copy of each record, delivered or not. Source: API S3BackupMode."""
    system = built(
        archive("Amazonopensearchservice", into__S3BackupMode="AllDocuments", **hints(1, 10))
    )
    steady(system, 1, 30)
    system.run("10m")
    assert sum(records for _, records, *_ in delivered(system, "Backup")) == 30
    assert sorted(done(system)) == list(range(30))


# What AWS refuses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (archive(), []),
        ({"type": "firehose.delivery_stream"}, ["E261"]),
        ({**archive(), "SplunkDestinationConfiguration": {}}, ["E261"]),
        (archive(DeliveryStreamType="KinesisStreamAsSource"), ["E262"]),
        (archive(KinesisStreamSourceConfiguration={"KinesisStreamARN": "Clicks"}), ["E262"]),
        (archive(into__BufferingHints={"SizeInMBs": 5}), ["E263"]),
        (
            archive(into__DynamicPartitioningConfiguration={"Enabled": "true"}, **hints(5, 60)),
            ["E263"],
        ),
        (
            archive(into__DynamicPartitioningConfiguration={"Enabled": "true"}, **hints(64, 0)),
            ["E263"],
        ),
        (archive(destination={"rejects": "1%"}), ["E268"]),
        (archive(into__DataFormatConversionConfiguration={"Enabled": True}), ["E301"]),
    ],
)
def test_findings(stream: dict[str, Any], expected: list[str]) -> None:
    """Rules of CreateDeliveryStream."""
    clicks = {"type": "kinesis.stream", "ShardCount": 1}
    assert codes({"Clicks": clicks, "Archive": stream}) == expected


@pytest.mark.parametrize(
    ("config", "size", "interval"),
    [
        ("Splunk", 6, 60),
        ("Splunk", 5, 61),
        ("HttpEndpoint", 65, 60),
        ("Amazonopensearchservice", 101, 60),
        ("ExtendedS3", 129, 60),
        ("ExtendedS3", 5, 901),
    ],
)
def test_hints_have_the_ranges_of_the_destination(config: str, size: int, interval: int) -> None:
    """Source: Firehose Developer Guide, buffering-hints.html."""
    text = f"""
msgsim: 1
duration: 1m
resources:
  Archive:
    type: firehose.delivery_stream
    {config}DestinationConfiguration:
      BufferingHints: {{SizeInMBs: {size}, IntervalInSeconds: {interval}}}
workload:
  - {{to: Archive, rate: 1/s}}
"""
    with pytest.raises(msgsim.ProblemError) as refusal:
        msgsim.load_text(text)
    assert [one.code for one in refusal.value.problems] == ["E201"]


def test_a_put_into_a_stream_with_a_source_is_refused() -> None:
    """InvalidSourceException, found before the run. Source: API PutRecord."""
    text = """
msgsim: 1
duration: 1m
resources:
  Clicks: {type: kinesis.stream, ShardCount: 1}
  Archive:
    type: firehose.delivery_stream
    DeliveryStreamType: KinesisStreamAsSource
    KinesisStreamSourceConfiguration: {KinesisStreamARN: Clicks}
    ExtendedS3DestinationConfiguration: {}
workload:
  - {to: Archive, rate: 1/s}
"""
    with pytest.raises(msgsim.ProblemError) as refusal:
        msgsim.load_text(text)
    assert [one.code for one in refusal.value.problems] == ["E264"]


def test_a_fault_strikes_the_destination() -> None:
    """An outage of the bucket from 20 s to 50 s: nothing arrives meanwhile, nothing is lost."""
    text = """
msgsim: 1
duration: 3m
resources:
  Archive:
    type: firehose.delivery_stream
    ExtendedS3DestinationConfiguration: {BufferingHints: {SizeInMBs: 1, IntervalInSeconds: 10}}
workload:
  - {to: Archive, rate: 10/s, until: 1m}
faults:
  - {at: 15s, for: 35s, down: Archive.destination}
"""
    run = msgsim.run(msgsim.load_text(text)).runs[0]
    metrics = run.observers.metrics
    assert metrics.value("Archive", None, "batch_failures") > 0
    assert metrics.value("Archive", None, "DeliveryToS3.DataFreshness", "max") > 35
    assert metrics.value("Archive", None, "done") == 600
