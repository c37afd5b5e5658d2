"""Small text tools: colour that can be off, numbers people read, aligned columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgsim.experiment.replicated import Replicated
from msgsim.report.intervals import plus_minus
from msgsim.units import format_count, format_rate, format_seconds, format_share, format_size

WIDTH = 80


class Paint:
    """Colours text when it is on, and leaves it alone when it is off."""

    def __init__(self, on: bool) -> None:
        self._on = on

    def bold(self, text: str) -> str:
        """Return a heading."""
        return self._wrap("1", text)

    def good(self, text: str) -> str:
        """Return what is met."""
        return self._wrap("32", text)

    def bad(self, text: str) -> str:
        """Return what is not met."""
        return self._wrap("31", text)

    def warn(self, text: str) -> str:
        """Return what is only advice."""
        return self._wrap("33", text)

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._on else text


def _interval(value: float, dimension: str) -> str | None:
    """Return a replicated number with its interval; None if it never differed, or is none."""
    if not isinstance(value, Replicated):
        return None
    found = value.interval
    return plus_minus(found.estimate, found.half, dimension) if found.half else None


def number(value: float | int) -> str:
    """Return a count for people: `30 000`."""
    return _interval(value, "number") or format_count(float(value))


def counted(value: int, word: str) -> str:
    """Return a count with its noun: `1 message`, `37 messages`."""
    return f"{number(value)} {word}" if float(value) == 1 else f"{number(value)} {word}s"


def seconds(value: float) -> str:
    """Return a time for people: `1.84 s`."""
    return _interval(value, "time") or format_seconds(float(value))


def share(value: float) -> str:
    """Return a share for people: `37.5 %`."""
    return _interval(value, "share") or format_share(float(value))


def clock(value_s: float) -> str:
    """Return a moment of a run: `03:12`, `1:03:12`."""
    minutes, rest = divmod(value_s, 60)
    hours, minutes = divmod(int(minutes), 60)
    tail = f"{rest:06.3f}".rstrip("0").rstrip(".") if rest % 1 else f"{int(rest):02d}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes:02d}:{tail}"


def quantity(value: float | None, dimension: str, half: float | None = None) -> str:
    """Return a metric's value with its unit, and with half the width of its interval if known."""
    if value is None:
        return "no data"
    if half:
        return plus_minus(value, half, dimension)
    formats = {
        "time": format_seconds,
        "size": format_size,
        "rate": format_rate,
        "share": format_share,
    }
    if dimension in formats:
        return formats[dimension](value)
    return number(int(value)) if value == int(value) else f"{value:.4g}"


def columns(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    paint: Paint,
    most: int | None = None,
    spare: Sequence[str] = (),
) -> Iterator[str]:
    """Yield an aligned table: names to the left, figures to the right; nothing without rows.

    Args:
        heads: the headings; the first is the block's title.
        rows: the cells as text.
        paint: colours the title.
        most: how many rows are shown.
        spare: headings of columns that go, the first first, when a line would be too long.
    """
    if not rows:
        return
    shown: list[Sequence[str]] = list(rows)[:most]
    widths = _widths(heads, shown)
    for head in spare:
        if sum(widths) + 2 * len(widths) <= WIDTH:
            break
        place = list(heads).index(head)
        heads, shown = _without(heads, place), [_without(row, place) for row in shown]
        widths = _widths(heads, shown)
    for row in [heads, *shown]:
        indent = "" if row is heads else "  "
        first = f"{indent}{row[0]}"
        cells = [f"{first:<{widths[0] + 2}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
        line = "  ".join(cells).rstrip()
        yield line.replace(heads[0], paint.bold(heads[0]), 1) if row is heads else line
    if most is not None and len(rows) > most:
        yield f"  … and {len(rows) - most} more, see --json"


def _widths(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    widths = [max(len(row[index]) for row in [heads, *rows]) for index in range(len(heads))]
    widths[0] = max(widths[0], len(heads[0]) - 2)
    return widths


def _without(row: Sequence[str], place: int) -> Sequence[str]:
    return [*row[:place], *row[place + 1 :]]
