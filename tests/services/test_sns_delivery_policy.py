"""Delivery policies of HTTP endpoints: fields, ranges, back-off functions, topics' defaults."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.services.sns.delivery_policy import (
    DeliveryPolicyError,
    read_policy_of,
    read_subscription_policy,
)
from msgsim.services.sns.retry import BACK_OFF, NS_PER_S, RetryPolicy, retry_delays
from msgsim.services.sns.spec import SUBSCRIPTION_PAGE


def seconds(policy: RetryPolicy) -> list[float]:
    return [delay / NS_PER_S for delay in retry_delays(policy)]


def healthy(**fields: Any) -> dict[str, Any]:
    return {"healthyRetryPolicy": fields}


def test_the_default_is_three_retries_twenty_seconds_apart() -> None:
    """Source: SNS Developer Guide, sns-message-delivery-retries.html."""
    policy = read_subscription_policy(None)
    assert seconds(policy.retries) == [20, 20, 20]
    assert policy.receives_per_s is None


def test_the_phases_follow_one_another() -> None:
    """Immediate, pre-back-off, back-off, post-back-off; the back-off gets what is left over."""
    policy = read_subscription_policy(
        healthy(
            numRetries=9,
            numNoDelayRetries=2,
            numMinDelayRetries=1,
            numMaxDelayRetries=2,
            minDelayTarget=10,
            maxDelayTarget=40,
        )
    )
    assert seconds(policy.retries) == [0, 0, 10, 10, 20, 30, 40, 40, 40]


@pytest.mark.parametrize("function", BACK_OFF)
def test_back_off_grows_from_the_shortest_to_the_longest_delay(function: str) -> None:
    """AWS's graph has 10 retries from 5 to 260 s, and the exponential reaches the top first."""
    written = healthy(numRetries=10, minDelayTarget=5, maxDelayTarget=260, backoffFunction=function)
    delays = seconds(read_subscription_policy(written).retries)
    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (5, 260)
    first_at_top = {"exponential": 6}.get(function, 9)
    assert delays.index(260) == first_at_top


def test_two_delays_of_each_function() -> None:
    """Linear and arithmetic add, geometric and exponential multiply."""
    found = {
        function: seconds(
            read_subscription_policy(
                healthy(
                    numRetries=3, minDelayTarget=10, maxDelayTarget=90, backoffFunction=function
                )
            ).retries
        )[1]
        for function in BACK_OFF
    }
    assert found["linear"] == 50
    assert found["arithmetic"] == pytest.approx(10 + 80 / 3)
    assert found["geometric"] == 30
    assert found["exponential"] == 20


@given(
    low=st.integers(1, 60),
    more=st.integers(0, 60),
    retries=st.integers(0, 20),
    function=st.sampled_from(sorted(BACK_OFF)),
)
def test_every_accepted_policy_waits_within_its_bounds(
    low: int, more: int, retries: int, function: str
) -> None:
    written = healthy(
        numRetries=retries,
        minDelayTarget=low,
        maxDelayTarget=low + more,
        backoffFunction=function,
    )
    delays = seconds(read_subscription_policy(written).retries)
    assert len(delays) == retries
    assert all(low <= delay <= low + more for delay in delays)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (healthy(minDelayTarget=0), "minDelayTarget is 0"),
        (healthy(maxDelayTarget=3_601), "maxDelayTarget is 3601"),
        (healthy(minDelayTarget=30, maxDelayTarget=20), "not be greater"),
        (healthy(numRetries=101), "numRetries is 101"),
        (healthy(numRetries=2, numNoDelayRetries=3), "exceed numRetries"),
        (healthy(backoffFunction="cubic"), "linear, arithmetic, geometric, exponential"),
        (healthy(numRetries=5, minDelayTarget=900, maxDelayTarget=900), "4,500 s in all"),
        (healthy(retries=1), "unknown field retries"),
        (healthy(numRetries="3"), "whole number"),
        ({"throttlePolicy": {"maxReceivesPerSecond": 0}}, "at least 1"),
        ("{not json", "JSON"),
        (["healthyRetryPolicy"], "expected an object"),
    ],
)
def test_what_aws_refuses(policy: Any, reason: str) -> None:
    """Ranges and the hard limit of 3,600 s in all (sns-message-delivery-retries.html)."""
    with pytest.raises(DeliveryPolicyError, match=reason) as raised:
        read_subscription_policy(policy)
    assert str(raised.value).startswith("Invalid parameter: DeliveryPolicy: ")


def test_a_subscription_overrides_its_topic_unless_the_topic_forbids_it() -> None:
    """`http.disableSubscriptionOverrides` (sns-message-and-json-formats.html)."""
    topic: dict[str, Any] = {
        "http": {
            "defaultHealthyRetryPolicy": {"numRetries": 1},
            "defaultThrottlePolicy": {"maxReceivesPerSecond": 7},
        }
    }
    own = '{"healthyRetryPolicy": {"numRetries": 2}}'
    assert len(seconds(read_policy_of(None, topic).retries)) == 1
    joined = read_policy_of(own, topic)
    assert (len(seconds(joined.retries)), joined.receives_per_s) == (2, 7)
    topic["http"]["disableSubscriptionOverrides"] = True
    assert len(seconds(read_policy_of(own, topic).retries)) == 1


def test_the_customer_managed_policy_tries_fifty_times_in_about_six_hours() -> None:
    """2 × 10 s, 10 from 10 to 600 s, 38 × 600 s; the table says "over 6 hours", the sum is 7."""
    delays = seconds(RetryPolicy.read(SUBSCRIPTION_PAGE.quota("customer_managed_retries")))
    assert len(delays) == 50
    assert delays[:3] == [10, 10, 10] and delays[11:] == [600] * 39
    assert 6 < sum(delays) / 3_600 < 7.5
