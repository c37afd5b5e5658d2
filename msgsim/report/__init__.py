"""Reports: what people see of a session of runs; `ms.report` draws one picture of it.

    ms.report.queue(results, "Orders")

In a notebook the returned figure shows itself; anywhere else it is a matplotlib figure to save.
matplotlib is imported when the first picture is drawn.
"""

from __future__ import annotations

from msgsim.report.pictures import (
    Player,
    concurrency,
    cost,
    flow,
    latency,
    order,
    player,
    queue,
    shards,
    twice,
)

__all__ = [
    "Player",
    "concurrency",
    "cost",
    "flow",
    "latency",
    "order",
    "player",
    "queue",
    "shards",
    "twice",
]
