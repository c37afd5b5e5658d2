"""Journal: what happened to the messages of one subscriber, as rows of numbers, in order.

A listener packs the few numbers that matter and returns; what they mean is worked out for some
thousands of rows at once. Nothing that belongs to the model is kept alive.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msgsim.model.message import Key

Rows = NDArray[np.int64]

VISIT = 1 << 20
"""A consumer's number is below this; above it stands, for a visit (see `visits`), its attempt."""

DONE, BORN, ARRIVED, RECEIVED, RANK, NUMBER, KEY, WHAT, CONSUMER = range(9)
"""Columns: four times (ns), rank, message number, number of the key, what happened, to whom."""

RESENT, DELIVERED_AGAIN, REPLAYED, MOVED = (1 << bit for bit in range(4))
GONE, FILTERED, SKIPPED, GIVEN_UP = (1 << bit for bit in range(4, 8))
"""A completion is 0, or why there may be another copy (sent again by its publisher, delivered again
by a topic, replayed from an archive, moved back by a message move task) and GONE (given up before)
or FILTERED (kept out by another consumer's filter before); other rows end a message undone.
"""

REPEATED = RESENT | DELIVERED_AGAIN | REPLAYED
"""Every reason why a message may have another copy."""

_ROW = Struct("=9q")
_LENGTH = 8_192
FULL = _LENGTH * _ROW.size
"""Bytes that are worked off without waiting for anybody to ask."""

pack: Callable[..., bytes] = _ROW.pack


class KeyNumbers(dict[Key, int]):
    """Numbers keys in the order of their first appearance.

    Attributes:
        seen: the keys by their numbers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Key] = []

    def __missing__(self, key: Key) -> int:
        number = self[key] = len(self.seen)
        self.seen.append(key)
        return number


def unpacked(buffer: bytearray) -> Rows:
    """Return the rows of a buffer, one after the other, and empty it."""
    rows = np.frombuffer(bytes(buffer), dtype=np.int64).reshape(-1, _ROW.size // 8)
    buffer.clear()
    return rows


def by_key(keys: NDArray[np.int64]) -> list[tuple[int, Any]]:
    """Return `(number, where)` for every key, `where` picking its rows in order."""
    if keys.size and (keys == keys[0]).all():
        return [(int(keys[0]), slice(None))]
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    numbers = ordered[starts].tolist() if keys.size else []
    return list(zip(numbers, np.split(order, starts[1:]), strict=True)) if numbers else []
