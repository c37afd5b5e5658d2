"""Dice: choices that follow from a seed alone, the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Dice:
    """Draws choices from uniform numbers, which numpy keeps equal across versions.

    Args:
        seed: whole number.
    """

    def __init__(self, seed: int) -> None:
        self._numbers = np.random.Generator(np.random.PCG64(seed))

    def chance(self, probability: float) -> bool:
        """Say yes with that probability."""
        return float(self._numbers.random()) < probability

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self._numbers.random() * (high - low + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of several."""
        return choices[self.between(0, len(choices) - 1)]

    def some(self, choices: Sequence[T], most: int) -> list[T]:
        """Return up to `most` different ones, in their order."""
        left = list(range(len(choices)))
        count = min(self.between(0, most), len(left))
        kept = sorted(left.pop(self.between(0, len(left) - 1)) for _ in range(count))
        return [choices[index] for index in kept]
