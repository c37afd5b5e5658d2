"""Numbers with their intervals: `1.84±0.05 s`, to two digits of what is not known."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal

_TIMES = (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
_SIZES = (("TiB", 2.0**40), ("GiB", 2.0**30), ("MiB", 2.0**20), ("KiB", 2.0**10), ("B", 1.0))
_BY_DIMENSION = {"time": _TIMES, "size": _SIZES, "share": ((" %", 0.01),), "rate": (("/s", 1.0),)}
_MOST_DECIMALS = 6


def plus_minus(estimate: float, half: float, dimension: str = "number") -> str:
    """Return an estimate and half the width of its interval, in one unit.

    Args:
        estimate: in base units.
        half: in base units, above 0.
        dimension: `time` (s), `size` (bytes), `rate` (per s), `share` or `number`.
    """
    unit, scale = _unit(max(abs(estimate), half), dimension)
    value, width = estimate / scale, half / scale
    decimals = min(_MOST_DECIMALS, max(0, 1 - math.floor(math.log10(width))))
    if width >= 10:
        decimals = 0
    elif width >= 1:
        decimals = 1
    text = f"{_rounded(value, decimals)}±{_rounded(width, decimals)}"
    return f"{text}{unit}" if unit[:1] in {" ", "/", ""} else f"{text} {unit}"


def _unit(size: float, dimension: str) -> tuple[str, float]:
    units = _BY_DIMENSION.get(dimension, (("", 1.0),))
    for unit, scale in units:
        if size >= scale:
            return unit, scale
    return units[-1]


def _rounded(value: float, decimals: int) -> str:
    step = Decimal(1).scaleb(-decimals)
    found = Decimal(repr(value)).quantize(step, rounding=ROUND_HALF_EVEN)
    return f"{found + 0:,}".replace(",", " ")
