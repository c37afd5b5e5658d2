"""Named random substreams: the name, not the order of construction, picks the numbers.

Every substream is seeded from `SeedSequence(seed, spawn_key=(replication, hash of the name, ...))`.
Adding a component leaves the draws of every other one bit for bit the same, and two variants of a
scenario share the draws of what they have in common (common random numbers; L'Ecuyer 2002, "An
object-oriented random-number package with many long streams and substreams").

The bit generator is pinned to PCG64. NumPy may change how it turns bits into variates from one
feature release to the next, so a result is reproducible for a given NumPy version.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")
K = TypeVar("K")

BLOCK = 1024
"""How many values are drawn at a time. Part of what a seed means: changing it changes results."""

CACHED_BLOCKS = 16

_IN_SEQUENCE = 0
"""Stands where `at` puts the attempt (1, 2, ...), so that `draw` and `at` share no number."""

SHIFT = BLOCK.bit_length() - 1
LAST = BLOCK - 1
"""`number >> SHIFT` is the block of an item, `number & LAST` its place in it."""


def stable_hash(text: str) -> int:
    """A 128-bit hash of a text, the same in every process whatever `PYTHONHASHSEED` says."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


class Substream(ABC, Generic[T]):
    """An endless sequence of random values with a name of its own.

    `draw()` returns the next value, as a plain Python object. It is a C-level iterator over
    blocks (40 to 75 ns a draw, making the block included), and nothing is made before it is needed.
    """

    def __init__(self, seed: int, replication: int, name: str) -> None:
        """Name the substream; `ValueError` if seed, replication or name cannot pick one."""
        self._seed = checked_seed(seed)
        if not name:
            raise ValueError("a sampler needs a name, because the name picks its random numbers")
        code = stable_hash(name)
        words = tuple(code >> shift & 0xFFFFFFFF for shift in (0, 32, 64, 96))
        self._key = (_whole("the replication number", replication, 1 << 32), *words)
        self.name = name
        self.draw: Callable[[], T] = chain.from_iterable(self._sequence()).__next__

    @abstractmethod
    def _fill(self, generator: np.random.Generator) -> list[T]:
        """Return the next values, one or more (`BLOCK` of them where items are numbered)."""

    def _sequence(self) -> Iterator[list[T]]:
        generator = self._generator(_IN_SEQUENCE)
        while True:
            yield self._fill(generator)

    def _generator(self, *key: int) -> np.random.Generator:
        sequence = np.random.SeedSequence(self._seed, spawn_key=(*self._key, *key))
        return np.random.Generator(np.random.PCG64(sequence))


class NumberedSubstream(Substream[T]):
    """A substream that also has a value for every item number, whatever the order of access.

    Attributes:
        recent: the blocks of first attempts that are at hand: values by number // `BLOCK`.
    """

    def __init__(self, seed: int, replication: int, name: str) -> None:
        super().__init__(seed, replication, name)
        self.recent: dict[int, list[T]] = {}
        self._cache: dict[tuple[int, int], list[T]] = {}

    def at(self, number: int, attempt: int = 1) -> T:
        """The value that belongs to item `number` (from 0) at its `attempt` (from 1).

        It does not depend on what was asked before, nor on `draw`. Cheapest when numbers rise
        slowly: a block is generated per 1024 numbers, and the latest 16 blocks are kept.
        """
        if attempt == 1:
            values = self.recent.get(number >> SHIFT)
            return (self.block(number) if values is None else values)[number & LAST]
        self._check(number, attempt)
        block, key = number >> SHIFT, (attempt, number >> SHIFT)
        values = self._cache.get(key)
        if values is None:
            values = _keep(self._cache, key, self._numbered(attempt, block))
        return values[number & LAST]

    def block(self, number: int) -> list[T]:
        """The block of first attempts that holds item `number`: it is at `number & LAST`."""
        self._check(number, 1)
        block = number >> SHIFT
        values = self.recent.get(block)
        if values is None:
            values = _keep(self.recent, block, self._numbered(1, block))
        return values

    def _numbered(self, attempt: int, block: int) -> list[T]:
        return self._fill(self._generator(attempt, block))

    def _check(self, number: int, attempt: int) -> None:
        if number < 0 or attempt < 1:
            raise ValueError(
                f"sampler {self.name}: item {number}, attempt {attempt}, but items are numbered"
                " from 0 and attempts from 1"
            )


def _keep(blocks: dict[K, list[T]], key: K, values: list[T]) -> list[T]:
    """Keep a block, in the place of the oldest one if there are enough."""
    if len(blocks) >= CACHED_BLOCKS:
        del blocks[next(iter(blocks))]
    blocks[key] = values
    return values


def checked_seed(seed: int) -> int:
    """Return a seed that can pick random numbers; `ValueError` for any other."""
    return _whole("the seed", seed, 1 << 128)


def _whole(what: str, value: int, limit: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < limit:
        bits = limit.bit_length() - 1
        raise ValueError(
            f"{what} is {value!r}, but it must be a whole number from 0 to 2^{bits} - 1"
        )
    return value
