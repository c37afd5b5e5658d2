"""Samplers: a distribution, or another kind of random choice, with its own named substream.

All are built from (seed, replication, name), where the name reads like "BillingFn/handler", and
return plain Python numbers. `draw()` gives the next value. `at(number, attempt)`, where offered,
gives the value that belongs to an item, so that another order of events does not shift the draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, Literal, TypeVar, overload

import numpy as np
import numpy.typing as npt

from msgsim.kernel.compound import checked_weights, cumulative_shares
from msgsim.kernel.distributions import (
    Constant,
    Distribution,
    Uniform,
    Values,
    checked,
    checked_probability,
)
from msgsim.kernel.substreams import BLOCK, NumberedSubstream, Substream, stable_hash

__all__ = [
    "BLOCK",
    "NEVER",
    "ChoiceSampler",
    "GeometricGaps",
    "IntegerSampler",
    "PermutationSampler",
    "Sampler",
    "stable_hash",
    "zipf_weights",
]

N = TypeVar("N", bound=float)

NEVER = 1 << 62
"""Larger than any count or time here (in nanoseconds, 146 years); whole values are cut at it."""

_NEVER_AS_FLOAT = float(NEVER)
_MOST_INTEGERS = 1 << 32
_SHORTEST_BLOCK = 16


class Sampler(NumberedSubstream[N]):
    """A distribution with its own named substream: a random variate stream.

    With `integer=True` the values are rounded to the nearest whole number and are Python ints, as
    the clock needs; a heavy tail is cut at ±`NEVER`. A `Constant` is not drawn at all.
    """

    @overload
    def __init__(
        self: Sampler[float],
        distribution: Distribution,
        seed: int,
        replication: int,
        name: str,
        integer: Literal[False] = False,
    ) -> None: ...

    @overload
    def __init__(
        self: Sampler[int],
        distribution: Distribution,
        seed: int,
        replication: int,
        name: str,
        integer: Literal[True],
    ) -> None: ...

    def __init__(
        self,
        distribution: Distribution,
        seed: int,
        replication: int,
        name: str,
        integer: bool = False,
    ) -> None:
        super().__init__(seed, replication, name)
        self.distribution = distribution
        self.integer = integer
        self._same: list[N] | None = None
        if isinstance(distribution, Constant):
            self._same = self._plain(np.full(1, distribution.value)) * BLOCK

    @staticmethod
    def uniform(seed: int, replication: int, name: str) -> Sampler[float]:
        """Numbers from 0 (included) to 1: compare with a probability to decide an event."""
        return Sampler(Uniform(0, 1), seed, replication, name)

    def _fill(self, generator: np.random.Generator) -> list[N]:
        return self._plain(self.distribution.sample(generator, BLOCK))

    def _sequence(self) -> Iterator[list[N]]:
        if self._same is None:
            yield from super()._sequence()
        else:
            yield from repeat(self._same)

    def _numbered(self, attempt: int, block: int) -> list[N]:
        return super()._numbered(attempt, block) if self._same is None else self._same

    def _plain(self, values: Values) -> list[N]:
        if self.integer:
            bounded = np.clip(np.rint(values), -_NEVER_AS_FLOAT, _NEVER_AS_FLOAT)
            return _listed(bounded.astype(np.int64))
        return _listed(values)


class ChoiceSampler(NumberedSubstream[int]):
    """Weighted choice: indices 0 … n - 1 with probabilities proportional to n weights."""

    def __init__(self, weights: Sequence[float], seed: int, replication: int, name: str) -> None:
        super().__init__(seed, replication, name)
        self._shares = cumulative_shares(checked_weights("choice", weights))

    def _fill(self, generator: np.random.Generator) -> list[int]:
        return _listed(np.searchsorted(self._shares, generator.random(BLOCK), side="right"))


class IntegerSampler(NumberedSubstream[int]):
    """Whole numbers 0 … n - 1, all equally likely."""

    def __init__(self, n: int, seed: int, replication: int, name: str) -> None:
        super().__init__(seed, replication, name)
        self.n = _count("the range of an integer sampler", n)

    def _fill(self, generator: np.random.Generator) -> list[int]:
        return _listed(generator.integers(0, self.n, BLOCK))


class PermutationSampler(Substream[list[int]]):
    """Random orders: each draw is a new list holding 0 … n - 1, every order equally likely.

    Blocks are shorter for a large n, so that one holds about as many numbers as any other's.
    """

    def __init__(self, n: int, seed: int, replication: int, name: str) -> None:
        super().__init__(seed, replication, name)
        self.n = _count("the length of a permutation", n)
        self._rows = min(BLOCK, max(_SHORTEST_BLOCK, 8 * BLOCK // n))

    def _fill(self, generator: np.random.Generator) -> list[list[int]]:
        rows = np.tile(np.arange(self.n), (self._rows, 1))
        return _listed(generator.permuted(rows, axis=1))


class GeometricGaps(Substream[int]):
    """How many trials until the next success of a rare event, the successful one included.

    Counting down a gap replaces one draw per trial. With p = 0 every gap is `NEVER`.
    """

    def __init__(self, p: float, seed: int, replication: int, name: str) -> None:
        super().__init__(seed, replication, name)
        self.p = checked_probability(p)

    def _fill(self, generator: np.random.Generator) -> list[int]:
        if self.p == 0:
            return [NEVER] * BLOCK
        return _listed(np.minimum(generator.geometric(self.p, BLOCK), NEVER))


def zipf_weights(n: int, exponent: float) -> list[float]:
    """Weights 1 / rank^exponent of n items, the most popular first; exponent 0 is uniform."""
    exponent = checked("the Zipf exponent", exponent, at_least=0)
    ranks = np.arange(1, _count("the number of Zipf items", n) + 1, dtype=np.float64)
    return _listed(ranks**-exponent)


def _listed(values: npt.NDArray[Any]) -> list[Any]:
    """The values as Python numbers: a NumPy integer must never reach the clock."""
    listed: list[Any] = values.tolist()
    return listed


def _count(what: str, n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= _MOST_INTEGERS:
        raise ValueError(f"{what} is {n!r}, but it must be a whole number from 1 to 2^32")
    return n
