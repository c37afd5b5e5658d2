"""Python on pages about the whole runs as it stands, the blocks of a page one after the other."""

from __future__ import annotations

import re

import pytest

from tests.pages import PACKAGE

PAGES = [
    PACKAGE / "experiment" / "theory.md",
    PACKAGE / "observe" / "cost.md",
    PACKAGE / "report" / "lesson.md",
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_on_a_page_runs(page):
    blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)
