"""sns.endpoint: web servers that are slow, broken or flooded; mailboxes, phones and apps."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.services.sns.endpoint import delivered, retryable
from tests.services.hand_built import HandBuilt, codes

TOPIC = {"type": "sns.topic"}
QUEUE = {"type": "sqs.queue"}


def endpoint(**more: Any) -> dict[str, Any]:
    return {"type": "sns.endpoint", "time": "0s", **more}


def to(name: str, protocol: str = "https", **more: Any) -> dict[str, Any]:
    return {
        "type": "sns.subscription",
        "TopicArn": "Orders",
        "Protocol": protocol,
        "Endpoint": name,
        "latency": "0s",
        **more,
    }


def web(receiver: dict[str, Any], protocol: str = "https", **more: Any) -> HandBuilt:
    return HandBuilt({"Orders": TOPIC, "Shop": receiver, "Sub": to("Shop", protocol, **more)})


def times(system: HandBuilt, component: str, signal: str) -> list[float]:
    return [fact[0] for fact in system.log.of(component, signal)]


# HTTP and HTTPS ---------------------------------------------------------------------------------


def test_a_request_takes_the_receivers_time() -> None:
    system = web(endpoint(time="80ms"))
    system.send("Orders")
    system.run("1m")
    assert times(system, "Shop", "completed") == [0.08]
    assert times(system, "Sub", "delivered") == [0.08]
    assert list(system["Sub"].holds()) == []


@pytest.mark.parametrize(
    ("status", "attempts", "reached"),
    [(200, 1, True), (204, 1, True), (301, 1, False), (404, 1, False), (429, 4, False)],
)
def test_which_answers_are_tried_again(status: int, attempts: int, reached: bool) -> None:
    """2xx is delivered; 429 and 5xx are tried again, everything else is final
    (sns-message-delivery-retries.html).
    """
    system = web(endpoint(status=str(status)))
    system.send("Orders")
    system.run("1h")
    assert len(times(system, "Shop", "taken")) == attempts
    assert len(times(system, "Sub", "delivered")) == int(reached)
    assert len(times(system, "Sub", "discarded")) == int(not reached)
    assert [delivered(status), retryable(status)] == [reached, status == 429]


def test_a_late_answer_brings_the_message_again() -> None:
    """16 s is too late: SNS gives up waiting after 15 s and sends again 20 s later. The receiver
    did process it: the same message, processed once per attempt (SendMessageToHttp.prepare.html).
    """
    system = web(endpoint(time="16s"))
    system.send("Orders")
    system.run("52s")
    assert times(system, "Shop", "taken") == [0, 35]
    assert times(system, "Sub", "attempt_failed") == [15, 50]
    assert times(system, "Shop", "completed") == [16, 51]
    assert len({fact[1].copy for fact in system.log.of("Shop", "completed")}) == 1
    assert list(system["Sub"].holds()) == []
    system.run("10m")
    assert times(system, "Shop", "completed") == [16, 51, 86]
    assert times(system, "Sub", "discarded") == []


def test_a_receiver_that_is_down_refuses_connections() -> None:
    """Connection failures are tried again like 5xx."""
    system = web(endpoint())
    system["Shop"].fail()
    system.sim.at(30 * 10**9, system["Shop"].recover)
    system.send("Orders")
    system.run("10m")
    assert times(system, "Sub", "attempt_failed") == [0, 20]
    assert times(system, "Sub", "delivered") == [40]


def test_a_subscriptions_own_policy_replaces_the_default() -> None:
    policy = {"healthyRetryPolicy": {"numRetries": 2, "minDelayTarget": 1, "maxDelayTarget": 5}}
    system = web(endpoint(status="500"), DeliveryPolicy=policy)
    system.send("Orders")
    system.run("10m")
    assert times(system, "Shop", "taken") == [0, 1, 6]


def test_deliveries_above_the_rate_wait_without_using_up_retries() -> None:
    """maxReceivesPerSecond is an average: what is too much is queued by SNS, and no retry is spent
    (sns-message-delivery-retries.html). 50 messages at once, 10 per second: over in 4 s.
    """
    policy = {"throttlePolicy": {"maxReceivesPerSecond": 10}}
    system = web(endpoint(), DeliveryPolicy=policy)
    for _ in range(50):
        system.send("Orders")
    assert len(list(system["Sub"].holds())) == 40
    system.run("1m")
    taken = times(system, "Shop", "taken")
    assert len(taken) == 50 and taken[-1] == 4
    assert all(sum(at <= t < at + 1 for t in taken) <= 20 for at in range(5))
    assert times(system, "Sub", "attempt_failed") == []


def test_some_requests_fail_and_some_hang() -> None:
    """Of 2,000 requests, 20 % fail and 5 % hang, within five standard deviations."""
    policy = {"healthyRetryPolicy": {"numRetries": 0}}
    system = web(endpoint(fails="20%", hangs="5%"), DeliveryPolicy=policy)
    for _ in range(2_000):
        system.send("Orders")
    system.run("1m")
    errors = [fact[2] for fact in system.log.of("Sub", "attempt_failed")]
    assert abs(errors.count("HTTP 503") - 400) < 90
    assert abs(errors.count("Timeout") - 100) < 50
    assert times(system, "Sub", "discarded") == sorted(times(system, "Sub", "discarded"))


@given(
    seed=st.integers(0, 500),
    fails=st.integers(0, 60),
    hangs=st.integers(0, 40),
    rate=st.sampled_from([None, 1, 5]),
    retries=st.integers(0, 4),
)
@settings(max_examples=30, deadline=None)
def test_every_message_ends_exactly_once(
    seed: int, fails: int, hangs: int, rate: int | None, retries: int
) -> None:
    """Delivered or discarded, never both, whatever the receiver does; retries + 1 attempts."""
    policy: dict[str, Any] = {"healthyRetryPolicy": {"numRetries": retries}}
    if rate is not None:
        policy["throttlePolicy"] = {"maxReceivesPerSecond": rate}
    receiver = endpoint(
        time={"dist": "exponential", "mean": "10s"}, fails=f"{fails}%", hangs=f"{hangs}%"
    )
    system = HandBuilt(
        {"Orders": TOPIC, "Shop": receiver, "Sub": to("Shop", DeliveryPolicy=policy)}, seed=seed
    )
    for _ in range(15):
        system.send("Orders")
    system.run("1h")
    ended = Counter(fact[1].number for fact in system.log.of("Sub", "delivered"))
    done = {fact[1].message.number for fact in system.log.of("Shop", "completed")}
    given_up = Counter(fact[1].number for fact in system.log.of("Sub", "discarded"))
    assert set(ended.values()) <= {1} and set(given_up.values()) <= {1}
    assert not ended.keys() & given_up.keys()
    assert ended.keys() | given_up.keys() | done == set(range(15))
    tries = Counter(fact[1][0].message.number for fact in system.log.of("Shop", "taken"))
    assert max(tries.values()) <= retries + 1
    assert list(system["Sub"].holds()) == []


# People -----------------------------------------------------------------------------------------


def test_a_phone_is_tried_for_six_hours() -> None:
    """Customer-managed: 50 retries, the first ones 10 s apart, none at once."""
    system = web(endpoint(), "sms")
    system["Shop"].fail()
    system.send("Orders")
    system.run("12h")
    failed = times(system, "Sub", "attempt_failed")
    assert len(failed) == 51
    assert failed[:4] == [0, 10, 20, 30]
    assert 6 < failed[-1] / 3_600 < 7.5
    assert len(times(system, "Sub", "discarded")) == 1


def test_an_email_subscription_above_its_rate_is_deactivated() -> None:
    """10 messages/s and subscription; above that, SNS deactivates it (AWS General Reference;
    re:Post, sns-email-subscription-disabled). The filter policy is applied before.
    """
    system = web(endpoint(), "email", FilterPolicy={"kind": ["order"]})
    for _ in range(10):
        system.send("Orders", attributes={"kind": "order"})
        system.send("Orders", attributes={"kind": "noise"})
    assert system["Sub"].active
    system.send("Orders", attributes={"kind": "order"})
    assert not system["Sub"].active
    system.run("1m")
    system.send("Orders", attributes={"kind": "order"})
    assert len(times(system, "Shop", "completed")) == 10
    reasons = [fact[2] for fact in system.log.of("Sub", "discarded")]
    assert reasons == ["Throttled", "PendingConfirmation"]


def test_sms_share_the_rate_of_the_account() -> None:
    """20 messages/s and account, over all topics; the rest is tried again."""
    system = HandBuilt(
        {"Orders": TOPIC, "Phone": endpoint(), "Other": endpoint()}
        | {"ToPhone": to("Phone", "sms"), "ToOther": to("Other", "sms")}
    )
    for _ in range(15):
        system.send("Orders")
    assert len(times(system, "Phone", "taken")) + len(times(system, "Other", "taken")) == 20
    system.run("1h")
    for name in ("Phone", "Other"):
        assert len(times(system, name, "completed")) == 15


def test_push_has_no_rate_of_its_own() -> None:
    system = web(endpoint(), "application")
    for _ in range(500):
        system.send("Orders")
    assert len(times(system, "Shop", "completed")) == 500


# What AWS refuses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subscription", "receiver", "expected"),
    [
        (to("Shop"), endpoint(), []),
        (to("Shop", "sms"), endpoint(), []),
        (to("Shop", "sqs"), endpoint(), ["E240"]),
        (to("Shop"), QUEUE, ["E240"]),
        (to("Shop", RawMessageDelivery="true"), endpoint(), []),
        (to("Shop", "email", RawMessageDelivery="true"), endpoint(), ["E245"]),
        (
            to("Shop", DeliveryPolicy={"healthyRetryPolicy": {"numRetries": 200}}),
            endpoint(),
            ["E250"],
        ),
        (to("Shop", "sqs", DeliveryPolicy={}), QUEUE, ["E250"]),
        (to("Shop"), endpoint(status="700"), ["E252"]),
        (to("Shop"), endpoint(fails="60%", hangs="60%"), ["E252"]),
    ],
)
def test_findings(
    subscription: dict[str, Any], receiver: dict[str, Any], expected: list[str]
) -> None:
    assert codes({"Orders": TOPIC, "Shop": receiver, "Sub": subscription}) == expected


def test_a_fifo_topic_serves_queues_only() -> None:
    """FIFO topics have no HTTP, e-mail or SMS subscriptions (fifo-message-delivery.html)."""
    fifo = {**TOPIC, "FifoTopic": "true"}
    assert codes({"Orders": fifo, "Shop": endpoint(), "Sub": to("Shop")}) == ["E241"]


@pytest.mark.parametrize(("size", "expected"), [("262144", []), ("262145", ["E249"])])
def test_large_messages_go_to_queues_and_functions_only(size: str, expected: list[str]) -> None:
    """Above 256 KiB: sqs, lambda and firehose only (large-message-payloads.html)."""
    topic = {**TOPIC, "MaximumMessageSize": size}
    assert codes({"Orders": topic, "Shop": endpoint(), "Sub": to("Shop")}) == expected
