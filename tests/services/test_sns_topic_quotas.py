"""Topics: publish quotas, sizes and batches."""

from __future__ import annotations

from collections import Counter

import pytest

from msgsim.services.sns.retry import NS_PER_S
from tests.services.hand_built import HandBuilt
from tests.services.topic_built import FIFO_TOPIC, TOPIC


@pytest.mark.parametrize(
    ("region", "fifo", "quota"),
    [
        ("us-east-1", False, 30_000),
        ("eu-west-1", False, 9_000),
        ("eu-central-1", False, 1_500),
        ("sa-east-1", False, 300),
        ("sa-east-1", True, 3_000),
    ],
)
def test_publishes_are_rationed_in_messages_per_region(region: str, fifo: bool, quota: int) -> None:
    """At one instant a Region's quota passes, the next message is throttled; two topics of one
    type share it (AWS General Reference, SNS quotas).
    """
    topic = {**(FIFO_TOPIC if fifo else TOPIC)}
    if fifo:
        topic["FifoThroughputScope"] = "MessageGroup"
    system = HandBuilt({"One": topic, "Two": topic}, region=region, logged=False)
    for call in range(quota // 10):
        batch = [system.message(f"{call}") for _ in range(10)]
        assert system["One" if call % 2 else "Two"].accept_batch(batch) == [None] * 10
    assert system.send("One", "fresh") == "ThrottlingException"
    assert system["Two"].accept_batch([system.message("fresh")]) == ["ThrottlingException"]
    system.run("1s")
    assert system.send("One", "fresh") is None


def test_a_steady_rate_at_the_quota_is_not_throttled() -> None:
    """300/s in a small Region, evenly spread, for 30 s passes; 400/s is refused 1 in 4 once the
    bucket of one second's quota is empty."""
    for rate, expected in ((300, 0), (400, 30 * 100 - 300)):
        system = HandBuilt({"Orders": TOPIC}, region="sa-east-1")
        for index in range(30 * rate):
            system.sim.at(index * NS_PER_S // rate, system.send, "Orders")
        system.run("30s")
        assert abs(len(system.log.of("Orders", "throttled")) - expected) <= 1


def test_rates_of_a_fifo_topic_and_its_groups() -> None:
    """300 messages/s and group, 3,000 messages/s and topic (AWS General Reference)."""
    system = HandBuilt({"Orders": FIFO_TOPIC}, logged=False)
    answers = Counter(system.send("Orders", "one") for _ in range(400))
    assert answers == {None: 300, "ThrottlingException": 100}
    answers = Counter(system.send("Orders", f"{i % 50}") for i in range(3_000))
    assert answers == {None: 2_600, "ThrottlingException": 400}


def test_a_fifo_topic_is_rationed_in_bytes_too() -> None:
    """20 MB/s and topic: 80 messages of 256 KiB fill it, whatever their number."""
    system = HandBuilt({"Orders": FIFO_TOPIC}, logged=False)
    answers = [system.send("Orders", f"{i}", size_bytes=262_144) for i in range(81)]
    assert answers == [None] * 80 + ["ThrottlingException"]


def test_sizes_and_batches() -> None:
    """262,144 B pass, one more does not; a batch is limited as a whole, to ten entries.

    Source: SNS API Publish, PublishBatch.
    """
    system = HandBuilt({"Orders": TOPIC})
    assert system.send("Orders", size_bytes=262_144) is None
    assert system.send("Orders", size_bytes=262_145) == "InvalidParameter"
    batch = [system.message(size_bytes=131_072), system.message(size_bytes=131_073)]
    assert system["Orders"].accept_batch(batch) == ["BatchRequestTooLong"] * 2
    eleven = [system.message() for _ in range(11)]
    assert system["Orders"].accept_batch(eleven) == ["TooManyEntriesInBatchRequest"] * 11
    assert len(system.log.of("Orders", "accepted")) == 1


def test_a_topic_that_is_down_takes_nothing() -> None:
    system = HandBuilt({"Orders": TOPIC})
    system["Orders"].fail()
    assert system.send("Orders") == "ServiceUnavailable"
    assert system["Orders"].accept_batch([system.message()]) == ["ServiceUnavailable"]
