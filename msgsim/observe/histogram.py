"""Durations: a collection of whole numbers, exact while it is small, a histogram afterwards.

Up to 65,536 values are kept as they are. From then on only the counts of logarithmic bins remain:
64 bins for every doubling, so that a value read back is off by at most 1/128 (0.8 %). Which of the
two applies depends on how many values there are, never on when the buffer is worked off.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT_LIMIT = 65_536
"""How many values are kept one by one."""

PACKED_EXACT = 4_096
"""Up to so many values leave a run one by one; more of them as bins."""

_SUB_BITS = 6
_SUB = 1 << _SUB_BITS
_POWERS = np.array([1 << bits for bits in range(63)], dtype=np.int64)
_BINS = (63 - _SUB_BITS + 1) * _SUB
_SAFE = 1 << 62
_LONG = 8_192


class Durations:
    """Collects whole numbers ≥ 0 (durations in ns, batch sizes, …) and answers about them.

    Attributes:
        add: takes one value; the bound `append` of an array of 64-bit integers, so that a listener
            pays next to nothing and no objects are kept alive.
    """

    __slots__ = ("_buffer", "_counts", "_exact", "_max", "_min", "_total", "add", "folded")

    def __init__(self) -> None:
        self._buffer = array("q")
        self.add: Callable[[int], None] = self._buffer.append
        self.folded = 0
        self._total = 0
        self._min: int | None = None
        self._max: int | None = None
        self._exact: list[NDArray[Any]] | None = []  # in as few bytes as hold the values
        self._counts: NDArray[np.int64] | None = None

    # Taking values in ----------------------------------------------------------------------

    def extend(self, values: Iterable[int] | NDArray[np.int64]) -> None:
        """Take many values."""
        self.compact()
        found = np.asarray(values if isinstance(values, np.ndarray) else list(values), np.int64)
        if found.size:
            self._fold(found)

    def compact(self) -> None:
        """Work off the buffer; called now and then, it changes no answer."""
        if self._buffer:
            values = np.array(self._buffer, dtype=np.int64)
            del self._buffer[:]
            self._fold(values)

    def forget(self) -> None:
        """Start anew, with nothing collected."""
        del self._buffer[:]
        self.folded = 0
        self._total = 0
        self._min = self._max = None
        self._exact = []
        self._counts = None

    def tick(self) -> None:
        """Work off the buffer if it has become long."""
        if len(self._buffer) >= _LONG:
            self.compact()

    def merge(self, other: Durations) -> None:
        """Take in everything that `other` holds."""
        self.compact()
        other.compact()
        if other._exact is not None:
            for values in list(other._exact):
                self._fold(values.astype(np.int64))
            return
        assert other._counts is not None
        self._note(other.folded, other._total, other._min, other._max)
        self._give_up_exactness()
        assert self._counts is not None
        self._counts += other._counts

    def _fold(self, values: NDArray[np.int64]) -> None:
        low, high = int(values.min()), int(values.max())
        if low < 0:
            raise ValueError(f"a duration cannot be negative: {low}")
        exact = high * values.size < _SAFE
        total = int(values.sum()) if exact else sum(values.tolist())
        self._note(values.size, total, low, high)
        if self._exact is not None:
            self._exact.append(_packed(values, high))
            if self.folded > EXACT_LIMIT:
                self._give_up_exactness()
        else:
            assert self._counts is not None
            self._counts += _binned(values)

    def _note(self, count: int, total: int, low: int | None, high: int | None) -> None:
        self.folded += count
        self._total += total
        if low is not None and (self._min is None or low < self._min):
            self._min = low
        if high is not None and (self._max is None or high > self._max):
            self._max = high

    def _give_up_exactness(self) -> None:
        if self._exact is None:
            return
        counts = np.zeros(_BINS, dtype=np.int64)
        for values in self._exact:
            counts += _binned(values)
        self._counts = counts
        self._exact = None

    # Answers -------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.folded + len(self._buffer)

    @property
    def total(self) -> int:
        """Their exact sum."""
        self.compact()
        return self._total

    @property
    def mean(self) -> float | None:
        """Their mean, from the exact sum; None without values."""
        return self.total / self.folded if self.count else None

    @property
    def min(self) -> int | None:
        """The smallest value; None without values."""
        self.compact()
        return self._min

    @property
    def max(self) -> int | None:
        """The largest value; None without values."""
        self.compact()
        return self._max

    @property
    def exact(self) -> bool:
        """Whether every value is still kept as it was."""
        self.compact()
        return self._exact is not None

    def quantile(self, share: float) -> int | None:
        """Return the nearest-rank quantile, or None without values.

        It is the smallest value such that at least `share` of all values are not above it: of n
        sorted values the one at position ⌈share · n⌉ (at least 1). Once values are binned, the
        middle of the bin that holds it, off by at most 0.8 %.

        Raises:
            ValueError: the share is not within 0 … 1.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"a quantile needs a share from 0 to 1, not {share}")
        self.compact()
        if not self.folded:
            return None
        rank = max(1, -(-(Fraction(str(share)) * self.folded) // 1))
        if self._exact is not None:
            self._exact = [np.concatenate(self._exact)]
            return int(np.partition(self._exact[0], rank - 1)[rank - 1])
        assert self._counts is not None and self._min is not None and self._max is not None
        found = int(np.searchsorted(np.cumsum(self._counts), rank))
        return min(max(_middle(found), self._min), self._max)

    def values(self) -> NDArray[np.int64]:
        """Return the values in the order they came; from bins, the middle of each.

        For pictures. Binned values come sorted, at most a few per bin, in proportion.
        """
        self.compact()
        if self._exact is not None:
            return np.concatenate([np.zeros(0, dtype=np.int64), *self._exact])
        middles, counts = self.bins()
        thinned = -(-counts * 10_000 // self.folded)
        return np.repeat(middles, thinned)

    def bins(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return `(value, count)` of every bin in use, in ascending order."""
        self.compact()
        if self._exact is not None:
            values, counts = np.unique(self.values(), return_counts=True)
            return values, counts.astype(np.int64)
        assert self._counts is not None
        used = np.flatnonzero(self._counts)
        middles = np.array([_middle(int(index)) for index in used], dtype=np.int64)
        return middles, self._counts[used]

    def snapshot(self) -> Snapshot:
        """Return what is known now, in constant size, for a later difference."""
        self.compact()
        if self._counts is not None:
            counts = self._counts.copy()
        else:
            counts = np.zeros(_BINS, dtype=np.int64)
            for values in self._exact or ():
                counts += _binned(values)
        return Snapshot(self.folded, self._total, counts)

    def packed(self, most: int = PACKED_EXACT) -> Packed:
        """Return what is held as plain arrays, to travel or to be saved; `unpacked` reads it.

        Args:
            most: up to so many values travel one by one, sorted; more of them as bins.
        """
        self.compact()
        ends = (self.folded, self._total, self._min or 0, self._max or 0)
        if self._exact is not None and self.folded <= most:
            return Packed(*ends, np.sort(self.values()), None)
        counts = self.snapshot()._counts
        used = np.flatnonzero(counts)
        return Packed(*ends, used, counts[used])

    @classmethod
    def unpacked(cls, packed: Packed) -> Durations:
        """Return the collection that was packed."""
        found = cls()
        if not packed.count:
            return found
        if packed.counts is None:
            found.extend(packed.places)
            return found
        counts = np.zeros(_BINS, dtype=np.int64)
        counts[packed.places] = packed.counts
        found._exact, found._counts = None, counts
        found._note(packed.count, packed.total, packed.min, packed.max)
        return found

    def to_json(self, unit: str = "s", scale: int = 1_000_000_000) -> dict[str, Any]:
        """Return count, mean, extremes and the usual quantiles, as plain numbers with units."""
        if not self.count:
            return {"count": 0}
        found: dict[str, Any] = {"count": self.count, "exact": self.exact}
        mean, low, high = self.mean, self.min, self.max
        assert mean is not None and low is not None and high is not None
        suffix = f"_{unit}" if unit else ""
        found[f"mean{suffix}"] = mean / scale
        found[f"min{suffix}"] = low / scale
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)):
            value = self.quantile(share)
            assert value is not None
            found[f"{name}{suffix}"] = value / scale
        found[f"max{suffix}"] = high / scale
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """A collection as plain arrays.

    Attributes:
        count, total, min, max: of the values.
        places: the values, or the numbers of the bins in use.
        counts: how many values each of these bins holds; None where values are kept one by one.
    """

    count: int
    total: int
    min: int
    max: int
    places: NDArray[np.int64]
    counts: NDArray[np.int64] | None


class Snapshot:
    """Everything a collection knew at one moment: count, exact sum and bins."""

    __slots__ = ("_counts", "count", "total")

    def __init__(self, count: int, total: int, counts: NDArray[np.int64]) -> None:
        self.count = count
        self.total = total
        self._counts = counts

    def since(self, earlier: Snapshot) -> Durations:
        """Return what came after `earlier`; the sum is exact, quantiles and extremes to 0.8 %."""
        window = Durations()
        counts = self._counts - earlier._counts
        used = np.flatnonzero(counts)
        window._exact = None
        window._counts = counts
        if used.size:
            ends = _middle(int(used[0])), _middle(int(used[-1]))
            window._note(self.count - earlier.count, self.total - earlier.total, *ends)
        return window


def _packed(values: NDArray[np.int64], high: int) -> NDArray[Any]:
    """Return values from 0 to `high` in as few bytes as hold them."""
    for kind in (np.uint8, np.uint16, np.uint32):
        if high <= np.iinfo(kind).max:
            return values.astype(kind)
    return values


def _binned(values: NDArray[Any]) -> NDArray[np.int64]:
    """Count values per bin: below 128 exact, above by their seven leading bits."""
    values = values.astype(np.int64)
    bits = np.searchsorted(_POWERS, values, side="right").astype(np.int64)
    shift = np.maximum(bits - (_SUB_BITS + 1), 0)
    index = shift * _SUB + (values >> shift)
    return np.bincount(index, minlength=_BINS).astype(np.int64)


def _middle(index: int) -> int:
    """Return the value that stands for a bin."""
    if index < 2 * _SUB:
        return index
    shift = index // _SUB - 1
    return ((index - shift * _SUB) << shift) + (((1 << shift) - 1) >> 1)
