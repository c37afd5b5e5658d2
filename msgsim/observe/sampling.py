"""OrderSample: enough completions to draw send rank against completion rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgsim.model.message import Key
from msgsim.observe.gauges import NS_PER_S
from msgsim.observe.journal import BORN, DONE, KEY, NUMBER, RANK, Rows

MOST_POINTS = 20_000


class OrderSample:
    """Keeps every completion, then every second, fourth … one: at most 20,000, evenly spread.

    Attributes:
        stride: every how many-th completion is kept.
        points: `(place, done_ns, born_ns, number, rank, key)`, place being the completion's own
            number at the subscriber, `number` the message's, `rank` its rank within its key.
    """

    def __init__(self, most: int = MOST_POINTS) -> None:
        self._most = most
        self.stride = 1
        self.points: list[tuple[int, int, int, int, int, str]] = []

    def keep(self, place: int, firsts: Rows, keys: Sequence[Key]) -> None:
        """Choose from a batch of first completions.

        Args:
            place: the place of the first of them.
            firsts: their rows of the journal.
            keys: keys by their numbers.
        """
        while len(firsts):
            skipped = -place % self.stride
            room = self._most + 1 - len(self.points)
            chosen = firsts[skipped :: self.stride][:room]
            places = range(place + skipped, place + len(firsts), self.stride)
            done, born, number, rank, key = chosen[:, [DONE, BORN, NUMBER, RANK, KEY]].T.tolist()
            names = [keys[each].name for each in key]
            self.points.extend(zip(places, done, born, number, rank, names, strict=False))
            if len(self.points) <= self._most:
                return
            firsts = firsts[self.points[-1][0] + 1 - place :]
            place = self.points[-1][0] + 1
            self.stride *= 2
            self.points = self.points[::2]

    def to_json(self) -> dict[str, Any]:
        """Return the points as columns."""
        columns = list(zip(*self.points, strict=True)) if self.points else [()] * 6
        return {
            "stride": self.stride,
            "place": list(columns[0]),
            "done_s": [moment / NS_PER_S for moment in columns[1]],
            "born_s": [moment / NS_PER_S for moment in columns[2]],
            "number": list(columns[3]),
            "rank": list(columns[4]),
            "key": list(columns[5]),
        }
