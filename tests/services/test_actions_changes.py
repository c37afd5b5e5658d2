"""Attributes that an action of a scenario changes: from when on the new value holds (API
Reference, SetQueueAttributes).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.actions_run import metric


def test_a_changed_visibility_timeout_holds_for_later_receives() -> None:
    """Two crashed workers: what was received at 1 s under 30 s is back at 31 s; what was received
    after the change to 300 s (at 20 s) stays away for 300 s.
    """
    metric(
        """
duration: 6m
resources:
  Orders: {type: sqs.queue, VisibilityTimeout: 30}
  First: {type: worker.fleet, queue: Orders, workers: 1, start: 1s, receive_time: 0s,
          handler: {time: 1h}, crash: [{at: 5s, worker: 0, restart_after: 1h}]}
  Second: {type: worker.fleet, queue: Orders, workers: 1, start: 25s, receive_time: 0s,
           handler: {time: 1h}, crash: [{at: 26s, worker: 0, restart_after: 1h}]}
workload:
  - {name: Shop, to: Orders, arrivals: {burst: 2}}
actions:
  - {at: 20s, set: Orders.VisibilityTimeout, to: 5m}
""",
        "Orders.in_flight.at(29s) == 2",
        "Orders.in_flight.at(32s) == 1",
        "Orders.in_flight.at(324s) == 1",
        "Orders.in_flight.at(326s) == 0",
    )


@pytest.mark.parametrize(("fifo", "delayed_after"), [("false", 3), ("true", 0)])
def test_a_changed_delay_is_retroactive_on_fifo_queues_only(fifo: str, delayed_after: int) -> None:
    """SQS guide of May 2023: standard not retroactive, FIFO retroactive."""
    metric(
        f"""
duration: 4m
resources:
  Orders: {{type: sqs.queue, FifoQueue: {fifo}, DelaySeconds: 120}}
  Workers: {{type: worker.fleet, queue: Orders, workers: 1, handler: {{time: 100ms}}}}
workload:
  - {{name: Shop, to: Orders, arrivals: {{burst: 3}}, keys: 3}}
actions:
  - {{at: 60s, set: Orders.DelaySeconds, to: 30}}
""",
        "Orders.delayed.at(59s) == 3",
        f"Orders.delayed.at(61s) == {delayed_after}",
        "Orders.delayed.at(121s) == 0",
        "Orders.done == 3",
        "Orders.lost == 0",
    )


def test_a_longer_delay_of_a_fifo_queue_is_retroactive_too() -> None:
    metric(
        """
duration: 4m
resources:
  Orders: {type: sqs.queue, FifoQueue: true, DelaySeconds: 60}
  Workers: {type: worker.fleet, queue: Orders, workers: 1, handler: {time: 100ms}}
workload:
  - {name: Shop, to: Orders, arrivals: {burst: 3}, keys: 3}
actions:
  - {at: 30s, set: Orders.DelaySeconds, to: 120}
""",
        "Orders.delayed.at(119s) == 3",
        "Orders.delayed.at(121s) == 0",
        "Orders.done == 3",
    )


def test_a_shorter_retention_expires_what_is_stored() -> None:
    """SQS API: it can expire messages already stored."""
    metric(
        """
duration: 4m
resources:
  Orders: {type: sqs.queue}
  Workers: {type: worker.fleet, queue: Orders, workers: 1, start: 3m, handler: {time: 100ms}}
workload:
  - {name: Shop, to: Orders, rate: 1/s, count: 100}
actions:
  - {at: 120s, set: Orders.MessageRetentionPeriod, to: 60s}
""",
        "Orders.expired.at(121s) in 60..63",
        "Orders.expired == 100",
        "Orders.lost == 0",
    )


def test_a_changed_filter_policy_of_a_subscription() -> None:
    """SNS guide, message-filtering-apply: in force after the propagation time (assumption)."""
    metric(
        """
duration: 6m
resources:
  News: {type: sns.topic}
  ToOrders: {type: sns.subscription, TopicArn: News, Protocol: sqs, Endpoint: Orders,
             FilterPolicy: {kind: [a]}}
  Orders: {type: sqs.queue}
  Workers: {type: worker.fleet, queue: Orders, workers: 1, handler: {time: 100ms}}
workload:
  - {name: Shop, to: News, rate: 1/s, attributes: {kind: b}, until: 5m}
actions:
  - {at: 2m, set: ToOrders.FilterPolicy, to: {kind: [b]}}
""",
        "ToOrders.filtered in 179..181",
        "Orders.sent in 119..121",
        "Orders.lost == 0",
    )


def test_an_action_is_described_in_the_words_of_yaml() -> None:
    """A policy as JSON, a word as a word: `set ToOrders.FilterPolicy to {"kind": ["b"]}`."""
    from msgsim.services.actions.spec import ActionSpec

    def described(**written: Any) -> str:
        return ActionSpec.model_validate({"at": "1m", **written}).description

    assert described(set="S.FilterPolicy", to={"kind": ["b"]}) == (
        'set S.FilterPolicy to {"kind": ["b"]}'
    )
    assert described(set="Q.DelaySeconds", to="30s") == "set Q.DelaySeconds to 30s"
    assert described(move="Dlq") == "move Dlq to its sources"
    assert described(cancel="Dlq") == "cancel the move of Dlq"
