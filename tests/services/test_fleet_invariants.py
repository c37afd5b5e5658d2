"""worker.fleet as a whole: books balance under random fleets, and threads are servers."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.services.worker_fleet.drain import REPLACED
from tests.services.hand_built import NO_LATENCY, HandBuilt

RANDOM = """
msgsim: 1
duration: 20m
seed: %d
resources:
  Orders:
    type: sqs.queue
    FifoQueue: %s
    VisibilityTimeout: 40
    RedrivePolicy: {deadLetterTargetArn: Dlq, maxReceiveCount: 4}
  Dlq: {type: sqs.queue, FifoQueue: %s}
  Packers:
    type: worker.fleet
    queue: Orders
    workers: 2
    MaxNumberOfMessages: 5
    handler: {time: {dist: exponential, mean: 3s}, fails: 5%%}
    startup: {dist: exponential, mean: 20s}
    stop: {mode: %s, grace: 10s}
    spot: {rate: 6/h, replaced: %s}
    crash_rate: 6/h
    scaling: {min: 1, max: 8, %s}
    %s
  Backlog:
    type: cloudwatch.alarm
    MetricName: ApproximateNumberOfMessagesVisible
    Dimensions: Orders
    Threshold: 5
    ComparisonOperator: GreaterThanThreshold
    EvaluationPeriods: 1
    AlarmActions: [Ops]
    OKActions: [Ops]
  Ops: {type: sns.topic, Subscription: [{Protocol: sqs, Endpoint: Pager}]}
  Pager: {type: sqs.queue}
workload:
  - {to: Orders, keys: 20, arrivals: {poisson: 1.5/s}, until: 15m}
faults:
  - {at: 5m, for: 1m, down: Packers}
"""

RULES = (
    "target_tracking: {TargetValue: 4}",
    "keda: {queueLength: 3}",
    "demand: {every: 30s, idle: 1m}",
)
PROGRAMS = (
    "threads: 3",
    "prefetch: {messages: 8}",
    "prefetch: {messages: 8, drop_expired: true}",
    "sqsd: {HttpConnections: 3, InactivityTimeout: 6, RetentionPeriod: 120, MaxRetries: 4}",
    "job: {startup: 2s}",
    "heartbeat: {every: 10s, to: 40s, most: 60s}",
)


@given(
    st.integers(0, 2**16),
    st.booleans(),
    st.sampled_from(["none", "finish", "release"]),
    st.sampled_from(REPLACED),
    st.sampled_from(RULES),
    st.sampled_from(PROGRAMS),
)
@settings(max_examples=20, deadline=None)
def test_the_books_balance(
    seed: int, fifo: bool, mode: str, replaced: str, rule: str, program: str
) -> None:
    """Conservation, Little's law and the ledger hold under crashes, Spot, drains and outages, for
    every program and rule, on standard and FIFO queues.
    """
    kind = str(fifo).lower()
    text = RANDOM % (seed, kind, kind, mode, replaced, rule, program)
    run: dict[str, Any] = to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]
    assert run["invariants"]["violated"] == []
    assert all(row["sums"] for row in run["ledger"].values())
    assert run["fleets"]["Packers"]["workers"]["max"] <= 8
    assert run["concurrency_limits"]["Packers"] >= run["fleets"]["Packers"]["desired"]["max"]


def test_threads_of_one_worker_are_servers_like_workers_of_one_thread() -> None:
    """M/M/c does not care who the servers belong to: 1 worker of 3 threads and 3 workers of one
    thread complete the same messages at the same moments.
    """
    completed = []
    for workers, threads in ((1, 3), (3, 1)):
        system = HandBuilt(
            {
                "Orders": {"type": "sqs.queue", "VisibilityTimeout": 3600},
                "Workers": {
                    "type": "worker.fleet",
                    "queue": "Orders",
                    "workers": workers,
                    "threads": threads,
                    "handler": {"time": {"dist": "exponential", "mean": "5s"}},
                    **NO_LATENCY,
                },
            }
        )
        for n in range(200):
            system.send_at(f"{2 * n}s", "Orders")
        system.run("30m")
        facts = system.log.of("Workers", "completed")
        completed.append([(at, delivery.message.number) for at, delivery in facts])
    assert len(completed[0]) == 200
    assert completed[0] == completed[1]
