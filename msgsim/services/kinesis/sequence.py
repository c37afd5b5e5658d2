"""Sequence numbers and shard ids as AWS writes them: 56 digits, and `shardId-` with twelve."""

from __future__ import annotations

import re

from msgsim.services.kinesis.limits import INVALID_ARGUMENT, NOT_FOUND, KinesisError

_SEQUENCE = re.compile(r"49([0-9]{6})([0-9]{48})")
_SHARD = re.compile(r"shardId-([0-9]{12})")


def shown_sequence(shard: int, sequence: int) -> str:
    """Return a sequence number as text; texts of one shard grow as the numbers do."""
    return f"49{shard:06d}{sequence:048d}"


def read_sequence(text: str, shard: int) -> int:
    """Return the number of a text that this shard gave out.

    Raises:
        KinesisError: it is not a sequence number, or one of another shard.
    """
    found = _SEQUENCE.fullmatch(text)
    if found is None or int(found[1]) != shard:
        raise KinesisError(
            INVALID_ARGUMENT,
            f"{text[:60]!r} is not a sequence number of {shown_shard(shard)}",
        )
    return int(found[2])


def shown_shard(index: int) -> str:
    """Return a shard's id."""
    return f"shardId-{index:012d}"


def read_shard(text: str, count: int) -> int:
    """Return the index of a shard's id.

    Raises:
        KinesisError: there is no such shard among `count`.
    """
    found = _SHARD.fullmatch(text)
    if found is None or int(found[1]) >= count:
        raise KinesisError(NOT_FOUND, f"Could not find shard {text[:60]} in the stream.")
    return int(found[1])
