"""FIFO topics: order within groups, and deduplication."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.model.message import Message
from msgsim.services.sns.retry import NS_PER_S
from tests.services.hand_built import HandBuilt
from tests.services.topic_built import FIFO_QUEUE, FIFO_TOPIC, QUEUE, always, to


@given(
    gaps=st.lists(st.tuples(st.integers(0, 50), st.sampled_from("ABC")), min_size=1, max_size=40),
    seed=st.integers(0, 1000),
    broken=st.sets(st.integers(0, 60)),
)
@settings(max_examples=60, deadline=None)
def test_order_within_a_group_survives_latency_and_errors(
    gaps: list[tuple[int, str]], seed: int, broken: set[int]
) -> None:
    """Within a group first published is first delivered, for every subscription, also while the
    endpoint is unavailable in some seconds (SNS Developer Guide, fifo-topic-message-ordering).
    """

    def answers(now_s: float, message: Message) -> str | None:
        return "ServiceUnavailable" if int(now_s * 10) in broken else None

    hop = {"dist": "exponential", "mean": "500ms"}
    system = HandBuilt(
        {
            "Orders": FIFO_TOPIC,
            "X": answers,
            "Y": FIFO_QUEUE,
            "ToX": to("X", latency=hop),
            "ToY": to("Y", latency=hop),
        },
        seed=seed,
    )
    at = 0
    for gap, key in gaps:
        at += gap
        system.send_at(f"{at}ms", "Orders", key)
    system.run("10m")
    stored = [fact[1].message for fact in system.log.of("Y", "sent")]
    for messages in ([message for _, message in system["X"].taken], stored):
        assert len(messages) == len(gaps)
        for key in "ABC":
            of_key = [message.rank for message in messages if message.key.name == key]
            assert of_key == list(range(len(of_key)))
    assert list(system["ToX"].holds()) == []
    assert system["ToX"]._send.__self__._groups == {}


def test_a_group_waits_behind_its_first_message_and_only_the_group() -> None:
    """Head-of-line blocking per group after a server-side error (labelled assumption)."""

    def answers(now_s: float, message: Message) -> str | None:
        return "ServiceUnavailable" if message.key.name == "A" and now_s < 5.5 else None

    resources = {"Orders": FIFO_TOPIC, "Billing": answers, "Sub": to("Billing", latency="0s")}

    def taken(**more: Any) -> list[tuple[str, int]]:
        system = HandBuilt(resources, **more)
        for key in "ABAB":
            system.send("Orders", key)
        system.sim.at(6 * NS_PER_S, lambda: system.send("Orders", "A"))
        system.run("1m")
        return [(message.key.name, message.rank) for _, message in system["Billing"].taken]

    assert taken() == [("B", 0), ("B", 1), ("A", 0), ("A", 1), ("A", 2)]
    free = taken(assumptions={("sns.subscription", "group_waits"): False})
    assert free[2] == ("A", 2)


@pytest.mark.parametrize(("scope", "suppressed"), [(None, 2), ("MessageGroup", 1)])
def test_repeated_publishes_are_acknowledged_and_not_delivered(
    scope: str | None, suppressed: int
) -> None:
    """The same id within 5 minutes: 200, not delivered; in another group only with scope topic.

    Source: SNS Developer Guide, fifo-message-dedup.html.
    """
    topic = FIFO_TOPIC if scope is None else {**FIFO_TOPIC, "FifoThroughputScope": scope}
    system = HandBuilt({"Orders": topic, "Fifo": always(None), "Sub": to("Fifo", latency="0s")})
    for at, key in (("0s", "A"), ("10s", "B"), ("299s", "A"), ("700s", "A")):
        system.send_at(at, "Orders", key, deduplication_id="same")
    system.run("20m")
    assert len(system.log.of("Orders", "deduplicated")) == suppressed
    assert len(system["Fifo"].taken) == 4 - suppressed


def test_content_based_deduplication_looks_at_the_body_alone() -> None:
    """The id is a hash of the body; attributes do not count (API Publish)."""
    topic = {**FIFO_TOPIC, "ContentBasedDeduplication": "true"}
    system = HandBuilt({"Orders": topic, "Q": always(None), "Sub": to("Q", latency="0s")})
    system.send("Orders", body="ok", attributes={"a": 1})
    system.send("Orders", body="ok", attributes={"a": 2})
    system.send("Orders", body="other")
    system.run("1m")
    assert [message.body for _, message in system["Q"].taken] == ["ok", "other"]


def test_a_fifo_topic_feeds_a_standard_queue_without_group_ids() -> None:
    """Group ids reach FIFO queues, not standard ones (fifo-message-grouping.html)."""
    system = HandBuilt(
        {"Orders": FIFO_TOPIC, "Standard": QUEUE, "Sub": to("Standard", latency="0s")}
    )
    system.send("Orders", grouped=True, deduplication_id="d1")
    (fact,) = system.log.of("Standard", "sent")
    arrived = fact[1].message
    assert (arrived.grouped, arrived.deduplication_id, arrived.number) == (False, None, 0)
    assert system.log.of("Sub", "forwarded")[0][1].grouped
