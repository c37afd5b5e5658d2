"""Small text tools: colour that can be off, numbers people read, aligned columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgsim.units import format_count, format_rate, format_seconds, format_share, format_size


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


def number(value: float | int) -> str:
    """Return a count for people: `30 000`."""
    return format_count(value)


def counted(value: int, word: str) -> str:
    """Return a count with its noun: `1 message`, `37 messages`."""
    return f"{number(value)} {word}" if value == 1 else f"{number(value)} {word}s"


def seconds(value: float) -> str:
    """Return a time for people: `1.84 s`."""
    return format_seconds(value)


def share(value: float) -> str:
    """Return a share for people: `37.5 %`."""
    return format_share(value)


def quantity(value: float | None, dimension: str) -> str:
    """Return a metric's value with its unit."""
    if value is None:
        return "no data"
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
    heads: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint, most: int | None = None
) -> Iterator[str]:
    """Yield an aligned table: names to the left, figures to the right; nothing without rows.

    Args:
        heads: the headings; the first is the block's title.
        rows: the cells as text.
        paint: colours the title.
        most: how many rows are shown.
    """
    if not rows:
        return
    shown = list(rows)[:most]
    widths = [max(len(row[index]) for row in [heads, *shown]) for index in range(len(heads))]
    widths[0] = max(widths[0], len(heads[0]) - 2)
    for row in [heads, *shown]:
        indent = "" if row is heads else "  "
        first = f"{indent}{row[0]}"
        cells = [f"{first:<{widths[0] + 2}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
        line = "  ".join(cells).rstrip()
        yield line.replace(heads[0], paint.bold(heads[0]), 1) if row is heads else line
    if most is not None and len(rows) > most:
        yield f"  … and {len(rows) - most} more, see --json"
