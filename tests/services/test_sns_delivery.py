"""Subscriptions: envelopes and sizes, lost answers, refusals, changes while the system runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import msgsim
from msgsim.services.sns.delivered import escapes
from tests.services.hand_built import HandBuilt, codes

TOPIC = {"type": "sns.topic"}
FIFO_TOPIC = {"type": "sns.topic", "FifoTopic": "true", "ContentBasedDeduplication": "true"}
QUEUE = {"type": "sqs.queue"}
FIFO_QUEUE = {"type": "sqs.queue", "FifoQueue": "true"}
ARN_BYTES = len("arn:aws:sns:us-east-1:123456789012:Orders")


def to(endpoint: str, protocol: str = "sqs", **more: Any) -> dict[str, Any]:
    return {
        "type": "sns.subscription",
        "TopicArn": "Orders",
        "Protocol": protocol,
        "Endpoint": endpoint,
        "latency": "0s",
        **more,
    }


def stored(system: HandBuilt, queue: str) -> list[Any]:
    return [fact[1].message for fact in system.log.of(queue, "sent")]


# The envelope -----------------------------------------------------------------------------------


def test_the_queue_stores_the_size_that_was_delivered() -> None:
    """JSON envelope: about 815 B plus twice the ARN on a standard topic; raw: as published."""
    system = HandBuilt(
        {
            "Orders": TOPIC,
            "A": QUEUE,
            "B": QUEUE,
            "ToA": to("A"),
            "ToB": to("B", RawMessageDelivery="true"),
        }
    )
    system.send("Orders", size_bytes=1_000)
    (enveloped,), (raw,) = stored(system, "A"), stored(system, "B")
    assert enveloped.size_bytes == 1_000 + 815 + 2 * ARN_BYTES
    assert raw.size_bytes == 1_000
    assert (enveloped.number, enveloped.key, enveloped.rank) == (raw.number, raw.key, raw.rank)


def test_a_fifo_envelope_has_no_signature() -> None:
    """About 345 B plus twice the ARN, which ends in .fifo."""
    system = HandBuilt({"Orders": FIFO_TOPIC, "Q": FIFO_QUEUE, "Sub": to("Q")})
    system.send("Orders", size_bytes=1_000)
    assert stored(system, "Q")[0].size_bytes == 1_000 + 345 + 2 * (ARN_BYTES + len(".fifo"))


def test_the_sample_of_the_developer_guide_has_the_size_that_the_formula_gives() -> None:
    """911 B of overhead with a topic ARN of 48 characters, without a subject."""
    system = HandBuilt({"Orders": TOPIC})
    envelope = system["Orders"].envelope
    envelope.overhead_bytes += 2 * (48 - ARN_BYTES)
    assert envelope(system.message(size_bytes=0)).size_bytes == 911


@given(body=st.text(max_size=50))
def test_a_json_string_grows_by_its_escapes(body: str) -> None:
    plain = "".join(c for c in body if c.isprintable() or c in "\n\r\t")
    grown = len(json.dumps(plain, ensure_ascii=False)) - 2 - len(plain)
    assert escapes(plain) == grown


LARGEST = 1_048_576 - (815 + 130 + 3 * ARN_BYTES)


@pytest.mark.parametrize(("size_bytes", "taken"), [(LARGEST, True), (LARGEST + 1, False)])
def test_an_event_for_a_function_has_at_most_a_mebibyte(size_bytes: int, taken: bool) -> None:
    """1 MB per asynchronous invoke, the event included (Lambda quotas, since 2025-10-28); too large
    is a client-side error: one attempt, then the subscription's dead-letter queue.
    """
    system = HandBuilt(
        {
            "Orders": {**TOPIC, "MaximumMessageSize": "1048576"},
            "Fn": {"type": "lambda.function", "handler": {"time": "1ms"}},
            "Dead": QUEUE,
            "ToFn": to("Fn", "lambda", RedrivePolicy={"deadLetterTargetArn": "Dead"}),
        }
    )
    system.send("Orders", size_bytes=size_bytes)
    system.run("1h")
    failures = [fact[2] for fact in system.log.of("ToFn", "attempt_failed")]
    assert failures == ([] if taken else ["RequestTooLargeException"])
    assert len(stored(system, "Dead")) == (not taken)
    assert len(system.log.of("Fn", "completed")) == taken


def test_the_sample_event_of_a_function_has_the_size_that_the_formula_gives() -> None:
    """Its fixed text and an ARN of a subscription, which adds a UUID to the topic's (L-SNS)."""
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": "", "Sns": 0}
    text = json.dumps({"Records": [record]}, separators=(",", ":"))
    uuid = ":12345678-1234-1234-1234-123456789012"
    assert len(text) - len("0") + len(uuid) == 130


