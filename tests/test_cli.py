"""The command line as its users meet it: output, exit codes, errors without tracebacks."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from msgsim.bundled import is_lab, scenario_names, scenario_path, short_name
from msgsim.cli import main

SMALL = """\
msgsim: 1
question: Does it run?
duration: 20s
resources:
  Orders: {type: sqs.queue}
  Workers: {type: worker.fleet, queue: Orders, workers: 2, handler: {time: 100ms}}
workload:
  - {to: Orders, rate: 5/s, until: 15s}
expect:
  - Orders.lost == 0
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A scenario that runs in no time."""
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def call(*arguments: str | Path) -> int:
    """Run the command line in this process and return its exit code."""
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def test_help_fits_a_screen_and_begins_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """At most 28 lines, three commands to copy first."""
    assert call("--help") == 0
    lines = capsys.readouterr().out.splitlines()

    assert len(lines) <= 28
    examples = [line for line in lines if line.strip().startswith("msgsim ")]
    assert len(examples) >= 3


@pytest.mark.parametrize("verb", ["run", "validate", "list", "lab", "new", "explain", "schema"])
def test_each_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of a verb shows an example of its use."""
    assert call(verb, "--help") == 0
    assert f"msgsim {verb}" in capsys.readouterr().out.split("Options", 1)[0]


