"""OrderSample: enough completions to draw send rank against completion rank."""

from __future__ import annotations

from typing import Any

from msgsim.model.message import Delivery
from msgsim.observe.gauges import NS_PER_S

MOST_POINTS = 5_000


class OrderSample:
    """Keeps every completion, then every second, fourth … one: at most 5,000, evenly spread.

    Attributes:
        stride: every how many-th completion is kept.
        points: `(place, done_ns, born_ns, number, rank, key)`, place being the completion's own
            number at the subscriber, `number` the message's, `rank` its rank within its key.
    """

    def __init__(self, most: int = MOST_POINTS) -> None:
        self._most = most
        self.stride = 1
        self.points: list[tuple[int, int, int, int, int, str]] = []

    def keep(self, place: int, now: int, delivery: Delivery) -> int:
        """Keep a first completion; return the place of the next one wanted."""
        message = delivery.message
        key = message.key
        self.points.append((place, now, message.born_ns, message.number, message.rank, key.name))
        if len(self.points) > self._most:
            self.stride *= 2
            self.points = self.points[::2]
        return place + self.stride - place % self.stride

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
