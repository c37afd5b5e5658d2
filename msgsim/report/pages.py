"""Pages as text: what `msgsim explain` prints about a kind of component, or about a topic."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgsim.model.catalog import Page

WIDTH = 96

PACKAGE = Path(__file__).parent.parent


def topics() -> dict[str, Page]:
    """Return by name the pages that are about no kind of component, such as `metrics`.

    Those about the whole of msgsim, such as `VALIDATION.md`, go by their names in small letters.
    """
    about_all = {path.stem.lower(): Page(path) for path in sorted(PACKAGE.glob("*.md"))}
    return about_all | {path.stem: Page(path) for path in sorted(PACKAGE.glob("*/*.md"))}


def guide() -> list[str]:
    """Return the names of the guide's pages: tutorials, tasks and explanations."""
    return sorted(path.stem for path in (PACKAGE / "guide").glob("*.md"))


def page_text(page: Page, kind: str) -> str:
    """Return a page's prose, then its limits, quotas and assumptions as aligned tables."""
    blocks = [page.text.rstrip()]
    limits = page.data.get("limits") or {}
    if limits:
        rows = [_limit_row(name, entry) for name, entry in limits.items()]
        blocks.append(_block("Limits", ("property", "default", "allowed", "unit", "source"), rows))
    presets = page.data.get("presets") or {}
    if presets:
        rows = [
            (preset, name, _shown(entry["value"]), str(entry["source"]))
            for preset, entries in presets.items()
            for name, entry in entries.items()
        ]
        blocks.append(_block("Presets", ("preset", "property", "value", "source"), rows))
    for section, title in (
        ("quotas", "Quotas"),
        ("latencies", "Latencies"),
        ("billing", "Billed units"),
        ("assumptions", f"Assumptions (override them under `assumptions:`, `{kind}`)"),
    ):
        entries = page.data.get(section) or {}
        if entries:
            lines = [line for name, entry in entries.items() for line in _entry(name, entry)]
            blocks.append(title + "\n" + "\n".join(lines))
    prices = page.data.get("prices") or {}
    if prices:
        lines = [line for name, entry in prices.items() for line in _price(name, entry, page)]
        blocks.append("Prices (see `explain cost`)\n" + "\n".join(lines))
    sources = page.data.get("sources") or {}
    if sources:
        lines = [line for key, text in sources.items() for line in _wrapped(f"{key}: {text}")]
        blocks.append(f"Sources, read on {page.read_on}\n" + "\n".join(lines))
    return "\n\n".join(blocks)


def _limit_row(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    low, high = entry.get("min", ""), entry.get("max", "")
    allowed = f"{_shown(low)} – {_shown(high)}"
    return (
        name,
        _shown(entry.get("default", "")),
        allowed,
        str(entry.get("unit", "")),
        str(entry.get("source", "")),
    )


def _entry(name: str, entry: dict[str, Any]) -> list[str]:
    """Return one number of a page: value, unit, scope and source, then why."""
    what = f"{name} = {_shown(entry['value'])}"
    unit = str(entry.get("unit", ""))
    parts = [what, "" if unit == "time" else unit, str(entry.get("scope", ""))]
    lines = _wrapped(f"{', '.join(part for part in parts if part)} [{entry['source']}]")
    return lines + [f"    {line}" for line in _wrapped(str(entry.get("why", "")), WIDTH - 4)]


def _dollars(usd: float) -> str:
    """Return a price with all its digits."""
    text = f"{usd:.12f}".rstrip("0")
    return f"${text}00" if text.endswith(".") else f"${text}"


def _price(name: str, entry: dict[str, Any], page: Page) -> list[str]:
    """Return one price of a page: dollars by Region, per what, tiers, free units, source, date."""
    per = f"for {entry['per']:,} {entry['unit']}" if "per" in entry else f"in {entry['unit']}"
    dollars = ", ".join(f"{_dollars(usd)} in {region}" for region, usd in entry["usd"].items())
    parts = [f"{name} = {dollars}, {per}"]
    for region, tiers in (entry.get("tiers") or {}).items():
        steps = ", ".join(f"above {tier['above']:,} {_dollars(tier['usd'])}" for tier in tiers)
        parts.append(f"a month's units in {region}: {steps}")
    if "free" in entry:
        parts.append(f"free {entry['free']['units']:,} a month ({entry['free']['pool']})")
    read_on = entry.get("read_on", page.read_on)
    return _wrapped(f"{'; '.join(parts)} [{entry['source']}, {read_on}]")


def _wrapped(text: str, width: int = WIDTH) -> list[str]:
    return textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="      ")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _block(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return title + "\n" + "\n".join(table(heads, rows))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a left-aligned table, indented by two."""
    widths = [max(len(str(row[index])) for row in [heads, *rows]) for index in range(len(heads))]
    for row in [heads, *rows]:
        cells = (f"{cell!s:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()
