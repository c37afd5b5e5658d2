"""Sweeps: every point once, on the same random numbers, whatever happens in between."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import msgsim as ms
from msgsim.experiment import sweep as sweeping
from msgsim.experiment import sweep_files
from msgsim.experiment.best import best_of
from msgsim.experiment.grid import Knob, block_of, knobs_of, values_of
from msgsim.experiment.sweep import Plan, plan_points, run_sweep
from msgsim.experiment.workers import Workers
from msgsim.report.sweeping import sweep_text
from tests.experiment.tiny import tiny
from tests.test_cli import call

SMALL = tiny(duration="5s")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SMALL, encoding="utf-8")
    return tmp_path


def done(plan: Plan, folder: Path, jobs: int = 1) -> sweeping.Sweep:
    found = plan_points(plan)
    run_sweep(found, folder, Workers(jobs))
    return found


def plan(*knobs: tuple[str, tuple[str, ...]], text: str = SMALL, **options: object) -> Plan:
    return Plan(ms.load_text(text), tuple(Knob(*knob) for knob in knobs), **options)


# Values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10,30,60", ["10", "30", "60"]),
        ("[1, 2],[3]", ["[1, 2]", "[3]"]),
        ("{dist: exponential, mean: 1s},5s", ["{dist: exponential, mean: 1s}", "5s"]),
        ("1..10:4", ["1", "4", "7", "10"]),
        ("100ms..1s:4", ["100ms", "400ms", "700ms", "1000ms"]),
        ("4/s..8/s:3", ["4/s", "6/s", "8/s"]),
        ("1..1000:4:log", ["1", "10", "100", "1000"]),
        ("1ms..1s:4:log", ["1ms", "10ms", "100ms", "1000ms"]),
        ("0.5..1.5:3", ["0.5", "1", "1.5"]),
        ("1..3:5", ["1", "2", "3"]),  # whole numbers stay whole, and none comes twice
        ("7", ["7"]),
    ],
)
def test_values_of_a_knob(text: str, expected: list[str]) -> None:
    assert values_of(text) == expected


@pytest.mark.parametrize(
    "text", ["1..10", "1..10:1", "1..10:x", "0..10:3:log", "1..10:3:lgo", "1s..5/s:3", "1,,3",
             "a..b:3", "1..10:99999999"],
)  # fmt: skip
def test_values_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ms.ProblemError) as caught:
        values_of(text)
    assert caught.value.problems[0].code == "E181"


def test_single_values_hold_for_every_point() -> None:
    knobs, single = knobs_of(["A.x=1,2", "B.y=5", "seed=3"])
    assert [(knob.path, knob.values) for knob in knobs] == [("A.x", ("1", "2"))]
    assert single == ["B.y=5", "seed=3"]


# Points ------------------------------------------------------------------------------------


def test_every_point_runs_on_the_same_random_numbers(tmp_path: Path) -> None:
    """As many messages are published at each, replication by replication."""
    found = done(
        plan(("Workers.workers", ("2", "3", "5")), replications=3, metrics=("Shop.published",)),
        tmp_path,
    )
    published = [row["metrics"]["Shop.published"]["values"] for row in found.rows()]
    assert len(published) == 3
    assert published[0] == published[1] == published[2]
    assert len(set(published[0].values())) > 1


def test_a_point_is_what_run_says_of_it(tmp_path: Path) -> None:
    found = done(plan(("Workers.workers", ("2", "3")), replications=3), tmp_path)
    alone = ms.run(ms.load_text(SMALL).replace("Workers.workers", 2), replications=3)
    row = next(found.rows())["metrics"]["total.latency.p99"]
    expected = alone.interval("total.latency.p99")
    assert (row["estimate"], row["low"], row["high"]) == (
        expected.estimate, expected.low, expected.high,
    )  # fmt: skip


def test_a_sweep_is_the_same_in_one_process_and_in_several(tmp_path: Path) -> None:
    knobs = (("Workers.workers", ("2", "3")), ("Workers.handler.time.mean", ("50ms", "90ms")))
    one, two = tmp_path / "one", tmp_path / "two"
    done(plan(*knobs, replications=2), one)
    done(plan(*knobs, replications=2), two, jobs=2)
    assert contents(one) == contents(two)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_the_index_is_tidy(tmp_path: Path) -> None:
    """A row for each point and variant, a column for each knob and metric, no units to parse."""
    text = SMALL + "variants:\n  a:\n  b: {Workers.handler.time.mean: 50ms}\n"
    found = done(plan(("Workers.workers", ("2", "3")), text=text, replications=2), tmp_path)
    with (tmp_path / "index.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["Workers.workers"], row["variant"]) for row in rows] == [
        ("2", "a"), ("2", "b"), ("3", "a"), ("3", "b"),
    ]  # fmt: skip
    assert all(float(row["total.latency.p99.low"]) <= float(row["total.latency.p99"])
               for row in rows)  # fmt: skip
    index = json.loads((tmp_path / "index.json").read_text("utf-8"))
    assert index["schema"] == sweep_files.SCHEMA
    assert [point["point"] for point in index["points"]] == [one.key for one in found.points]


def test_points_that_fail_are_marked_and_the_others_kept(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """AWS refuses one of three values: exit 1, its reason in the index, two results."""
    sets = "Orders.VisibilityTimeout=30,50000,60"
    assert call("sweep", "small.yaml", "--set", sets, "--out", "out", "--jobs", "1") == 1
    assert "FAILED  1 point, the others are kept" in capsys.readouterr().out
    rows = list(csv.DictReader(Path("out/index.csv").read_text("utf-8").splitlines()))
    assert [row["status"] for row in rows] == ["done", "failed", "done"]
    assert "43,200" in rows[1]["reason"]


def dying(scenario: ms.Scenario, plan: Plan, asked: list[str], key: str) -> dict:
    if "workers: 3" in sweeping.resolved_text(scenario):
        os._exit(9)
    return sweeping.run_point(scenario, plan, asked, key)


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_point_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = plan_points(plan(("Workers.workers", ("2", "3", "4", "5"))))
    real = sweeping.run_tasks

    def with_death(tasks: dict, workers: Workers, done: object) -> bool:
        return real({key: (dying, args) for key, (_, args) in tasks.items()}, workers, done)

    monkeypatch.setattr(sweeping, "run_tasks", with_death)
    run_sweep(found, tmp_path, Workers(2))
    assert [point.status for point in found.points] == ["done", "failed", "done", "done"]
    assert "died" in found.points[1].reason


def test_fail_fast_stops_at_the_first_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> dict:
        raise RuntimeError("no")

    monkeypatch.setattr(sweeping, "run_point", failing)
    found = plan_points(plan(("Workers.workers", ("2", "3", "4"))))
    run_sweep(found, tmp_path, Workers(1), fail_fast=True)
    assert [point.status for point in found.points] == ["failed", "open", "open"]


def test_shards_are_parts_that_make_up_the_whole(small: Path) -> None:
    sets = ("--set", "Workers.workers=2,3,4,5,6", "--jobs", "1")
    assert call("sweep", "small.yaml", *sets, "--out", "whole") == 0
    assert call("sweep", "small.yaml", *sets, "--out", "parts", "--shard", "1/2") == 0
    assert len(list(Path("parts/points").iterdir())) == 3
    assert call("sweep", "small.yaml", *sets, "--resume", "parts", "--shard", "2/2") == 0
    assert call("sweep", "small.yaml", *sets, "--resume", "parts") == 0
    assert contents(Path("whole")) == contents(Path("parts"))


def test_the_page_takes_a_theme_and_counts_are_grammatical(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = ("--set", "Workers.workers=2,3", "--jobs", "1")
    assert call("sweep", "small.yaml", *sets, "--out", "out", "--theme", "projector") == 0
    assert "2 points, 1 replication of each" in capsys.readouterr().err
    page = Path("out/report.html").read_text("utf-8")
    assert 'data-theme="projector"' in page
    assert "var(--ink)" in page and page.count("<svg") == 1
    assert call("sweep", "small.yaml", *sets, "--out", "other", "--theme", "pink") == 2
    assert not Path("other").exists()


# Killed and resumed ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_sweep_that_was_killed_ends_in_the_same_files(small: Path) -> None:
    """SIGKILL at a random moment, three times over; nothing is lost and nothing done twice."""
    Path("small.yaml").write_text(tiny(duration="4m"), encoding="utf-8")
    arguments = ["small.yaml", "--set", "Workers.workers=2,3,4,5", "--jobs", "2"]
    arguments += ["--set", "Workers.handler.time.mean=50ms,80ms,100ms", "--replications", "2"]
    assert call("sweep", *arguments, "--out", "whole") == 0
    moments = random.Random(5)
    begin = ["--out", "killed"]
    before: dict[str, int] = {}
    for _ in range(3):
        command = [sys.executable, "-m", "msgsim", "sweep", *arguments, *begin]
        run = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        points = Path("killed/points")
        wanted = len(list(points.glob("*/point.json"))) + 1
        until = time.monotonic() + 60
        while len(list(points.glob("*/point.json"))) < wanted and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.3))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        finished = {str(file): file.stat().st_mtime_ns for file in points.glob("*/point.json")}
        assert before.items() <= finished.items()  # none was done again
        before, begin = finished, ["--resume", "killed"]
        for file in points.glob("*/point.json"):
            json.loads(file.read_text("utf-8"))  # whole, or not there
    assert call("sweep", *arguments, "--resume", "killed") == 0
    after = {str(file): file.stat().st_mtime_ns for file in points.glob("*/point.json")}
    assert before.items() <= after.items()
    for left_over in Path("killed").rglob(".*"):  # a file that was being written
        left_over.unlink()
    assert contents(Path("killed")) == contents(Path("whole"))


def test_resuming_what_is_done_runs_nothing(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("small.yaml", "--set", "Workers.workers=2,3", "--jobs", "1")
    assert call("sweep", *arguments, "--out", "out") == 0
    first = capsys.readouterr().out
    monkeypatch.setattr(sweeping, "run_point", lambda *_: pytest.fail("done twice"))
    assert call("sweep", *arguments, "--resume", "out") == 0
    assert capsys.readouterr().out == first


def test_what_changes_the_answer_is_run_again(small: Path) -> None:
    """Another seed, metric, number of replications or scenario: other points."""
    arguments = ("--set", "Workers.workers=2,3", "--jobs", "1")
    assert call("sweep", "small.yaml", *arguments, "--out", "out") == 0
    for more in (("--seed", "9"), ("--metric", "Orders.visible.max"), ("--replications", "2"),
                 ("--set", "duration=6s")):  # fmt: skip
        before = len(list(Path("out/points").iterdir()))
        assert call("sweep", "small.yaml", *arguments, *more, "--resume", "out") == 0
        assert len(list(Path("out/points").iterdir())) == before + 2


# Choosing ----------------------------------------------------------------------------------


def test_the_smallest_of_those_that_meet_the_rules_wins(tmp_path: Path) -> None:
    """More workers are faster; a rule keeps the largest out."""
    found = done(
        plan(
            ("Workers.workers", ("3", "4", "5", "16")),
            text=tiny(duration="40s", mean="250ms"),
            replications=5,
            minimize="Orders.latency.p99",
            subject_to=("Workers.concurrency.max <= 5",),
        ),
        tmp_path,
    )
    best = best_of(found, "Orders.latency.p99")
    assert best.winner is not None and best.winner.point.values == {"Workers.workers": "5"}
    assert best.runner_up is not None and best.runner_up.point.values == {"Workers.workers": "4"}
    assert best.infeasible == 1
    text = sweep_text(found, best)
    assert "winner     Workers.workers=5" in text and "runner-up  Workers.workers=4" in text


def test_points_that_differ_in_nothing_cannot_be_told_apart(tmp_path: Path) -> None:
    """A retention that nobody reaches makes no difference, and the sweep says so."""
    found = done(
        plan(("Orders.MessageRetentionPeriod", ("3600", "7200", "86400")), replications=3),
        tmp_path,
    )
    best = best_of(found, "total.latency.p99")
    assert not best.distinguishable
    assert best.alike == 2
    assert "not distinguishable" in sweep_text(found, best)


def test_one_replication_cannot_tell_points_apart(tmp_path: Path) -> None:
    found = done(plan(("Workers.workers", ("1", "8"))), tmp_path)
    best = best_of(found, "total.latency.p99")
    assert not best.distinguishable
    assert "one replication says nothing about noise" in sweep_text(found, best)


def test_rules_that_nobody_meets_end_with_1(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--set", "Workers.workers=2,3", "--out", "out", "--jobs", "1")
    rule = ("--minimize", "total.latency.p99", "--subject-to", "Orders.latency.p99 < 1ms")
    assert call("sweep", "small.yaml", *arguments, *rule) == 1
    assert "none: no point" in capsys.readouterr().out


# The block, and what cannot be ---------------------------------------------------------------


def test_a_scenario_may_bring_its_sweep(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    block = (
        "sweep:\n  set:\n    Workers.workers: [2, 3]\n"
        "    Workers.handler.time.mean: 50ms..100ms:2\n"
        "  minimize: total.latency.p99\n  subject_to: Orders.lost == 0\n  replications: 2\n"
    )
    Path("own.yaml").write_text(SMALL + block, encoding="utf-8")
    found = block_of(ms.load("own.yaml"))
    assert [knob.values for knob in found.knobs] == [("2", "3"), ("50ms", "100ms")]
    assert call("sweep", "own.yaml", "--out", "out", "--jobs", "1") == 0
    shown = capsys.readouterr()
    assert "4 points" in shown.out and "winner" in shown.out
    assert "2 × 2 = 4 points" in shown.err
    assert sorted(file.name for file in Path("out").glob("map.*")) == ["map.png", "map.svg"]


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("sweep: 5\n", "E105"),
        ("sweep: {sets: {}}\n", "E103"),
        ("sweep: {set: [1]}\n", "E105"),
        ("sweep: {set: {Wrokers.workers: [1, 2]}}\n", "E120"),
        ("sweep: {set: {Workers.workers: 1..3}}\n", "E181"),
        ("sweep: {set: {Workers.workers: [1, 2]}, replications: many}\n", "E105"),
        ("sweep: {set: {Workers.workers: [1, 2]}, replications: 0}\n", "E105"),
        pytest.param(
            f"sweep: {{set: {{Workers.workers: [1, 2]}}, replications: {'9' * 5_000}}}\n",
            "E105",
            id="digits that Python refuses to read",
        ),
        ("sweep: {set: {Workers.workers: []}}\n", "E105"),
    ],
)
def test_a_block_that_is_wrong_is_told_with_its_place(
    small: Path, block: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("own.yaml").write_text(SMALL + block, encoding="utf-8")
    assert call("sweep", "own.yaml", "--out", "out") == 2
    err = capsys.readouterr().err
    assert code in err and "own.yaml:14:" in err
    assert not Path("out").exists()
    assert call("validate", "own.yaml") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "Wrokers.workers=1,2"), "did you mean Workers"),
        (("--set", "Workers.workers=5"), "nothing to sweep"),
        (("--set", "Workers.workers=1..1000:1000", "--set", "seed=1..1000:1000"),
         "1000 × 1000 = 1,000,000 points"),
        (("--set", "Workers.workers=1,2", "--minimize", "Orders.latency.p98"), "p98"),
        (("--set", "Workers.workers=1,2", "--metric", "Odrers.latency.p99"), "Odrers"),
        (("--set", "Workers.workers=1,2", "--subject-to", "Orders.latency.p99"), "E150"),
        (("--set", "Workers.workers=1,2", "--shard", "4/3"), "such as 3/10"),
        (("--set", "Workers.workers=1,2", "--resume", "nowhere"), "no folder"),
        (("--set", "Workers.workers=1,2", "--out", "small.yaml"), "cannot write"),
        (("--set", "Workers.workers=one,two"), "no point of the sweep is valid"),
        (("--set", "Workers.workers=1,2", "--replications", "0"), "at least 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_said_before_anything_runs(
    small: Path, arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("sweep", "small.yaml", *arguments) == 2
    err = capsys.readouterr().err
    assert words in err
    assert "Traceback" not in err
    assert sorted(path.name for path in small.iterdir()) == ["small.yaml"]


def test_a_folder_that_holds_a_sweep_is_not_overwritten(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("small.yaml", "--set", "Workers.workers=2,3", "--jobs", "1", "--out", "out")
    assert call("sweep", *arguments) == 0
    assert call("sweep", *arguments) == 2
    assert "--resume out" in capsys.readouterr().err


@pytest.mark.parametrize("spoilt", ["{", "[]", "[" * 100_000, "null", '"rows": 1', "changed"])
def test_a_broken_point_file_is_run_again(spoilt: str, small: Path) -> None:
    arguments = ("small.yaml", "--set", "Workers.workers=2,3", "--jobs", "1")
    assert call("sweep", *arguments, "--out", "out") == 0
    whole = contents(Path("out"))
    shutil.copytree("out", "broken")
    file = next(Path("broken/points").glob("*/point.json"))
    edited = file.read_text("utf-8").replace('"estimate": ', '"estimate": 1')
    file.write_text(edited if spoilt == "changed" else spoilt, encoding="utf-8")
    assert call("sweep", *arguments, "--resume", "broken") == 0
    assert contents(Path("broken")) == whole


def test_a_misspelt_knob_is_told_with_what_was_probably_meant(capsys) -> None:
    from tests.test_cli import call

    assert call("sweep", "hello", "--set", "Workers.wrkers=1,2") == 2
    assert "did you mean workers?" in capsys.readouterr().err
