"""`ms.Cloud`: SQS and SNS driven by hand, with boto3's calls, in virtual time."""

from __future__ import annotations

from msgsim.cloud.cloud import Cloud

__all__ = ["Cloud"]
