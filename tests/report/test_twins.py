"""The figure of CloudWatch's metrics: periods, gaps, limits, and what is drawn at all."""

from __future__ import annotations

import numpy as np
import pytest

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.experiment.retell import Told
from msgsim.report.figures.data import Provenance
from msgsim.report.figures.twins import TwinData, TwinLine, TwinPanel, twins
from msgsim.report.metric_data import measure
from msgsim.report.twins import MOST_PERIODS, period_s, twin_data

HERE = Provenance("fanout", 42, "0.1.0", "2.1.0")


def data(values, times=None, limit=None) -> TwinData:
    times = np.arange(len(values)) * 60.0 if times is None else np.array(times, dtype=float)
    line = TwinLine("ConcurrentExecutions", "Maximum", times, np.array(values, dtype=float))
    return TwinData("Fn", "AWS/Lambda", [TwinPanel("executions", [line], limit)], 60.0, 600.0)


def drawn(found) -> list[np.ndarray]:
    return [line.get_xdata() for line in found.axes[0].lines if len(line.get_xdata()) > 2]


@pytest.mark.parametrize(
    ("end_s", "period"), [(60, 60), (14_400, 60), (14_401, 300), (172_800, 900), (1e9, 86_400)]
)
def test_periods_grow_with_the_run_as_in_a_console(end_s, period):
    """At most 240 points, up to a period of a day."""
    assert period_s(end_s) == period
    assert end_s / period <= MOST_PERIODS or period == 86_400


def test_a_line_is_cut_where_a_period_has_no_data():
    found = twins({"": data([1, 2, 3, 4, 5, 6], [0, 60, 120, 300, 360, 420])}, HERE)
    assert [list(part) for part in drawn(found)] == [[0, 60, 120], [300, 360, 420]]


@pytest.mark.parametrize(("limit", "near"), [(12.0, True), (10.0, True), (13.0, False)])
def test_a_limit_is_drawn_when_half_of_it_was_reached(limit, near):
    found = twins({"": data([1, 6, 2], limit=(limit, "concurrency limit"))}, HERE)
    assert ("concurrency limit" in [text.get_text() for text in found.axes[0].texts]) == near


def test_nothing_is_drawn_of_nothing():
    assert twins({}, HERE) is None
    assert twins({"": TwinData("Q", "AWS/SQS", [], 60.0, 60.0)}, HERE) is None


def test_longer_periods_keep_sums_and_peaks():
    """Five hours: 300 minutes become 60 points of five minutes, with the same total."""
    text = """
duration: 5h
resources:
  Q: {type: sqs.queue}
  W: {type: worker.fleet, queue: Q, workers: 1, handler: {time: 1s}}
workload:
  - {to: Q, rate: 6/min}
"""
    scenario = msgsim.load_text(text)
    plain = to_plain(msgsim.run(scenario))["runs"][0]
    seen = measure(Told(scenario))
    found = twin_data(seen, plain, 5 * 3_600.0, ())["Q"]
    lines = {line.metric: line for panel in found.panels for line in panel.lines}
    sent = lines["NumberOfMessagesSent"]
    assert (found.period_s, len(sent.values)) == (300, 60)
    assert sent.values.sum() == plain["queues"]["Q"]["counts"]["sent"]
    age = seen.find("ApproximateAgeOfOldestMessage", QueueName="Q")
    assert lines["ApproximateAgeOfOldestMessage"].values.max() == max(
        point.high for _, point in age
    )


def test_a_run_of_less_than_three_minutes_has_no_twins():
    scenario = msgsim.load_text(
        "duration: 2m\nresources:\n  Q: {type: sqs.queue}\nworkload:\n  - {to: Q, rate: 1/s}\n"
    )
    plain = to_plain(msgsim.run(scenario))["runs"][0]
    assert twin_data(measure(Told(scenario)), plain, 120.0, ()) == {}
