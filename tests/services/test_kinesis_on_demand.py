"""On-demand mode: capacity at the start, scaling, and what it cannot cure.

Sources: Streams Developer Guide (how-do-i-size-a-stream, service-sizes-and-limits).
"""

from __future__ import annotations

from typing import Any

import pytest

import msgsim
from msgsim.experiment.result import to_plain


def outcome(text: str) -> dict[str, Any]:
    """Run a scenario given as text; return its only run as plain data."""
    return to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]


def shards(text: str) -> dict[str, Any]:
    """Run a scenario and return what is known of its stream."""
    return outcome(text)["streams"]["streams"]["Clicks"]


@pytest.mark.parametrize(
    ("properties", "count"),
    [
        ("", 4),
        (", StreamModeDetails: {StreamMode: ON_DEMAND}", 4),
        (", earlier_peak_mibps: 40", 80),
        (", WarmThroughputMiBps: 100", 100),
        (", WarmThroughputMiBps: 3", 4),
    ],
)
def test_capacity_at_the_start(properties: str, count: int) -> None:
    """OD1, OD2, OD12: 4 MiB/s, or twice the earlier peak (AWS: 40 MB/s → 80), or what is warm."""
    text = f"""
    duration: 1s
    resources: {{Clicks: {{type: kinesis.stream{properties}}}}}
    workload: [{{to: Clicks, rate: 1/s, keys: 1}}]
    """
    assert shards(text)["open"] == count


def test_elsewhere_an_on_demand_stream_is_smaller() -> None:
    """OD6: 200 MB/s outside the three large Regions."""
    text = """
    duration: 1s
    account: {Region: eu-central-1}
    resources: {Clicks: {type: kinesis.stream, WarmThroughputMiBps: 500}}
    workload: [{to: Clicks, rate: 1/s, keys: 1}]
    """
    assert shards(text)["open"] == 200


RAMP = """
    duration: 50m
    resources: {Clicks: {type: kinesis.stream%s}}
    workload: [{to: Clicks, rate: 80/s, size: 100KiB, keys: %s, retry: none}]
"""


def test_a_new_peak_throttles_until_the_shards_have_been_split() -> None:
    """OD3, OD4: 8 MiB/s on 4 shards: half is refused at first, nothing after two generations.

    A shard that takes more than 500 KB/s is split within 15 minutes: 4 become 8, and 8 of about
    1 MiB/s become 16 of 0.5 MiB/s.
    """
    course = shards(RAMP % ("", "{round_robin: 2000}"))
    minutes = course["bucket_s"] / 60
    throttled = [0] * len(next(iter(course["by_shard"].values()))["throttled_course"])
    for shard in course["by_shard"].values():
        for bucket, count in enumerate(shard["throttled_course"]):
            throttled[bucket] += count
    per_minute = [count / minutes for count in throttled]
    last = per_minute[int(35 / minutes) :]
    assert per_minute[1] > 0.4 * 80 * 60
    assert sum(last) == 0
    assert course["open"] >= 16


def test_a_single_hot_key_throttles_for_ever() -> None:
    """OD5: splits do not help one key of 2 MiB/s: half of it is refused to the end."""
    text = """
    duration: 40m
    resources: {Clicks: {type: kinesis.stream}}
    workload: [{to: Clicks, rate: 20/s, size: 100KiB, keys: 1, retry: none}]
    expect:
      - Clicks.throttled.between(30m, 40m) > 5000
      - Clicks.throttled.between(30m, 40m) < 6500
      - Clicks.shards.open > 4
    """
    results = msgsim.run(msgsim.load_text(text))
    assert [verdict.passed for verdict in results.verdicts] == [True] * 3


def test_warm_throughput_takes_a_peak_without_throttling() -> None:
    """OD12: with 100 MiB/s warm the same peak is never refused."""
    course = shards(RAMP % (", WarmThroughputMiBps: 100", "{round_robin: 2000}"))
    assert all(shard["throttled"] == 0 for shard in course["by_shard"].values())


def test_automatic_distribution_spreads_one_key_and_loses_its_order() -> None:
    """K14: AUTO ignores the key: 1.8 MiB/s of one key fit four shards, and order is gone."""
    text = """
    duration: 5m
    resources:
      Clicks: {type: kinesis.stream, RecordDistributionStrategy: AUTO}
      R: {type: kinesis.consumer, StreamARN: Clicks, handler: {time: 10ms}}
    workload: [{to: Clicks, rate: 18/s, size: 100KiB, keys: 1, retry: none}]
    """
    run = outcome(text)
    by_shard = run["streams"]["streams"]["Clicks"]["by_shard"]
    assert {shard["throttled"] for shard in by_shard.values()} == {0}
    assert {round(shard["stored"], -1) for shard in by_shard.values()} == {1350}
    assert run["order"]["R"]["order_inversions"] > 0


def test_warm_throughput_can_be_asked_for_later() -> None:
    """OD12: after some minutes of UPDATING there is a shard for each MiB/s, in hash order."""
    text = """
    duration: 10m
    resources: {Clicks: {type: kinesis.stream}}
    workload: [{to: Clicks, rate: 1/s, keys: 1}]
    actions: [{at: 1m, warm: Clicks, to: 20}]
    """
    assert shards(text)["open"] == 20
