"""Pages as text: what `msgsim explain` prints about a kind of component, or about a topic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgsim.model.catalog import Page

PACKAGE = Path(__file__).parent.parent


def topics() -> dict[str, Page]:
    """Return by name the pages that are about no kind of component, such as `metrics`."""
    return {path.stem: Page(path) for path in sorted(PACKAGE.glob("*/*.md"))}


def page_text(page: Page, kind: str) -> str:
    """Return a page's prose, then its limits, quotas and assumptions as aligned tables."""
    blocks = [page.text.rstrip()]
    limits = page.data.get("limits") or {}
    if limits:
        rows = [_limit_row(name, entry) for name, entry in limits.items()]
        blocks.append(_block("Limits", ("property", "default", "allowed", "unit", "source"), rows))
    numbers = list(page.numbers())
    quotas = [n for n in numbers if not n.assumption]
    if quotas:
        rows = [(n.name, _shown(n.value), n.unit, n.scope, _short(n.source)) for n in quotas]
        blocks.append(_block("Quotas", ("name", "value", "unit", "scope", "source"), rows))
    entries = page.data.get("assumptions") or {}
    if entries:
        rows = [
            (name, _shown(entry["value"]), str(entry.get("unit", "")), str(entry.get("why", "")))
            for name, entry in entries.items()
        ]
        title = "Assumptions (override them under `assumptions:` / `" + kind + "`)"
        blocks.append(_block(title, ("name", "value", "unit", "why"), rows))
    sources = page.data.get("sources") or {}
    if sources:
        lines = [f"  {key}: {text}" for key, text in sources.items()]
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


def _short(source: str) -> str:
    return source if len(source) <= 60 else source[:59] + "…"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _block(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return title + "\n" + "\n".join(table(heads, rows))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a left-aligned table, indented by two."""
    widths = [max(len(str(row[index])) for row in [heads, *rows]) for index in range(len(heads))]
    for row in [heads, *rows]:
        cells = (f"{cell!s:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()