def test_subscriptions_of_a_topic_share_one_enveloped_message() -> None:
    """The envelope costs memory and time once per message, not once per subscription."""
    system = HandBuilt(
        {"Orders": TOPIC}
        | {f"Q{i}": QUEUE for i in range(3)}
        | {f"S{i}": to(f"Q{i}") for i in range(3)}
    )
    system.send("Orders")
    assert len({id(stored(system, f"Q{i}")[0]) for i in range(3)}) == 1


def test_raw_delivery_can_be_switched() -> None:
    system = HandBuilt({"Orders": TOPIC, "Q": QUEUE, "Sub": to("Q")})
    system.send("Orders", size_bytes=10)
    system["Sub"].set_raw(True)
    system.send("Orders", size_bytes=10)
    assert [message.size_bytes > 800 for message in stored(system, "Q")] == [True, False]


def test_a_dead_letter_has_the_format_of_the_subscription() -> None:
    """Enveloped, and in a FIFO queue under the same group and id (recorded AWS behaviour)."""
    system = HandBuilt(
        {
            "Orders": FIFO_TOPIC,
            "Q": FIFO_QUEUE,
            "Lost": FIFO_QUEUE,
            "Sub": to("Q", RedrivePolicy={"deadLetterTargetArn": "Lost"}),
        }
    )
    system["Sub"].deny("AccessDenied")
    system.send("Orders", "g", deduplication_id="d", size_bytes=100)
    (lost,) = stored(system, "Lost")
    assert (lost.key.name, lost.deduplication_id) == ("g", "d")
    assert lost.size_bytes > 400


# At least once ----------------------------------------------------------------------------------


def lossy(topic: dict[str, Any], queue: dict[str, Any], share: float) -> HandBuilt:
    return HandBuilt(
        {"Orders": topic, "Q": queue, "Sub": to("Q")},
        assumptions={("sns.subscription", "duplicate_probability"): share},
    )


def test_a_lost_answer_brings_the_same_message_twice() -> None:
    """The queue has the message, SNS does not know: its retry makes the duplicate. 2,000 deliveries
    with 5 % of the answers lost: 105 more copies are expected, within five standard deviations.
    """
    system = lossy(TOPIC, QUEUE, 0.05)
    for _ in range(2_000):
        system.send("Orders")
    numbers = [message.number for message in stored(system, "Q")]
    assert set(numbers) == set(range(2_000))
    extra = len(numbers) - 2_000
    assert abs(extra - 2_000 * 0.05 / 0.95) < 55
    assert extra == len(system.log.of("Sub", "sent_again"))
    assert extra == len(system.log.of("Sub", "attempt_failed"))
    assert len(system.log.of("Sub", "delivered")) == 2_000


def test_a_fifo_queue_recognises_what_comes_twice() -> None:
    """SNS hands the same deduplication id over, so the queue keeps one (fifo-message-dedup)."""
    system = lossy(FIFO_TOPIC, FIFO_QUEUE, 0.2)
    for _ in range(200):
        system.send("Orders")
    assert [message.rank for message in stored(system, "Q")] == list(range(200))
    again = len(system.log.of("Sub", "sent_again"))
    assert again > 10
    assert len(system.log.of("Q", "deduplicated")) == again


@given(seed=st.integers(0, 500), share=st.sampled_from([0.0, 0.1, 0.5]), down=st.integers(0, 30))
@settings(max_examples=25, deadline=None)
def test_lost_answers_and_outages_do_not_break_the_order_of_a_group(
    seed: int, share: float, down: int
) -> None:
    """Behind a FIFO topic a FIFO queue keeps each message once, in order, whatever is retried."""
    hop = {"dist": "exponential", "mean": "300ms"}
    system = HandBuilt(
        {"Orders": FIFO_TOPIC, "Q": FIFO_QUEUE, "Sub": to("Q", latency=hop)},
        seed=seed,
        assumptions={("sns.subscription", "duplicate_probability"): share},
    )
    for index in range(60):
        system.send_at(f"{index * 100}ms", "Orders", "AB"[index % 2])
    system.sim.at(2 * 10**9, system["Q"].fail)
    system.sim.at((2 + down) * 10**9, system["Q"].recover)
    system.run("10m")
    for group in "AB":
        of_group = [m.rank for m in stored(system, "Q") if m.key.name == group]
        assert of_group == list(range(30))
    assert list(system["Sub"].holds()) == []


