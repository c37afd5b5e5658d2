"""Joining topic, subscription, courier and endpoint, by protocol."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.sampling import GeometricGaps, Sampler
from msgsim.kernel.waiting import TokenBucket
from msgsim.model.chance import distribution
from msgsim.model.message import Message
from msgsim.model.service import Context
from msgsim.model.spec import read_bool
from msgsim.services.sns.courier import Courier, DeliveryStreamCourier, FifoCourier
from msgsim.services.sns.courier_out import PeopleCourier, WebCourier
from msgsim.services.sns.delivered import (
    LAMBDA_PAYLOAD_BYTES,
    Dress,
    Envelope,
    body_only,
    without_group,
)
from msgsim.services.sns.delivery_policy import read_policy_of
from msgsim.services.sns.endpoint import Endpoint
from msgsim.services.sns.retry import NS_PER_S, RetryPolicy
from msgsim.services.sns.spec import SUBSCRIPTION_PAGE, WEB, SubscriptionSpec
from msgsim.services.sns.subscription import HandOver, Subscription, at_most_ten_attributes
from msgsim.services.sns.topic import Topic

KIND = "sns.subscription"
TOO_LARGE = "RequestTooLargeException"
ALWAYS_FITS_BYTES = LAMBDA_PAYLOAD_BYTES // 8


def connect_subscription(
    subscription: Subscription, spec: SubscriptionSpec, context: Context
) -> None:
    """Join topic, courier and endpoint."""
    topic = context.find(spec.TopicArn)
    assert isinstance(topic, Topic)
    endpoint: Any = context.find(spec.Endpoint)
    dead_letters: Any = None
    if spec.RedrivePolicy is not None:
        dead_letters = context.find(spec.RedrivePolicy.deadLetterTargetArn)
    if isinstance(endpoint, Endpoint):
        subscription.lead_to(_outside, dead_letters)
        subscription.dress(_wrapping(topic.envelope))
        _outside_courier(topic, subscription, endpoint, spec, context).take_up()
    else:
        attach(topic, subscription, endpoint, dead_letters)
        _courier(topic, subscription, spec, context).take_up()
    topic.subscribe(subscription)
    _plan_replay(subscription, spec, context)


def attach(
    topic: Topic, subscription: Subscription, endpoint: Any, dead_letters: Any = None
) -> None:
    """Let a subscription lead to a queue or a function, with what either one gets."""
    if subscription.protocol == "lambda":
        subscription.lead_to(_invoking(endpoint.invoke_async, topic), dead_letters)
        return
    if subscription.protocol == "firehose":
        subscription.lead_to(endpoint.accept, dead_letters)
        subscription.dress(topic.envelope, body_only)
        return
    accept: HandOver = getattr(endpoint, "deliver", endpoint.accept)
    subscription.lead_to(accept, dead_letters, at_most_ten_attributes(accept))
    if topic.fifo and not endpoint.fifo:
        subscription.dress(_enveloped_without_group(topic.envelope), without_group)
    else:
        subscription.dress(_wrapping(topic.envelope))


def _wrapping(envelope: Envelope | None) -> Dress | None:
    return None if envelope is None else envelope.wrap


def _invoking(invoke: HandOver, topic: Topic) -> HandOver:
    """Refuse what does not fit into an asynchronous invoke (LAMBDA): a client-side error.

    Small messages are not measured: their event is below the limit whatever it adds to them.
    """

    def hand_over(message: Message) -> str | None:
        if message.size_bytes > ALWAYS_FITS_BYTES and topic.envelope is not None:
            fits = topic.envelope.event_bytes(message) <= LAMBDA_PAYLOAD_BYTES
            return invoke(message) if fits else TOO_LARGE
        return invoke(message)

    return hand_over


def _enveloped_without_group(envelope: Envelope | None) -> Dress:
    if envelope is None:
        return without_group

    def dress(message: Message) -> Message:
        return without_group(envelope(message))

    return dress


def _outside(message: Message) -> str | None:
    raise RuntimeError("an endpoint outside AWS is asked by its courier")


def _hop(
    subscription: Subscription, topic: Topic, spec: SubscriptionSpec, context: Context
) -> Sampler[int]:
    if spec.latency is not None:
        found = spec.latency.resolve(context.base_path)
    else:
        known = spec.Protocol if spec.Protocol in ("sqs", "lambda", "firehose") else "outside"
        name = "hop_fifo" if topic.fifo else f"hop_{known}"
        found = distribution(context.assumption(KIND, name))
    return context.sim.times(subscription.name, "hop", found)


def _courier(
    topic: Topic, subscription: Subscription, spec: SubscriptionSpec, context: Context
) -> Courier:
    hop = _hop(subscription, topic, spec, context)
    retries = RetryPolicy.read(SUBSCRIPTION_PAGE.quota("aws_managed_retries"))
    lost = _lost_answers(subscription.name, context)
    if spec.Protocol == "firehose":
        patient = RetryPolicy.read(SUBSCRIPTION_PAGE.quota("customer_managed_retries"))
        return DeliveryStreamCourier(topic, subscription, hop, retries, lost, patient)
    if not topic.fifo:
        return Courier(topic, subscription, hop, retries, lost)
    waits = read_bool(context.assumption(KIND, "group_waits"))
    return FifoCourier(topic, subscription, hop, retries, waits, lost)


def _lost_answers(name: str, context: Context) -> GeometricGaps | None:
    share = float(context.assumption(KIND, "duplicate_probability"))
    return context.sim.gaps(name, "lost answers", share) if share else None


def _outside_courier(
    topic: Topic,
    subscription: Subscription,
    endpoint: Endpoint,
    spec: SubscriptionSpec,
    context: Context,
) -> Courier:
    hop = _hop(subscription, topic, spec, context)
    if spec.Protocol in WEB:
        policy = read_policy_of(spec.DeliveryPolicy, topic.delivery_policy)
        timeout_ns = SUBSCRIPTION_PAGE.quota("http_timeout") * NS_PER_S
        return WebCourier(topic, subscription, hop, endpoint, policy, timeout_ns)
    retries = RetryPolicy.read(SUBSCRIPTION_PAGE.quota("customer_managed_retries"))
    rate = _people_rate(spec.Protocol, context)
    by_mail = spec.Protocol.startswith("email")
    return PeopleCourier(topic, subscription, hop, retries, endpoint, rate, by_mail)


def _people_rate(protocol: str, context: Context) -> TokenBucket | None:
    """Return the bucket of one e-mail subscription, or that of all SMS of the account."""
    if protocol == "application":
        return None
    if protocol != "sms":
        rate = SUBSCRIPTION_PAGE.quota("email_messages")
        return TokenBucket(rate, rate)
    rate = SUBSCRIPTION_PAGE.quota("sms_messages")
    found: TokenBucket = context.shared.setdefault("sns.sms", TokenBucket(rate, rate))
    return found


def _plan_replay(subscription: Subscription, spec: SubscriptionSpec, context: Context) -> None:
    replay = spec.ReplayPolicy
    if replay is None:
        return
    gap_ns = round(NS_PER_S / float(context.assumption(KIND, "replay_rate")))
    context.sim.at(replay.at, subscription.replay, replay.StartingPoint, replay.EndingPoint, gap_ns)
