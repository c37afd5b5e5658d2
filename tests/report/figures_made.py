"""Small data for each kind of figure, and what can be read off a figure."""

from __future__ import annotations

import numpy as np
from matplotlib.text import Text

from msgsim.report.figures import (
    concurrency,
    cost,
    depth_and_age,
    latency,
    order,
    render,
    shard_load,
)
from msgsim.report.figures.data import (
    ConcurrencyData,
    CostData,
    Course,
    FaultBand,
    LatencyData,
    OrderData,
    Provenance,
    QueueData,
    ShardData,
)

HERE = Provenance("fanout", 42, "0.1.0", "2.1.0", "2 assumptions")
SECONDS = np.arange(10.0)


def course(values, high=None, times=None):
    values = np.array(values, dtype=float)
    times = np.arange(len(values), dtype=float) if times is None else times
    return Course(times, values, None if high is None else np.array(high, dtype=float))


def a_queue(name="Billing", end_s=10.0, limit=None, faults=()):
    visible = course([0, 1, 5, 3, 2, 1, 0, 0, 0, 0], [1, 2, 9, 4, 3, 2, 1, 0, 0, 0])
    return QueueData(name, visible, course(SECONDS * 6), course(SECONDS / 5), end_s, limit, faults)


def a_function(name="Fn", limit=10.0, throttles=None, end_s=10.0):
    return ConcurrencyData(
        name, course([0, 2, 10, 10, 4, 0, 0, 0, 0, 0]), end_s, limit,
        "ReservedConcurrentExecutions", throttles,
    )  # fmt: skip


def an_order(done, keys=None, inversions=0, name="Orders", stride=1):
    done = np.array(done)
    keys = ["a"] * len(done) if keys is None else keys
    return OrderData(name, np.arange(len(done)), done, keys, inversions, stride)


def a_stream(name="Clicks", limit=1000.0):
    load = np.array([[1800.0, 1700.0], [0.0, 0.0], [200.0, 100.0]])
    return ShardData(name, ["0", "1", "2"], load, 1.0, limit, np.array([0.43, 0.0, 0.0]))


def a_latency(name="Billing", values=(0.2, 0.1, 0.4, 0.3), stages=None):
    return LatencyData(name, np.array(values), None, stages)


def a_bill(name="Billing"):
    parts = {(name, "SendMessage"): 3.0, (name, "ReceiveMessage"): 2.0, ("Fn", "GB-seconds"): 1.0}
    return CostData(parts, 6.0, 1.5)


STAGES = {"transit": 0.1, "waiting": 0.2, "processing": 0.3}
ALL = {
    "latency": lambda name="Q": latency({"": [a_latency(name, stages=STAGES)]}, HERE),
    "queue": lambda name="Q": depth_and_age(
        {"": a_queue(name, faults=[FaultBand(2, 4, name)])}, HERE
    ),
    "concurrency": lambda name="Q": concurrency({"": a_function(name)}, HERE),
    "order": lambda name="Q": order({"": an_order([1, 0, 2], [name] * 3, 1, name)}, HERE),
    "shards": lambda name="Q": shard_load({"": a_stream(name)}, HERE),
    "cost": lambda name="Q": cost({"": a_bill(name)}, HERE),
}


def line(axes, label):
    (found,) = [each for each in axes.lines if each.get_label() == label]
    return found.get_xdata(), found.get_ydata()


def words(figure):
    """Every text of a figure after it was laid out."""
    render(figure, "png")
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]
