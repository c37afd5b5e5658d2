"""What AWS would refuse about a topic, and what makes no sense."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import cast

from msgsim.model.service import Finding, Specs
from msgsim.model.spec import Spec
from msgsim.services.sns.delivery_policy import DeliveryPolicyError, read_policy_of
from msgsim.services.sns.rules import check_maximum_size
from msgsim.services.sns.spec import TOPIC_PAGE, SubscriptionSpec, TopicSpec

TOPIC_CODES = {
    "E204": "a value that AWS does not know for this property",
    "E246": "a FIFO-only property on a standard topic",
    "E247": "two subscriptions of one topic with the same endpoint",
    "E248": "more topics, subscriptions or filter policies than AWS allows",
    "E249": "a MaximumMessageSize that the topic's subscriptions do not allow",
    "E250": "a delivery policy that AWS refuses",
    "W340": "a topic that nobody subscribes to",
}
SCOPES = ("Topic", "MessageGroup")
FIFO_ONLY = ("ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy")


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
    yield from _account(name, specs)
    refused = check_maximum_size(topic.MaximumMessageSize, [other.Protocol for other in mine])
    if refused is not None:
        hint = "lower it to 262144, or subscribe queues and functions only"
        message = f"AWS refuses this ({refused})"
        yield Finding("E249", message, ("MaximumMessageSize",), hint)
    try:
        read_policy_of(None, topic.DeliveryPolicy)
    except DeliveryPolicyError as error:
        yield Finding("E250", f"AWS refuses this (InvalidParameter): {error}", ("DeliveryPolicy",))
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
        (
            len(mine),
            TOPIC_PAGE.quota("fifo_subscriptions" if topic.FifoTopic else "subscriptions"),
            "SubscriptionLimitExceeded",
            "subscriptions",
        ),
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


def _account(name: str, specs: Specs) -> Iterator[Finding]:
    """Find what is too much for one account; the first topic of the scenario says so."""
    topics = {other: spec for other, spec in specs.items() if isinstance(spec, TopicSpec)}
    if next(iter(topics)) != name:
        return
    fifo = sum(1 for topic in topics.values() if topic.FifoTopic)
    policies = sum(
        1 for other in specs.values() if isinstance(other, SubscriptionSpec) and other.FilterPolicy
    )
    for count, quota, code, what in (
        (len(topics) - fifo, "topics", "TopicLimitExceeded", "standard topics"),
        (fifo, "fifo_topics", "TopicLimitExceeded", "FIFO topics"),
        (policies, "account_filter_policies", "FilterPolicyLimitExceeded", "filter policies"),
    ):
        allowed = TOPIC_PAGE.quota(quota)
        if count > allowed:
            message = f"AWS refuses this ({code}): the account has {count:,} {what}, allowed are "
            yield Finding("E248", f"{message}{allowed:,}", (), "ask AWS for a higher quota")
