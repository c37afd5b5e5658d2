"""Delivery policies of HTTP and HTTPS subscriptions: read, checked, and joined with the topic's.

A subscription says `healthyRetryPolicy`, `throttlePolicy`, `requestPolicy`; a topic says the same
with `default…` under `http`, for subscriptions without their own, or for all of them with
`disableSubscriptionOverrides`. Source: SNS Developer Guide, sns-message-delivery-retries.html,
sns-message-and-json-formats.html.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgsim.model.catalog import page_beside
from msgsim.services.sns.retry import BACK_OFF, NS_PER_S, RetryPolicy, retry_delays

PAGE = page_beside(__file__, "sns.subscription.md")
LONGEST_S = int(PAGE.quota("http_retry_time"))
_NUMBERS = (
    "minDelayTarget",
    "maxDelayTarget",
    "numRetries",
    "numNoDelayRetries",
    "numMinDelayRetries",
    "numMaxDelayRetries",
)
HTTP_DEFAULTS: Mapping[str, Any] = {
    **{name: PAGE.limit(name).default for name in _NUMBERS},
    "backoffFunction": "linear",
}
_DEPRECATED = ("sicklyRetryPolicy", "guaranteed")
_SUBSCRIPTION_PARTS = ("healthyRetryPolicy", "throttlePolicy", "requestPolicy", *_DEPRECATED)
_TOPIC_PARTS = {
    "defaultHealthyRetryPolicy": "healthyRetryPolicy",
    "defaultThrottlePolicy": "throttlePolicy",
    "defaultRequestPolicy": "requestPolicy",
    "defaultSicklyRetryPolicy": "sicklyRetryPolicy",
}


class DeliveryPolicyError(ValueError):
    """A delivery policy that AWS refuses (`InvalidParameter`)."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid parameter: DeliveryPolicy: {reason}")


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """What a policy says about one HTTP subscription.

    Attributes:
        retries: when a failed delivery is tried again.
        receives_per_s: the average rate at which the endpoint gets deliveries; None for any.
    """

    retries: RetryPolicy
    receives_per_s: int | None = None


def read_subscription_policy(written: Any) -> DeliveryPolicy:
    """Read a subscription's `DeliveryPolicy`; None gives AWS's default.

    Raises:
        DeliveryPolicyError: AWS would refuse it.
    """
    return _join(_known(_mapping(written), _SUBSCRIPTION_PARTS))


def read_policy_of(subscription: Any, topic: Any) -> DeliveryPolicy:
    """Return what holds for a subscription of a topic with a policy of its own, or none.

    Raises:
        DeliveryPolicyError: AWS would refuse one of the two.
    """
    parts, overrides = _topic_parts(topic)
    own = _known(_mapping(subscription), _SUBSCRIPTION_PARTS)
    if overrides:
        parts = {**parts, **own}
    return _join(parts)


def _topic_parts(written: Any) -> tuple[dict[str, Any], bool]:
    """Return a topic's defaults under the names of a subscription, and whether those count."""
    outer = _known(_mapping(written), ("http",))
    http = _known(_mapping(outer.get("http")), (*_TOPIC_PARTS, "disableSubscriptionOverrides"))
    locked = http.pop("disableSubscriptionOverrides", False)
    if not isinstance(locked, bool):
        raise DeliveryPolicyError("disableSubscriptionOverrides must be true or false")
    return {_TOPIC_PARTS[name]: part for name, part in http.items()}, not locked


def _mapping(written: Any) -> dict[str, Any]:
    if isinstance(written, str):
        try:
            written = json.loads(written) if written else {}
        except ValueError:
            raise DeliveryPolicyError("failed to parse JSON") from None
    if written is None:
        return {}
    if not isinstance(written, Mapping):
        raise DeliveryPolicyError(f"expected an object, but found {written!r}")
    return dict(written)


def _known(found: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    for name in found:
        if name not in names:
            raise DeliveryPolicyError(f"unknown field {name}; known are {', '.join(names)}")
    return found


def _join(parts: Mapping[str, Any]) -> DeliveryPolicy:
    throttle = _known(_mapping(parts.get("throttlePolicy")), ("maxReceivesPerSecond",))
    rate = throttle.get("maxReceivesPerSecond")
    if rate is not None:
        rate = _whole("maxReceivesPerSecond", rate)
    request = _known(_mapping(parts.get("requestPolicy")), ("headerContentType",))
    if not isinstance(request.get("headerContentType", ""), str):
        raise DeliveryPolicyError("requestPolicy.headerContentType must be a string")
    return DeliveryPolicy(_retries(_mapping(parts.get("healthyRetryPolicy"))), rate)


def _retries(written: dict[str, Any]) -> RetryPolicy:
    value = {**HTTP_DEFAULTS, **_known(written, tuple(HTTP_DEFAULTS))}
    low, high, total, immediate, early, late = (_whole(name, value[name]) for name in _NUMBERS)
    if low > high:
        raise DeliveryPolicyError("minDelayTarget must not be greater than maxDelayTarget")
    if immediate + early + late > total:
        raise DeliveryPolicyError(
            "numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries exceed numRetries"
        )
    function = value["backoffFunction"]
    if function not in BACK_OFF:
        raise DeliveryPolicyError(f"backoffFunction must be one of {', '.join(BACK_OFF)}")
    backoff = total - immediate - early - late
    policy = RetryPolicy(immediate, early, backoff, late, low * NS_PER_S, high * NS_PER_S, function)
    _check_length(policy)
    return policy


def _check_length(policy: RetryPolicy) -> None:
    """Refuse more than an hour from the first failure to the last retry: a hard limit."""
    waited = sum(retry_delays(policy))
    if waited > LONGEST_S * NS_PER_S:
        raise DeliveryPolicyError(
            f"the retries take {waited // NS_PER_S:,} s in all, allowed are {LONGEST_S:,} s"
        )


def _whole(name: str, value: Any) -> int:
    """Return a whole number within the limits of the page."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise DeliveryPolicyError(f"{name} must be a whole number, but is {value!r}")
    limit = PAGE.limit(name)
    if value < limit.low or (limit.high is not None and value > limit.high):
        allowed = f"at least {limit.low}" if limit.high is None else f"{limit.low} to {limit.high}"
        raise DeliveryPolicyError(f"{name} is {value}, allowed is {allowed}")
    return value
