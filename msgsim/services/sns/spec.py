"""What YAML may say about topics and subscriptions."""

from __future__ import annotations

from typing import Annotated, Any

from msgsim.model.catalog import page_beside
from msgsim.model.chance import TimeDistribution
from msgsim.model.spec import AwsNumber, Bool, FieldError, Parsed, Plain, RefTo, Spec, String

TOPIC_PAGE = page_beside(__file__, "sns.topic.md")
SUBSCRIPTION_PAGE = page_beside(__file__, "sns.subscription.md")

MODELLED = ("sqs", "lambda")
_LATER = ("firehose",)
_PEOPLE_AND_WEB = ("http", "https", "email", "email-json", "sms", "application")


def _protocol(value: Any) -> str:
    name = str(value)
    if name in MODELLED:
        return name
    hint = f"modelled: {' and '.join(MODELLED)}"
    if name in _LATER:
        raise FieldError("E301", f"subscriptions with Protocol {name} are not modelled yet", hint)
    if name in _PEOPLE_AND_WEB:
        message = f"Protocol {name} leaves AWS: msgsim does not model such endpoints"
        raise FieldError("E241", message, f"{hint}; let a queue and a worker.fleet stand for it")
    message = f"AWS refuses this (InvalidParameter): there is no Protocol {name!r}"
    raise FieldError("E241", message, hint)


Protocol = Annotated[str, Parsed(_protocol, {"enum": list(MODELLED)})]


class DeadLetters(Spec):
    """Where deliveries go that SNS gives up."""

    deadLetterTargetArn: Annotated[String, RefTo("sqs.queue")]  # noqa: N815 - AWS's spelling


class InlineDeadLetters(Spec):
    """The same inside a topic, where references are checked on what it expands to."""

    deadLetterTargetArn: String  # noqa: N815 - AWS's spelling


class _Delivery(Spec):
    """What a subscription says about its deliveries, wherever it is written."""

    Protocol: Protocol
    FilterPolicy: Plain = None
    FilterPolicyScope: String = "MessageAttributes"
    RawMessageDelivery: Bool = False
    latency: TimeDistribution | None = None


class InlineSubscription(_Delivery):
    """An entry of a topic's `Subscription`; references are checked on what it expands to."""

    Endpoint: String
    RedrivePolicy: InlineDeadLetters | None = None


class SubscriptionSpec(_Delivery):
    """Properties of `sns.subscription`; `latency` is the hop from publish to hand-over."""

    TopicArn: Annotated[String, RefTo("sns.topic")]
    Endpoint: Annotated[String, RefTo("sqs.queue", "lambda.function")]
    RedrivePolicy: DeadLetters | None = None


class TopicSpec(Spec):
    """Properties of `sns.topic`, in AWS's spelling and units."""

    FifoTopic: Bool = False
    ContentBasedDeduplication: Bool | None = None
    FifoThroughputScope: String | None = None
    MaximumMessageSize: Annotated[int, AwsNumber(TOPIC_PAGE, "MaximumMessageSize")] = 262_144
    Subscription: tuple[InlineSubscription, ...] = ()
