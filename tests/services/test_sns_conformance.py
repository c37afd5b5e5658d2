"""The conformance cases of SNS: what anybody who imitates the service has to get right.

Service times and hops are 0, and nothing is duplicated by chance, unless a case says otherwise.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from msgsim.services.sns.rules import Refusal, check_batch, check_ids, check_size, message_bytes
from tests.services.hand_built import HandBuilt

TOPIC = {"type": "sns.topic"}
FIFO_TOPIC = {"type": "sns.topic", "FifoTopic": "true"}
CONTENT_TOPIC = {**FIFO_TOPIC, "ContentBasedDeduplication": "true"}
QUEUE = {"type": "sqs.queue"}
FIFO_QUEUE = {"type": "sqs.queue", "FifoQueue": "true"}


def to(endpoint: str, protocol: str = "sqs", **more: Any) -> dict[str, Any]:
    return {
        "type": "sns.subscription",
        "TopicArn": "Orders",
        "Protocol": protocol,
        "Endpoint": endpoint,
        "latency": "0s",
        **more,
    }


def dead_letters_to(queue: str) -> dict[str, Any]:
    return {"RedrivePolicy": {"deadLetterTargetArn": queue}}


def count(system: HandBuilt, component: str, signal: str) -> int:
    return len(system.log.of(component, signal))


def failures(system: HandBuilt, component: str) -> list[tuple[float, str]]:
    """When attempts failed, and with which code."""
    return [(fact[0], fact[2]) for fact in system.log.of(component, "attempt_failed")]


@pytest.mark.conformance("SNS 1")
def test_case_01_fan_out() -> None:
    """Three unfiltered queues and one message: one copy each; Published 1, Delivered 3."""
    names = ("A", "B", "C")
    system = HandBuilt(
        {"Orders": TOPIC}
        | dict.fromkeys(names, QUEUE)
        | {f"To{name}": to(name, latency="30ms") for name in names}
    )
    system.send("Orders")
    system.run("1m")
    assert [count(system, name, "sent") for name in names] == [1, 1, 1]
    assert count(system, "Orders", "accepted") == 1
    assert sum(count(system, f"To{name}", "delivered") for name in names) == 3


@pytest.mark.conformance("SNS 2")
def test_case_02_batch_and_size_limits() -> None:
    """11 entries, equal ids, 262,145 B in sum or alone: refused whole, each with its own code."""

    def code(refusal: Refusal | None) -> str | None:
        return None if refusal is None else refusal.code

    eleven = [str(i) for i in range(11)]
    assert code(check_batch(eleven, [1] * 11, 262_144)) == "TooManyEntriesInBatchRequest"
    assert code(check_batch(["a", "a"], [1, 1], 262_144)) == "BatchEntryIdsNotDistinct"
    assert code(check_batch(["a", "b"], [131_072, 131_073], 262_144)) == "BatchRequestTooLong"
    assert code(check_batch(["a", "b"], [131_072, 131_072], 262_144)) is None
    assert code(check_batch([], [], 262_144)) == "EmptyBatchRequest"
    assert code(check_batch(["a b"], [1], 262_144)) == "InvalidBatchEntryId"

    attribute = ("store", "String", "zürich")
    fits = message_bytes("x" * (262_144 - 5 - 6 - 7), [attribute])
    assert fits == 262_144 and check_size(fits, 262_144) is None
    refused = check_size(fits + 1, 262_144)
    assert refused is not None
    assert str(refused) == "InvalidParameter: Invalid parameter: Message too long"

    system = HandBuilt({"Orders": TOPIC})
    assert system.send("Orders", size_bytes=262_145) == "InvalidParameter"
    batch = [system.message() for _ in range(11)]
    assert system["Orders"].accept_batch(batch) == ["TooManyEntriesInBatchRequest"] * 11
    halves = [system.message(size_bytes=131_072), system.message(size_bytes=131_073)]
    assert system["Orders"].accept_batch(halves) == ["BatchRequestTooLong"] * 2
    assert count(system, "Orders", "accepted") == 0
    assert system.send("Orders", size_bytes=262_144) is None


@pytest.mark.conformance("SNS 3")
def test_case_03_fifo_parameters() -> None:
    """A FIFO topic needs a group id, and a deduplication id unless content-based; a standard topic
    takes no deduplication id.
    """
    no_group = check_ids(True, False, None, "d")
    assert no_group is not None and no_group.code == "InvalidParameter"
    assert "The MessageGroupId parameter is required for FIFO topics" in no_group.message
    no_id = check_ids(True, False, "g", None)
    assert no_id is not None and "ContentBasedDeduplication enabled" in no_id.message
    standard = check_ids(False, False, "g", "d")
    assert standard is not None and "not valid for this topic type" in standard.message
    assert check_ids(True, True, "g", None) is None
    assert check_ids(False, False, "g", None) is None

    system = HandBuilt({"Orders": FIFO_TOPIC, "Plain": TOPIC, "Content": CONTENT_TOPIC})
    assert system.send("Orders") == "InvalidParameter"
    assert system.send("Orders", deduplication_id="d") is None
    assert system.send("Plain", deduplication_id="d") == "InvalidParameter"
    assert system.send("Content") is None
    mixed = [system.message(deduplication_id="e"), system.message()]
    assert system["Orders"].accept_batch(mixed) == ["InvalidParameter"] * 2
    assert count(system, "Orders", "accepted") == 1


@pytest.mark.conformance("SNS 4")
def test_case_04_deduplication_across_groups() -> None:
    """Scope Topic: the same body to another group is acknowledged and not delivered; at 700 s it
    is delivered. The queue gets the content hash as the id.
    """
    system = HandBuilt({"Orders": CONTENT_TOPIC, "Q": FIFO_QUEUE, "Sub": to("Q")})
    answers: list[str | None] = []
    for second, group in ((0, "g1"), (10, "g2"), (700, "g1")):
        system.run(f"{second}s")
        answers.append(system.send("Orders", group, body="same"))
    system.run("800s")
    assert answers == [None, None, None]
    sent = [(at, copy.message) for at, copy in system.log.of("Q", "sent")]
    assert [(at, message.key.name) for at, message in sent] == [(0, "g1"), (700, "g1")]
    sha_256_of_same = "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5"
    assert {message.deduplication_id for _, message in sent} == {sha_256_of_same}


@pytest.mark.conformance("SNS 5")
def test_case_05_fifo_fan_out_keeps_order() -> None:
    """Five FIFO queues, ten messages of one group: each queue yields 0 … 9."""
    names = [f"Q{i}" for i in range(5)]
    hop = {"dist": "exponential", "mean": "1s"}
    system = HandBuilt(
        {"Orders": CONTENT_TOPIC}
        | dict.fromkeys(names, FIFO_QUEUE)
        | {f"To{name}": to(name, latency=hop) for name in names}
    )
    for index in range(10):
        system.send_at(f"{index}ms", "Orders")
    system.run("1m")
    arrivals = set()
    for name in names:
        sent = system.log.of(name, "sent")
        assert [copy.message.rank for _, copy in sent] == list(range(10))
        arrivals.add(sent[0][0])
    assert len(arrivals) > 1


@pytest.mark.conformance("SNS 6")
@pytest.mark.parametrize(
    ("attributes", "delivered"),
    [
        ({"store": "a", "price": 100}, True),
        ({"store": "b", "price": 0}, False),
        ({"store": "c", "price": 50}, False),
        ({"store": "a"}, False),
        ({"store": "a", "price": 50, "extra": "x"}, True),
    ],
)
def test_case_06_filter_and_or(attributes: dict[str, Any], delivered: bool) -> None:
    """All keys must match, any value of a key suffices, other attributes do not matter."""
    policy = {"store": ["a", "b"], "price": [{"numeric": [">", 0, "<=", 100]}]}
    system = HandBuilt({"Orders": TOPIC, "Q": QUEUE, "Sub": to("Q", FilterPolicy=policy)})
    system.send("Orders", attributes=attributes)
    assert count(system, "Q", "sent") == int(delivered)
    assert count(system, "Sub", "filtered") == int(not delivered)


@pytest.mark.conformance("SNS 7")
def test_case_07_no_attributes() -> None:
    """Without attributes a message meets no attribute policy: filtered, not failed, not lost."""
    system = HandBuilt(
        {
            "Orders": TOPIC,
            "Q": QUEUE,
            "Lost": QUEUE,
            "Sub": to("Q", FilterPolicy={"store": ["a"]}, **dead_letters_to("Lost")),
        }
    )
    system.send("Orders")
    system.run("1m")
    assert count(system, "Sub", "filtered") == 1
    assert count(system, "Sub", "attempt_failed") == 0
    assert count(system, "Q", "sent") == count(system, "Lost", "sent") == 0


@pytest.mark.conformance("SNS 8")
def test_case_08_policy_propagation() -> None:
    """Until a changed policy has spread (at most 15 minutes) either version may judge; here the
    former one does. After that, only the new one.
    """
    system = HandBuilt(
        {"Orders": TOPIC, "Q": QUEUE, "Sub": to("Q", FilterPolicy={"kind": ["old"]})},
        assumptions={("sns.subscription", "filter_propagation"): "900s"},
    )
    system["Sub"].set_filter_policy({"kind": ["new"]})
    assert system["Sub"].filter_policy.keys == {"kind"}
    for at in ("1s", "899s", "900s", "1000s"):
        for kind in ("old", "new"):
            system.send_at(at, "Orders", attributes={"kind": kind})
    system.run("20m")
    sent = [(at, copy.message.attributes["kind"]) for at, copy in system.log.of("Q", "sent")]
    assert sent == [(1, "old"), (899, "old"), (900, "new"), (1000, "new")]


@pytest.mark.conformance("SNS 9")
def test_case_09_outage_of_sqs() -> None:
    """Down from 0 to 60 s: attempts at 0 (four), 1, 2 and on with growing delays; delivered once
    between 60 and 80 s; nothing failed for good, no dead letter.
    """
    system = HandBuilt(
        {
            "Orders": TOPIC,
            "Q": QUEUE,
            "Lost": QUEUE,
            "Sub": to("Q", **dead_letters_to("Lost")),
        }
    )
    system["Q"].fail()
    system.sim.at(60 * 10**9, system["Q"].recover)
    system.send("Orders")
    system.run("10m")
    tries = [at for at, _ in failures(system, "Sub")]
    assert tries[:6] == [0, 0, 0, 0, 1, 2]
    gaps = [later - earlier for earlier, later in pairwise(tries[5:])]
    assert gaps == sorted(gaps) and max(gaps) <= 20
    ((at, _),) = system.log.of("Q", "sent")
    assert 60 <= at <= 80
    assert count(system, "Sub", "discarded") == count(system, "Lost", "sent") == 0


@pytest.mark.conformance("SNS 10")
@pytest.mark.parametrize("with_dead_letters", [True, False])
def test_case_10_deleted_queue(with_dead_letters: bool) -> None:
    """The queue is gone: one attempt, no retry; the message is dead-lettered, or lost."""
    redrive = dead_letters_to("Lost") if with_dead_letters else {}
    system = HandBuilt({"Orders": TOPIC, "Q": QUEUE, "Lost": QUEUE, "Sub": to("Q", **redrive)})
    system["Sub"].deny("NonExistentQueue")
    system.send("Orders")
    system.run("10m")
    assert failures(system, "Sub") == [(0, "NonExistentQueue")]
    assert count(system, "Lost", "sent") == int(with_dead_letters)
    assert count(system, "Sub", "dead_lettered") == int(with_dead_letters)
    assert count(system, "Sub", "discarded") == int(not with_dead_letters)
    assert count(system, "Q", "sent") == 0


@pytest.mark.conformance("SNS 11")
@pytest.mark.parametrize(
    ("answers", "failed_at", "code"),
    [
        ({"status": "503", "time": "0s"}, [0, 20, 40, 60], "HTTP 503"),
        ({"hangs": "100%"}, [15, 50, 85, 120], "Timeout"),
    ],
)
def test_case_11_http_default_policy(
    answers: dict[str, Any], failed_at: list[int], code: str
) -> None:
    """Always 503: attempts at 0, 20, 40, 60 s. Always hanging: attempts begin at 0, 35, 70, 105 s
    and fail 15 s later. Then the message is given up; every attempt counts as failed.
    """
    system = HandBuilt(
        {
            "Orders": TOPIC,
            "Shop": {"type": "sns.endpoint", **answers},
            "Lost": QUEUE,
            "Sub": to("Shop", "https", **dead_letters_to("Lost")),
        }
    )
    system.send("Orders")
    system.run("1h")
    assert failures(system, "Sub") == [(at, code) for at in failed_at]
    begun = [at for at, _ in system.log.of("Shop", "taken")]
    assert begun == ([0, 20, 40, 60] if code == "HTTP 503" else [0, 35, 70, 105])
    ((at, copy),) = system.log.of("Lost", "sent")
    assert (at, copy.message.number) == (failed_at[-1], 0)


@pytest.mark.conformance("SNS 12")
def test_case_12_lambda_function_error() -> None:
    """A function that always raises: runs at 0, 60 and 180 s, then its own failure queue gets the
    event. For SNS the message was delivered at the hand-off.
    """
    system = HandBuilt(
        {
            "Orders": TOPIC,
            "Fn": {
                "type": "lambda.function",
                "handler": {"time": "0s", "fails": "100%"},
                "cold_start": "0s",
                "DeadLetterConfig": {"TargetArn": "Failed"},
            },
            "Failed": QUEUE,
            "Lost": QUEUE,
            "Sub": to("Fn", "lambda", **dead_letters_to("Lost")),
        },
        assumptions={("lambda.function", "async_hand_off"): "0s"},
    )
    system.send("Orders")
    system.run("1h")
    assert [at for at, *_ in system.log.of("Fn", "failed")] == [0, 60, 180]
    assert count(system, "Sub", "delivered") == 1
    assert count(system, "Sub", "attempt_failed") == count(system, "Lost", "sent") == 0
    assert [at for at, _ in system.log.of("Failed", "sent")] == [180]


@pytest.mark.conformance("SNS 13")
@pytest.mark.parametrize(("region", "quota"), [("us-east-1", 30_000), ("eu-central-1", 1_500)])
def test_case_13_regional_publish_quota(region: str, quota: int) -> None:
    """At one instant the quota's batches of ten succeed; one further Publish is throttled."""
    system = HandBuilt({"Orders": TOPIC}, region=region, logged=False)
    for _ in range(quota // 10):
        batch = [system.message() for _ in range(10)]
        assert system["Orders"].accept_batch(batch) == [None] * 10
    assert system.send("Orders") == "ThrottlingException"
