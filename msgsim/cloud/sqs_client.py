"""The SQS client: boto3's operations over msgsim's queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgsim.cloud.account import Account
from msgsim.cloud.calls import Client
from msgsim.cloud.errors import Exceptions
from msgsim.cloud.sqs_messages import MessageOperations
from msgsim.cloud.sqs_moves import MoveOperations
from msgsim.cloud.sqs_queues import QueueOperations
from msgsim.cloud.sqs_shapes import SQS_ERRORS, SQS_SHAPES, SQS_STATUSES

if TYPE_CHECKING:
    from msgsim.cloud.cloud import Cloud


def sqs_client(cloud: Cloud, account: Account) -> Client:
    """Return the client that `cloud.client("sqs")` hands out."""
    exceptions = Exceptions(SQS_ERRORS, SQS_STATUSES, query_codes=True)
    return Client(
        cloud,
        "sqs",
        SQS_SHAPES,
        exceptions,
        QueueOperations(account),
        MessageOperations(account, exceptions),
        MoveOperations(account),
    )
