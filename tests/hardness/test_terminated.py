"""SIGTERM, as CI systems and containers send it, keeps what there is: as Ctrl-C does, exit 143."""

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
from tests.experiment.tiny import tiny

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for workers in /proc"),
]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(msgsim.__file__).parents[1])}

A_RUN_BEGINS = """
import sys
from msgsim.cli import main
from msgsim.experiment import session

real = session.drive
def saying(*arguments, **more):
    print("now", flush=True)
    return real(*arguments, **more)

session.drive = saying
main(sys.argv[1:])
"""
TASKS_ARRIVE = """
import sys
from msgsim.cli import main
from msgsim.experiment import {module} as module

real = module.run_tasks
def saying(tasks, workers, done):
    def told(key, found):
        wanted = done(key, found)
        print("now", flush=True)
        return wanted
    return real(tasks, workers, told)

if __name__ == "__main__":
    module.run_tasks = saying
    main(sys.argv[1:])
"""


def terminated(
    folder: Path, script: str, *arguments: str, group: bool = False, number: int = signal.SIGTERM
) -> tuple[int, str]:
    """Start the command line, end it when it says `now`; return exit code and what it said.

    Whatever it started ends with it.
    """
    (folder / "saying.py").write_text(script)
    with subprocess.Popen(
        [sys.executable, "saying.py", *arguments], cwd=folder, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    ) as run:  # fmt: skip
        assert run.stdout is not None
        for line in run.stdout:
            if line == "now\n":
                break
        (os.killpg if group else os.kill)(run.pid, number)
        out, err = run.communicate(timeout=60)
    assert "Traceback" not in out + err
    until = time.monotonic() + 10
    while living(run.pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert living(run.pid) == []
    return run.returncode, err


def living(session: int) -> list[str]:
    """Return what still lives of the processes that one started, and is no zombie."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(status[3]) == session and status[0] != "Z":
            found.append(command)
    return found


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_ended_keeps_what_there_is(number: int, code: int, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(tiny(duration="12h"))
    found, said = terminated(
        tmp_path, A_RUN_BEGINS, "run", "tiny.yaml", "--json", "r.json", "--trace", "t.json",
        number=number,
    )  # fmt: skip

    assert found == code
    assert "the results are partial" in said and "no trace" in said
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["partial"] is True
    assert document["runs"][0]["simulated_s"] < 12 * 3_600
    assert {file.name for file in tmp_path.iterdir()} == {"saying.py", "tiny.yaml", "r.json"}


@pytest.mark.parametrize(
    ("number", "group", "expected"),
    [(signal.SIGTERM, False, 143), (signal.SIGTERM, True, 143), (signal.SIGINT, True, 130)],
    ids=["as CI systems do", "the whole group", "as on a terminal"],
)
def test_replications_that_are_finished_are_kept(
    number: int, group: bool, expected: int, tmp_path: Path
) -> None:
    """Whole runs alone, called partial."""
    (tmp_path / "tiny.yaml").write_text(tiny(duration="5m"))
    script = TASKS_ARRIVE.format(module="session")
    run = ["run", "tiny.yaml", "--replications", "2000", "--jobs", "2", "--json", "r.json", "-q"]
    code, said = terminated(tmp_path, script, *run, group=group, number=number)

    assert code == expected, said
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["partial"] is True
    assert 1 <= len(document["runs"]) < 2_000
    assert all(run["simulated_s"] == 300 and not run["partial"] for run in document["runs"])


def test_a_sweep_that_is_ended_in_the_middle_of_a_point_can_be_resumed(tmp_path: Path) -> None:
    """The point that is cut off has no file, and is open for --resume; those before it are kept."""
    (tmp_path / "tiny.yaml").write_text(tiny(duration="1m"))
    script = TASKS_ARRIVE.format(module="sweep")
    sweep = ["sweep", "tiny.yaml", "--set", "Workers.workers=2,3,4,5", "--jobs", "1"]
    code, said = terminated(tmp_path, script, *sweep, "--replications", "6", "--out", "cut")

    assert code == 143, said
    assert "--resume" in said
    written = list((tmp_path / "cut").glob("points/*/point.json"))
    assert 1 <= len(written) < 4
    index = json.loads((tmp_path / "cut" / "index.json").read_text())
    assert index["partial"] is True
    done = [point["point"] for point in index["points"] if point["status"] == "done"]
    assert sorted(done) == sorted(file.parent.name for file in written)
