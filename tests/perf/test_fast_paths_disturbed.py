"""Fast and slow paths agree where a system changes as it runs: scaling, Spot, drain, actions.

Each is compared twice: with the default observers, where facts are told together and calls are
only counted, and with a chain of hashes over every fact, where the queues and workers alone are
fast.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import msgsim
from msgsim.experiment.run import drive, prepare
from msgsim.observe.chain import Chain
from msgsim.services.sqs_queue.standard_queue import StandardQueue
from tests.perf.test_fast_paths import slowly

pytestmark = pytest.mark.unchecked  # what is measured are the default observers

HEAD = """
seed: {seed}
duration: {duration}
resources:
  Dead: {{type: sqs.queue}}
  Queue:
    type: sqs.queue
    VisibilityTimeout: 3
    RedrivePolicy: {{deadLetterTargetArn: Dead, maxReceiveCount: 2}}
  Pool:
    type: worker.fleet
    queue: Queue
    WaitTimeSeconds: {wait}
    receive_time: 0s
    delete_time: 0s
    handler: {{time: {{dist: exponential, mean: 200ms}}, fails: 10%}}
    {batch}
"""
SCALING = """
    workers: 1
    startup: {dist: exponential, mean: 4s}
    scaling:
      min: 1
      max: 6
      keda: {queueLength: 5, stabilizationWindowSeconds: 5}
"""
POLICIES = """
    workers: 2
    startup: 2s
    scaling:
      max: 9
      policies:
        - {PolicyName: Out, ScalingAdjustment: 3, Cooldown: 20}
        - {PolicyName: In, ScalingAdjustment: -2, Cooldown: 20}
  Busy:
    type: cloudwatch.alarm
    MetricName: ApproximateNumberOfMessagesVisible
    Dimensions: Queue
    Period: 60
    Threshold: 5
    ComparisonOperator: GreaterThanThreshold
    EvaluationPeriods: 1
    AlarmActions: [Pool.Out]
    OKActions: [Pool.In]
"""
SPOT = """
    workers: 5
    startup: 1s
    spot:
      rate: 60/h
      notice: 3s
      rebalance: %s
      interruptions: [{at: 10s, workers: 2}]
"""
FIXED = """
    workers: 3
"""
STOPS = [
    "",
    "stop: {mode: none}",
    "stop: {mode: finish, grace: 300ms}",
    "stop: {mode: finish, grace: 30s}",
    "stop: {mode: release}",
]
BATCHES = ["delete: each", "delete: batch\n    MaxNumberOfMessages: 5"]
BURSTS = """
workload:
  - {to: Queue, arrivals: {poisson: 12/s}, keys: 3, until: 30s}
  - {to: Queue, arrivals: {poisson: 30/s}, keys: 3, from: 5s, until: 12s}
"""
OPERATED = """
workload:
  - {to: Queue, arrivals: {poisson: 14/s}, keys: 3, until: 40s}
actions:
  - {at: 8s, purge: Queue}
  - {at: 12s, set: Queue.VisibilityTimeout, to: 1}
  - {at: 15s, set: Queue.DelaySeconds, to: 2}
  - {at: 20s, move: Dead, to: Queue, MaxNumberOfMessagesPerSecond: 3}
  - {at: 23s, cancel: Dead}
  - {at: 25s, set: Queue.MessageRetentionPeriod, to: 60}
  - {at: 30s, set: Queue.DelaySeconds, to: 0}
  - {at: 31s, move: Dead}
"""
TENANTS = """
workload:
  - {to: Queue, arrivals: {poisson: 20/s}, keys: {noisy: 80%, b: 10%, c: 10%}, group: true}
  - {to: Queue, arrivals: {poisson: 5/s}, from: 20s}
"""


def outcome(text: str) -> tuple[str, str]:
    """Return what the default observers tell, and the hash of all facts in their order."""
    run = prepare(msgsim.load_text(text))
    drive(run)
    chain = Chain()
    drive(prepare(msgsim.load_text(text), observers=[chain]))
    return json.dumps([run.events, run.observers.to_json()], sort_keys=True), chain.digest


def agree(fleet: str, rest: str, case: dict, duration: str = "45s") -> None:
    stop = f"    {case.get('stop', '')}\n"
    head = HEAD.format(seed=case["seed"], duration=duration, wait=case["wait"], batch=case["batch"])
    text = head.rstrip() + fleet.replace("\n    workers", f"\n{stop}    workers") + rest
    fast = outcome(text)
    with slowly():
        same = fast == outcome(text)
    assert same, text


CASE = {
    "seed": st.integers(1, 1_000),
    "wait": st.sampled_from([1, 20]),
    "batch": st.sampled_from(BATCHES),
}
CASES = st.fixed_dictionaries(CASE)
STOPPING = st.fixed_dictionaries({**CASE, "stop": st.sampled_from(STOPS)})


@settings(max_examples=5, deadline=None)
@given(STOPPING)
def test_a_fleet_that_grows_and_shrinks(case):
    """Replicas by KEDA: workers start late, and leave with or without what they hold."""
    agree(SCALING, BURSTS, case)


@settings(max_examples=2, deadline=None)
@given(STOPPING)
def test_a_fleet_that_alarms_scale(case):
    agree(POLICIES, BURSTS, case, "200s")


@settings(max_examples=4, deadline=None)
@given(STOPPING, st.sampled_from(["true", "false"]))
def test_workers_whose_capacity_is_taken_back(case, rebalance):
    agree(SPOT % rebalance, BURSTS, case)


@settings(max_examples=4, deadline=None)
@given(CASES)
def test_an_operator_who_acts(case):
    """Purge, moves, a cancelled move, and properties that change under way."""
    agree(FIXED, OPERATED, case)


@settings(max_examples=4, deadline=None)
@given(CASES)
def test_a_queue_that_becomes_fair(case):
    """Messages of tenants, one of them noisy, beside messages without a group."""
    agree(FIXED, TENANTS, case)


@pytest.mark.parametrize(
    ("fleet", "rest", "fact"),
    [
        (SCALING, BURSTS, "left"),
        (SPOT % "true", BURSTS, "left"),
        (FIXED, OPERATED, "purged"),
        (FIXED, OPERATED, "moved_back"),
        (FIXED, TENANTS, "sent"),
    ],
)
def test_the_disturbance_takes_place(fleet, rest, fact):
    """What the cases above are about does happen in them, and fast paths are there to be wrong."""
    heard: dict[str, int] = {}

    class Counting:
        def listener(self, component, signal):
            def count(now, *carried):
                heard[signal.name] = heard.get(signal.name, 0) + 1

            return count

    text = HEAD.format(seed=1, duration="45s", wait=20, batch=BATCHES[0]).rstrip() + fleet + rest
    run = prepare(msgsim.load_text(text), observers=[Counting()])
    drive(run)
    queue, pool = run.system.components["Queue"], run.system.components["Pool"]
    assert heard[fact] > 0
    assert pool.plain and type(queue).receive is StandardQueue.receive
    if rest is TENANTS:
        assert queue.state.fair
