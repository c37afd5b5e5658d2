"""The facts: declared once each, so that one service's does not take the place of another's."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from msgsim.model import facts


def test_no_fact_is_declared_twice() -> None:
    """A second assignment would silently win, and its listeners be called with other values."""
    tree = ast.parse(Path(facts.__file__).read_text(encoding="utf-8"))
    names = [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]

    assert [name for name, count in Counter(names).items() if count > 1] == []
