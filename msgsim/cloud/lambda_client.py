"""The Lambda client: boto3's operations over msgsim's functions and mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgsim.cloud.account import Account
from msgsim.cloud.calls import Client
from msgsim.cloud.errors import Exceptions
from msgsim.cloud.lambda_functions import FunctionOperations
from msgsim.cloud.lambda_invoke import InvokeOperations
from msgsim.cloud.lambda_mappings import MappingOperations
from msgsim.cloud.lambda_shapes import LAMBDA_ERRORS, LAMBDA_SHAPES, LAMBDA_STATUSES

if TYPE_CHECKING:
    from msgsim.cloud.cloud import Cloud


def lambda_client(cloud: Cloud, account: Account) -> Client:
    """Return the client that `cloud.client("lambda")` hands out."""
    exceptions = Exceptions(LAMBDA_ERRORS, LAMBDA_STATUSES)
    return Client(
        cloud,
        "lambda",
        LAMBDA_SHAPES,
        exceptions,
        FunctionOperations(account),
        MappingOperations(account),
        InvokeOperations(account),
    )
