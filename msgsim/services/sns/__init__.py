"""Amazon SNS: topics, subscriptions and their filter policies."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.waiting import TokenBucket
from msgsim.model.chance import distribution
from msgsim.model.service import Context, Service
from msgsim.model.spec import read_bool
from msgsim.services.sns.checks import (
    SUBSCRIPTION_CODES,
    TOPIC_CODES,
    check_subscription,
    check_topic,
    read_policy,
)
from msgsim.services.sns.courier import Courier, FifoCourier
from msgsim.services.sns.rationing import Deduplication, GroupRates
from msgsim.services.sns.retry import RetryPolicy
from msgsim.services.sns.spec import (
    SUBSCRIPTION_PAGE,
    TOPIC_PAGE,
    SubscriptionSpec,
    TopicSpec,
)
from msgsim.services.sns.subscription import HandOver, Subscription, raw, without_group
from msgsim.services.sns.topic import FifoTopic, Topic

TOPIC = "sns.topic"
SUBSCRIPTION = "sns.subscription"
NS_PER_S = 1_000_000_000


def publish_quota(context: Context, fifo: bool) -> TokenBucket:
    """Return the account's bucket for one type of topic in its Region, made by the first topic."""
    table = TOPIC_PAGE.quota("fifo_publishes_per_s" if fifo else "publishes_per_s")
    rate = table.get(context.account.Region, table["elsewhere"])
    name = f"sns.topic publishes {'fifo' if fifo else 'standard'}"
    if name not in context.shared:
        context.shared[name] = TokenBucket(_burst(context, rate), rate)
    found: TokenBucket = context.shared[name]
    return found


def _burst(context: Context, rate: int) -> int:
    return max(1, round(rate * float(context.assumption(TOPIC, "publish_burst"))))


def build_topic(name: str, spec: TopicSpec, context: Context) -> Topic:
    """Make the topic that the spec describes."""
    quota = publish_quota(context, spec.FifoTopic)
    if not spec.FifoTopic:
        return Topic(context.sim, name, quota, spec.MaximumMessageSize)
    per_group = spec.FifoThroughputScope == "MessageGroup"
    rate, octets = TOPIC_PAGE.quota("fifo_topic_messages"), TOPIC_PAGE.quota("fifo_topic_bytes")
    return FifoTopic(
        context.sim,
        name,
        quota,
        Deduplication(
            TOPIC_PAGE.quota("deduplication_interval") * NS_PER_S,
            per_group,
            bool(spec.ContentBasedDeduplication),
        ),
        GroupRates(TOPIC_PAGE.quota("fifo_group_messages")),
        None if per_group else TokenBucket(_burst(context, rate), rate),
        None if per_group else TokenBucket(_burst(context, octets), octets),
        spec.MaximumMessageSize,
    )


def inline_subscriptions(name: str, spec: TopicSpec) -> dict[str, tuple[str, dict[str, Any]]]:
    """Expand `Subscription` to resources named `Topic.Endpoint`; a repeated one gets a number."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for inline in spec.Subscription:
        properties = {field: getattr(inline, field) for field in inline.model_fields_set}
        if inline.RedrivePolicy is not None:
            properties["RedrivePolicy"] = inline.RedrivePolicy.model_dump()
        own = f"{name}.{inline.Endpoint}"
        if own in found:
            own = f"{own}.{len(found) + 1}"
        found[own] = (SUBSCRIPTION, {"TopicArn": name, **properties})
    return found


def build_subscription(name: str, spec: SubscriptionSpec, context: Context) -> Subscription:
    """Make a subscription; how it delivers depends on its topic, so `connect` decides that."""
    return Subscription(context.sim, name, read_policy(spec))


def connect_subscription(
    subscription: Subscription, spec: SubscriptionSpec, context: Context
) -> None:
    """Join topic, courier and endpoint."""
    topic = context.find(spec.TopicArn)
    assert isinstance(topic, Topic)
    dead_letters: Any = None
    if spec.RedrivePolicy is not None:
        dead_letters = context.find(spec.RedrivePolicy.deadLetterTargetArn)
    subscription.lead_to(_hand_over(topic, spec, context), dead_letters)
    subscription.employ(_courier(topic, subscription, spec, context).send)
    topic.subscribe(subscription)


def _hand_over(topic: Topic, spec: SubscriptionSpec, context: Context) -> HandOver:
    endpoint: Any = context.find(spec.Endpoint)
    if spec.Protocol == "lambda":
        invoke: HandOver = endpoint.invoke_async
        return invoke
    hand_over: HandOver = endpoint.accept
    if topic.fifo and not endpoint.fifo:
        hand_over = without_group(hand_over)
    return raw(hand_over) if spec.RawMessageDelivery else hand_over


def _courier(
    topic: Topic, subscription: Subscription, spec: SubscriptionSpec, context: Context
) -> Courier:
    if spec.latency is not None:
        hop = spec.latency.resolve(context.base_path)
    else:
        name = "hop_fifo" if topic.fifo else f"hop_{spec.Protocol}"
        hop = distribution(context.assumption(SUBSCRIPTION, name))
    times = context.sim.times(subscription.name, "hop", hop)
    retries = RetryPolicy.read(SUBSCRIPTION_PAGE.quota("aws_managed_retries"))
    if not topic.fifo:
        return Courier(topic, subscription, times, retries)
    waits = read_bool(context.assumption(SUBSCRIPTION, "group_waits"))
    return FifoCourier(topic, subscription, times, retries, waits)


SERVICES = (
    Service(
        kind=TOPIC,
        spec=TopicSpec,
        build=build_topic,
        page=TOPIC_PAGE,
        check=check_topic,
        parts=inline_subscriptions,
        codes=TOPIC_CODES,
    ),
    Service(
        kind=SUBSCRIPTION,
        spec=SubscriptionSpec,
        build=build_subscription,
        connect=connect_subscription,
        page=SUBSCRIPTION_PAGE,
        check=check_subscription,
        codes=SUBSCRIPTION_CODES,
    ),
)
