"""`DataFreshness`: the age of the oldest record in Firehose, minute by minute, and alarms on it.

Source: Firehose Developer Guide, monitoring-with-cloudwatch-metrics.html ("the age of the oldest
record in Firehose"), and firehose-cloudwatch-metrics-best-practices.html (an alarm on it).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.experiment.retell import Told
from msgsim.observe.cloudwatch import CloudWatch
from msgsim.report.metric_data import measure

MINUTE_NS = 60 * 10**9

OUTAGE = """
msgsim: 1
seed: 1
duration: %s
resources:
  Archive:
    type: firehose.delivery_stream
    ExtendedS3DestinationConfiguration:
      BufferingHints: {SizeInMBs: 64, IntervalInSeconds: 60}
      S3BackupMode: Enabled
      S3BackupConfiguration:
        BufferingHints: {SizeInMBs: 64, IntervalInSeconds: 60}
  Stale:
    type: cloudwatch.alarm
    MetricName: DeliveryToS3.DataFreshness
    Dimensions: Archive
    Statistic: Maximum
    Threshold: 900
    ComparisonOperator: GreaterThanThreshold
    EvaluationPeriods: 1
workload:
  - {to: Archive, rate: 1/s, size: 1KiB, until: 30m}
faults:
  - {at: 5m, for: 20m, down: %s}
"""


def seen(text: str) -> CloudWatch:
    """Run a scenario, and return its metrics."""
    return measure(Told(msgsim.load_text(text)))


def ages(twins: CloudWatch, name: str) -> dict[int, float]:
    """Return minute → `Maximum` of an age (s); each minute has one sample."""
    series = twins.find(name, DeliveryStreamName="Archive")
    assert {point.count for _, point in series} == {1}
    return {begin // MINUTE_NS: point.high for begin, point in series}


@pytest.mark.parametrize(
    ("down", "climbing", "steady"),
    [
        ("Archive.destination", "DeliveryToS3.DataFreshness", "BackupToS3.DataFreshness"),
        ("Archive.backup", "BackupToS3.DataFreshness", "DeliveryToS3.DataFreshness"),
    ],
)
def test_freshness_climbs_while_a_place_is_down(down: str, climbing: str, steady: str) -> None:
    """Records of the minute from 4:00 on are cut at 5:00, when the place goes down for 20 min: the
    oldest is one minute older at the end of each minute, and 21 min old at 25:00. Afterwards, and
    at the other place all the time, nothing is older than the 60 s of the buffer and an upload.
    """
    twins = seen(OUTAGE % ("30m", down))
    found = ages(twins, climbing)
    for minute in range(5, 25):
        assert found[minute] == pytest.approx(60 * (minute - 3), abs=3)
    calm = [found[minute] for minute in found if minute < 5 or minute > 26]
    assert len(calm) > 6
    assert max([*calm, *ages(twins, steady).values()]) < 65


def test_an_alarm_on_freshness_goes_off_during_the_outage() -> None:
    """More than 900 s: 960 s at the end of minute 19 (20:00), to be read a minute later. The alarm
    is over when the first minute after the outage has been read.
    """
    plain: dict[str, Any] = to_plain(
        msgsim.run(msgsim.load_text(OUTAGE % ("40m", "Archive.destination")))
    )["runs"][0]
    alarm = plain["alarms"]["Stale"]
    changed = [(each["at_s"] / 60, each["state"]) for each in alarm["changes"]]
    assert alarm["alarms"] == 1
    assert (21.0, "ALARM") in changed
    ((over, _),) = [each for each in changed if each[1] == "OK" and each[0] > 21]
    assert 26 < over < 30


def test_the_last_sample_is_the_age_at_the_end() -> None:
    """`DataFreshness` and `data_freshness.end` are one number, read by two observers."""
    text = OUTAGE % ("20m", "Archive.destination")
    plain = to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]
    last = ages(seen(text), "DeliveryToS3.DataFreshness")[19]
    assert last == pytest.approx(plain["delivery_streams"]["Archive"]["oldest_age_s"])
    assert last > 900


def test_a_stream_that_has_delivered_everything_reports_zero() -> None:
    """The workload ends at 30 min, and a minute later everything has been delivered."""
    twins = seen((OUTAGE % ("40m", "Archive.destination")).replace("for: 20m", "for: 1s"))
    found = ages(twins, "DeliveryToS3.DataFreshness")
    assert [found[minute] for minute in range(32, 40)] == [0.0] * 8
    assert len(found) == 40


@given(st.integers(1, 20), st.integers(1, 15), st.integers(0, 2**16))
@settings(max_examples=12, deadline=None)
def test_freshness_never_grows_faster_than_time(begin: int, length: int, seed: int) -> None:
    """What was the oldest record is a minute older, or gone: whatever the outage."""
    text = (
        (OUTAGE % ("40m", "Archive.destination"))
        .replace("seed: 1", f"seed: {seed}")
        .replace("at: 5m, for: 20m", f"at: {begin}m, for: {length}m")
    )
    found = ages(seen(text), "DeliveryToS3.DataFreshness")
    for minute in range(1, 40):
        assert 0 <= found[minute] <= found[minute - 1] + 60


def test_an_alarm_on_the_freshness_of_another_destination_is_refused() -> None:
    """A stream into S3 has no `DeliveryToSplunk.DataFreshness`: its alarm would never go off."""
    text = (OUTAGE % ("1m", "Archive.destination")).replace("DeliveryToS3", "DeliveryToSplunk")
    with pytest.raises(msgsim.ProblemError, match=r"E360.*no metric.*DeliveryToSplunk"):
        msgsim.load_text(text)
