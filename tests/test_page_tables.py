"""The tables *modelled / simplified / not modelled*: states as they are counted, and reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

from msgsim.report.reference import STATES
from tests.pages import PACKAGE, rows

SERVICES = PACKAGE / "services"


def judged(text: str) -> list[list[str]]:
    """Return the rows of a text whose second cell is about a state, however it says so."""
    return [row for row in rows(text) if len(row) > 1 and row[1].split(":")[0].endswith(STATES)]


def faults(text: str) -> list[str]:
    """Return what is wrong with these rows: a state of another form, a reason that is missing."""
    found = []
    for rule, state, *note in judged(text):
        if state not in STATES:
            found.append(f"{rule}: {state!r} is none of {', '.join(STATES)}")
        elif state != "modelled" and len(" ".join(note).split()) < 2:
            found.append(f"{rule}: {state}, and no reason")
    return found


TABLED = sorted(path for path in PACKAGE.rglob("*.md") if judged(path.read_text("utf-8")))


def test_pages_with_such_a_table_are_found() -> None:
    assert set(SERVICES.glob("[!_]*/*.md")) <= set(TABLED)
    assert {"cloud.md", "workload.md", "cost.md", "cloudwatch.md"} <= {page.name for page in TABLED}


@pytest.mark.parametrize("path", TABLED, ids=lambda path: path.name)
def test_what_is_simplified_or_left_out_has_its_reason(path: Path) -> None:
    assert faults(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "row",
    [
        "| polls | not modelled | |",
        "| polls | simplified |  |",
        "| polls | not modelled |",
        "| polls | simplified: in one step | |",
    ],
)
def test_a_row_without_a_reason_is_found(row: str) -> None:
    head = "| rule | state | note |\n|---|---|---|\n| sends | modelled | |\n"
    assert len(faults(head + row)) == 1
