"""Concurrency that is set aside while functions work, in ms.Cloud.

Source: Lambda API Reference, PutFunctionConcurrency and PutProvisionedConcurrencyConfig; developer
guide, lambda-concurrency.html (100 executions always stay unreserved), services-sqs-scaling.html.
"""

from __future__ import annotations

import pytest

from tests.cloud.hands import Hands, refused

INVALID = "InvalidParameterValueException"


class Room(Hands):
    """A queue, and functions `f` and `big` that take two seconds."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.lam = self.cloud.client("lambda")
        for name in ("f", "big"):
            self.lam.create_function(
                FunctionName=name, Code={"callable": lambda event, context: None, "time": 2}
            )

    def reserve(self, name: str, count: int) -> None:
        self.lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=count)

    def provision(self, name: str, count: int) -> None:
        self.lam.put_provisioned_concurrency_config(
            FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=count
        )

    def fill(self, url: str, count: int) -> None:
        for _ in range(0, count, 10):
            entries = [{"Id": str(number), "MessageBody": "x"} for number in range(10)]
            self.sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def in_flight(self, url: str) -> int:
        name = "ApproximateNumberOfMessagesNotVisible"
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(found["Attributes"][name])


@pytest.fixture
def room() -> Room:
    return Room()


def test_pollers_follow_what_the_account_leaves(room):
    """What is given back can be used at once; what is taken away is left when cycles end, and the
    throttles meanwhile halve the pollers.
    """
    room.reserve("big", 880)
    url = room.queue()
    room.lam.create_event_source_mapping(EventSourceArn="orders", FunctionName="f", BatchSize=1)
    room.fill(url, 9_000)
    room.cloud.advance(40)
    assert room.in_flight(url) == 120
    room.lam.delete_function_concurrency(FunctionName="big")
    room.cloud.advance(15)
    assert 180 < room.in_flight(url) < 210
    room.reserve("big", 880)
    room.cloud.advance(5)
    assert 0 < room.in_flight(url) <= 120


def test_what_is_provisioned_lies_within_what_is_reserved(room):
    room.provision("big", 500)
    room.reserve("big", 500)
    with refused(INVALID, "below its minimum value of [100]"):
        room.reserve("f", 401)
    room.reserve("f", 400)


def test_provisioned_concurrency_leaves_a_hundred_unreserved(room):
    with refused(INVALID, "below its minimum value of [100]"):
        room.provision("big", 5_000)
    room.provision("big", 900)
    room.provision("big", 800)  # instead of the former request
    with refused(INVALID, "below its minimum value of [100]"):
        room.provision("f", 101)
