"""Saved results that somebody edited and gave a digest that fits: E159, not a bug of ours."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from msgsim.experiment.saved import DIGEST, DOCUMENT, digest_of
from tests.hardness.results import whole
from tests.test_cli import call


def forged(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return saved results with a changed document, and the digest of what is in them now."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole())) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == DOCUMENT:
                document = json.loads(content)
                change(document)
                content = json.dumps(document).encode()
            if name == DIGEST:
                content = json.dumps({"sha256": digest_of(new)}).encode()
            new.writestr(name, content)
    return made.getvalue()


def first(document: dict[str, Any]) -> dict[str, Any]:
    return document["summaries"][0]["plain"]


FORGERIES = {
    "a part is missing": lambda document: first(document).pop("ledger"),
    "a list in place of parts": lambda document: first(document).update(ledger=[]),
    "words in place of a number": lambda document: first(document).update(events="many"),
    "a verdict of nobody": lambda document: document["verdicts"][0].update(state=7),
    "nothing about pictures": lambda document: document["summaries"][0].update(pictures=None),
    "names of other metrics": lambda document: document["names"].reverse(),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


LINES = [
    ["report", "f.msgsim", "--out", "f.html", "--sections", "expect"],
    ["explain", "f.msgsim"],
    ["compare", "f.msgsim", "whole.msgsim"],
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
@pytest.mark.parametrize("name", FORGERIES)
def test_what_does_not_fit_together_is_refused(
    name: str, line: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 with E159, or 0 where what was forged is not looked at."""
    (folder / "f.msgsim").write_bytes(forged(FORGERIES[name]))
    (folder / "whole.msgsim").write_bytes(whole())
    code = call(*line)
    err = capsys.readouterr().err
    assert code in (0, 2), err
    assert (code == 2) == ("E159" in err)
    assert code == 0 or not (folder / "f.html").exists()


def test_the_report_notices_most_of_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is named, and what to do; a file that msgsim wrote so would be a bug to report."""
    for name in ("a part is missing", "a list in place of parts"):
        (folder / "f.msgsim").write_bytes(forged(FORGERIES[name]))
        assert call("report", "f.msgsim", "--sections", "expect") == 2
        err = capsys.readouterr().err
        assert "`f.msgsim` does not fit together" in err and "report it with the file" in err
