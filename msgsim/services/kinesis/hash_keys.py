"""The hash space of a Kinesis stream: from partition key to 128-bit hash key, and its split."""

from __future__ import annotations

import re
from hashlib import md5
from itertools import pairwise
from typing import NamedTuple

from msgsim.services.kinesis.limits import INVALID_ARGUMENT, KinesisError

HASH_SPACE = 1 << 128
_HASH_KEY = re.compile(r"0|[1-9][0-9]{0,38}")


class HashRange(NamedTuple):
    """HashKeyRange: the hash keys from `start` to `end`, both included."""

    start: int
    end: int


def equal_ranges(count: int) -> list[HashRange]:
    """Split the hash space into contiguous equal parts (rounding of the ends: assumption)."""
    starts = [-(-part * HASH_SPACE // count) for part in range(count + 1)]
    return [HashRange(start, after - 1) for start, after in pairwise(starts)]


def hash_of(partition_key: str) -> int:
    """Return the key's hash: the MD5 of its UTF-8 bytes as a big-endian 128-bit integer."""
    data = partition_key.encode(errors="surrogatepass")
    return int.from_bytes(md5(data, usedforsecurity=False).digest(), "big")


def explicit_hash(text: str) -> int:
    """Return an ExplicitHashKey as a number.

    Raises:
        KinesisError: it is not 0 to 2^128-1 in decimal.
    """
    if not _HASH_KEY.fullmatch(text) or int(text) >= HASH_SPACE:
        raise KinesisError(
            INVALID_ARGUMENT, f"ExplicitHashKey must be 0 to 2^128-1 in decimal, got {text[:50]!r}"
        )
    return int(text)
