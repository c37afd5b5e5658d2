"""Dynamic partitioning: which prefix of S3 a record belongs to, and how many are active."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgsim.model.message import Message

LIMIT_EXCEEDED = "activePartitionExceeded"
NO_KEY = "partitioning-failed"
_PAIR = re.compile(r'\s*"?([A-Za-z_]\w*)"?\s*:\s*\.([A-Za-z_]\w*)\s*')

PartitionOf = Callable[[Message], tuple[str, ...] | None]


class QueryError(ValueError):
    """A `MetadataExtractionQuery` that is not understood."""


def read_query(text: str) -> PartitionOf:
    """Read a query such as `{customer: .customer_id}`: a record is sorted by those attributes.

    Raises:
        QueryError: it is not an object of names and top-level fields.
    """
    body = text.strip()
    parts = body[1:-1].split(",") if body.startswith("{") and body.endswith("}") else []
    pairs = [_PAIR.fullmatch(part) for part in parts]
    fields = [pair[2] for pair in pairs if pair is not None]
    if not fields or len(fields) != len(pairs):
        raise QueryError(f"cannot read the query {text!r}")

    def partition_of(message: Message) -> tuple[str, ...] | None:
        found = message.attributes
        if any(field not in found for field in fields):
            return None
        return tuple(str(found[field]) for field in fields)

    return partition_of


def by_key(message: Message) -> tuple[str, ...]:
    """Sort by the message's key, as a transformation would that returns it as partition key."""
    return (message.key.name,)
