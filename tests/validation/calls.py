"""How many calls per second a thread makes whose calls take 20 ms.

AWS: SQS developer guide, sqs-throughput-horizontal-scaling-and-batching: with an average round trip
of 20 ms, one thread on one connection makes 50 calls per second. Simulated: a fleet that empties a
long queue, one receive and one delete for each message. The 20 ms are the average of a lognormal
distribution, and an input; handlers take no time. Bounds: within 10 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.validation.rows import Caught, Row, about, ran

SECONDS = 120
ROUND_TRIP_MS, CALLS_PER_S = 20, 50
THREADS = (1, 10)
SCENARIO = """
msgsim: 1
question: How many calls per second does a thread make?
seed: 1
duration: {seconds}s
workload:
  - {{to: Q, arrivals: {{burst: 50000}}, size: 100B}}
resources:
  Q: {{type: sqs.queue}}
  Receivers:
    type: worker.fleet
    queue: Q
    workers: 1
    threads: {threads}
    MaxNumberOfMessages: 1
    receive_time: {call}
    delete_time: {call}
    handler: {{time: 0s}}
"""


@cache
def made(threads: int) -> float:
    """Return receives and deletes per second of one machine with so many threads."""
    calls: Counter[str] = Counter()

    def requested(now: int, action: str, *more: Any) -> None:
        calls[action] += 1

    call = f"{{dist: lognormal, mean: {ROUND_TRIP_MS}ms, p99: {5 * ROUND_TRIP_MS}ms}}"
    text = SCENARIO.format(seconds=SECONDS, threads=threads, call=call)
    ran(text, Caught("Q", "requested", requested))
    return (calls["ReceiveMessage"] + calls["DeleteMessage"]) / SECONDS


def rows() -> Iterator[Row]:
    """Yield the calls of one thread, and of ten."""
    for threads in THREADS:
        what = f"calls of 20 ms, {threads} thread{'s' if threads > 1 else ''}"
        expected = CALLS_PER_S * threads
        yield about(what, "calls", expected, made(threads), 0.10, unit="calls/s")
