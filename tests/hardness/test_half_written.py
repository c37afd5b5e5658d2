"""SIGTERM and SIGKILL in the middle of writing each kind of output: half of it gets no name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import msgsim
from tests.hardness.half_written import FORMER, OUTPUTS, SIGNALS, SWEPT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
ENDING = ".msgsim-unfinished"
ROOT = Path(msgsim.__file__).parents[1]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """How every process ended, and what it left, by output and signal."""
    found = subprocess.run(
        [sys.executable, "-m", "tests.hardness.half_written", str(tmp_path_factory.mktemp("half"))],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    return {(name, number): (code, left) for name, number, code, left in lines}


@pytest.mark.parametrize("name", [*OUTPUTS, *SWEPT])
def test_after_sigterm_nothing_is_left(told: dict, name: str) -> None:
    """Exit 143; neither a part under the final name nor a file beside it."""
    assert told[name, signal.SIGTERM] == (143, {})


@pytest.mark.parametrize("name", [*OUTPUTS, *SWEPT])
def test_after_sigkill_a_hidden_file_alone_is_left(told: dict, name: str) -> None:
    """The former result stays as it was; the half one is hidden and says what it is."""
    code, left = told[name, signal.SIGKILL]
    half = [file for file in left if file.endswith(ENDING)]
    whole = {file: content for file, content in left.items() if file not in half}

    assert code == -signal.SIGKILL
    assert len(half) == 1 and Path(half[0]).name.startswith(".")
    assert set(whole.values()) <= {FORMER.decode()}


def test_every_signal_hit_every_output_in_the_middle(told: dict) -> None:
    assert set(told) == {(name, number) for name in (*OUTPUTS, *SWEPT) for number in SIGNALS}
