"""Python on the pages about Python is run as it stands, where the scenarios lie."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```python\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(found["text"], id=f"{page.name}-{number}")
    for page in (ROOT / "msgsim" / "experiment" / name for name in ("python.md", "many_cores.md"))
    for number, found in enumerate(BLOCK.finditer(page.read_text("utf-8")))
]


@pytest.mark.parametrize("text", BLOCKS)
def test_python_on_a_page_runs(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    monkeypatch.chdir(tmp_path)
    exec(compile(text, "page", "exec"), {})
