"""A provisioned stream becomes on-demand: what it took before is no load of now."""

from __future__ import annotations

import pytest

import msgsim
from msgsim.experiment.result import to_plain

SWITCHED = """
duration: 40m
assumptions: {kinesis.stream: {settings_time: 1s}}
resources: {Clicks: {type: kinesis.stream, ShardCount: 1}}
workload: [{to: Clicks, rate: 6/s, size: 100KiB, keys: 500, until: %s}]
actions: [{at: 15m, update_mode: Clicks, mode: ON_DEMAND}]
"""


@pytest.mark.parametrize(("until", "splits"), [("14m", False), ("25m", True)])
def test_only_load_under_on_demand_mode_splits_a_shard(until: str, splits: bool) -> None:
    """A shard of 600 KiB/s is above the 500 KB/s at which on-demand mode splits it, but only if the
    load lasts into that mode: one that has been idle since 14 min is left alone at 15 min.

    Source: Streams Developer Guide, how-do-i-size-a-stream (on-demand mode scales by the load it
    sees, and a switch of modes keeps the number of shards).
    """
    run = to_plain(msgsim.run(msgsim.load_text(SWITCHED % until)))["runs"][0]
    stream = run["streams"]["streams"]["Clicks"]
    assert (stream["open"] > 1) is splits
