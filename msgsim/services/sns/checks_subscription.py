"""What AWS would refuse about a subscription or an endpoint, and what makes no sense."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from msgsim.model.service import Finding, Specs
from msgsim.model.spec import Spec
from msgsim.services.sns.delivery_policy import DeliveryPolicyError, read_policy_of
from msgsim.services.sns.filter_policy import FilterPolicy, FilterPolicyError
from msgsim.services.sns.rules import RAW_PROTOCOLS
from msgsim.services.sns.spec import (
    SUBSCRIPTION_PAGE,
    WEB,
    EndpointSpec,
    SubscriptionSpec,
    TopicSpec,
)

SUBSCRIPTION_CODES = {
    "E240": "an endpoint that does not fit the subscription's protocol",
    "E241": "a protocol that cannot be used here",
    "E242": "a FIFO queue behind a standard topic",
    "E243": "a subscription's dead-letter queue of the wrong type, or its own endpoint",
    "E244": "a filter policy that AWS refuses",
    "E245": "raw delivery over a protocol that does not offer it",
    "E253": "more delivery streams behind one topic than AWS allows",
    "E250": "a delivery policy that AWS refuses",
    "E251": "a replay policy that AWS refuses",
}
ENDPOINT_CODES = {"E252": "an endpoint that answers in no possible way"}
_NEEDS = {"sqs": "queue", "lambda": "function", "firehose": "delivery stream"}
_OUTSIDE = "sns.endpoint"


def check_subscription(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what Subscribe and SetSubscriptionAttributes would refuse."""
    subscription = cast("SubscriptionSpec", spec)
    yield from _endpoint(name, subscription, specs)
    yield from _dead_letters(name, subscription, specs)
    yield from _delivery_streams(name, subscription, specs)
    yield from _delivery_policy(subscription, specs)
    yield from _replay_policy(subscription, specs)
    if subscription.RawMessageDelivery and subscription.Protocol not in RAW_PROTOCOLS:
        yield Finding(
            "E245",
            f"AWS refuses this (InvalidParameter): Delivery protocol [{subscription.Protocol}] "
            "does not support raw message delivery",
            ("RawMessageDelivery",),
            "remove RawMessageDelivery; it is for SQS, HTTP and Firehose",
        )
    try:
        read_policy(subscription)
    except FilterPolicyError as error:
        yield Finding("E244", f"AWS refuses this (InvalidParameter): {error}", ("FilterPolicy",))


def read_policy(subscription: SubscriptionSpec) -> FilterPolicy | None:
    """Return the filter policy, None without one.

    Raises:
        FilterPolicyError: AWS would refuse it.
    """
    written = subscription.FilterPolicy
    scope = cast("Any", subscription.FilterPolicyScope)
    if written is not None and not isinstance(written, (str, Mapping)):
        raise FilterPolicyError("FilterPolicy: Filter is not an object")
    policy = FilterPolicy.parse(written or {}, scope)
    return policy if written else None


def _endpoint(name: str, subscription: SubscriptionSpec, specs: Specs) -> Iterator[Finding]:
    endpoint = specs.get(subscription.Endpoint)
    topic = specs.get(subscription.TopicArn)
    if endpoint is None or not isinstance(topic, TopicSpec):
        return
    wanted, found = _NEEDS.get(subscription.Protocol, _OUTSIDE), _sort(endpoint)
    if topic.FifoTopic and subscription.Protocol != "sqs":
        yield Finding(
            "E241",
            f"AWS refuses this (InvalidParameter): {subscription.TopicArn} is a FIFO topic, and "
            f"only queues can subscribe to one; {name} has Protocol {subscription.Protocol}",
            ("Protocol",),
            f"put a queue between the topic and {subscription.Endpoint}",
        )
    elif wanted != found:
        yield Finding(
            "E240",
            f"AWS refuses this (InvalidParameter): Protocol {subscription.Protocol} needs a "
            f"{wanted}, and {subscription.Endpoint} is a {found}",
            ("Endpoint",),
            f"Protocol: {_protocol_for(found)}",
        )
    elif not topic.FifoTopic and _is_fifo(endpoint):
        yield Finding(
            "E242",
            "AWS refuses this (InvalidParameter: Invalid parameter: Endpoint Reason: FIFO SQS "
            "Queues can not be subscribed to standard SNS topics): "
            f"{subscription.Endpoint} is a FIFO queue, {subscription.TopicArn} a standard topic",
            ("Endpoint",),
            f"add FifoTopic: true to {subscription.TopicArn}, or subscribe a standard queue",
        )


def _delivery_streams(name: str, subscription: SubscriptionSpec, specs: Specs) -> Iterator[Finding]:
    """Report the first subscription beyond the quota."""
    if subscription.Protocol != "firehose":
        return
    most = SUBSCRIPTION_PAGE.quota("firehose_subscriptions")
    together = [
        other
        for other, spec in specs.items()
        if isinstance(spec, SubscriptionSpec)
        and spec.Protocol == "firehose"
        and spec.TopicArn == subscription.TopicArn
    ]
    if len(together) > most and together[most] == name:
        yield Finding(
            "E253",
            f"AWS refuses this (SubscriptionLimitExceeded): {len(together)} delivery streams "
            f"subscribe to {subscription.TopicArn}, and {most} may",
            (),
            "AWS raises this quota on request; deliver once, and fan out behind it",
        )


