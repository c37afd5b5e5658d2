"""What AWS would refuse about a topic or a subscription, and what makes no sense."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, cast

from msgsim.model.service import Finding, Specs
from msgsim.model.spec import Spec
from msgsim.services.sns.filter_policy import FilterPolicy, FilterPolicyError
from msgsim.services.sns.spec import TOPIC_PAGE, SubscriptionSpec, TopicSpec

TOPIC_CODES = {
    "E204": "a value that AWS does not know for this property",
    "E246": "a FIFO-only property on a standard topic",
    "E247": "two subscriptions of one topic with the same endpoint",
    "E248": "more subscriptions or filter policies than a topic may have",
    "W340": "a topic that nobody subscribes to",
}
SUBSCRIPTION_CODES = {
    "E240": "an endpoint that does not fit the subscription's protocol",
    "E241": "a protocol that cannot be used here",
    "E242": "a FIFO queue behind a standard topic",
    "E243": "a subscription's dead-letter queue of the wrong type, or its own endpoint",
    "E244": "a filter policy that AWS refuses",
    "E245": "raw delivery over a protocol that does not offer it",
    "E301": "a property that msgsim does not model yet",
}
SCOPES = ("Topic", "MessageGroup")
FIFO_ONLY = ("ContentBasedDeduplication", "FifoThroughputScope")
LARGE_BYTES = 262_144


def check_topic(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what CreateTopic and Subscribe would refuse."""
    topic = cast("TopicSpec", spec)
    yield from _fifo_only(name, topic)
    scope = topic.FifoThroughputScope
    if scope is not None and scope not in SCOPES:
        yield Finding(
            "E204",
            f"AWS refuses this (InvalidParameter): FifoThroughputScope is {scope!r}",
            ("FifoThroughputScope",),
            f"allowed: {' or '.join(SCOPES)}",
        )
    mine = [
        other
        for other in specs.values()
        if isinstance(other, SubscriptionSpec) and other.TopicArn == name
    ]
    yield from _counts(name, topic, mine)
    if not mine:
        yield Finding(
            "W340",
            f"nobody subscribes to {name}: what is published to it is gone at once",
            (),
            "add an sns.subscription, or Subscription: [{Protocol: sqs, Endpoint: …}]",
        )


def _fifo_only(name: str, topic: TopicSpec) -> Iterator[Finding]:
    for attribute in FIFO_ONLY:
        if not topic.FifoTopic and getattr(topic, attribute) is not None:
            yield Finding(
                "E246",
                f"AWS refuses this (InvalidParameter): {attribute} is for FIFO topics, "
                f"and {name} is a standard topic",
                (attribute,),
                f"remove it, or add FifoTopic: true to {name}",
            )


def _counts(name: str, topic: TopicSpec, mine: list[SubscriptionSpec]) -> Iterator[Finding]:
    for endpoint, times in Counter(other.Endpoint for other in mine).items():
        if times > 1:
            yield Finding(
                "E247",
                f"{endpoint} is subscribed to {name} {times} times; for SNS that is one "
                "subscription, and it refuses different attributes (InvalidParameter: "
                "Subscription already exists with different attributes)",
                (),
                "keep one subscription; two consumers need two queues",
            )
    for count, quota, code, what in (
        (len(mine), _most_subscriptions(topic), "SubscriptionLimitExceeded", "subscriptions"),
        (
            sum(1 for other in mine if other.FilterPolicy),
            TOPIC_PAGE.quota("filter_policies"),
            "FilterPolicyLimitExceeded",
            "filter policies",
        ),
    ):
        if count > quota:
            yield Finding(
                "E248",
                f"AWS refuses this ({code}): {name} has {count:,} {what}, allowed are {quota:,}",
                (),
                "spread them over several topics",
            )


def _most_subscriptions(topic: TopicSpec) -> int:
    if topic.FifoTopic:
        return int(TOPIC_PAGE.quota("fifo_subscriptions"))
    large = topic.MaximumMessageSize > LARGE_BYTES
    return int(TOPIC_PAGE.quota("large_message_subscriptions" if large else "subscriptions"))


def check_subscription(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what Subscribe and SetSubscriptionAttributes would refuse."""
    subscription = cast("SubscriptionSpec", spec)
    yield from _endpoint(name, subscription, specs)
    yield from _dead_letters(name, subscription, specs)
    if subscription.RawMessageDelivery and subscription.Protocol == "lambda":
        yield Finding(
            "E245",
            "AWS refuses this (InvalidParameter): a function always gets the SNS envelope",
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
    wanted = "queue" if subscription.Protocol == "sqs" else "function"
    found = "queue" if _is_queue(endpoint) else "function"
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
            f"Protocol: {'sqs' if found == 'queue' else 'lambda'}",
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
