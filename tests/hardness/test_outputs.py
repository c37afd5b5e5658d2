"""Faults on our side: whatever happens while writing, the final name never holds half a result."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import msgsim
from msgsim import files
from msgsim.problems import ProblemError

ROOT = Path(msgsim.__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


class Full:
    """A stream on a disk that is full."""

    def __init__(self, stream):
        self._stream = stream

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._stream.close()

    def write(self, data):
        self._stream.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.fdopen
    monkeypatch.setattr(files.os, "fdopen", lambda *args, **more: Full(opened(*args, **more)))


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, full_disk: None) -> None:
    """E160 says why, the name is not taken, and nothing is left beside it."""
    with pytest.raises(ProblemError, match="no space left") as refused:
        files.write_atomically(tmp_path / "r.json", "x" * 1_000)

    assert refused.value.problems[0].code == "E160"
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_former_result(tmp_path: Path, full_disk: None) -> None:
    target = tmp_path / "r.json"
    target.write_text("former")
    with pytest.raises(ProblemError):
        files.write_atomically(target, "x" * 1_000)

    assert target.read_text() == "former"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_standard_output_that_is_full_is_no_success() -> None:
    with open("/dev/full", "wb") as full:
        found = subprocess.run(
            [sys.executable, "-m", "msgsim", "run", "hello", "--duration", "5s"],
            stdout=full, stderr=subprocess.PIPE, env=ENVIRONMENT, timeout=120, check=False,
        )  # fmt: skip

    assert found.returncode != 0


def test_a_folder_that_vanishes_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    files.check_writable(folder / "r.json")
    folder.rmdir()
    with pytest.raises(ProblemError) as refused:
        files.write_atomically(folder / "r.json", "x")

    assert refused.value.problems[0].code == "E160"


WRITER = """
import os, sys, time
from msgsim import files
replace = os.replace
def slowly(one, two):
    print("half", flush=True)
    time.sleep(60)
files.os.replace = slowly
files.write_atomically(sys.argv[1], "x" * 5_000_000)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_in_mid_write_leaves_the_former_result(number: int, tmp_path: Path) -> None:
    target = tmp_path / "r.json"
    target.write_text("former")
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(target)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT,
    ) as writer:  # fmt: skip
        assert writer.stdout is not None and writer.stdout.readline() == b"half\n"
        writer.send_signal(number)
        assert writer.wait(30) != 0

    assert target.read_text() == "former"