def _sort(endpoint: Spec) -> str:
    if isinstance(endpoint, EndpointSpec):
        return _OUTSIDE
    if hasattr(endpoint, "DeliveryStreamType"):
        return "delivery stream"
    return "queue" if _is_queue(endpoint) else "function"


def _protocol_for(found: str) -> str:
    fitting = [protocol for protocol, sort in _NEEDS.items() if sort == found]
    return fitting[0] if fitting else "https"


def _delivery_policy(subscription: SubscriptionSpec, specs: Specs) -> Iterator[Finding]:
    if subscription.DeliveryPolicy is None:
        return
    path = ("DeliveryPolicy",)
    if subscription.Protocol not in WEB:
        message = (
            "AWS refuses this (InvalidParameter): a delivery policy is for HTTP and HTTPS; what "
            f"{subscription.Protocol} endpoints get is fixed"
        )
        yield Finding("E250", message, path, "remove DeliveryPolicy")
        return
    topic = specs.get(subscription.TopicArn)
    try:
        read_policy_of(subscription.DeliveryPolicy, None)
        if isinstance(topic, TopicSpec):
            read_policy_of(subscription.DeliveryPolicy, topic.DeliveryPolicy)
    except DeliveryPolicyError as error:
        yield Finding("E250", f"AWS refuses this (InvalidParameter): {error}", path)


def _replay_policy(subscription: SubscriptionSpec, specs: Specs) -> Iterator[Finding]:
    replay = subscription.ReplayPolicy
    if replay is None:
        return
    topic = specs.get(subscription.TopicArn)
    if isinstance(topic, TopicSpec) and topic.ArchivePolicy is None:
        message = (
            f"AWS refuses this (InvalidParameter): {subscription.TopicArn} keeps no archive that "
            "could be replayed"
        )
        hint = "a FIFO topic with ArchivePolicy: {MessageRetentionPeriod: 30}"
        yield Finding("E251", message, ("ReplayPolicy",), hint)
    if replay.PointType != "Timestamp":
        path = ("ReplayPolicy", "PointType")
        message = f"AWS refuses this (InvalidParameter): PointType is {replay.PointType!r}"
        yield Finding("E251", message, path, "PointType: Timestamp")
    if replay.EndingPoint is not None and replay.EndingPoint < replay.StartingPoint:
        path = ("ReplayPolicy", "EndingPoint")
        yield Finding(
            "E251", "the replay ends before it starts", path, "EndingPoint > StartingPoint"
        )


def check_endpoint(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find answers that no server can give."""
    endpoint = cast("EndpointSpec", spec)
    for field in ("status", "fail_status"):
        status = getattr(endpoint, field)
        if not 100 <= status <= 599:
            message = f"{field} is {status}: HTTP status codes are 100 to 599"
            yield Finding("E252", message, (field,), "200, 429, 503 …")
    if endpoint.fails + endpoint.hangs > 1:
        message = f"fails and hangs add up to {endpoint.fails + endpoint.hangs:.0%} of the requests"
        yield Finding("E252", message, ("hangs",), "at most 100% together")


def _dead_letters(name: str, subscription: SubscriptionSpec, specs: Specs) -> Iterator[Finding]:
    if subscription.RedrivePolicy is None:
        return
    path = ("RedrivePolicy", "deadLetterTargetArn")
    target = subscription.RedrivePolicy.deadLetterTargetArn
    endpoint, dead_letters = specs.get(subscription.Endpoint), specs.get(target)
    if target == subscription.Endpoint:
        yield Finding(
            "E243",
            f"{target} is the endpoint of {name} and its dead-letter queue too",
            path,
            "name another queue",
        )
    elif endpoint is not None and dead_letters is not None and _is_queue(dead_letters):
        if _is_fifo(endpoint) and not _is_fifo(dead_letters):
            message = (
                "AWS refuses this (InvalidParameter: RedrivePolicy: must use a FIFO queue as DLQ "
                f"for a FIFO Subscription to a FIFO Topic): {target} is a standard queue"
            )
            yield Finding("E243", message, path, f"add FifoQueue: true to {target}")
        elif _is_fifo(dead_letters) and not _is_fifo(endpoint):
            message = (
                f"AWS refuses this (InvalidParameter): {target} is a FIFO queue, but the "
                f"dead-letter queue has the type of the endpoint, and {subscription.Endpoint} "
                "is not FIFO"
            )
            yield Finding("E243", message, path, f"remove FifoQueue from {target}")


def _is_queue(spec: Spec) -> bool:
    return hasattr(spec, "FifoQueue")


def _is_fifo(spec: Spec) -> bool:
    return bool(getattr(spec, "FifoQueue", False))