def test_run_prints_verdicts_first_and_a_ledger_that_sums(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The summary fits 40 lines and 80 columns without colour."""
    monkeypatch.chdir(small.parent)
    assert call("run", small.name) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()

    assert len(lines) <= 40
    assert max(len(line) for line in lines) <= 80
    assert out.index("EXPECT") < out.index("WHERE THE MESSAGES WENT")
    assert "sums to" in out
    assert "\x1b" not in out


def test_a_failed_expectation_exits_1(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The design is at fault, not the tool: 1, with rule and actual value."""
    text = small.read_text(encoding="utf-8").replace("Orders.lost == 0", "Orders.latency.p99 < 1ms")
    small.write_text(text, encoding="utf-8")
    assert call("run", small, "-q") == 1
    assert "Orders.latency.p99 < 1ms" in capsys.readouterr().out


def test_quiet_says_nothing_when_all_is_well(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`-q` prints failed expectations only."""
    assert call("run", small, "-q") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "rule", ["Orders.latencyy.p99 < 5s", "Odrers.latency.p99 < 5s", "Orders.latency.p99 < 5"]
)
def test_an_unknown_metric_exits_2_before_running(
    small: Path, rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt metric, target or unit is never a silent pass."""
    text = small.read_text(encoding="utf-8").replace("Orders.lost == 0", rule)
    small.write_text(text, encoding="utf-8")
    assert call("run", small) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "small.yaml:10:" in shown.err


def test_no_data_fails(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A metric without a single observation is not met, in the words `no data`."""
    text = small.read_text(encoding="utf-8").replace(
        "rate: 5/s, until: 15s", "rate: 5/s, from: 19.9s"
    )
    text = text.replace("Orders.lost == 0", "Orders.latency.p99 < 5s").replace("100ms", "1s")
    small.write_text(text, encoding="utf-8")
    assert call("run", small) == 1
    assert "no data" in capsys.readouterr().out


def test_json_on_stdout_is_pure(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json -` prints JSON and nothing else; it says `passed: true`."""
    assert call("run", small, "--json", "-", "-q") == 0
    found = json.loads(capsys.readouterr().out)

    assert found["expect"][0]["passed"] is True
    assert found["partial"] is False


def test_a_scenario_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`msgsim run -` reads YAML from a pipe."""
    stdin = io.TextIOWrapper(io.BytesIO(SMALL.encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)
    assert call("run", "-", "--json", "-", "-q") == 0
    assert json.loads(capsys.readouterr().out)["expect"][0]["passed"] is True


def test_set_overrides_a_value_in_any_spelling(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--set` reaches resources by name; a path that leads nowhere exits 2."""
    assert call("run", small, "--set", "Workers.workers=1", "-q") == 0
    assert call("validate", small, "--set", "Orders.VisibilityTimeout=50000") == 2
    assert "43,200" in capsys.readouterr().err
    assert call("run", small, "--set", "Wrokers.workers=1") == 2
    assert "did you mean Workers" in capsys.readouterr().err


def test_a_missing_file_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a file nor a bundled scenario, with a guess."""
    assert call("run", "fanuot") == 2
    err = capsys.readouterr().err
    assert "did you mean fanout?" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("option", ["--json", "--report", "--plots"])
def test_an_output_that_cannot_be_written_is_found_before_the_run(
    small: Path, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is a file: exit 2, nothing half-written."""
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    assert call("run", small, option, blocked / "out") == 2
    assert "cannot write" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "small.yaml"]


def test_list_shows_each_question(capsys: pytest.CaptureFixture[str]) -> None:
    """Names and questions of all bundled scenarios."""
    assert call("list") == 0
    out = capsys.readouterr().out
    names = [short_name(name) for name in scenario_names() if not is_lab(name)]
    assert all(f"\n  {name} " in out for name in names)
    assert out.count("?") >= len(names)
    assert max(len(line) for line in out.splitlines()) <= 80


def test_list_shows_one_topic(capsys: pytest.CaptureFixture[str]) -> None:
    """A topic alone, and a guess at a misspelt one."""
    assert call("list", "--topic", "fifo") == 0
    out = capsys.readouterr().out
    assert "q04" in out and "q07" not in out
    assert call("list", "--topic", "fif") == 2
    assert "did you mean fifo?" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["q07", "questions/q07", "q07.yaml", "fanout"])
def test_new_takes_short_names(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("new", "--from", source, "mine.yaml") == 0
    assert Path("mine.yaml").read_text("utf-8") == scenario_path(source).read_text("utf-8")


def test_new_copies_a_scenario_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`new` writes a valid file, and does not overwrite one."""
    monkeypatch.chdir(tmp_path)
    assert call("new", "mine.yaml", "--from", "fanout") == 0
    assert call("validate", "mine.yaml") == 0
    assert call("new", "mine.yaml") == 2
    assert "exists" in capsys.readouterr().err


def test_explain_prints_pages_and_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """Kinds and problem codes have pages; a misspelling gets a guess."""
    assert call("explain", "sqs.queue") == 0
    assert "VisibilityTimeout" in capsys.readouterr().out
    assert call("explain", "E201") == 0
    assert "AWS refuses" in capsys.readouterr().out
    assert call("explain", "sqs.qeue") == 2
    assert "did you mean sqs.queue?" in capsys.readouterr().err


def test_schema_is_json_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed or written; every kind of resource is in it."""
    assert call("schema") == 0
    found = json.loads(capsys.readouterr().out)
    kinds = {
        item["properties"]["type"]["const"]
        for item in found["properties"]["resources"]["additionalProperties"]["oneOf"]
    }
    assert {"sqs.queue", "sns.topic", "lambda.function", "kinesis.stream", "worker.fleet"} <= kinds
    assert call("schema", "--write", tmp_path / "schema.json") == 0
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == found


def test_validate_resolved_can_be_read_again(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The printed file is a valid scenario with every default filled in."""
    assert call("validate", small, "--resolved") == 0
    resolved = capsys.readouterr().out
    assert "VisibilityTimeout: 30  # AWS default" in resolved
    again = tmp_path / "again.yaml"
    again.write_text(resolved, encoding="utf-8")
    assert call("validate", again) == 0


def test_version_names_what_a_result_depends_on(capsys: pytest.CaptureFixture[str]) -> None:
    """msgsim, Python, numpy and SimPy."""
    assert call("--version") == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("msgsim", "python", "numpy", "simpy"))


def test_a_runaway_model_exits_3(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The event budget stops it; the message says where the clock stood."""
    import msgsim.experiment.session as session

    monkeypatch.setattr(session.run_all, "__kwdefaults__", {
        **session.run_all.__kwdefaults__, "max_events": 50})  # fmt: skip
    assert call("run", small) == 3
    assert "events" in capsys.readouterr().err


@pytest.mark.unchecked
def test_a_broken_invariant_exits_3(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A queue that forgets what it holds: the ledger no longer sums, and the run says so."""
    from msgsim.services.sqs_queue.base import Queue

    monkeypatch.setattr(Queue, "holds", lambda queue: ())
    assert call("run", small, "--set", "Workers.handler.time=10s") == 3
    shown = capsys.readouterr()
    assert "does not sum" in shown.out
    assert "broke an invariant" in shown.err


def test_a_bug_of_ours_exits_70_with_a_crash_file(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two lines and the path of a file, never a traceback."""
    import msgsim.experiment.session as session

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(session, "run_all", broken)
    assert call("run", small) == 70
    err = capsys.readouterr().err
    crash = Path(err.split(" with ")[1].strip())
    assert len(err.splitlines()) == 2
    assert "boom" in crash.read_text(encoding="utf-8")
    crash.unlink()


@pytest.mark.skipif(os.name != "posix", reason="signals as on a terminal")
def wait_for_cpu(process: int, seconds: float) -> None:
    """Wait until a process has worked for so long; where that cannot be seen, for so long."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        time.sleep(seconds)
        return
    ticks = os.sysconf("SC_CLK_TCK") * seconds
    while (
        stat.exists() and sum(map(int, stat.read_text().rsplit(")", 1)[1].split()[11:13])) < ticks
    ):
        time.sleep(0.05)


def test_ctrl_c_at_the_very_beginning_is_said(small: Path) -> None:
    command = [sys.executable, "-m", "msgsim", "run", str(small), "--duration", "30d"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_cpu(run.pid, 0.35)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode in {130, -signal.SIGINT}
    assert "interrupted" in err or "KeyboardInterrupt" in err
