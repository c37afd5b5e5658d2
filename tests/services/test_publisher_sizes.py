"""Workloads whose messages are larger than their target takes: advice before the run."""

from __future__ import annotations

from typing import Any

import pytest

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.model.spec import Spec
from msgsim.services.firehose.spec import DeliveryStreamSpec
from msgsim.services.kinesis.spec import StreamSpec
from msgsim.services.publisher import SERVICE
from msgsim.services.publisher.spec import WorkloadSpec
from msgsim.services.sns.spec import TopicSpec
from msgsim.services.sqs_queue.spec import QueueSpec

ARCHIVE = DeliveryStreamSpec.model_validate({"ExtendedS3DestinationConfiguration": {}})
SHARD = StreamSpec.model_validate({"ShardCount": 1})
WIDE = StreamSpec.model_validate({"ShardCount": 1, "MaxRecordSizeInKiB": 10_240})
SMALL = QueueSpec.model_validate({"MaximumMessageSize": 1_024})


def advice(target: Spec, size: Any) -> list[str]:
    """Return the codes about sizes that a workload to this target gets."""
    workload = WorkloadSpec.model_validate({"to": "Target", "rate": "1/s", "keys": 5, "size": size})
    found = SERVICE.check("Shop", workload, {"Target": target})
    return [each.code for each in found if each.path == ("size",)]


@pytest.mark.parametrize(
    ("target", "fits", "too_large"),
    [
        (QueueSpec(), "1MiB", "1048577B"),
        (SMALL, "1KiB", "1025B"),
        (TopicSpec(), "256KiB", "262145B"),
        (SHARD, "1048575B", "1MiB"),
        (WIDE, "2MiB", "10MiB"),
        (ARCHIVE, "1000KiB", "1001KiB"),
    ],
)
def test_messages_that_are_all_too_large_are_advised_against(
    target: Spec, fits: str, too_large: str
) -> None:
    """SQS and SNS: `MaximumMessageSize`. Kinesis: `MaxRecordSizeInKiB` for data and partition key,
    which has at least one byte. Firehose: 1,000 KiB.

    Sources: quotas of SQS and SNS; Kinesis API, PutRecord; Firehose API, PutRecordBatch.
    """
    assert advice(target, fits) == []
    assert advice(target, too_large) == ["W386"]


def test_sizes_that_vary_are_left_to_the_run() -> None:
    """Some may fit; those that do not are refused one by one."""
    assert advice(SMALL, {"dist": "uniform", "low": "1KiB", "high": "4KiB"}) == []


@pytest.mark.parametrize(
    ("target", "size"),
    [
        ("{type: kinesis.stream, ShardCount: 1}", "1MiB"),
        ("{type: sqs.queue, MaximumMessageSize: 1024}", "1025B"),
        ("{type: sns.topic, MaximumMessageSize: 1024}", "1025B"),
        (
            "{type: firehose.delivery_stream, ExtendedS3DestinationConfiguration: {}}",
            "1001KiB",
        ),
    ],
)
def test_the_run_refuses_what_the_advice_is_about(target: str, size: str) -> None:
    """Advice and run know the same limit: with one byte too much nothing comes in."""
    text = f"""
msgsim: 1
duration: 10s
resources: {{Target: {target}}}
workload:
  - {{name: Shop, to: Target, rate: 1/s, keys: 5, size: {size}}}
"""
    workload = to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]["workloads"]["Shop"]
    assert workload["published"] > 0
    assert sum(workload["refused"].values()) == workload["published"]
