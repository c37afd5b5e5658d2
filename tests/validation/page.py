"""Write `msgsim/VALIDATION.md` and its figures: `python -m tests.validation.page --write`.

Without `--write` it says whether the page is what the runs give now.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgsim.files import write_atomically
from tests.validation import cold_starts, counts, latencies, on_demand, propagation, throughput
from tests.validation.misses import MISSES
from tests.validation.rows import CALIBRATION, VALIDATION, Row

PACKAGE = Path(__file__).parent.parent.parent / "msgsim"
PAGE = PACKAGE / "VALIDATION.md"
FIGURES = PACKAGE / "validation"
PROSE = Path(__file__).parent / "prose.md"


@dataclass(frozen=True)
class Section:
    """A part of the page; its words stand in `prose.md`.

    Attributes:
        title: its heading.
        rows: yields the rows.
        figure: file name and caption of its figure, or empty.
    """

    title: str
    rows: Callable[[], Iterator[Row]]
    figure: tuple[str, str] = ("", "")


SECTIONS = (
    Section(
        "Latency at low load",
        latencies.rows,
        ("latency", "Measured and simulated latency at low load, by service."),
    ),
    Section(
        "Throughput of a queue and its clients",
        throughput.rows,
        ("throughput", "Messages per second and 95th percentiles by the number of threads."),
    ),
    Section(
        "Propagation through a Kinesis stream",
        propagation.rows,
        ("propagation", "Interval between reads and mean wait with one to five polling consumers."),
    ),
    Section(
        "Capacity of an on-demand stream",
        on_demand.rows,
        ("on-demand", "What an on-demand stream stores when its load grows, and what it refuses."),
    ),
    Section(
        "Behaviour that was counted",
        counts.rows,
        ("counts", "When the function is invoked in each of the cases."),
    ),
    Section(
        "Cold starts",
        cold_starts.rows,
        ("cold-starts", "Share of cold starts and number of instances by arrival rate."),
    ),
)


def prose() -> dict[str, str]:
    """Return what is said about each section by its title, and the beginning under no title."""
    parts = re.split(r"^## (.+)\n", PROSE.read_text("utf-8"), flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def text() -> str:
    """Return the page as the runs give it now."""
    found = [(section, list(section.rows())) for section in SECTIONS]
    said = prose()
    parts = [said[""].rstrip(), "\n\n", *_summary(found)]
    for section, rows in found:
        parts.append(f"## {section.title}\n\n{said[section.title].strip()}\n\n")
        name, caption = section.figure
        if name:
            parts.append(f"![{caption}](validation/{name}.svg)\n\n")
        parts.append(_table(rows))
        parts.extend(_misses(rows))
    return "".join(parts).rstrip() + "\n"


def _summary(found: Sequence[tuple[Section, Sequence[Row]]]) -> Iterator[str]:
    yield "| part | validation: within bounds | calibration: within bounds |\n|---|---|---|\n"
    for section, rows in found:
        cells = []
        for role in (VALIDATION, CALIBRATION):
            mine = [row for row in rows if row.role == role]
            cells.append(f"{sum(row.within for row in mine)} of {len(mine)}" if mine else "none")
        yield f"| {section.title} | {cells[0]} | {cells[1]} |\n"
    yield "\n"


def _table(rows: Iterable[Row]) -> str:
    lines = [
        "| what | figure | measured | simulated | bounds | within? | role |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        measured = row.said or shown(row, row.measured)
        low, high = shown(row, row.low), shown(row, row.high)
        bounds = f"{low} to {high}"
        if math.isinf(row.high):
            bounds = f"at least {low}"
        elif row.low == row.high:
            bounds = low
        lines.append(
            f"| {row.what} | {row.figure} | {measured} | {shown(row, row.simulated)} | {bounds} | "
            f"{'yes' if row.within else '**no**'} | {row.role} |"
        )
    return "\n".join(lines) + "\n\n"


def shown(row: Row, number: float) -> str:
    """Return a figure of a row as the page shows it."""
    return f"{number:,.{row.digits}f} {row.unit}".rstrip()


def _misses(rows: Iterable[Row]) -> Iterator[str]:
    missed = [row.name for row in rows if not row.within]
    reasons = {MISSES[name]: None for name in missed}
    for reason in reasons:
        names = [name for name in missed if MISSES[name] == reason]
        yield f"- **{'; '.join(names)}**: {reason}\n"
    if missed:
        yield "\n"


def write() -> None:
    """Write the page and its figures."""
    from tests.validation import figures

    FIGURES.mkdir(exist_ok=True)
    figures.write(FIGURES)
    write_atomically(PAGE, text())


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    elif PAGE.read_text("utf-8") != text():
        sys.exit("msgsim/VALIDATION.md is not what the runs give; write it anew with --write")
