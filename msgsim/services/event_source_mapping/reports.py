"""`ReportBatchItemFailures`: what a function's response says about each record of its batch.

An empty or missing list, and a response that is null or an empty text, mean that all records
succeeded. A report that cannot be understood (not an object, no array, an `itemIdentifier` that is
empty, null, unknown or under a wrong key) means that the whole batch failed. Source: Lambda
developer guide, services-sqs-errorhandling.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

Item = TypeVar("Item")

MALFORMED = "malformed report"


def read_report(response: Any, records: Mapping[str, Item]) -> list[Item] | None:
    """Return the records that a response reports as failed, in its order, each once.

    Args:
        response: what the function returned: a JSON value.
        records: the records of the batch by `itemIdentifier` (a message id, a sequence number).

    Returns:
        The failed records, or None when the whole batch counts as failed.
    """
    if response is None or response == "":
        return []
    if not isinstance(response, Mapping):
        return None
    listed = response.get("batchItemFailures")
    if listed is None:
        return []
    if not isinstance(listed, list):
        return None
    failed: dict[str, Item] = {}
    for entry in listed:
        name = entry.get("itemIdentifier") if isinstance(entry, Mapping) else None
        if not isinstance(name, str) or name not in records:
            return None
        failed[name] = records[name]
    return list(failed.values())
