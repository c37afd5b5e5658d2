"""Where results are written to: links, devices and pipes stay what they are; no result is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import msgsim
from tests.experiment.tiny import tiny
from tests.test_cli import call

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(tiny(), encoding="utf-8")
    return tmp_path


def test_a_link_goes_on_leading_to_its_file(small: Path) -> None:
    Path("real.json").write_text("old")
    os.symlink("real.json", "link.json")

    assert call("run", "small.yaml", "-q", "--json", "link.json") == 0
    assert Path("link.json").is_symlink()
    assert json.loads(Path("real.json").read_text())["schema"].startswith("msgsim.result/")


@pytest.mark.parametrize("option", ["--json", "--trace", "--report"])
def test_a_pipe_gets_the_result_and_stays_a_pipe(option: str, small: Path) -> None:
    os.mkfifo("pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe").read_bytes()), daemon=True)
    reader.start()

    assert call("run", "small.yaml", "-q", option, "pipe") == 0
    reader.join(30)
    assert Path("pipe").is_fifo() and len(read[0]) > 100


def test_two_results_never_share_a_file(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "small.yaml", "-q", "--json", "a", "--report", "./a") == 2
    assert "--json and --report write to the same file" in capsys.readouterr().err
    assert not Path("a").exists()


def test_more_replications_than_memory_holds_are_refused(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("run", "small.yaml", "-q", "--replications", "99999999999999") == 2
    assert "at most 100,000" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for workers in /proc")
def test_workers_end_when_the_run_that_started_them_is_gone(small: Path) -> None:
    """SIGKILL leaves a run no moment to tell its workers; they look for it themselves."""
    Path("long.yaml").write_text(
        "msgsim: 1\nquestion: How long?\nseed: 1\nduration: 30h\n"
        "workload:\n  - {to: Jobs, rate: 100/s}\nresources:\n  Jobs: {type: sqs.queue}\n"
        "  Pool: {type: worker.fleet, queue: Jobs, workers: 20, handler: {time: 100ms}}\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-m", "msgsim", "run", "long.yaml", "-q", "--replications", "4",
         "--jobs", "2"],
        env={**os.environ, "PYTHONPATH": str(Path(msgsim.__file__).parents[1])},
    )  # fmt: skip
    try:
        found = within(60, lambda: len(workers := workers_in(small)) >= 2 and workers)
        time.sleep(2)  # they have begun with their tasks
        run.kill()
        run.wait()
        assert found and within(20, lambda: not workers_in(small)), workers_in(small)
    finally:
        run.kill()


def workers_in(folder: Path) -> list[int]:
    """Return joblib's processes that work in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if (
                entry.name.isdigit()
                and b"popen_loky" in (entry / "cmdline").read_bytes()
                and Path(os.readlink(entry / "cwd")) == folder
            ):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def within(seconds: float, true):
    """Wait until something is true; return what it was at last."""
    until = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < until:
        time.sleep(0.2)
    return found
