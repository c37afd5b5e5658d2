"""Write every kind of output in a process of its own, which is killed in the middle of it.

`python -m tests.hardness.half_written FOLDER` runs a small scenario once, then forks for each kind
of output and each signal; it prints for each, as JSON, how the process ended and what it left.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from pathlib import Path
from typing import IO, Any

from msgsim.cli import _guarded
from msgsim.commands._outputs import write_outputs
from msgsim.commands._signals import endings_are_said
from msgsim.commands.run import RunOptions
from msgsim.experiment.grid import knobs_of
from msgsim.experiment.result import to_plain
from msgsim.experiment.session import run_all
from msgsim.experiment.sweep import Plan, Sweep, plan_points, run_sweep
from msgsim.experiment.sweep_files import write_index, write_point
from msgsim.experiment.workers import Workers
from msgsim.report.sweep_figures import write_pictures
from msgsim.scenario.load import load_text
from tests.hardness.results import SMALL

SIGNALS = (signal.SIGTERM, signal.SIGKILL)
FORMER = b"former"

OUTPUTS: dict[str, dict[str, Any]] = {
    "result": {"json": "out"},
    "saved result": {"save": "out"},
    "verdicts": {"junit": "out"},
    "summary": {"markdown": "out"},
    "page": {"report": "out"},
    "figures": {"plots": "."},
    "trace, events": {"trace": "out"},
    "trace, perfetto": {"trace": "out", "trace_format": "perfetto"},
    "trace, otlp": {"trace": "out", "trace_format": "otlp"},
    "trace, xray": {"trace": "out", "trace_format": "xray"},
    "call log": {"trace": "out", "trace_format": "cloudtrail"},
    "metrics, JSON": {"metrics": "out.json"},
    "metrics, lines": {"metrics": "out.jsonl"},
    "metrics, CSV": {"metrics": "out.csv"},
    "metrics, Parquet": {"metrics": "out.parquet"},
}
SWEPT = ("a point", "the index", "the pictures of a sweep")


class Cut:
    """A stream that has half of what it is given on the disk when the process gets a signal."""

    def __init__(self, stream: IO[Any], number: int) -> None:
        self._stream = stream
        self._number = number

    def write(self, data: Any) -> int:
        self._stream.write(data[: max(1, len(data) // 2)])
        self._stream.flush()
        os.kill(os.getpid(), self._number)
        return int(self._stream.write(data[max(1, len(data) // 2) :]))

    def __enter__(self) -> Cut:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def killed(write: Callable[[], Any], number: int) -> int:
    """Call `write` in a process that gets a signal in the middle; return how it ended."""
    child = os.fork()
    if child == 0:
        opened = os.fdopen
        setattr(os, "fdopen", lambda *args, **more: Cut(opened(*args, **more), number))  # noqa: B010
        code = 0
        try:
            nowhere = open(os.devnull, "w")  # noqa: SIM115 - until this process ends
            with redirect_stderr(nowhere), _guarded(), endings_are_said():
                write()
        except SystemExit as left:
            code = int(left.code or 0)
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def ways(folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield each kind of output with what writes it into the current folder."""
    text = SMALL.replace("duration: 10s", "duration: 3s")
    results = run_all(load_text(text, "small.yaml"))
    plain = to_plain(results)
    for name, given in OUTPUTS.items():
        options = RunOptions(**given)
        yield name, lambda options=options: write_outputs(results, plain, options, "again")
    sweep = swept(text, folder)
    point = sweep.points[0]
    yield "a point", lambda: write_point(Path(), point, point.result)
    yield "the index", lambda: write_index(sweep, Path())
    yield "the pictures of a sweep", lambda: write_pictures(sweep, None, Path())


def swept(text: str, folder: Path) -> Sweep:
    knobs, _ = knobs_of(["W.workers=1,2"])
    sweep = plan_points(Plan(load_text(text, "small.yaml"), tuple(knobs), replications=1))
    run_sweep(sweep, folder / "sweep", Workers())
    return sweep


def main(folder: Path) -> None:
    """Kill, look, and tell."""
    for name, write in ways(folder):
        for number in SIGNALS:
            home = folder / f"{name}-{number}"
            home.mkdir()
            os.chdir(home)
            if number == signal.SIGKILL:  # with SIGTERM the name is still free
                for target in OUTPUTS.get(name, {}).values():
                    if target.startswith("out"):
                        Path(target).write_bytes(FORMER)
            code = killed(write, number)
            left = {
                str(file.relative_to(home)): file.read_bytes().decode("utf-8", "replace")[:20]
                for file in home.rglob("*")
                if file.is_file()
            }
            print(json.dumps([name, int(number), code, left]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
