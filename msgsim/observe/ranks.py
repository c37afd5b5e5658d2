"""Ranks: which messages of many keys have been seen, at one number per key that is in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from msgsim.model.message import Key
from msgsim.observe.bulk import WORTH_IT, arrive_all
from msgsim.observe.disorder import SEEN_BEFORE, Disorder

_TROUBLED = -1


class Ranks:
    """Follows the ranks of every key at one place (an entry, the receives of a queue).

    A key whose ranks come in their turn costs one number; one that was ever out of order has a
    `Disorder`.

    Attributes:
        in_turn: by key, the rank that would be in its turn; -1 while more must be known.
        troubled: keys that were ever out of order.
    """

    __slots__ = ("in_turn", "troubled")

    def __init__(self) -> None:
        self.in_turn: dict[Key, int] = {}
        self.troubled: dict[Key, Disorder] = {}

    def arrive(self, key: Key, rank: int) -> bool:
        """Take note of a rank; False when it has been seen or written off before."""
        expected = self.in_turn.get(key, 0)
        if rank == expected:
            self.in_turn[key] = rank + 1
            return True
        if expected != _TROUBLED:
            if rank < expected:
                return False
            disorder = self._disorder(key, expected)
        else:
            disorder = self.troubled[key]
        first = disorder.arrive(rank) != SEEN_BEFORE
        if not disorder.holes and not disorder.skips:
            self.in_turn[key] = disorder.next
        elif expected != _TROUBLED:
            self.in_turn[key] = _TROUBLED
        return first

    def follow(self, key: Key, ranks: NDArray[np.int64]) -> None:
        """Take note of many ranks of one key; -1 - rank stands for one that is written off."""
        if ranks.size >= WORTH_IT and ranks.min() >= 0:
            disorder = self._disorder(key, self.in_turn.get(key, 0))
            if arrive_all(disorder, ranks) is not None:
                self.in_turn[key] = disorder.next if disorder.orderly else _TROUBLED
                return
        for rank in ranks.tolist():
            if rank >= 0:
                self.arrive(key, rank)
            else:
                self.skip(key, ~rank)

    def skip(self, key: Key, rank: int) -> bool:
        """Write a rank off; False when it has been seen or written off before."""
        expected = self.in_turn.get(key, 0)
        if expected != _TROUBLED and rank <= expected:
            if rank == expected:
                self.in_turn[key] = rank + 1
            return rank == expected
        disorder = self._disorder(key, expected)
        found = disorder.skip(rank)
        self.in_turn[key] = disorder.next if disorder.orderly else _TROUBLED
        return found

    def _disorder(self, key: Key, expected: int) -> Disorder:
        disorder = self.troubled.get(key)
        if disorder is None:
            disorder = self.troubled[key] = Disorder(expected)
        elif expected != _TROUBLED:
            disorder.next = expected
        return disorder
