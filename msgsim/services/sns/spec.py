"""What YAML may say about topics, subscriptions, and endpoints outside AWS."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgsim.model.catalog import page_beside
from msgsim.model.chance import TimeDistribution
from msgsim.model.spec import (
    AwsNumber,
    Bool,
    Duration,
    FieldError,
    Parsed,
    Plain,
    RefTo,
    Share,
    Spec,
    String,
    Whole,
)

TOPIC_PAGE = page_beside(__file__, "sns.topic.md")
SUBSCRIPTION_PAGE = page_beside(__file__, "sns.subscription.md")
ENDPOINT_PAGE = page_beside(__file__, "sns.endpoint.md")

WEB = ("http", "https")
PEOPLE = ("email", "email-json", "sms", "application")
MODELLED = ("sqs", "lambda", "firehose", *WEB, *PEOPLE)


def _protocol(value: Any) -> str:
    name = str(value)
    if name in MODELLED:
        return name
    hint = f"modelled: {', '.join(MODELLED)}"
    message = f"AWS refuses this (InvalidParameter): there is no Protocol {name!r}"
    raise FieldError("E241", message, hint)


Protocol = Annotated[str, Parsed(_protocol, {"enum": list(MODELLED)})]


class DeadLetters(Spec):
    """Where deliveries go that SNS gives up."""

    deadLetterTargetArn: Annotated[String, RefTo("sqs.queue")]  # noqa: N815 - AWS's spelling


class InlineDeadLetters(Spec):
    """The same inside a topic, where references are checked on what it expands to."""

    deadLetterTargetArn: String  # noqa: N815 - AWS's spelling


class Replaying(Spec):
    """What to deliver again from the topic's archive; times count from the start of the run.

    `at` is when the policy is set.
    """

    PointType: String = "Timestamp"
    StartingPoint: Duration
    EndingPoint: Duration | None = None
    at: Duration = 0


class Archiving(Spec):
    """How many days a FIFO topic keeps what was published."""

    MessageRetentionPeriod: Annotated[int, AwsNumber(TOPIC_PAGE, "MessageRetentionPeriod")]


class _Delivery(Spec):
    """What a subscription says about its deliveries, wherever it is written."""

    Protocol: Protocol
    FilterPolicy: Plain = None
    FilterPolicyScope: String = "MessageAttributes"
    RawMessageDelivery: Bool = False
    SubscriptionRoleArn: String | None = None
    DeliveryPolicy: Plain = None
    ReplayPolicy: Replaying | None = None
    latency: TimeDistribution | None = None


class InlineSubscription(_Delivery):
    """An entry of a topic's `Subscription`; references are checked on what it expands to."""

    Endpoint: String
    RedrivePolicy: InlineDeadLetters | None = None


class SubscriptionSpec(_Delivery):
    """Properties of `sns.subscription`; `latency` is the hop from publish to hand-over."""

    live: ClassVar[frozenset[str]] = frozenset({"FilterPolicy"})

    TopicArn: Annotated[String, RefTo("sns.topic")]
    Endpoint: Annotated[
        String,
        RefTo("sqs.queue", "lambda.function", "firehose.delivery_stream", "sns.endpoint"),
    ]
    RedrivePolicy: DeadLetters | None = None


class TopicSpec(Spec):
    """Properties of `sns.topic`, in AWS's spelling and units."""

    FifoTopic: Bool = False
    ContentBasedDeduplication: Bool | None = None
    FifoThroughputScope: String | None = None
    MaximumMessageSize: Annotated[int, AwsNumber(TOPIC_PAGE, "MaximumMessageSize")] = 262_144
    ArchivePolicy: Archiving | None = None
    DeliveryPolicy: Plain = None
    Subscription: tuple[InlineSubscription, ...] = ()


class EndpointSpec(Spec):
    """What a receiver outside AWS's queues and functions does with a delivery."""

    time: TimeDistribution | None = None
    status: Whole = 200
    fails: Share = 0.0
    fail_status: Whole = 503
    hangs: Share = 0.0
