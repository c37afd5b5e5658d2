"""Figures: every picture of a run, from plain data to a file; the home of matplotlib.

Each function takes runs by variant name, returns a `matplotlib.figure.Figure` that belongs to
nobody else (no pyplot, no global state), or None when there is nothing to show.
"""

from __future__ import annotations

from msgsim.report.figures.concurrency import concurrency
from msgsim.report.figures.cost import cost
from msgsim.report.figures.latency import latency
from msgsim.report.figures.order import order
from msgsim.report.figures.queue import depth_and_age
from msgsim.report.figures.shards import shard_load
from msgsim.report.figures.writing import file_name, render, save

__all__ = [
    "concurrency",
    "cost",
    "depth_and_age",
    "file_name",
    "latency",
    "order",
    "render",
    "save",
    "shard_load",
]