def test_duplicates_are_rare_by_default_and_never_with_probability_zero() -> None:
    system = lossy(TOPIC, QUEUE, 0.0)
    for _ in range(1_000):
        system.send("Orders")
    assert len(stored(system, "Q")) == 1_000
    built = HandBuilt({"Orders": TOPIC})
    page_value = built.context.assumption("sns.subscription", "filter_propagation")
    assert page_value == "60s"


SCENARIO = """
msgsim: 1
question: Does it add up?
duration: 10m
assumptions:
  sns.subscription: {{duplicate_probability: 0.05}}
resources:
  Orders: {{type: sns.topic{topic}}}
  Q: {{type: sqs.queue{queue}}}
  Workers: {{type: worker.fleet, queue: Q, workers: 5, handler: {{time: 20ms}}}}
  Sub: {{type: sns.subscription, TopicArn: Orders, Protocol: sqs, Endpoint: Q{sub}}}
workload:
  - {{name: Shop, to: Orders, rate: 5/s, until: 9m, keys: 10}}
faults:
{faults}
"""


@pytest.mark.parametrize(
    ("topic", "queue", "sub", "faults"),
    [
        ("", "", "", "  - {at: 3m, for: 1m, down: Q}"),
        ("", "", "", "  - {at: 3m, for: 1m, deny: Sub, because: key}"),
        (
            ", FifoTopic: true, ContentBasedDeduplication: true",
            ", FifoQueue: true",
            "",
            "  - {at: 3m, for: 1m, down: Q}",
        ),
        (
            ", FifoTopic: true, ArchivePolicy: {MessageRetentionPeriod: 30}",
            "",
            ", ReplayPolicy: {StartingPoint: 1m, at: 5m}",
            "  - {at: 3m, for: 1m, deny: Sub}",
        ),
        (
            ", FifoTopic: true, ArchivePolicy: {MessageRetentionPeriod: 30}",
            ", FifoQueue: true",
            ", ReplayPolicy: {StartingPoint: 1m, EndingPoint: 2m, at: 8m}",
            "  - {at: 1m, for: 1s, deny: Sub, because: deleted}",
        ),
    ],
)
def test_the_books_balance_whatever_goes_wrong(
    topic: str, queue: str, sub: str, faults: str
) -> None:
    """Lost answers, outages, denials and replays: every copy is accounted for."""
    text = SCENARIO.format(topic=topic, queue=queue, sub=sub, faults=faults)
    observers = msgsim.run(msgsim.load_text(text)).runs[0].observers
    assert observers.ledger.sums
    assert observers.conservation.violations == []
    row = observers.ledger.account("Q")
    assert row["extra_copies"] > 0 and row["done"] > 0


OUTSIDE = """
msgsim: 1
question: Does it add up?
duration: 5m
resources:
  Orders:
    type: sns.topic
    Subscription:
      - {Protocol: https, Endpoint: Shop, RedrivePolicy: {deadLetterTargetArn: Lost}}
      - {Protocol: http, Endpoint: Slow, DeliveryPolicy: {healthyRetryPolicy: {numRetries: 1}}}
      - {Protocol: email, Endpoint: Mail}
      - {Protocol: sms, Endpoint: Phone}
      - Protocol: https
        Endpoint: Calm
        DeliveryPolicy: {throttlePolicy: {maxReceivesPerSecond: 5}}
  Shop: {type: sns.endpoint, fails: 60%, hangs: 2%, time: 100ms}
  Slow: {type: sns.endpoint, time: {dist: exponential, mean: 10s}}
  Mail: {type: sns.endpoint}
  Phone: {type: sns.endpoint}
  Calm: {type: sns.endpoint}
  Lost: {type: sqs.queue}
workload:
  - {name: Shopper, to: Orders, arrivals: {poisson: 8/s}}
faults:
  - {at: 1m, for: 40s, down: Shop}
  - {at: 3m, for: 10s, deny: Orders.Slow}
"""


def test_the_books_balance_outside_aws_too() -> None:
    """Failing, hanging, late and flooded receivers; a mailbox that is deactivated."""
    observers = msgsim.run(msgsim.load_text(OUTSIDE)).runs[0].observers
    rows = {name: observers.ledger.account(name) for name in observers.ledger.rows}
    assert observers.ledger.sums, rows
    assert observers.conservation.violations == []
    assert rows["Shop"]["dead_lettered"] == rows["Lost"]["moved_in"] > 0
    assert rows["Slow"]["discarded"] > 0 and rows["Slow"]["in_transit"] > 0
    assert observers.duplicates.subscribers["Slow"].causes["consumer retry"] > 0
    assert rows["Mail"]["discarded"] > 0
    assert rows["Calm"]["in_transit"] > 500


