"""Which messages a trace is about: all of them, a share, or those with certain numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection

Choice = Callable[[int], bool] | None
"""Says of a message's number whether it is traced; None traces every message."""

EVERY_MESSAGE: Choice = None

_BITS = 64
_ODD = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: spreads neighbouring numbers evenly


def sampled(share: float) -> Choice:
    """Choose a share of the messages, by their numbers: always the same ones.

    Args:
        share: from 0 to 1.

    Raises:
        ValueError: no such share.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share lies between 0 and 1, not {share}")
    if share == 1:
        return EVERY_MESSAGE
    bound = int(share * (1 << _BITS))
    mask = (1 << _BITS) - 1
    return lambda number: (number + 1) * _ODD & mask < bound


def chosen(numbers: Collection[int]) -> Choice:
    """Choose the messages of these numbers."""
    return frozenset(numbers).__contains__
