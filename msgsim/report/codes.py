"""Pages of problem codes: cause, rule with its source, and fix, from one data file beside this."""

from __future__ import annotations

import textwrap
from functools import cache
from pathlib import Path

import yaml

from msgsim.problems import CODES, PAGES, register
from msgsim.report.pages import WIDTH

FILE = Path(__file__).with_name("codes.yaml")
PARTS = ("cause", "rule", "fix")

register("E175", "no such format of metrics", "The file's ending says how metrics are written.")
register("E176", "no such section of the report", "The blocks of a report have fixed names.")


@cache
def written() -> dict[str, dict[str, str]]:
    """Return what the data file says: code → `cause`, `rule` and `fix`."""
    found: dict[str, dict[str, str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def code_text(code: str) -> str:
    """Return the page of a code; one of a package outside msgsim has what it registered."""
    lines = [f"{code}: {CODES[code]}", ""]
    page = written().get(code)
    if page is None:
        return "\n".join([*lines, *textwrap.wrap(PAGES[code], WIDTH)])
    for part in PARTS:
        label = f"{part.capitalize()}:"
        indent = " " * 7
        lines += textwrap.wrap(
            page[part],
            WIDTH,
            initial_indent=f"{label:<7}",
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
    return "\n".join(lines)
