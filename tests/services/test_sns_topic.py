"""sns.topic and sns.subscription: fan-out, order, deduplication, quotas, retries, refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.model.message import Message
from msgsim.model.spec import FieldError
from msgsim.services.sns.retry import NS_PER_S, RetryPolicy, retry_delays
from msgsim.services.sns.spec import SUBSCRIPTION_PAGE, SubscriptionSpec
from tests.services.hand_built import HandBuilt, codes, findings

TOPIC = {"type": "sns.topic"}
FIFO_TOPIC = {"type": "sns.topic", "FifoTopic": "true", "ContentBasedDeduplication": "true"}
QUEUE = {"type": "sqs.queue"}
FIFO_QUEUE = {"type": "sqs.queue", "FifoQueue": "true"}


def to(endpoint: str, protocol: str = "sqs", **more: Any) -> dict[str, Any]:
    return {
        "type": "sns.subscription",
        "TopicArn": "Orders",
        "Protocol": protocol,
        "Endpoint": endpoint,
        **more,
    }


def ranks(system: HandBuilt, queue: str) -> list[int]:
    """Ranks in the order in which a queue stored the messages."""
    return [fact[1].message.rank for fact in system.log.of(queue, "sent")]


def always(error: str | None) -> Callable[[float, Message], str | None]:
    return lambda now_s, message: error


# Fan-out ----------------------------------------------------------------------------------------


def test_every_subscription_gets_one_copy() -> None:
    """One message to a topic with three queues: each gets exactly one (SNS features page)."""
    names = ["Billing", "Audit", "Mail"]
    inline = [{"Protocol": "sqs", "Endpoint": name} for name in names]
    system = HandBuilt({"Orders": {**TOPIC, "Subscription": inline}, **dict.fromkeys(names, QUEUE)})
    assert system.send("Orders") is None
    assert len(list(system["Orders.Audit"].holds())) == 1
    system.run("10s")
    assert [len(system.log.of(name, "sent")) for name in names] == [1, 1, 1]
    assert [len(system.log.of(f"Orders.{name}", "delivered")) for name in names] == [1, 1, 1]
    assert len(system.log.of("Orders", "accepted")) == 1
    assert list(system["Orders.Audit"].holds()) == []


def test_a_filter_policy_splits_the_stream() -> None:
    """What the policy does not match is not delivered, not retried, not dead-lettered."""
    system = HandBuilt(
        {
            "Orders": TOPIC,
            "Billing": QUEUE,
            "ToBilling": to("Billing", FilterPolicy={"kind": ["order"]}, latency="0s"),
        }
    )
    system.send("Orders", attributes={"kind": "order"})
    system.send("Orders", attributes={"kind": "refund"})
    system.send("Orders")
    assert ranks(system, "Billing") == [0]
    assert [fact[1].rank for fact in system.log.of("ToBilling", "filtered")] == [1, 2]
    assert len(system.log.of("ToBilling", "forwarded")) == 1


def test_a_hop_without_latency_takes_no_event() -> None:
    system = HandBuilt({"Orders": TOPIC, "Billing": QUEUE, "Sub": to("Billing", latency="0s")})
    for _ in range(5):
        system.send("Orders")
    assert ranks(system, "Billing") == [0, 1, 2, 3, 4]
    system.run("10s")
    assert system.sim.events_handled == 0


def test_one_event_per_delivery() -> None:
    """N subscriptions cost N events per message."""
    system = HandBuilt(
        {
            "Orders": TOPIC,
            **{f"Q{i}": always(None) for i in range(4)},
            **{f"S{i}": to(f"Q{i}") for i in range(4)},
        }
    )
    for _ in range(10):
        system.send("Orders")
    system.run("1m")
    assert system.sim.events_handled == 40


def test_a_standard_topic_lets_messages_overtake() -> None:
    """Order is best effort, independently for each subscription (SNS features page)."""
    system = HandBuilt({"Orders": TOPIC, "A": QUEUE, "B": QUEUE, "ToA": to("A"), "ToB": to("B")})
    for index in range(50):
        system.send_at(f"{index}ms", "Orders")
    system.run("1m")
    assert sorted(ranks(system, "A")) == list(range(50))
    assert ranks(system, "A") != sorted(ranks(system, "A"))
    assert ranks(system, "A") != ranks(system, "B")


def test_the_hop_has_the_median_that_the_page_assumes() -> None:
    """The assumed median of 30 ms lies between the 45 % and 55 % quantiles of 2,001 hops."""
    system = HandBuilt({"Orders": TOPIC, "Billing": always(None), "Sub": to("Billing")})
    for _ in range(2001):
        system.send("Orders")
    system.run("1m")
    arrivals = sorted(at for at, _ in system["Billing"].taken)
    assert arrivals[900] < 0.030 < arrivals[1100]


def test_a_function_gets_one_asynchronous_invoke_per_message() -> None:
    """Protocol lambda hands over with InvocationType=Event (Lambda Developer Guide, with-sns)."""
    system = HandBuilt({"Orders": TOPIC, "Fn": always(None), "Sub": to("Fn", "lambda")})
    for _ in range(3):
        system.send("Orders")
    system.run("1m")
    assert sorted(message.number for _, message in system["Fn"].taken) == [0, 1, 2]


def test_slowness_of_topic_and_subscription_multiply() -> None:
    system = HandBuilt({"Orders": TOPIC, "Billing": QUEUE, "Sub": to("Billing", latency="1s")})
    system["Orders"].slowness, system["Sub"].slowness = 2.0, 3.0
    system.send("Orders")
    system.run("1m")
    assert system.log.of("Billing", "sent")[0][0] == 6.0


# FIFO topics ------------------------------------------------------------------------------------


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


# Quotas and sizes -------------------------------------------------------------------------------


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


# Retries and dead letters -----------------------------------------------------------------------


def test_the_phases_of_the_managed_policy() -> None:
    """3 immediate, 2 × 1 s, 10 from 1 s to 20 s, 100,000 × 20 s: 100,015 retries in 23 days.

    Source: SNS Developer Guide, sns-message-delivery-retries.html.
    """
    policy = RetryPolicy.read(SUBSCRIPTION_PAGE.quota("aws_managed_retries"))
    delays = [delay // NS_PER_S for delay in retry_delays(policy)]
    assert len(delays) == 100_015
    assert delays[:5] == [0, 0, 0, 1, 1]
    assert delays[5] == 1 and delays[14] == 20
    assert delays[5:15] == sorted(delays[5:15])
    assert set(delays[15:]) == {20}
    assert round(sum(delays) / 86_400) == 23
    assert list(islice(retry_delays(RetryPolicy(0, 0, 0, 0, 1, 1)), 5)) == []


def test_a_short_outage_of_the_endpoint_loses_nothing() -> None:
    """Unavailable from 0 to 60 s: tries at 0 (four of them), 1, 2 s and on; delivered once, at
    most 20 s after the outage ended; nothing is dead-lettered.
    """
    system = HandBuilt(
        {
            "Orders": TOPIC,
            "Billing": lambda now_s, message: "ServiceUnavailable" if now_s < 60 else None,
            "Lost": QUEUE,
            "Sub": to("Billing", latency="0s", RedrivePolicy={"deadLetterTargetArn": "Lost"}),
        }
    )
    system.send("Orders")
    system.run("10m")
    tries = system["Billing"].tries
    assert tries[:6] == [0, 0, 0, 0, 1, 2]
    ((taken, _),) = system["Billing"].taken
    assert 60 <= taken <= 80
    assert len(system.log.of("Sub", "attempt_failed")) == len(tries) - 1
    assert system.log.of("Lost", "sent") == system.log.of("Sub", "dead_lettered") == []


def test_a_client_side_error_is_not_retried() -> None:
    """An endpoint that can never take the message: one attempt, then the dead-letter queue, or
    lost without one (sns-dead-letter-queues.html)."""
    system = HandBuilt(
        {
            "Orders": TOPIC,
            "Gone": always("NonExistentQueue"),
            "AlsoGone": always("NonExistentQueue"),
            "Lost": QUEUE,
            "Kept": to("Gone", latency="0s", RedrivePolicy={"deadLetterTargetArn": "Lost"}),
            "Not": to("AlsoGone", latency="0s"),
        }
    )
    system.send("Orders")
    system.run("10m")
    assert len(system["Gone"].tries) == len(system["AlsoGone"].tries) == 1
    (fact,) = system.log.of("Kept", "dead_lettered")
    assert fact[1].message.number == 0 and fact[1].gone
    assert len(system.log.of("Lost", "sent")) == 1
    assert [fact[2] for fact in system.log.of("Not", "discarded")] == ["NonExistentQueue"]
    assert system.log.of("Kept", "discarded") == []


def test_one_failing_subscription_does_not_delay_another() -> None:
    """Every subscription is delivered and retried on its own (sns-dead-letter-queues.html)."""
    system = HandBuilt(
        {
            "Orders": TOPIC,
            "Bad": always("ServiceUnavailable"),
            "Good": QUEUE,
            "ToBad": to("Bad", latency="1s"),
            "ToGood": to("Good", latency="1s"),
        }
    )
    system.send("Orders")
    system.run("1m")
    assert system.log.of("Good", "sent")[0][0] == 1.0
    assert [state for state, _ in system["ToBad"].holds()] == ["in_transit"]


def test_raw_delivery_takes_ten_attributes() -> None:
    """More than ten are a client-side error with raw delivery (raw-message-delivery page)."""
    system = HandBuilt(
        {
            "Orders": TOPIC,
            "Q": QUEUE,
            "Sub": to("Q", latency="0s", RawMessageDelivery="true"),
        }
    )
    for count in (10, 11):
        system.send("Orders", attributes={f"a{i}": i for i in range(count)})
    assert ranks(system, "Q") == [0]
    assert len(system.log.of("Sub", "discarded")) == 1


# What AWS refuses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"Orders": TOPIC, "Q": QUEUE, "S": to("Q")}, []),
        ({"Orders": FIFO_TOPIC, "Q": FIFO_QUEUE, "S": to("Q")}, []),
        ({"Orders": FIFO_TOPIC, "Q": QUEUE, "S": to("Q")}, []),
        ({"Orders": TOPIC, "Q": FIFO_QUEUE, "S": to("Q")}, ["E242"]),
        ({"Orders": FIFO_TOPIC, "Q": QUEUE, "S": to("Q", "lambda")}, ["E241"]),
        ({"Orders": TOPIC, "Q": QUEUE, "S": to("Q", "lambda")}, ["E240"]),
        ({"Orders": TOPIC, "Q": QUEUE, "S": to("Q", FilterPolicy={"a": []})}, ["E244"]),
        ({"Orders": TOPIC, "Q": QUEUE, "S": to("Q", FilterPolicy=["a"])}, ["E244"]),
        ({"Orders": TOPIC, "Q": QUEUE, "S": to("Q", FilterPolicyScope="Body")}, ["E244"]),
        ({"Orders": TOPIC, "Q": QUEUE, "S": to("Q"), "S2": to("Q")}, ["E247"]),
        ({"Orders": TOPIC}, ["W340"]),
        (
            {"Orders": {**TOPIC, "ContentBasedDeduplication": "true"}, "Q": QUEUE, "S": to("Q")},
            ["E246"],
        ),
        (
            {"Orders": {**FIFO_TOPIC, "FifoThroughputScope": "Group"}, "Q": QUEUE, "S": to("Q")},
            ["E204"],
        ),
        (
            {"Orders": FIFO_TOPIC, **{f"Q{i}": QUEUE for i in range(101)}}
            | {f"S{i}": to(f"Q{i}") for i in range(101)},
            ["E248"],
        ),
    ],
)
def test_findings(resources: dict[str, Any], expected: list[str]) -> None:
    assert codes(resources) == expected


@pytest.mark.parametrize(
    ("topic", "endpoint", "dead_letters", "expected"),
    [
        (FIFO_TOPIC, FIFO_QUEUE, FIFO_QUEUE, []),
        (FIFO_TOPIC, FIFO_QUEUE, QUEUE, ["E243"]),
        (FIFO_TOPIC, QUEUE, FIFO_QUEUE, ["E243"]),
        (FIFO_TOPIC, QUEUE, QUEUE, []),
        (TOPIC, QUEUE, FIFO_QUEUE, ["E243"]),
    ],
)
def test_a_dead_letter_queue_has_the_type_of_the_endpoint(
    topic: Any, endpoint: Any, dead_letters: Any, expected: list[str]
) -> None:
    """SNS Developer Guide, fifo-message-durability.html."""
    subscription = to("Q", RedrivePolicy={"deadLetterTargetArn": "D"})
    resources = {"Orders": topic, "Q": endpoint, "D": dead_letters, "S": subscription}
    assert codes(resources) == expected


def test_a_dead_letter_queue_is_not_its_own_endpoint() -> None:
    subscription = to("Q", RedrivePolicy={"deadLetterTargetArn": "Q"})
    assert codes({"Orders": TOPIC, "Q": QUEUE, "S": subscription}) == ["E243"]


def test_the_refusal_of_a_fifo_queue_quotes_aws() -> None:
    (finding,) = findings({"Orders": TOPIC, "Q": FIFO_QUEUE, "S": to("Q")})
    assert "FIFO SQS Queues can not be subscribed to standard SNS topics" in finding.message


def test_other_protocols_are_refused_clearly() -> None:
    with pytest.raises(ValueError) as raised:
        SubscriptionSpec.model_validate(
            {"TopicArn": "Orders", "Protocol": "x", "Endpoint": "me@example.com"}
        )
    (error,) = raised.value.errors()  # type: ignore[attr-defined]
    assert isinstance(error["ctx"]["error"], FieldError)
    assert error["ctx"]["error"].code == "E241"
