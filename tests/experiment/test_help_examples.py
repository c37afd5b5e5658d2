"""The examples with which each verb's help begins are run, as they stand, in one folder."""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.experiment.tiny import tiny
from tests.test_cli import call

ROOT = Path(__file__).parent.parent.parent
VERBS = sorted(
    name
    for file in (ROOT / "msgsim" / "commands").glob("[!_]*.py")
    for name in re.findall(r"^      msgsim (\w+)", file.read_text("utf-8"), re.MULTILINE)
)


def examples(verb: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the commands that a verb's help shows before its options."""
    assert call(*([verb] if verb else []), "--help") == 0
    before = capsys.readouterr().out.split("Options", 1)[0].split("Arguments", 1)[0]
    return [line.strip() for line in before.splitlines() if line.strip().startswith("msgsim ")]


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["", *dict.fromkeys(VERBS)])
def test_the_examples_of_a_help_run(
    verb: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What an example needs is there: `mine.yaml`, two saved results. None fails to run."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "scenarios", "scenarios")
    shown = examples(verb, capsys)
    for name in [name for name in ("before", "after") if f"{name}.msgsim" in " ".join(shown)]:
        sets = ["--set", f"Workers.workers={3 if name == 'after' else 2}"]
        sets += ["--duration", "1m", "--replications", "2", "-q"]
        call("run", "hello", *sets, "--save", f"{name}.msgsim")
    assert len(shown) >= (3 if verb in {"run", "compare", "sweep", "report", ""} else 1)
    if verb:  # what the program's own help shows has its own turn
        begin = examples("", capsys)
        shown = [command for command in shown if command not in begin]
    for command in shown:
        words = shlex.split(command)[1:]
        if words[0] == "fuzz":  # minutes of it belong to a person; the rest is as it stands
            shorter = {"--seconds": "2", "--count": "20"}
            words = [shorter.get(before, word)
                     for before, word in zip(["", *words], words, strict=False)]  # fmt: skip
        if words[:1] != ["new"]:
            Path("mine.yaml").write_text(tiny(), encoding="utf-8")
        else:
            Path("mine.yaml").unlink(missing_ok=True)
        if "<" in words:
            words, file = words[: words.index("<")], words[-1]
            content = Path(file).read_bytes()
            stdin = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")
            monkeypatch.setattr(sys, "stdin", stdin)
        unsolved = {1} if words[0] == "lab" else set()  # a lab shown is a lab to be solved
        assert call(*words) in {0} | unsolved, command
    assert os.getcwd() == str(tmp_path)
