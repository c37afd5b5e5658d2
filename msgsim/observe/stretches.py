"""Stretches: observations in the order they came, summed up in at most 2,000 short stretches.

What a run says about a mean, and where its warm-up ends, is read from means of stretches, because
neighbouring observations depend on each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST = 2_000
FIRST_LENGTH = 32


class Stretches:
    """Counts and sums of consecutive observations; two neighbours become one when they are many.

    Attributes:
        counts: how many observations each stretch holds.
        totals: their sums.
        length: how many observations a whole stretch holds now.
    """

    __slots__ = ("counts", "length", "totals")

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.totals: list[int] = []
        self.length = FIRST_LENGTH

    def take(self, values: NDArray[np.int64]) -> None:
        """Take observations in the order they came."""
        if not values.size:
            return
        begins = np.arange(0, values.size, self.length)
        self.totals += np.add.reduceat(values, begins).tolist()
        self.counts += np.diff(begins, append=values.size).tolist()
        while len(self.counts) > MOST:
            self._halve()

    def _halve(self) -> None:
        self.length *= 2
        self.counts = _pairs(self.counts)
        self.totals = _pairs(self.totals)

    def forget(self) -> None:
        """Start anew."""
        self.counts, self.totals, self.length = [], [], FIRST_LENGTH


def _pairs(values: list[int]) -> list[int]:
    paired = [one + other for one, other in zip(values[::2], values[1::2], strict=False)]
    return paired + values[len(paired) * 2 :]
