"""Warming up: does the run begin unlike it goes on? A suggestion, never a silent correction.

MSER-5 is applied to the latencies of each subscriber in the order of completion, while messages are
still published. What it would cut off, as a share of the messages, is translated into time.
"""

from __future__ import annotations

from typing import Any

from msgsim.experiment.results import Results
from msgsim.experiment.statistics import mser5

NS_PER_S = 1_000_000_000
LEAST_SHARE = 0.02
FEWEST_STRETCHES = 50


def warm_up_advice(results: Results) -> list[dict[str, Any]]:
    """Return, by variant and subscriber, how much of the beginning MSER-5 would leave out.

    `suggested_s` is null where nothing, or hardly anything, should be left out, and `enough` is
    false where the run is too short to say.
    """
    found = []
    for variant, summary in results.firsts().items():
        length_s = summary.plain["simulated_s"]
        warm_up_s = results.variants[variant].header.warm_up / NS_PER_S
        for name, (counts, totals) in summary.stretches.items():
            means = [total / count for total, count in zip(totals, counts, strict=True)]
            if len(means) < FEWEST_STRETCHES:
                continue
            cut = mser5(means)
            share = sum(counts[:cut]) / sum(counts) if cut else 0.0
            suggested = None
            if share >= LEAST_SHARE:
                suggested = warm_up_s + share * (length_s - warm_up_s)
            entry = {"variant": variant, "subscriber": name, "enough": cut is not None}
            found.append({**entry, "share": share, "suggested_s": suggested})
    return found
