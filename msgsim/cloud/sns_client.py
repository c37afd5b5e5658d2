"""The SNS client: boto3's operations over msgsim's topics and subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgsim.cloud.account import Account
from msgsim.cloud.calls import Client
from msgsim.cloud.errors import Exceptions
from msgsim.cloud.sns_publish import PublishOperations
from msgsim.cloud.sns_shapes import SNS_ERRORS, SNS_SHAPES, SNS_STATUSES
from msgsim.cloud.sns_subscriptions import SubscriptionOperations
from msgsim.cloud.sns_topics import TopicOperations

if TYPE_CHECKING:
    from msgsim.cloud.cloud import Cloud


def sns_client(cloud: Cloud, account: Account) -> Client:
    """Return the client that `cloud.client("sns")` hands out."""
    return Client(
        cloud,
        "sns",
        SNS_SHAPES,
        Exceptions(SNS_ERRORS, SNS_STATUSES),
        TopicOperations(account),
        SubscriptionOperations(account),
        PublishOperations(account),
    )