# Client-side errors -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("because", "error"),
    [
        ("permission", "AccessDenied"),
        ("key", "KmsAccessDenied"),
        ("deleted", "NonExistentQueue"),
        ("disabled", "EndpointDisabled"),
    ],
)
def test_what_a_denied_subscription_loses(because: str, error: str) -> None:
    """No permission, no key, no queue: one attempt each, nothing is delivered later, and the others
    go on. New messages arrive once it is cured (sns-dead-letter-queues, fifo-message-durability).
    """
    system = HandBuilt(
        {
            "Orders": FIFO_TOPIC,
            "A": FIFO_QUEUE,
            "B": FIFO_QUEUE,
            "ToA": to("A"),
            "ToB": to("B"),
            "fault": {
                "type": "fault",
                "at": "10s",
                "for": "20s",
                "deny": "ToA",
                "because": because,
            },
        }
    )
    for second in range(40):
        system.send_at(f"{second}.5s", "Orders")
    system.run("1h")
    assert [m.rank for m in stored(system, "A")] == [*range(10), *range(30, 40)]
    assert [m.rank for m in stored(system, "B")] == list(range(40))
    assert {fact[2] for fact in system.log.of("ToA", "discarded")} == {error}
    assert len(system.log.of("ToA", "attempt_failed")) == 20


def test_overlapping_denials_end_with_the_last_one() -> None:
    faults = {
        "one": {"type": "fault", "at": "1s", "for": "10s", "deny": "Sub"},
        "two": {"type": "fault", "at": "5s", "for": "10s", "deny": "Sub", "because": "key"},
    }
    system = HandBuilt({"Orders": TOPIC, "Q": QUEUE, "Sub": to("Q"), **faults})
    for second in (0, 4, 8, 13, 16):
        system.send_at(f"{second}s", "Orders")
    system.run("1m")
    assert [message.rank for message in stored(system, "Q")] == [0, 4]
    errors = [fact[2] for fact in system.log.of("Sub", "discarded")]
    assert errors == ["AccessDenied", "KmsAccessDenied", "KmsAccessDenied"]


# Changes while the system runs ------------------------------------------------------------------


def test_an_unsubscribed_queue_gets_nothing_new() -> None:
    """What is on its way still arrives; other subscriptions are not touched."""
    system = HandBuilt(
        {"Orders": TOPIC, "A": QUEUE, "B": QUEUE}
        | {"ToA": to("A", latency="1s"), "ToB": to("B", latency="1s")}
    )
    system.send("Orders")
    system["Orders"].unsubscribe(system["ToA"])
    system.send("Orders")
    system.run("10s")
    assert [m.rank for m in stored(system, "A")] == [0]
    assert [m.rank for m in stored(system, "B")] == [0, 1]


@given(delays=st.lists(st.integers(0, 900), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_the_policy_set_last_wins(delays: list[int]) -> None:
    """Changes may spread at different speeds; an older one never replaces a newer one."""
    system = HandBuilt({"Orders": TOPIC, "Q": QUEUE, "Sub": to("Q")})
    subscription = system["Sub"]
    waits = iter(delay * 10**9 for delay in delays)
    subscription._propagation = type("", (), {"draw": lambda self: next(waits)})()
    for index in range(len(delays)):
        subscription.set_filter_policy({"version": [index]})
    system.run("20m")
    system.send("Orders", attributes={"version": len(delays) - 1})
    assert len(stored(system, "Q")) == 1


def test_a_policy_can_be_taken_away() -> None:
    system = HandBuilt(
        {"Orders": TOPIC, "Q": QUEUE, "Sub": to("Q", FilterPolicy={"a": ["b"]})},
        assumptions={("sns.subscription", "filter_propagation"): "0s"},
    )
    system["Sub"].set_filter_policy("")
    system.send("Orders")
    assert len(stored(system, "Q")) == 1
    assert system["Sub"].filter_policy is None


def test_more_topics_than_an_account_may_have() -> None:
    """1,000 FIFO topics per account (AWS General Reference); said once."""
    topics = {f"T{i}": FIFO_TOPIC for i in range(1_001)}
    assert [code for code in codes(topics) if code == "E248"] == ["E248"]


def test_more_filter_policies_than_a_topic_may_have() -> None:
    """200 per topic; a subscription without one still works (filter policy constraints page)."""
    queues = {f"Q{i}": QUEUE for i in range(201)}
    filtered = {f"S{i}": to(f"Q{i}", FilterPolicy={"a": [i]}) for i in range(200)}
    assert codes({"Orders": TOPIC, **queues, **filtered, "S200": to("Q200")}) == []
    one_more = to("Q200", FilterPolicy={"a": ["x"]})
    assert codes({"Orders": TOPIC, **queues, **filtered, "S200": one_more}) == ["E248"]
