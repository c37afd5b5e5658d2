"""Kinesis mappings that AWS refuses or that are worth a word (API Reference,
CreateEventSourceMapping).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.hand_built import codes
from tests.services.lambda_built import function, mapping


@pytest.mark.parametrize(
    ("mapped", "expected"),
    [
        ({"StartingPosition": "LATEST"}, []),
        ({"StartingPosition": "LATEST", "BatchSize": 10_000}, []),
        ({}, ["E215"]),
        ({"StartingPosition": "AT_TIMESTAMP"}, ["E222"]),
        ({"StartingPosition": "LATEST", "StartingPositionTimestamp": "0s"}, ["E222"]),
        ({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": "5s"}, ["E222"]),
        (
            {
                "StartingPosition": "AT_TIMESTAMP",
                "StartingPositionTimestamp": "5s",
                "from": "5s",
            },
            [],
        ),
        ({"StartingPosition": "LATEST", "TumblingWindowInSeconds": 30}, []),
        ({"StartingPosition": "LATEST", "window_state": {"per_record": "1KiB"}}, ["E222"]),
        ({"StartingPosition": "LATEST", "MaximumRecordAgeInSeconds": 60}, []),
        ({"StartingPosition": "LATEST", "MaximumRecordAgeInSeconds": -1}, []),
        ({"StartingPosition": "LATEST", "ScalingConfig": {"MaximumConcurrency": 5}}, ["E214"]),
    ],
)
def test_findings(mapped: dict[str, Any], expected: list[str]) -> None:
    """Rules of CreateEventSourceMapping for streams. AWS accepts BatchSize 100 without a window.

    Source: API CreateEventSourceMapping; LocalStack's AWS-validated tests (2025-11-25).
    """
    resources = {
        "Events": {"type": "plain.stream"},
        "Fn": function(),
        "Map": mapping("Events", **mapped),
    }
    assert codes(resources) == expected
