"""Workload F through msgsim itself: text, checks, real queues and fleets, default observers."""

from __future__ import annotations

from typing import Any

import msgsim
from msgsim.experiment.run import STEPS, quiet_collector
from msgsim.observe import default_observers
from msgsim.scenario.build import build
from tests.perf.workload import (
    ARRIVALS_PER_S,
    FAILURES,
    MAX_RECEIVES,
    MEAN_HOP_S,
    MEAN_SERVICE_S,
    QUEUES,
    VISIBILITY_S,
    WORKERS,
)

HEAD = f"""
msgsim: 1
question: How fast is workload F?
seed: {{seed}}
duration: {{duration}}s
workload:
  - {{{{to: Orders, arrivals: {{{{poisson: {ARRIVALS_PER_S:g}/s}}}}, count: {{messages}}}}}}
resources:
  Orders: {{{{type: sns.topic}}}}
"""

PER_QUEUE = f"""\
  Queue{{n}}Dlq: {{{{type: sqs.queue}}}}
  Queue{{n}}:
    type: sqs.queue
    VisibilityTimeout: {VISIBILITY_S:g}
    RedrivePolicy: {{{{deadLetterTargetArn: Queue{{n}}Dlq, maxReceiveCount: {MAX_RECEIVES}}}}}
  ToQueue{{n}}:
    type: sns.subscription
    TopicArn: Orders
    Protocol: sqs
    Endpoint: Queue{{n}}
    latency: {{{{dist: exponential, mean: {MEAN_HOP_S:g}s}}}}
  Pool{{n}}:
    type: worker.fleet
    queue: Queue{{n}}
    workers: {WORKERS}
    WaitTimeSeconds: 20
    receive_time: 0s
    delete_time: 0s
    handler:
      time: {{{{dist: exponential, mean: {MEAN_SERVICE_S:g}s}}}}
      fails: {FAILURES * 100:g}%
"""


def scenario_text(messages: int, seed: int) -> str:
    """Return workload F as a scenario, long enough for the last message to find its end."""
    duration = round(messages / ARRIVALS_PER_S * 1.2 + 4 * VISIBILITY_S)
    head = HEAD.format(seed=seed, duration=duration, messages=messages)
    return head + "".join(PER_QUEUE.format(n=n) for n in range(1, QUEUES + 1))


def batched_text(messages: int, seed: int) -> str:
    """Return workload F in batches of ten both ways, published ten times as fast as it is worked.

    A batch is published in one call, received in one call and deleted in one call; each message
    still takes a hop and a service of its own.
    """
    return (
        scenario_text(messages, seed)
        .replace(f"poisson: {ARRIVALS_PER_S:g}/s", f"{{burst: 10, every: {1 / ARRIVALS_PER_S:g}s}}")
        .replace("arrivals: {{", "batch: 10, batch_wait: 1s, arrivals: {")
        .replace("}}, count", "}, count")
        .replace("WaitTimeSeconds: 20", "WaitTimeSeconds: 20\n    MaxNumberOfMessages: 10")
        .replace("delete_time: 0s", "delete_time: 0s\n    delete: batch")
    )


def run_batched(messages: int, seed: int) -> dict[str, Any]:
    """Simulate the batched, overloaded workload F."""
    results = msgsim.run(msgsim.load_text(batched_text(messages, seed)))
    return {"heap_events": sum(run.events for run in results.runs), "results": results}


def run_unobserved(messages: int, seed: int) -> dict[str, Any]:
    """Simulate with nobody watching: the services alone."""
    system = build(msgsim.load_text(scenario_text(messages, seed)))
    with quiet_collector():
        system.start()
        system.sim.run(system.duration_ns)
    return {"heap_events": system.sim.events_handled}


def run_as_the_bar(messages: int, seed: int) -> dict[str, Any]:
    """Simulate with what the idiomatic model keeps: ledger, latency, order, duplicates, gauges."""
    system = build(msgsim.load_text(scenario_text(messages, seed)))
    every = default_observers(system)
    kept = [every.entries, every.completions, every.queues, every.latency, every.ordering,
            every.duplicates, every.visits, every.ledger]  # fmt: skip
    system.observe(kept)
    with quiet_collector():
        system.start()
        for step in range(1, STEPS + 1):
            system.sim.run(system.duration_ns * step // STEPS)
            for observer in kept:
                observer.tick(system.sim.now)
    for observer in kept:
        observer.finish(system.sim.now)
    told = (every.ledger, every.latency, every.ordering, every.duplicates, every.queues)
    return {
        "heap_events": system.sim.events_handled,
        "results": [observer.to_json() for observer in told],
    }


def run(messages: int, seed: int) -> dict[str, Any]:
    """Simulate; returns the number of events that went through the heap, and the results."""
    results = msgsim.run(msgsim.load_text(scenario_text(messages, seed)))
    return {"heap_events": sum(run.events for run in results.runs), "results": results}
