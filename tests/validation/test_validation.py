"""Every simulated figure lies within its bounds, or is a miss that the page admits and explains.

The name of a case ends with its role: a row of *calibration* shows only that a default arrives.
"""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.validation.misses import MISSES
from tests.validation.page import PACKAGE, PAGE, SECTIONS, text
from tests.validation.rows import CALIBRATION, VALIDATION, Row, quantile

pytestmark = pytest.mark.slow
TITLES = [section.title for section in SECTIONS]


@cache
def rows(title: str) -> list[Row]:
    return list(next(section for section in SECTIONS if section.title == title).rows())


@pytest.mark.parametrize("role", [VALIDATION, CALIBRATION])
@pytest.mark.parametrize("title", TITLES)
def test_figures_lie_within_their_bounds_unless_the_page_says_why_not(
    title: str, role: str
) -> None:
    """A miss is listed by name with its likely reason; one that is mended must leave the list."""
    for row in rows(title):
        if row.role == role:
            assert row.within == (row.name not in MISSES), f"{row.name}: {row.simulated}"


def test_misses_belong_to_rows() -> None:
    assert set(MISSES) <= {row.name for title in TITLES for row in rows(title)}


def test_rows_have_names_of_their_own() -> None:
    names = [row.name for title in TITLES for row in rows(title)]
    assert len(names) == len(set(names))


def test_the_page_shows_what_the_runs_give() -> None:
    """Numbers, verdicts, words; `python -m tests.validation.page --write` writes it anew."""
    assert PAGE.read_text("utf-8") == text()


def test_the_figures_are_there_and_whole() -> None:
    names = re.findall(r"\]\((validation/[\w-]+\.svg)\)", PAGE.read_text("utf-8"))
    assert len(names) == len(TITLES), "one for each section"
    for name in names:
        assert (PACKAGE / name).read_text("utf-8").rstrip().endswith("</svg>")


def test_quantiles_are_nearest_ranks() -> None:
    values = [30, 10, 40, 20]
    assert [quantile(values, share) for share in (0.01, 0.25, 0.5, 0.51, 1)] == [10, 10, 20, 30, 40]
