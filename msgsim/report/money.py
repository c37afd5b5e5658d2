"""Money on the terminal: the COST line, its breakdown, and a row for variants side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from msgsim.report.text import Paint, columns, share

WIDTH = 80
LINES = 12
MILLION = 1_000_000


def dollars(value: float) -> str:
    """Return an amount for people: `$0.41`, `$12 345.00`; three digits of less than ten cents."""
    if value == 0 or value >= 0.1:
        return f"${value:,.2f}".replace(",", "\N{NO-BREAK SPACE}")
    return f"${value:.3g}" if value >= 0.0001 else f"${value:.2e}"


def service_of(kind: str) -> str:
    """Return what people call a service: `sqs.queue` is `SQS`, `lambda.function` is `Lambda`."""
    word = kind.split(".")[0]
    return word.upper() if len(word) <= 3 else word.capitalize()


def shares(run: dict[str, Any]) -> dict[str, float]:
    """Return the share of each service in what a month costs, the largest first."""
    cost = run["cost"]
    total = cost["per_month_usd"]
    found: dict[str, float] = {}
    for name, part in cost["components"].items():
        word = service_of(run["kinds"][name])
        found[word] = found.get(word, 0.0) + part["per_month_usd"]
    ordered = sorted(found.items(), key=lambda item: -item[1])
    return {word: usd / total for word, usd in ordered if total}


def cost_lines(run: dict[str, Any], paint: Paint) -> Iterator[str]:
    """Yield the COST block of a run; nothing when nothing is billed."""
    cost = run["cost"]
    if not cost["components"]:
        return
    parts = [f"{dollars(cost['per_month_usd'])} a month at this rate"]
    if cost["per_million_usd"] is not None:
        parts.insert(0, f"{dollars(cost['per_million_usd'])} per 1 M messages")
    yield paint.bold("COST") + f"  {' · '.join(parts)}{_free(cost)}"
    split = ", ".join(f"{word} {share(part)}" for word, part in shares(run).items())
    idle = f"idle {share(cost['idle_share'])}" if cost["idle_share"] is not None else ""
    yield "  " + " · ".join(part for part in (split, idle) if part)
    for note in cost["notes"]:
        yield from textwrap.wrap(note, WIDTH - 4, initial_indent="  ! ", subsequent_indent="    ")


def _free(cost: dict[str, Any]) -> str:
    return " (free tier taken off)" if cost["free_tier"] else ""


def breakdown(run: dict[str, Any], paint: Paint) -> Iterator[str]:
    """Yield the lines of the bill, the dearest first."""
    rows = []
    for name, part in run["cost"]["components"].items():
        for line in part["lines"]:
            price = f"${line['price_usd']:g}"
            if line["price_per"] == MILLION:
                price += " per M"
            elif line["price_per"] != 1:
                price += f" per {line['price_per']:,.0f}"
            month = line["per_month_usd"]
            rows.append((month, (name, line["request"], price, dollars(month))))
    rows.sort(key=lambda row: -row[0])
    heads = ("BILL", "request", "price", "a month")
    yield from columns(heads, [row for _, row in rows], paint, most=LINES)


def cost_row(runs: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return the row of a table of variants: what a million messages cost in each."""
    found = [run["cost"]["per_million_usd"] for run in runs]
    return ("cost per 1 M messages", *["–" if each is None else dollars(each) for each in found])
