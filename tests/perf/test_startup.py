"""Start-up: what the shortest commands cost, and which heavy modules they leave alone.

Times are printed, not asserted, and are processor time of a process of its own; compiled modules
are there, as after an installation. What is imported is asserted: no machine changes it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.perf

SCENARIOS = Path(__file__).parents[2] / "scenarios"
FANOUT = str(SCENARIOS / "fanout.yaml")
TEN_SECONDS = """\
msgsim: 1
question: How long does a short run take?
duration: 10s
workload:
  - {to: Jobs, arrivals: {poisson: 20/s}}
resources:
  Jobs: {type: sqs.queue}
  Pool: {type: worker.fleet, queue: Jobs, workers: 3, handler: {time: 100ms}}
"""
HEAVY = {"IPython", "altair", "dask", "hypothesis", "joblib", "matplotlib", "pandas", "pyarrow",
         "rich", "scipy"}  # fmt: skip
NOT_FOR_HELP = HEAVY | {"numpy", "pydantic", "simpy", "yaml"}
WHICH = """\
import json, sys
from runpy import run_module
sys.argv = ["msgsim", *sys.argv[1:]]
try:
    run_module("msgsim", run_name="__main__")
except SystemExit:
    pass
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def imported_by(*command: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", WHICH, *command], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("command", "unwanted"),
    [(("--help",), NOT_FOR_HELP), (("validate", FANOUT), HEAVY)],
    ids=["help", "validate"],
)
def test_a_short_command_imports_nothing_heavy(command, unwanted):
    """`validate` needs the specs and their pages, `--help` not even these."""
    found = imported_by(*command)
    assert "msgsim" in found
    assert not found & unwanted


def test_print_start_up_times(tmp_path, record_property):
    scenario = tmp_path / "ten_seconds.yaml"
    scenario.write_text(TEN_SECONDS, encoding="utf-8")
    rows = (
        (("--help",), 0.3),
        (("validate", FANOUT), 0.7),
        (("run", str(scenario)), 1.0),
    )
    table = "\n".join(
        f"msgsim {command[0]:<10} {seconds(tmp_path, command):.2f} s of processor (bar {bar:.1f} s)"
        for command, bar in rows
    )
    record_property("table", table)
    print(table)


def seconds(tmp_path: Path, command: tuple[str, ...]) -> float:
    """Return the processor time of one command, the best of three, compiled modules at hand."""
    env = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(tmp_path / "compiled")
    took = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "msgsim", *command],
            capture_output=True, text=True, env=env, cwd=tmp_path,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(took[1:])
