"""The Kinesis client: boto3's operations over msgsim's streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgsim.cloud.account import Account
from msgsim.cloud.calls import Client
from msgsim.cloud.errors import Exceptions
from msgsim.cloud.kinesis_consumers import ConsumerOperations
from msgsim.cloud.kinesis_records import RecordOperations
from msgsim.cloud.kinesis_shapes import KINESIS_ERRORS, KINESIS_SHAPES, KINESIS_STATUSES
from msgsim.cloud.kinesis_shards import ShardOperations
from msgsim.cloud.kinesis_streams import StreamOperations

if TYPE_CHECKING:
    from msgsim.cloud.cloud import Cloud


def kinesis_client(cloud: Cloud, account: Account) -> Client:
    """Return the client that `cloud.client("kinesis")` hands out."""
    return Client(
        cloud,
        "kinesis",
        KINESIS_SHAPES,
        Exceptions(KINESIS_ERRORS, KINESIS_STATUSES),
        StreamOperations(account),
        RecordOperations(account),
        ShardOperations(account),
        ConsumerOperations(cloud, account),
    )
