"""A process of ours is killed: no half file under a final name, a clear word, a known exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import msgsim
from msgsim import files
from tests.experiment.tiny import tiny

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for workers in /proc"),
]
ROOT = Path(msgsim.__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
KILLED = "the process that ran it died"

ALWAYS_KILLED = """
import os, signal, sys
from msgsim.cli import main
from msgsim.experiment import {module} as module

real = module.{function}
def killed({parameters}):
    if {when}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real({parameters})

if __name__ == "__main__":
    module.{function} = killed
    main(sys.argv[1:])
"""


def workers_of(parent: int) -> list[int]:
    """Return the processes that joblib started for a run, once they are busy."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes()
        except (OSError, NotADirectoryError):
            continue
        busy = int(status[11]) > 100  # a second of computing: the imports are done
        if int(status[1]) == parent and b"popen_loky" in command and busy:
            found.append(int(entry.name))
    return found


def kill_a_worker(run: subprocess.Popen) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and run.poll() is None:
        found = workers_of(run.pid)
        if found:
            os.kill(found[0], signal.SIGKILL)
            return
        time.sleep(0.02)
    pytest.fail("no worker was found to kill")


def started(folder: Path, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "msgsim", *arguments], cwd=folder, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def always_killed(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run the command line where one task takes its process down whenever it is tried."""
    (folder / "killing.py").write_text(script)
    return subprocess.run(
        [sys.executable, "killing.py", *arguments], cwd=folder, env=ENVIRONMENT, text=True,
        capture_output=True, timeout=300, check=False,
    )  # fmt: skip


def document(file: Path) -> dict:
    found = json.loads(file.read_text())
    found.pop("wall")
    return found


def hidden(folder: Path) -> list[str]:
    return [file.name for file in folder.rglob(".*")]


def test_a_worker_killed_once_costs_nothing(tmp_path: Path) -> None:
    """What the killed process was doing is run again: exit 0, the results of an undisturbed run."""
    (tmp_path / "tiny.yaml").write_text(tiny(duration="20m"))
    options = ["run", "tiny.yaml", "--replications", "8", "-q"]
    run = started(tmp_path, *options, "--jobs", "2", "--json", "killed.json")
    kill_a_worker(run)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert "Traceback" not in said

    undisturbed = started(tmp_path, *options, "--jobs", "1", "--json", "whole.json")
    undisturbed.communicate(timeout=300)
    assert document(tmp_path / "killed.json") == document(tmp_path / "whole.json")
    assert hidden(tmp_path) == []


def test_a_replication_whose_process_is_always_killed_is_told(tmp_path: Path) -> None:
    """Exit 1; the other replications are kept, in files that are whole."""
    (tmp_path / "tiny.yaml").write_text(tiny())
    script = ALWAYS_KILLED.format(
        module="session", function="_summary_of", parameters="task", when="task.replication == 3"
    )
    found = always_killed(
        tmp_path, script, "run", "tiny.yaml", "--replications", "6", "--jobs", "2",
        "--json", "r.json", "--save", "r.msgsim",
    )  # fmt: skip

    assert found.returncode == 1, found.stderr
    assert "Traceback" not in found.stderr + found.stdout
    assert "replication 3" in found.stderr + found.stdout and KILLED in found.stderr + found.stdout
    runs = document(tmp_path / "r.json")["runs"]
    assert [run["replication"] for run in runs] == [0, 1, 2, 4, 5]
    assert len(msgsim.read(tmp_path / "r.msgsim").summaries) == 5
    assert hidden(tmp_path) == []


def test_a_worker_of_a_sweep_killed_once_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(tiny(duration="10m"))
    options = ["sweep", "tiny.yaml", "--set", "Workers.workers=2,3,4,5,6,7", "--replications", "2"]
    run = started(tmp_path, *options, "--jobs", "2", "--out", "killed")
    kill_a_worker(run)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert "Traceback" not in said

    started(tmp_path, *options, "--jobs", "1", "--out", "whole").communicate(timeout=300)
    for name in ("index.json", "index.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert hidden(tmp_path) == []


def test_a_point_whose_process_is_always_killed_is_told(tmp_path: Path) -> None:
    """Exit 1; its point has no file, the others have whole ones, and --resume tries it again."""
    (tmp_path / "tiny.yaml").write_text(tiny())
    script = ALWAYS_KILLED.format(
        module="sweep", function="run_point", parameters="scenario, plan, asked, key",
        when="'workers: 3' in module.resolved_text(scenario)",
    )  # fmt: skip
    options = ["sweep", "tiny.yaml", "--set", "Workers.workers=2,3,4", "--jobs", "2"]
    found = always_killed(tmp_path, script, *options, "--out", "out")

    assert found.returncode == 1, found.stderr
    assert "Traceback" not in found.stderr + found.stdout
    assert KILLED in found.stdout
    written = sorted((tmp_path / "out").glob("points/*/point.json"))
    assert [json.loads(file.read_text())["schema"] for file in written] == ["msgsim.point/1"] * 2
    assert hidden(tmp_path) == []

    again = started(tmp_path, *options, "--resume", "out")
    assert again.wait(300) == 0
    assert len(list((tmp_path / "out").glob("points/*/point.json"))) == 3


WRITER = """
import sys, time
from msgsim import files
def slowly(one, two):
    print("written", flush=True)
    time.sleep(60)
files.os.replace = slowly
files.write_atomically(sys.argv[1], "x" * 1_000_000)
"""


def test_what_a_killed_writer_leaves_says_what_it_is_and_goes_away(tmp_path: Path) -> None:
    """A hidden file `.r.json.…msgsim-unfinished`, removed by who writes r.json a day later."""
    target = tmp_path / "r.json"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE, env=ENVIRONMENT
    ) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"written\n"
        writer.kill()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".r.json.") and left.name.endswith(".msgsim-unfinished")
    others = [tmp_path / ".other.json.x.msgsim-unfinished", tmp_path / ".r.json.swp"]
    for other in others:
        other.write_text("somebody else's")

    files.write_atomically(target, "soon after: its writer may still be at work")
    assert left.exists()

    long_ago = time.time() - files.ABANDONED_S - 60
    for file in (left, *others):
        os.utime(file, (long_ago, long_ago))
    files.write_atomically(target, "whole")
    assert not left.exists()
    assert target.read_text() == "whole"
    assert all(other.exists() for other in others)
