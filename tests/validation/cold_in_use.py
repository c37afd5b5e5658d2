"""What AWS says about cold starts in general: how rare they are, and how long.

AWS: Lambda developer guide, lambda-runtime-environment (cold-start latency): typically under 1 % of
invocations, from under 100 ms to over 1 s. Simulated, with msgsim's defaults: a day of a function
that is called 0.2 to 2 times per second, and 500 cold starts of each runtime at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from statistics import median

from msgsim.services import discover
from tests.validation.rows import NS_PER_MS, Caught, Row, quantile, ran

DAY = """
msgsim: 1
question: How often does a function in use start cold?
seed: 1
duration: 24h
workload:
  - {to: Calls, arrivals: {daily: {low: 0.2/s, high: 2/s, peak_at: 14h}}, size: 1KiB}
resources:
  Calls: {type: sns.topic}
  ToFn: {type: sns.subscription, TopicArn: Calls, Protocol: lambda, Endpoint: Fn}
  Fn: {type: lambda.function, handler: {time: {dist: lognormal, median: 200ms, p99: 2s}}}
"""
AT_ONCE = """
msgsim: 1
question: How long does a cold start take?
seed: 1
duration: 1m
workload:
  - {{to: Calls, arrivals: {{burst: 500}}, size: 1KiB}}
resources:
  Calls: {{type: sns.topic}}
  ToFn: {{type: sns.subscription, TopicArn: Calls, Protocol: lambda, Endpoint: Fn}}
  Fn: {{type: lambda.function, Runtime: {runtime}, Timeout: 30, handler: {{time: 20s}}}}
"""


@cache
def day() -> float:
    """Return the percentage of a day's invocations that start cold."""
    counts: Counter[str] = Counter()
    ran(
        DAY,
        *(
            Caught("Fn", fact, lambda *carried, fact=fact: counts.update((fact,)))
            for fact in ("started", "cold_start")
        ),
    )
    return 100 * counts["cold_start"] / counts["started"]


@cache
def lengths(runtime: str) -> list[float]:
    """Return how long 500 cold starts of a runtime take, in ms."""
    found: list[float] = []
    ran(
        AT_ONCE.format(runtime=runtime),
        Caught("Fn", "cold_start", lambda now, init_ns: found.append(init_ns / NS_PER_MS)),
    )
    assert len(found) == 500
    return found


def rows() -> Iterator[Row]:
    """Yield the share of a day, and the shortest and longest of cold starts."""
    nan, most = float("nan"), float("inf")
    yield Row(
        "a day at 0.2/s to 2/s", "cold starts", nan, day(), 0, 1,
        unit="%", digits=2, said="typically under 1 %",
    )  # fmt: skip
    page = discover()["lambda.function"].page
    starts = [lengths(runtime) for runtime in page.assumptions()["initialisation"].value]
    shortest = min(median(found) for found in starts)
    longest = max(quantile(found, 0.99) for found in starts)
    what = "cold starts by runtime"
    yield Row(what, "shortest median", nan, shortest, 0, 100, said="from under 100 ms")
    yield Row(what, "longest P99", nan, longest, 1_000, most, said="to over 1 s")
