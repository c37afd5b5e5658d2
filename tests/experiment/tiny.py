"""Scenarios that run in no time, for tests of what is done with results."""

from __future__ import annotations

HEAD = """\
msgsim: 1
question: Does it run?
seed: 7
duration: {duration}
resources:
  Orders: {{type: sqs.queue}}
  Workers:
    type: worker.fleet
    queue: Orders
    workers: {workers}
    handler: {{time: {{dist: exponential, mean: {mean}}}}}
workload:
  - {{name: Shop, to: Orders, arrivals: {{poisson: 10/s}}, keys: 5}}
"""


def tiny(rest: str = "", *, duration: str = "20s", workers: int = 3, mean: str = "100ms") -> str:
    """Return one queue and one fleet, with further sections."""
    return HEAD.format(duration=duration, workers=workers, mean=mean) + rest
