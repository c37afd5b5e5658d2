"""Amazon SNS: topics, subscriptions with filter policies, and endpoints outside AWS."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.distributions import Uniform
from msgsim.kernel.waiting import TokenBucket
from msgsim.model.chance import distribution
from msgsim.model.service import Context, Service
from msgsim.services.sns.archive import NS_PER_DAY
from msgsim.services.sns.billing import subscription_meter, topic_meter
from msgsim.services.sns.checks import TOPIC_CODES, check_topic
from msgsim.services.sns.checks_subscription import (
    ENDPOINT_CODES,
    SUBSCRIPTION_CODES,
    check_endpoint,
    check_subscription,
    read_policy,
)
from msgsim.services.sns.connecting import connect_subscription
from msgsim.services.sns.delivered import Envelope
from msgsim.services.sns.endpoint import Answers, Endpoint
from msgsim.services.sns.rationing import Deduplication, GroupRates
from msgsim.services.sns.spec import (
    ENDPOINT_PAGE,
    SUBSCRIPTION_PAGE,
    TOPIC_PAGE,
    EndpointSpec,
    SubscriptionSpec,
    TopicSpec,
)
from msgsim.services.sns.subscription import Subscription
from msgsim.services.sns.topic import FifoTopic, Topic

TOPIC = "sns.topic"
SUBSCRIPTION = "sns.subscription"
ENDPOINT = "sns.endpoint"
NS_PER_S = 1_000_000_000
ACCOUNT_ID = "123456789012"


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
    topic = _fifo_topic(name, spec, context) if spec.FifoTopic else _topic(name, spec, context)
    ending = ".fifo" if spec.FifoTopic and not name.endswith(".fifo") else ""
    arn = f"arn:aws:sns:{context.account.Region}:{ACCOUNT_ID}:{name}{ending}"
    topic.envelope = Envelope(arn, spec.FifoTopic)
    topic.delivery_policy = spec.DeliveryPolicy
    return topic


def _topic(name: str, spec: TopicSpec, context: Context) -> Topic:
    return Topic(context.sim, name, publish_quota(context, False), spec.MaximumMessageSize)


def _fifo_topic(name: str, spec: TopicSpec, context: Context) -> FifoTopic:
    per_group = spec.FifoThroughputScope == "MessageGroup"
    rate, octets = TOPIC_PAGE.quota("fifo_topic_messages"), TOPIC_PAGE.quota("fifo_topic_bytes")
    topic = FifoTopic(
        context.sim,
        name,
        publish_quota(context, True),
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
    if spec.ArchivePolicy is not None:
        topic.set_archive(spec.ArchivePolicy.MessageRetentionPeriod * NS_PER_DAY)
    return topic


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
    propagation = distribution(context.assumption(SUBSCRIPTION, "filter_propagation"))
    times = context.sim.times(name, "filter propagation", propagation)
    subscription = Subscription(context.sim, name, read_policy(spec), times)
    subscription.protocol = spec.Protocol
    subscription.set_raw(spec.RawMessageDelivery)
    return subscription


def build_endpoint(name: str, spec: EndpointSpec, context: Context) -> Endpoint:
    """Make the receiver that the spec describes."""
    sim = context.sim
    if spec.time is not None:
        time = spec.time.resolve(context.base_path)
    else:
        time = distribution(context.assumption(ENDPOINT, "time"))
    chance = spec.fails or spec.hangs
    answers = Answers(
        sim.times(name, "answer", time),
        spec.status,
        spec.fail_status,
        spec.fails,
        spec.hangs,
        sim.sampler(name, "fails", Uniform(0, 1)) if chance else None,
    )
    return Endpoint(sim, name, answers)


SERVICES = (
    Service(
        kind=TOPIC,
        spec=TopicSpec,
        build=build_topic,
        page=TOPIC_PAGE,
        check=check_topic,
        parts=inline_subscriptions,
        codes=TOPIC_CODES,
        meter=topic_meter,
    ),
    Service(
        kind=SUBSCRIPTION,
        spec=SubscriptionSpec,
        build=build_subscription,
        connect=connect_subscription,
        page=SUBSCRIPTION_PAGE,
        check=check_subscription,
        codes=SUBSCRIPTION_CODES,
        meter=subscription_meter,
    ),
    Service(
        kind=ENDPOINT,
        spec=EndpointSpec,
        build=build_endpoint,
        page=ENDPOINT_PAGE,
        check=check_endpoint,
        codes=ENDPOINT_CODES,
    ),
)
