"""A fast path may save time, never change a result: each agrees with the slow path beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import msgsim
from msgsim.experiment.run import drive, prepare
from msgsim.services.sns.courier import Courier
from msgsim.services.sns.subscription import Subscription
from msgsim.services.sqs_queue.base import Queue
from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.standard_queue import StandardQueue
from msgsim.services.worker_fleet.fleet import Fleet
from tests.perf import real

pytestmark = pytest.mark.unchecked  # what is measured are the default observers

SCENARIO = """
msgsim: 1
question: Do fast and slow paths agree?
seed: {seed}
duration: 90s
workload:
  - to: Orders
    arrivals: {{poisson: 40/s}}
    keys: 3
    until: 40s
    {sends}
resources:
  Orders: {{type: sns.topic}}
  Dead: {{type: sqs.queue}}
  Queue:
    type: sqs.queue
    VisibilityTimeout: {visibility}
    RedrivePolicy: {{deadLetterTargetArn: Dead, maxReceiveCount: 2}}
  ToQueue:
    {{type: sns.subscription, TopicArn: Orders, Protocol: sqs, Endpoint: Queue, latency: 20ms}}
  Pool:
    type: worker.fleet
    queue: Queue
    workers: {workers}
    WaitTimeSeconds: 20
    receive_time: 0s
    delete_time: 0s
    {receives}
    handler: {{time: {{dist: exponential, mean: 100ms}}, fails: {fails}%}}
    crash: [{{at: 7s, worker: 0, restart_after: 3s}}]
faults:
  - {{at: 20s, for: 4s, down: {target}}}
  - {{at: 30s, for: 5s, slow: Pool, by: 2x}}
assumptions:
  sqs.queue: {{missed_delete_share: 0.01, hosts: {hosts}}}
"""

CASES = st.fixed_dictionaries(
    {
        "seed": st.integers(1, 1_000),
        "visibility": st.integers(1, 5),
        "workers": st.integers(1, 8),
        "fails": st.integers(0, 30),
        "hosts": st.integers(1, 4),
        "sends": st.sampled_from(["resend: {share: 3%, after: 2s}", "batch: 10", "batch: 1"]),
        "receives": st.sampled_from(
            [
                "MaxNumberOfMessages: 1",
                "{MaxNumberOfMessages: 1, delete: batch}",
                "{MaxNumberOfMessages: 10, delete: batch}",
                "{MaxNumberOfMessages: 10, delete: batch, order: parallel}",
                "MaxNumberOfMessages: 10",
            ]
        ).map(lambda text: text.strip("{}").replace(", ", "\n    ")),
        "target": st.sampled_from(["Queue", "Pool", "Orders", "ToQueue"]),
    }
)


class Eavesdropper:
    """Listens to everything, so that no fact is told together with others."""

    def __init__(self) -> None:
        self.heard: dict[str, int] = {}

    def listener(self, component, signal):
        def heard(now, *carried):
            self.heard[signal.name] = self.heard.get(signal.name, 0) + 1

        return heard


def outcome(text: str, *observers) -> str:
    run = prepare(msgsim.load_text(text), observers=observers)
    drive(run)
    return json.dumps([run.events, run.observers.to_json()], sort_keys=True)


@contextmanager
def slowly() -> Iterator[None]:
    """Take every fast path of queues, fleets and topics away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fleet, "_is_plain", lambda self: False)
        patch.setattr(StandardQueue, "receive", Queue.receive)
        patch.setattr(StandardQueue, "_delete", Queue._delete)
        patch.setattr(StandardQueue, "delete_batch", Queue.delete_batch)
        patch.setattr(Courier, "_sender", lambda self: self.send)
        patch.setattr(Subscription, "conclude", lambda self, message: self._arrive(message, None))
        patch.setattr(StandardState, "fair", True)  # copies pass through every hook
        yield


def without_fast_paths(text: str) -> str:
    with slowly():
        return outcome(text)


@settings(max_examples=12, deadline=None)
@given(CASES)
def test_fast_and_slow_paths_agree(case):
    """With returns, dead letters, ghosts, resends, a crash and an outage: equal to the last bit."""
    text = SCENARIO.format(**case)
    assert outcome(text) == without_fast_paths(text)


@settings(max_examples=4, deadline=None)
@given(CASES)
def test_facts_told_together_and_apart_agree(case):
    """An observer that listens to every fact makes `visited` fall apart, and changes nothing."""
    text = SCENARIO.format(**case)
    spy = Eavesdropper()
    assert outcome(text) == outcome(text, spy)
    assert spy.heard["completed"] and "visited" not in spy.heard


def test_visits_are_told_together_where_nobody_else_listens():
    """The fast path is taken in workload F: nearly nothing is told of deletes or ends apart."""
    run = prepare(msgsim.load_text(real.scenario_text(300, 1)))
    fleets = [each for each in run.system.components.values() if isinstance(each, Fleet)]
    drive(run)
    assert fleets and all(fleet.visited is not None for fleet in fleets)
    spied = prepare(msgsim.load_text(real.scenario_text(300, 1)), observers=[Eavesdropper()])
    drive(spied)
    assert all(
        each.visited is None for each in spied.system.components.values() if isinstance(each, Fleet)
    )
