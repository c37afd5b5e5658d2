"""In a browser notebook Python has no processes: msgsim runs there, in the one it has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

WITHOUT_PROCESSES = """
import os, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("multiprocessing", "_multiprocessing"):
            raise ImportError(f"{name} is not available here")
        if name == "concurrent.futures.process":
            raise ImportError("no processes here")

sys.meta_path.insert(0, Refuse())

def no(*args, **kwargs):
    raise OSError("no processes here")

for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system", "execv", "execve"):
    if hasattr(os, name):
        setattr(os, name, no)
import _posixsubprocess
_posixsubprocess.fork_exec = no
"""

RUN = """
import msgsim as ms

results = ms.run(ms.load("q01"))
assert not results.failed
assert ms.lesson.value(results, "timeout_30.Orders.duplicate_processings") == 4
assert ms.report.queue(results)._repr_png_()[0].startswith(b"\\x89PNG")

sqs = ms.Cloud(seed=1).client("sqs")
url = sqs.create_queue(QueueName="orders")["QueueUrl"]
sqs.send_message(QueueUrl=url, MessageBody="A")
assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "A"
assert not [name for name in sys.modules if name.split(".")[0] == "multiprocessing"]
print("done")
"""

REPLICATIONS = """
import msgsim as ms

assert len(ms.run(ms.load("hello"), replications=2).firsts()) == 1
print("done")
"""

CAN_FAIL = """
import subprocess

for attempt in ("import multiprocessing", "os.fork()", "subprocess.run(['true'])"):
    try:
        exec(attempt)
    except (ImportError, OSError):
        continue
    raise SystemExit(f"{attempt} worked")
print("done")
"""


def answer(program):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PROCESSES + program],
        capture_output=True, text=True, env=environment, cwd=ROOT, timeout=300,
    )  # fmt: skip
    return done.stdout.strip() or done.stderr


def test_a_scenario_runs_and_is_drawn_without_processes():
    assert answer(RUN) == "done"


def test_replications_run_without_processes():
    assert answer(REPLICATIONS) == "done"


def test_processes_are_really_gone():
    """Otherwise the other tests would prove nothing."""
    assert answer(CAN_FAIL) == "done"
