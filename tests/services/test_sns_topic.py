"""sns.topic and sns.subscription: fan-out, retries and dead letters."""

from __future__ import annotations

from itertools import islice

from msgsim.services.sns.retry import NS_PER_S, RetryPolicy, retry_delays
from msgsim.services.sns.spec import SUBSCRIPTION_PAGE
from tests.services.hand_built import HandBuilt
from tests.services.topic_built import QUEUE, TOPIC, always, to


def ranks(system: HandBuilt, queue: str) -> list[int]:
    """Ranks in the order in which a queue stored the messages."""
    return [fact[1].message.rank for fact in system.log.of(queue, "sent")]


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
