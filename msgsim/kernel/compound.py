"""Distributions made of other distributions: a mixture of several, and one moved by an offset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from msgsim.kernel.distributions import Distribution, Values, checked, checked_factor, settle


@dataclass(frozen=True, slots=True)
class Mixture:
    """Each value comes from one part, chosen with probability proportional to its weight."""

    weights: Sequence[float]
    parts: Sequence[Distribution]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("mixture: it must have at least one part")
        if len(self.weights) != len(self.parts):
            raise ValueError(
                f"mixture: {len(self.weights)} weights for {len(self.parts)} parts,"
                " but each part must have one weight"
            )
        object.__setattr__(self, "weights", checked_weights("mixture", self.weights))
        object.__setattr__(self, "parts", tuple(self.parts))

    @property
    def mean(self) -> float:
        return sum(share * part.mean for share, part in self._used())

    @property
    def variance(self) -> float:
        centre = self.mean
        if math.isinf(centre):
            return math.inf
        total = 0.0
        for share, part in self._used():
            distance = part.mean - centre
            total += share * (part.variance + distance * distance)
        return total

    @property
    def minimum(self) -> float:
        return min(part.minimum for _, part in self._used())

    def sample(self, generator: np.random.Generator, size: int) -> Values:
        """Draw `size` values; every part is drawn in full.

        So a change of the weights leaves the values of each part where they were, and two
        variants of a scenario keep sharing them.
        """
        chosen = np.searchsorted(
            cumulative_shares(self.weights), generator.random(size), side="right"
        )
        drawn = [part.sample(generator, size) for part in self.parts]
        result = drawn[0]
        for index, values in enumerate(drawn[1:], start=1):
            result = np.where(chosen == index, values, result)
        return result

    def scaled(self, factor: float) -> Mixture:
        return Mixture(self.weights, [part.scaled(factor) for part in self.parts])

    def describe(self) -> str:
        texts = [f"{100 * share:g} % ({part.describe()})" for share, part in self._used()]
        return "mixture of " + ", ".join(texts)

    def _used(self) -> list[tuple[float, Distribution]]:
        total = sum(self.weights)
        pairs = zip(self.weights, self.parts, strict=True)
        return [(weight / total, part) for weight, part in pairs if weight > 0]


@dataclass(frozen=True, slots=True)
class Shifted:
    """A fixed offset plus a random part, e.g. a minimum duration plus an exponential rest."""

    offset: float
    part: Distribution

    def __post_init__(self) -> None:
        settle(self, offset=checked("shifted: offset", self.offset))

    @property
    def mean(self) -> float:
        return self.offset + self.part.mean

    @property
    def variance(self) -> float:
        return self.part.variance

    @property
    def minimum(self) -> float:
        return self.offset + self.part.minimum

    def sample(self, generator: np.random.Generator, size: int) -> Values:
        return self.part.sample(generator, size) + self.offset

    def scaled(self, factor: float) -> Shifted:
        return Shifted(self.offset * checked_factor(factor), self.part.scaled(factor))

    def describe(self) -> str:
        return f"{self.offset:g} plus ({self.part.describe()})"


def checked_weights(what: str, weights: Sequence[float]) -> tuple[float, ...]:
    """Return the weights as floats; `ValueError` unless all are ≥ 0 and their sum is above 0."""
    numbers = tuple(
        checked(f"{what}: weight {position}", weight, at_least=0)
        for position, weight in enumerate(weights, start=1)
    )
    checked(f"{what}: the sum of the {len(numbers)} weights", sum(numbers), above=0)
    return numbers


def cumulative_shares(weights: Sequence[float]) -> Values:
    """Return the running sums of the weights as shares of their total.

    `np.searchsorted(shares, u, side="right")` with a uniform u in [0, 1) then gives an index with
    probability proportional to its weight, and never one whose weight is 0.
    """
    sums: Values = np.cumsum(np.asarray(weights, dtype=np.float64))
    shares: Values = sums / sums[-1]
    return shares
