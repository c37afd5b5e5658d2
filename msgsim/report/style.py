"""Style: the colours, words and numbers that all pictures and pages of a run share.

Nothing here draws, so that a page can use the same colours without importing matplotlib.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

# Okabe & Ito, "Color Universal Design" (2008): told apart with every kind of colour blindness.
# Their yellow is left out because it vanishes on a white wall.
BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
VERMILLION = "#D55E00"

INK = "#222222"
GREY = "#666666"
FAINT = "#C4C4C4"
FAULT = "#FBE3D5"
PAPER = "#FFFFFF"

CATEGORIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, INK)
ALARM = VERMILLION
"""What went wrong: a limit, a throttle, a message out of order. Never the colour of a name."""

MARKERS = ("o", "s", "^", "D", "v", "P")
Dashes = Literal["solid"] | tuple[float, tuple[float, ...]]
DASHES: tuple[Dashes, ...] = ("solid", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))
MAP = "cividis"
STAGES = ("#B8C4D6", "#5B7DB1", "#1B2F5B")

FONT_PT = 12
LINE_PT = 2.2
MOST_NAME = 26

_SPACE = "\N{NO-BREAK SPACE}"
_THIN = "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True)
class Look:
    """How one name appears in every figure."""

    colour: str
    dashes: Dashes
    marker: str


def looks(names: Iterable[str]) -> dict[str, Look]:
    """Give every name its look, by alphabetical order, so that it is the same in every figure.

    Hand over all names of a run at once. Six colours; the seventh name takes the first colour with
    other dashes.
    """
    found = {}
    for index, name in enumerate(sorted(set(names))):
        turn, colour = divmod(index, len(CATEGORIES))
        dashes = DASHES[turn % len(DASHES)]
        found[name] = Look(CATEGORIES[colour], dashes, MARKERS[(colour + turn) % len(MARKERS)])
    return found


def shorten(name: str, most: int = MOST_NAME) -> str:
    """Return a name of at most `most` characters; the middle of a long one becomes `…`.

    Both ends stay, because long names of one system tend to differ at either end.
    """
    name = "".join(letter if letter.isprintable() else " " for letter in name)
    if len(name) <= most:
        return name
    head = most // 2
    return f"{name[:head]}…{name[head + 1 - most :]}"


def count_text(number: float) -> str:
    """Return a count as people read it: `1 904`, `2.5`, with narrow spaces between thousands."""
    if number == round(number):
        return f"{round(number):,}".replace(",", _THIN)
    return f"{significant(number)}"


def share_text(share: float) -> str:
    """Return a share as a percentage: `44 %`, `0.3 %`; never `0 %` for what is more than none."""
    percent = 100 * share
    if 0 < percent < 0.1:
        return f"< 0.1{_THIN}%"
    digits = 1 if 0 < percent < 10 and percent != round(percent) else 0
    return f"{percent:.{digits}f}{_THIN}%"


def duration_text(seconds: float) -> str:
    """Return a duration in the unit in which it is said: `310 ms`, `1.84 s`, `12 min`, `2 d`."""
    if seconds <= 0:
        return f"0{_SPACE}s"
    for size, unit in ((1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h")):
        ceiling = {"s": 180.0, "min": 180.0, "h": 72.0}.get(unit, 999.5)
        if seconds < ceiling * size:
            return f"{significant(seconds / size)}{_SPACE}{unit}"
    return f"{significant(seconds / 86_400)}{_SPACE}d"


def significant(number: float, digits: int = 3) -> str:
    """Return a number with three significant digits, never in powers of ten, no trailing zeros."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    decimals = digits - 1 - math.floor(math.log10(abs(number)))
    if decimals <= 0:
        return f"{round(number):,}".replace(",", _THIN)
    text = f"{number:.{decimals}f}"
    return text.rstrip("0").rstrip(".")


def clock_unit(span_s: float) -> tuple[float, str]:
    """Return the unit for an axis that spans `span_s` seconds: its length in seconds, its name."""
    for size, unit, most in ((1e-3, "ms", 0.5), (1.0, "s", 180), (60.0, "min", 10_800)):
        if span_s <= most:
            return size, unit
    return (3600.0, "h") if span_s <= 4 * 86_400 else (86_400.0, "d")
