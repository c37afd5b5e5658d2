"""OrderSample: enough completions to draw send rank against completion rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from msgsim.model.message import Key
from msgsim.observe.gauges import NS_PER_S
from msgsim.observe.journal import BORN, DONE, KEY, NUMBER, RANK, Rows

MOST_POINTS = 20_000
_EXACT = 1 << 53  # up to here a float holds every whole number
_KEPT = [DONE, BORN, NUMBER, RANK, KEY]


class OrderSample:
    """Keeps every completion, then every second, fourth … one: at most 20,000, evenly spread.

    Attributes:
        stride: every how many-th completion is kept.
    """

    def __init__(self, most: int = MOST_POINTS) -> None:
        self._most = most
        self.stride = 1
        self._count = 0
        self._blocks: list[Rows] = []  # columns: place, then `_KEPT`
        self._keys: Sequence[Key] = ()

    def keep(self, place: int, firsts: Rows, keys: Sequence[Key]) -> None:
        """Choose from a batch of first completions.

        Args:
            place: the place of the first of them.
            firsts: their rows of the journal.
            keys: keys by their numbers; the list may grow, but not change.
        """
        self._keys = keys
        while len(firsts):
            skipped = -place % self.stride
            chosen = firsts[skipped :: self.stride][: self._most + 1 - self._count]
            block = np.empty((len(chosen), 1 + len(_KEPT)), dtype=np.int64)
            block[:, 0] = place + skipped + self.stride * np.arange(len(chosen))
            block[:, 1:] = chosen[:, _KEPT]
            self._blocks.append(block)
            self._count += len(chosen)
            if self._count <= self._most:
                return
            last = int(block[-1, 0])
            firsts = firsts[last + 1 - place :]
            place = last + 1
            self.stride *= 2
            self._blocks = [np.concatenate(self._blocks)[::2].copy()]
            self._count = len(self._blocks[0])

    @property
    def points(self) -> list[tuple[int, int, int, int, int, str]]:
        """What is kept: `(place, done_ns, born_ns, number, rank, key)`.

        Place is the completion's own number at the subscriber, `number` the message's, `rank` its
        rank within its key.
        """
        columns = self._columns()
        names = [self._keys[key].name for key in columns.pop()]
        return list(zip(*columns, names, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return the points as columns."""
        place, done, born, number, rank, key = self._columns()
        names = [each.name for each in self._keys]
        return {
            "stride": self.stride,
            "place": place,
            "done_s": _seconds(done),
            "born_s": _seconds(born),
            "number": number,
            "rank": rank,
            "key": [names[each] for each in key],
        }

    def _columns(self) -> list[list[int]]:
        if not self._blocks:
            return [[] for _ in range(1 + len(_KEPT))]
        self._blocks = [np.concatenate(self._blocks)]
        columns: list[list[int]] = self._blocks[0].T.tolist()
        return columns


def _seconds(moments: list[int]) -> list[float]:
    if moments and max(moments) < _EXACT:
        found: list[float] = (np.array(moments, dtype=np.float64) / NS_PER_S).tolist()
        return found
    return [moment / NS_PER_S for moment in moments]
