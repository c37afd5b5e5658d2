"""Reference made from the pages: every limit with its source, and how faithful each part is."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from msgsim.bundled import scenario_names, scenario_path, short_name
from msgsim.model.catalog import Page
from msgsim.problems import CODES
from msgsim.report.pages import topics
from msgsim.scenario.load import load
from msgsim.services import discover

WIDTH = 96
STATES = ("modelled", "simplified", "not modelled")
SECTIONS = ("limits", "quotas", "latencies", "billing", "assumptions")
_TABLE = "## Modelled, simplified, not modelled"


def pages() -> dict[str, Page]:
    """Return every page that describes a part of the model, by name."""
    found = {name: service.page for name, service in discover().items()}
    return {**found, **{name: page for name, page in topics().items() if _TABLE in page.text}}


def limits_text() -> str:
    """Return every number of the pages with unit, source and the day it was read."""
    lines = [
        "Every number that AWS can change, from the pages of the components: what it is, where it",
        "was read and when. What AWS does not publish stands last, as an assumption; set it",
        "under `assumptions:`. Reasons and prices are on each component's page.",
    ]
    for name, page in pages().items():
        rows = [
            row
            for section in SECTIONS
            for row in _numbers(section, page.data.get(section) or {}, page)
        ]
        if rows:
            lines += ["", f"{name}  (read on {page.read_on})", *rows]
            used = page.data.get("sources") or {}
            lines += [
                line
                for key, text in used.items()
                if any(f"[{key}" in row for row in rows)
                for line in _wrapped(f"[{key}] {text}", 4, 8)
            ]
    return "\n".join(lines)


def _numbers(section: str, entries: dict[str, Any], page: Page) -> Iterator[str]:
    for name, entry in entries.items():
        if section == "limits":
            low, high = entry.get("min"), entry.get("max")
            allowed = (
                f"{_shown(low)} to {_shown(high)}" if high is not None else f"from {_shown(low)}"
            )
            default = (
                f", default {_shown(entry['default'])}" if entry.get("default") is not None else ""
            )
            value = f"{allowed}{default}"
        else:
            value = _shown(entry["value"])
        unit = str(entry.get("unit", ""))
        parts = [f"{name} = {value}"]
        parts += [unit] if unit and unit != "time" else []
        parts += [str(entry["scope"])] if entry.get("scope") else []
        read_on = entry.get("read_on")
        when = f", {read_on}" if read_on and str(read_on) != page.read_on else ""
        mark = "assumption: " if section == "assumptions" else ""
        yield from _wrapped(f"{mark}{', '.join(parts)} [{entry['source']}{when}]", 2, 6)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    return f"{value:,}" if isinstance(value, int) else str(value)


def fidelity() -> dict[str, list[tuple[str, str, str]]]:
    """Return the rows `(rule, state, note)` of each page's table, by page."""
    return {name: list(_rows(page.text)) for name, page in pages().items()}


def _rows(text: str) -> Iterator[tuple[str, str, str]]:
    _, _, rest = text.partition(_TABLE)
    table = rest.split("\n## ")[0]
    for line in table.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if line.startswith("|") and len(cells) >= 2 and cells[1] in STATES:
            yield cells[0], cells[1], " | ".join(cells[2:]).replace("\\|", "|")


def fidelity_text() -> str:
    """Return what is modelled, simplified and left out, component by component."""
    found = fidelity()
    count = Counter(state for rows in found.values() for _, state, _ in rows)
    lines = [
        f"What is modelled ({count['modelled']}), simplified ({count['simplified']}) and "
        f"not modelled ({count['not modelled']}), from the pages.",
        "A rule is modelled when its mechanism is, with AWS's numbers. `msgsim explain honesty`",
        "says what that is worth.",
    ]
    for name, rows in found.items():
        if rows:
            lines += ["", f"{name}"]
        for state in STATES:
            these = [(rule, note) for rule, each, note in rows if each == state]
            lines += [f"  {state}"] if these else []
            for rule, note in these:
                lines += _wrapped(f"{rule}: {note}" if note else rule, 4, 8)
    return "\n".join(lines)


def codes_text() -> str:
    """Return every problem code with its meaning."""
    lines = [
        "E1 the file · E2 AWS refuses · E3 makes no sense · W2 AWS advises · W3 msgsim advises"
    ]
    lines += [f"{code}  {title}" for code, title in sorted(CODES.items())]
    return "\n".join([*lines, "", "`msgsim explain E201` has cause, rule and fix."])


def questions_text() -> str:
    """Return the questions that come along: the short answer, the run that shows it, AWS's page."""
    lines = ["Questions that people ask. Predict first: `msgsim lab q07` asks without telling."]
    for name in scenario_names():
        if not name.startswith("questions/"):
            continue
        scenario = load(scenario_path(name))
        lesson = scenario.header.lesson
        short = short_name(name)
        lines += ["", *_wrapped(f"{short}  {scenario.question}", 0, len(short) + 2)]
        if lesson is not None:
            lines += _wrapped(lesson.reveal, 4, 4)
            lines += _wrapped(f"msgsim run {short} --report {short}.html", 4, 8)
            lines += _wrapped(lesson.link, 4, 8)
    return "\n".join(lines)


GENERATED: dict[str, Callable[[], str]] = {
    "codes": codes_text,
    "fidelity": fidelity_text,
    "limits": limits_text,
    "questions": questions_text,
}
"""Subjects of `msgsim explain` that are made when asked for."""


def _wrapped(text: str, first: int, then: int) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * first,
        subsequent_indent=" " * then,
        break_long_words=False,
        break_on_hyphens=False,
    )
