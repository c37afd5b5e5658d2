"""Mappings of SQS queues that AWS refuses or that are worth a word (API Reference,
CreateEventSourceMapping).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.hand_built import codes
from tests.services.lambda_built import function, mapping
from tests.services.queue_mapped import queue, redrive

GOOD = {"VisibilityTimeout": 90, "RedrivePolicy": redrive(5)}


@pytest.mark.parametrize(
    ("source", "fn", "mapped", "expected"),
    [
        ({}, {}, {}, []),
        ({"VisibilityTimeout": 2}, {}, {}, ["E210"]),
        ({"VisibilityTimeout": 17}, {}, {}, ["W211"]),
        ({"VisibilityTimeout": 18}, {}, {}, []),
        ({"VisibilityTimeout": 18}, {}, {"MaximumBatchingWindowInSeconds": 1}, ["W211"]),
        ({}, {}, {"BatchSize": 100}, ["E212"]),
        ({}, {}, {"BatchSize": 100, "MaximumBatchingWindowInSeconds": 1}, []),
        ({"FifoQueue": "true"}, {}, {"BatchSize": 11}, ["E213"]),
        ({"FifoQueue": "true"}, {}, {"MaximumBatchingWindowInSeconds": 1}, ["E213"]),
        ({}, {}, {"ParallelizationFactor": 2}, ["E214"]),
        ({}, {}, {"StartingPosition": "LATEST"}, ["E214"]),
        ({"RedrivePolicy": redrive(3)}, {}, {}, ["W214"]),
        ({}, {"ReservedConcurrentExecutions": 5}, {}, ["W215"]),
        ({}, {"ReservedConcurrentExecutions": 1}, {}, ["W215", "W216"]),
        (
            {},
            {"ReservedConcurrentExecutions": 5},
            {"ScalingConfig": {"MaximumConcurrency": 5}},
            [],
        ),
        (
            {},
            {"ReservedConcurrentExecutions": 5},
            {"ScalingConfig": {"MaximumConcurrency": 6}},
            ["W215"],
        ),
        ({}, {"handler__report": "failed"}, {}, ["W322"]),
        ({}, {}, {"FilterCriteria": {"Filters": []}}, []),
        ({}, {}, {"ProvisionedPollerConfig": {"MinimumPollers": 2}}, []),
        ({}, {}, {"FilterCriteria": {"Filter": []}}, ["E218"]),
        ({}, {}, {"FilterCriteria": []}, ["E218"]),
    ],
)
def test_findings(
    source: dict[str, Any], fn: dict[str, Any], mapped: dict[str, Any], expected: list[str]
) -> None:
    """Rules of CreateEventSourceMapping and AWS's advice, each with its code.

    Source: Lambda developer guide, services-sqs-configure.html; API CreateEventSourceMapping.
    """
    dead = queue(FifoQueue="true") if source.get("FifoQueue") else queue()
    resources = {
        "Orders": queue(**{**GOOD, **source}),
        "Dlq": dead,
        "Fn": function(**fn),
        "Map": mapping(**mapped),
    }
    assert codes(resources) == expected


def test_a_queue_is_mapped_to_a_function_once() -> None:
    """ResourceConflictException. Source: LocalStack's AWS-validated tests (2025-11-25)."""
    resources = {"Orders": queue(**GOOD), "Dlq": queue(), "Fn": function()}
    assert codes({**resources, "One": mapping(), "Two": mapping()}) == ["E217"]


def test_failures_without_a_dead_letter_queue_are_worth_a_word() -> None:
    resources = {"Orders": queue(), "Fn": function(handler__fails="1%"), "Map": mapping()}
    assert codes(resources) == ["W213"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"BatchSize": 0},
        {"BatchSize": 10_001},
        {"MaximumBatchingWindowInSeconds": 301},
        {"ScalingConfig": {"MaximumConcurrency": 1}},
        {"ScalingConfig": {"MaximumConcurrency": 1_001}},
        {"FunctionResponseTypes": ["ReportBatchItemFailure"]},
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    """Ranges of the API reference."""
    with pytest.raises(ValueError):
        codes({"Orders": queue(), "Fn": function(), "Map": mapping(**wrong)})
