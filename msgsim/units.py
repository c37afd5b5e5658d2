"""Text <-> exact values: `30s` to nanoseconds, `256KiB` to bytes, `50/s` to a rate, and back.

Simulator values always carry a unit; a bare number is read only where AWS itself documents the unit
(`bare_unit`). Reading is exact: decimals are kept as fractions and rounded half to even once, at
the end. Durations end at 100 years, because 64-bit nanoseconds do at 292.

Sizes: `KiB MiB GiB TiB` are powers of 1,024; `kB` (also written `KB`), `MB GB TB` powers of 1,000.
AWS's pages often write KB where they mean 1,024 bytes: write KiB for those.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from itertools import pairwise

from msgsim.problems import did_you_mean, quote


class UnitError(ValueError):
    """A text is not the quantity that was expected. The message is meant for the user."""


TIME_UNITS_NS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "min": 60 * 10**9,
    "h": 3_600 * 10**9,
    "d": 86_400 * 10**9,
}
"""Nanoseconds in each unit of time (both Greek letters for micro are in use)."""

SIZE_UNITS_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}

MAX_DURATION_NS = 36_500 * TIME_UNITS_NS["d"]
MAX_SIZE_BYTES = 2**60
MAX_RATE_PER_S = 10**9
MAX_FACTOR = 10**9
MAX_NUMBER = 2**63 - 1

_MAX_LENGTH = 64
_NUMBER = r"[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?"
_PLAIN = re.compile(rf"[+-]?{_NUMBER}(?:[eE][+-]?[0-9]{{1,3}})?")
_PART = re.compile(rf"({_NUMBER})\s*([^\W\d_]+)\s*")

_SPELLED_OUT = {
    word: unit
    for unit, words in {
        "us": "usec microsecond microseconds",
        "ms": "msec millis millisecond milliseconds",
        "s": "sec secs second seconds",
        "m": "mins minute minutes",
        "h": "hr hrs hour hours",
        "d": "day days",
        "B": "byte bytes",
    }.items()
    for word in words.split()
}

_DURATION = "a duration: a number and its unit, for example `30s`, `200ms`, `5m` or `1h30m`"
_SIZE = "a size: a number and its unit, for example `200B`, `256KiB` or `1MiB`"
_RATE = "a rate: a number per unit of time, for example `50/s` or `300/min`"
_SHARE = "a share: a percentage or a fraction from 0 to 1, for example `1%` or `0.01`"
_FACTOR = "a factor: a number and `x`, for example `5x` or `0.5x`"
_PLAIN_NUMBER = "a number, for example `30`, `0.5` or `20_000`"


# --- reading --------------------------------------------------------------------------------------


def duration_ns(text: str, *, bare_unit: str | None = None) -> int:
    """Nanoseconds in `text`: `30s`, `1h30m`, `100ns`; `30` alone only if `bare_unit` says of what.

    Raises `UnitError` for anything else, below zero and above 100 years.
    """
    total = _with_units(text, TIME_UNITS_NS, _DURATION, bare_unit, several=True)
    if total > MAX_DURATION_NS:
        raise UnitError(f"{quote(text)} is longer than 100 years (`36500d`), the longest duration")
    return round(total)


def size_bytes(text: str, *, bare_unit: str | None = None) -> int:
    """Bytes in `text`: `200B`, `256KiB`, `64kB`; `200` alone only if `bare_unit` says of what.

    Raises `UnitError` for anything else, below zero and above 2**60 bytes.
    """
    total = _with_units(text, SIZE_UNITS_BYTES, _SIZE, bare_unit, several=False)
    if total > MAX_SIZE_BYTES:
        raise UnitError(
            f"{quote(text)} is larger than `{MAX_SIZE_BYTES >> 40}TiB`, the largest size"
        )
    return round(total)


def rate_per_s(text: str) -> float:
    """Per second: `50/s`, `300/min`, `10/h`. Raises `UnitError`, also above one per nanosecond."""
    amount, slash, unit = _cleaned(text, _RATE).partition("/")
    if not slash:
        raise UnitError(f"{quote(text)} has no unit of time; write {_RATE}")
    if unit.strip() not in TIME_UNITS_NS:
        known = "`/s`, `/min`, `/h` or `/d`"
        raise UnitError(f"{quote(text)}: {quote('/' + unit.strip())} is unknown; use {known}")
    rate = _non_negative(amount.strip(), text, _RATE) * 10**9 / TIME_UNITS_NS[unit.strip()]
    if rate > MAX_RATE_PER_S:
        raise UnitError(f"{quote(text)} is more than one per nanosecond, the highest rate")
    return float(rate)


def share(text: str) -> float:
    """A fraction from 0 to 1: `1%` and `0.01` are the same. Raises `UnitError` outside of it."""
    cleaned = _cleaned(text, _SHARE)
    percent = cleaned.endswith("%")
    value = _non_negative(cleaned.removesuffix("%").rstrip(), text, _SHARE)
    value = value / 100 if percent else value
    if value > 1:
        advice = "" if percent or value > 100 else f"; for {cleaned} percent write `{cleaned}%`"
        raise UnitError(f"{quote(text)} is above 100%, the largest share{advice}")
    return float(value)


def factor(text: str) -> float:
    """How many times: `5x` is 5.0. Raises `UnitError` without the `x`, and below zero."""
    cleaned = _cleaned(text, _FACTOR)
    if cleaned[-1] not in "x×":
        raise UnitError(f"{quote(text)} has no `x`; write {_FACTOR}")
    value = _non_negative(cleaned[:-1].rstrip(), text, _FACTOR)
    if value > MAX_FACTOR:
        raise UnitError(f"{quote(text)} is more than {format_count(MAX_FACTOR)}x")
    return float(value)


def number(text: str) -> int | float:
    """A plain number: `30`, `20_000`, `1e6` (whole numbers as int), `0.5`, `-2`.

    Raises `UnitError` for NaN, infinities, units, and beyond 64-bit integers.
    """
    cleaned = _cleaned(text, _PLAIN_NUMBER)
    value = _fraction(cleaned, text, _PLAIN_NUMBER)
    if abs(value) > MAX_NUMBER:
        raise UnitError(f"{quote(text)} is too large; numbers end at {MAX_NUMBER}")
    if "." not in cleaned and value.denominator == 1:
        return int(value)
    return float(value)


def parse_quantity(text: str) -> tuple[float, str]:
    """A value in its base unit and the name of its dimension, told apart by how it is written.

    Dimensions: `time` (seconds), `size` (bytes), `rate` (per second), `share` (ratio), `number`.
    Raises `UnitError` if `text` is none of them.
    """
    cleaned = text.strip()
    if cleaned.endswith("%"):
        return share(text), "share"
    if "/" in cleaned:
        return rate_per_s(text), "rate"
    if any(cleaned.endswith(unit) for unit in SIZE_UNITS_BYTES):
        return float(size_bytes(text)), "size"
    if re.match("[-+]?[0-9]", cleaned) and any(cleaned.endswith(unit) for unit in TIME_UNITS_NS):
        return duration_ns(text) / 10**9, "time"
    try:
        return float(number(text)), "number"
    except UnitError as error:
        if _PLAIN.fullmatch(cleaned):
            raise
        expected = "a number or a quantity, for example `20`, `5s`, `256KiB`, `50/s` or `1%`"
        raise UnitError(f"{quote(text)} is not {expected}") from error


def _with_units(
    text: str, units: dict[str, int], expected: str, bare_unit: str | None, *, several: bool
) -> Fraction:
    cleaned = _cleaned(text, expected)
    if _PLAIN.fullmatch(cleaned):
        if bare_unit is None:
            raise UnitError(f"{quote(text)} has no unit; write {expected}")
        return _non_negative(cleaned, text, expected) * units[bare_unit]
    total, end, last = Fraction(0), 0, None
    while part := _PART.match(cleaned, end):
        amount, unit = part.groups()
        if unit not in units:
            raise _unknown_unit(text, unit, units, expected)
        if last is not None and not several:
            raise UnitError(f"{quote(text)} has two units; write {expected}")
        if last is not None and units[unit] >= last:
            raise UnitError(f"{quote(text)}: write larger units first and each once, as in `1h30m`")
        total, end, last = total + Fraction(amount) * units[unit], part.end(), units[unit]
    if end == 0 or end < len(cleaned):
        raise _not_a(text, expected)
    return total


def _unknown_unit(text: str, unit: str, units: dict[str, int], expected: str) -> UnitError:
    meant = _SPELLED_OUT.get(unit.lower()) or did_you_mean(unit, units)
    if meant in units:
        return UnitError(f"{quote(text)}: unknown unit {quote(unit)}; did you mean `{meant}`?")
    return UnitError(f"{quote(text)}: unknown unit {quote(unit)}; write {expected}")


def _cleaned(text: str, expected: str) -> str:
    cleaned = text.strip()
    if not cleaned:
        raise UnitError(f"there is no value here; write {expected}")
    if len(cleaned) > _MAX_LENGTH:
        raise UnitError(f"{quote(text)} is too long to be {expected}")
    return cleaned


def _non_negative(cleaned: str, text: str, expected: str) -> Fraction:
    value = _fraction(cleaned, text, expected)
    if value < 0:
        raise UnitError(f"{quote(text)} is below zero; write {expected}")
    return value


def _fraction(cleaned: str, text: str, expected: str) -> Fraction:
    if not _PLAIN.fullmatch(cleaned):
        raise _not_a(text, expected)
    return Fraction(cleaned)


def _not_a(text: str, expected: str) -> UnitError:
    cleaned = text.strip()
    if re.match(r"[-−]\s*[0-9.]", cleaned):
        return UnitError(f"{quote(text)} is below zero; write {expected}")
    if re.fullmatch(r"[+-]?\.?(nan|inf|infinity)", cleaned, re.IGNORECASE):
        return UnitError(f"{quote(text)} is not a finite number; write {expected}")
    if re.match(r"[0-9]+,[0-9]", cleaned):
        advice = "use a point for decimals and `_` between thousands"
        return UnitError(f"{quote(text)} has a comma: {advice}; write {expected}")
    return UnitError(f"{quote(text)} is not {expected}")


# --- writing --------------------------------------------------------------------------------------

_NOTHING = "no data"
_SHOWN_TIMES = (("ns", 1), ("µs", 10**3), ("ms", 10**6), ("s", 10**9))
_LONG_TIMES = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_SHOWN_SIZES = (("B", 1), ("KiB", 2**10), ("MiB", 2**20), ("GiB", 2**30), ("TiB", 2**40))
_SHOWN_RATES = (("/s", 1), ("/min", 60), ("/h", 3_600), ("/d", 86_400))


def format_duration(ns: int) -> str:
    """Three digits below a minute (`1.84 s`, `310 ms`), the two largest units above."""
    if ns < 0:
        return f"-{format_duration(-ns)}"
    for unit, size in _SHOWN_TIMES:
        shown = _three_digits(Fraction(ns, size))
        if shown < (60 if unit == "s" else 1_000):
            return f"{_digits(shown)} {unit}" if ns else "0 s"
    return _long_duration(Fraction(ns, 10**9))


def _long_duration(seconds: Fraction) -> str:
    for (unit, size), (small_unit, small) in pairwise(_LONG_TIMES):
        whole, rest = divmod(round(seconds / small), size // small)
        if whole:
            return f"{whole} {unit} {rest} {small_unit}" if rest else f"{whole} {unit}"
    return f"{round(seconds)} s"


def format_seconds(s: float) -> str:
    """Like `format_duration`, from seconds; `no data` for NaN."""
    return _finite(s, lambda value: format_duration(round(Fraction(value) * 10**9)))


def format_count(n: int | float) -> str:
    """Thousands set apart by a space (`30 000`); a fraction keeps three digits (`1.31`)."""
    return _finite(n, lambda value: _digits(_three_digits(Fraction(value))))


def format_size(size: float) -> str:
    """Bytes in the largest binary unit that fits: `200 B`, `256 KiB`, `1.5 MiB`."""

    def shown(value: float) -> str:
        for unit, unit_bytes in _SHOWN_SIZES:
            amount = _three_digits(Fraction(value) / unit_bytes)
            if amount < 1_024 or unit == "TiB":
                return f"{_digits(amount)} {unit}"
        raise AssertionError("the last unit takes every size")

    return _finite(size, shown)


def format_rate(per_s: float) -> str:
    """Per second, or per the first longer unit in which the number reaches 1: `50/s`, `12/h`."""

    def shown(value: float) -> str:
        for unit, seconds in _SHOWN_RATES:
            amount = _three_digits(Fraction(value) * seconds)
            if abs(amount) >= 1 or unit == "/d" or not value:
                return f"{_digits(amount)}{unit}"
        raise AssertionError("the last unit takes every rate")

    return _finite(per_s, shown)


def format_share(ratio: float) -> str:
    """Percent with three digits; what is not all of it never reads `100 %`."""

    def shown(value: float) -> str:
        percent = _three_digits(Fraction(value) * 100)
        return ">99.9 %" if value < 1 and percent >= 100 else f"{_digits(percent)} %"

    return _finite(ratio, shown)


def _finite(value: float, shown: Callable[[float], str]) -> str:
    if math.isnan(value):
        return _NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return shown(value)


def _three_digits(value: Fraction) -> Decimal:
    """Whole numbers are kept; what has a fraction is rounded to three digits, never below units."""
    if value.denominator == 1 or abs(value) >= 100:
        return Decimal(round(value))
    context = Context(prec=3, rounding=ROUND_HALF_EVEN)
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))


def _digits(value: Decimal) -> str:
    text = f"{value:,f}".replace(",", " ")
    return text.rstrip("0").rstrip(".") if "." in text else text
