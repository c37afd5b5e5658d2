"""Questions that people ask about SNS, with the answers predicted before any run."""

from __future__ import annotations

from typing import Any

import pytest

import msgsim
from msgsim.bundled import scenario_path


def observed(text: str) -> Any:
    observers = msgsim.run(msgsim.load_text(text)).runs[0].observers
    assert observers.ledger.sums
    return observers


def test_q14_a_fifo_topic_feeds_a_standard_queue_and_order_is_lost() -> None:
    """5,000 messages, 5 % sent again under the same id: both queues get 5,000; the FIFO queue in
    order, the standard queue not.
    """
    results = msgsim.run(msgsim.load(scenario_path("questions/q14")))
    assert [verdict for verdict in results.verdicts if not verdict.passed] == []
    observers = results.runs[0].observers
    for name in ("FifoQueue", "StdQueue"):
        assert observers.completions.streams[name].messages == 5_000
    assert observers.ordering.subscribers["FifoQueue"].inversions == 0
    assert observers.ordering.subscribers["StdQueue"].inversions > 0
    again = observers.ledger.account("FifoQueue")["deduplicated"]
    assert abs(again - 250) < 5 * 250**0.5


def test_q14_functions_cannot_subscribe_to_a_fifo_topic() -> None:
    """A Lambda subscription fails validation, and the message says what to do."""
    text = """
duration: 1m
resources:
  Orders: {type: sns.topic, FifoTopic: true}
  Fn: {type: lambda.function, handler: {time: 1s}}
  Sub: {type: sns.subscription, TopicArn: Orders, Protocol: lambda, Endpoint: Fn}
workload:
  - {to: Orders, rate: 1/s, keys: 5}
"""
    with pytest.raises(msgsim.ProblemError) as raised:
        msgsim.load_text(text)
    (problem,) = raised.value.problems
    assert problem.code == "E241"
    assert "put a queue between the topic and Fn" in (problem.hint or "")


DIRECT = """
seed: 13
duration: 6h
resources:
  Orders: {{type: sns.topic}}
  Fn:
    type: lambda.function
    Timeout: 10
    handler: {{time: 1s{fails}}}
    cold_start: 0s
    {concurrency}
  Sub: {{type: sns.subscription, TopicArn: Orders, Protocol: lambda, Endpoint: Fn}}
workload:
  - {{name: Shop, to: Orders, arrivals: {{burst: 1000}}, count: 1000}}
"""

QUEUED = """
seed: 13
duration: 10m
resources:
  Orders: {type: sns.topic}
  Q: {type: sqs.queue, VisibilityTimeout: 60}
  Fn: {type: lambda.function, Timeout: 10, handler: {time: 1s}, cold_start: 0s}
  Map:
    type: lambda.event_source_mapping
    EventSourceArn: Q
    FunctionName: Fn
    BatchSize: 10
    ScalingConfig: {MaximumConcurrency: 5}
  Sub: {type: sns.subscription, TopicArn: Orders, Protocol: sqs, Endpoint: Q}
workload:
  - {name: Shop, to: Orders, arrivals: {burst: 1000}, count: 1000}
"""


def test_q13_a_throttled_function_loses_nothing_but_takes_long() -> None:
    """1,000 messages at once, five at a time, 1 s each: directly, over 200 s and a long tail from
    back-off; 100 batches through a queue, about 20 s. Nothing is lost either way.
    """
    direct = observed(DIRECT.format(fails="", concurrency="ReservedConcurrentExecutions: 5"))
    queued = observed(QUEUED)
    row = direct.ledger.account("Fn")
    assert row["discarded"] == row["dead_lettered"] == row["lost"] == 0
    assert queued.ledger.account("Q")["done"] == 1_000
    slow = direct.metrics.value("Fn", None, "latency", "p99")
    fast = queued.metrics.value("Q", None, "latency", "p99")
    assert 19 < fast < 25
    assert slow > 200 and slow > 5 * fast


def test_q13_a_failing_function_is_tried_three_times_and_the_event_is_gone() -> None:
    """After 1 and 2 more minutes Lambda discards the event: 3,000 attempts, 1,000 discarded."""
    broken = observed(DIRECT.format(fails=", fails: 100%", concurrency="MemorySize: 128"))
    row = broken.ledger.account("Fn")
    assert (row["done"], row["discarded"]) == (0, 1_000)
    assert sum(broken.duplicates.subscribers["Fn"].failures.values()) == 3_000
