"""The command line about finished runs: traces, metrics, explain, replay, report, live."""

from __future__ import annotations

import csv
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_cli import call

SCENARIO = """
msgsim: 1
question: What is told?
duration: 4m
resources:
  Orders: {type: sqs.queue, VisibilityTimeout: 10,
           RedrivePolicy: {deadLetterTargetArn: Dead, maxReceiveCount: 2}}
  Dead: {type: sqs.queue}
  Workers: {type: worker.fleet, queue: Orders, workers: 2, handler: {time: 100ms, fails: 20%}}
  Clicks: {type: kinesis.stream, ShardCount: 2}
  Reader: {type: kinesis.consumer, StreamARN: Clicks, handler: {time: 1ms}}
workload:
  - {name: Shop, to: Orders, rate: 1/s, keys: {A: 50%, B: 50%}, until: 3m}
  - {name: Web, to: Clicks, rate: 1/s, keys: 4, until: 1m}
variants:
  small: {Workers.workers: 1}
  large: {Workers.workers: 4}
expect:
  - total.lost == 0
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(SCENARIO, encoding="utf-8")
    return tmp_path


def problem(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that cannot, and return what it says."""
    assert call(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    return shown.err


def test_each_variant_has_its_files() -> None:
    assert call("run", "mine.yaml", "-q", "--trace", "t.jsonl", "--metrics", "m.csv") == 0
    names = {path.name for path in Path().iterdir()}
    assert {"t-small.jsonl", "t-large.jsonl", "m-small.csv", "m-large.csv"} <= names
    lines = Path("t-small.jsonl").read_text("utf-8").splitlines()
    published = sum(json.loads(line)["what"] == "published" for line in lines)
    with open("m-small.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    sent = [row for row in rows if row["MetricName"] == "NumberOfMessagesSent"]
    orders = [float(row["Sum"]) for row in sent if row["Dimensions"] == "QueueName=Orders"]
    clicks = [
        float(row["Sum"])
        for row in rows
        if (row["MetricName"], row["Dimensions"]) == ("IncomingRecords", "StreamName=Clicks")
    ]
    assert sum(orders) + sum(clicks) == published
    assert rows[0]["Timestamp"] == "2026-01-01T00:00:00Z"


def test_metrics_have_the_shape_of_get_metric_data() -> None:
    """Id, Label, Timestamps and Values of each result, as boto3 and the AWS CLI give them."""
    assert call("run", "mine.yaml", "-q", "--metrics", "m.json") == 0
    data = json.loads(Path("m-small.json").read_text("utf-8"))
    assert set(data) == {"MetricDataQueries", "MetricDataResults", "Messages"}
    known = {query["Id"]: query["MetricStat"] for query in data["MetricDataQueries"]}
    for result in data["MetricDataResults"]:
        assert set(result) == {"Id", "Label", "Timestamps", "Values", "StatusCode"}
        assert len(result["Timestamps"]) == len(result["Values"]) > 0
        assert known[result["Id"]]["Metric"]["Namespace"].startswith("AWS/")
    botocore = pytest.importorskip("botocore.session").get_session()
    shape = botocore.get_service_model("cloudwatch").shape_for("MetricDataResult")
    assert set(data["MetricDataResults"][0]) <= set(shape.members)
    asked = botocore.get_service_model("cloudwatch").shape_for("MetricStat")
    assert set(next(iter(known.values()))) <= set(asked.members)


def test_every_format_of_metrics_says_the_same() -> None:
    for ending in ("csv", "jsonl", "parquet"):
        assert call("run", "mine.yaml", "-q", "--metrics", f"m.{ending}") == 0
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table("m-small.parquet").to_pylist()
    with open("m-small.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["MetricName"], float(row["Sum"])) for row in rows] == [
        (row["MetricName"], row["Sum"]) for row in table
    ]
    lines = [json.loads(line) for line in Path("m-small.jsonl").read_text("utf-8").splitlines()]
    sums = sum(sum(line["Values"]) for line in lines if line["MetricStat"]["Stat"] == "Sum")
    assert sums == pytest.approx(
        sum(float(row["Sum"]) for row in rows if _has_a_sum(row["MetricName"], lines))
    )


def _has_a_sum(name: str, lines: list[dict]) -> bool:
    asked = (line["MetricStat"] for line in lines)
    return any(each["Stat"] == "Sum" and each["Metric"]["MetricName"] == name for each in asked)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--trace", "t", "--trace-format", "perfeto"], "did you mean perfetto?"),
        (["--trace", "t", "--trace-sample", "slow:3"], "did you mean slowest:20?"),
        (["--trace", "t", "--trace-sample", "101%"], "no sample"),
        (["--trace", "t", "--trace-sample", "slowest:0"], "no sample"),
        (["--trace-sample", "1%"], "add --trace FILE"),
        (["--trace", "none/t"], "cannot write"),
        (["--trace", "mine.yaml"], "would be overwritten"),
        (["--metrics", "m.txt"], ".parquet"),
        (["--metrics", "m"], ".parquet"),
        (["--metrics", "none/m.csv"], "cannot write"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_run(options, says, capsys) -> None:
    before = sorted(Path().iterdir())
    assert says in problem(capsys, "run", "mine.yaml", *options)
    assert sorted(Path().iterdir()) == before


def test_explain_tells_of_a_message_and_of_those_of_interest(capsys) -> None:
    assert call("explain", "mine.yaml", "--message", "Shop#2", "--variant", "small") == 0
    out = capsys.readouterr().out
    assert "Shop#2, key" in out
    assert "published" in out
    assert "[small]" in out
    assert "[large]" not in out
    for kind, word in (
        ("slowest", "took"),
        ("most-received", "received 2 times"),
        ("dead-lettered", "given up by Orders"),
    ):
        assert call("explain", "mine.yaml", f"--{kind}", "2", "--variant", "small") == 0
        out = capsys.readouterr().out
        assert out.count(f": {word}") == 2, out


def test_explain_tells_of_a_group_a_shard_and_a_moment(capsys) -> None:
    some = ("--variant", "large")
    assert call("explain", "mine.yaml", "--group", "A", *some) == 0
    out = capsys.readouterr().out
    assert "key A" in out
    assert "key B" not in out
    assert call("explain", "mine.yaml", "--shard", "Clicks[0]", *some) == 0
    assert "Web#" in capsys.readouterr().out
    assert call("explain", "mine.yaml", "--at", "1m", *some) == 0
    assert "WHO HELD MESSAGES" in capsys.readouterr().out


def test_a_saved_result_is_told_with_its_own_seed_and_values(capsys) -> None:
    assert (
        call(
            "run",
            "mine.yaml",
            "-q",
            "--seed",
            "5",
            "-s",
            "Workers.handler.time=2s",
            "--save",
            "r.msgsim",
        )
        == 0
    )
    some = ("--slowest", "1", "--variant", "small")
    assert call("explain", "r.msgsim", *some) == 0
    saved = capsys.readouterr().out
    assert call("explain", "mine.yaml", "--seed", "5", "-s", "Workers.handler.time=2s", *some) == 0
    assert capsys.readouterr().out == saved
    assert call("explain", "mine.yaml", *some) == 0
    assert capsys.readouterr().out != saved


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--message", "Shp#2"], "did you mean Shop?"),
        (["--message", "Shop#9999"], "it published Shop#1 to Shop#"),
        (["--message", "Shop#0"], "no message"),
        (["--message", "17"], "such as Shop#17"),
        (["--group", "nobody"], "known: A, "),
        (["--shard", "Click[0]"], "did you mean Clicks?"),
        (["--shard", "Clicks[7]"], "begins with shards 0 to 1"),
        (["--shard", "Clicks"], "such as Clicks[0]"),
        (["--at", "5h"], "it lasts 4 min"),
        (["--at", "soon"], "such as 12m30s"),
        (["--slowest", "0"], "at least 1"),
        (["--slowest", "2", "--at", "1m"], "one thing to tell"),
        (["--seed", "3"], "one thing to tell"),
    ],
)
def test_explain_says_what_is_not_there(options, says, capsys) -> None:
    assert call("explain", "mine.yaml", *options, "--variant", "small") == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert "Traceback" not in shown.err


def test_explain_knows_its_variants(capsys) -> None:
    err = problem(capsys, "explain", "mine.yaml", "--slowest", "1", "--variant", "smal")
    assert "did you mean small?" in err


def test_replay_writes_a_page_with_the_player_alone() -> None:
    assert call("replay", "mine.yaml", "--theme", "projector") == 0
    text = Path("replay.html").read_text("utf-8")
    assert 'data-theme="projector"' in text
    assert 'id="player"' in text
    assert 'id="twins"' not in text


def test_a_report_has_a_theme_and_sections(capsys) -> None:
    assert call("run", "mine.yaml", "-q", "--save", "r.msgsim") == 0
    assert (
        call("report", "r.msgsim", "--theme", "dark", "--sections", "map,twins", "-o", "p.html")
        == 0
    )
    text = Path("p.html").read_text("utf-8")
    assert 'data-theme="dark"' in text
    assert 'id="twins"' in text
    assert 'id="player"' not in text
    capsys.readouterr()
    assert "no section" in problem(capsys, "report", "r.msgsim", "--sections", "maps,twin")


def test_live_draws_on_a_terminal_and_is_silent_elsewhere() -> None:
    """On a terminal a table with the queue and the rule; in a pipe, nothing at all."""
    command = [sys.executable, "-m", "msgsim", "run", "fanout", "--duration", "90s", "--live", "-q"]
    quiet = subprocess.run(command, capture_output=True, text=True, check=False)
    assert quiet.returncode in (0, 1)
    assert quiet.stderr == ""
    ours, theirs = pty.openpty()
    shown = b""
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        while True:
            try:
                part = os.read(ours, 4_096)
            except OSError:
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == quiet.returncode
    text = shown.decode("utf-8", "replace")
    for word in ("QUEUE", "Billing", "in flight", "SO FAR"):
        assert word in text
