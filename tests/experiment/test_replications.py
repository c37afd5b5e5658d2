"""Replications: the same for any number of processes, and nothing is lost when something goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import msgsim as ms
from msgsim.experiment import session, workers
from msgsim.experiment.result import to_plain
from msgsim.experiment.workers import Failure, Workers, run_tasks
from tests.experiment.tiny import tiny
from tests.test_cli import call

RULED = tiny("expect:\n  - Orders.latency.p99 < 2s\n  - Orders.visible.at(10s) < 1000\n")


def document(**options: object) -> dict:
    found = to_plain(ms.run(ms.load_text(RULED), **options))
    found.pop("wall")
    return found


def test_results_are_the_same_for_any_number_of_jobs() -> None:
    """Everything but the wall time, verdicts and windows and merged quantiles included."""
    alone = document(replications=5, jobs=1)
    assert document(replications=5, jobs=2) == alone
    assert document(replications=5, jobs=3) == alone
    assert len({run["events"] for run in alone["runs"]}) > 1  # replications do differ


def test_the_first_replication_is_what_one_run_shows() -> None:
    one, many = document(replications=1), document(replications=3)
    assert many["runs"][0] == one["runs"][0]


def test_adding_replications_changes_none_of_those_before() -> None:
    assert document(replications=5)["runs"][:3] == document(replications=3)["runs"]


def test_quantiles_are_read_from_all_replications_together() -> None:
    """The p99 of the union of all latencies, not the mean of the p99s; its interval around it."""
    results = ms.run(ms.load_text(RULED), replications=4, record=["deliveries"])
    table = results[""].table("deliveries")
    latencies = sorted(table["ended_s"] - table["born_s"])
    expected = latencies[-(-99 * len(latencies) // 100) - 1]
    found = results.interval("Orders.latency.p99")
    assert found.estimate == pytest.approx(expected, rel=1e-6)
    assert found.low < found.estimate < found.high
    assert found.half == pytest.approx(
        session_interval([results.summaries[n].value("Orders.latency.p99") for n in range(4)])
    )


def session_interval(values: list[float]) -> float:
    from scipy import stats

    return float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


def test_a_stopping_rule_stops_at_the_same_replication_whatever_the_processes() -> None:
    rule = "Orders.latency.mean ± 4%"
    alone = ms.run(ms.load_text(RULED), until=rule, replications=200)
    spread = ms.run(ms.load_text(RULED), until=rule, replications=200, jobs=2)
    assert 10 <= len(alone.summaries) < 200
    assert [one.plain for one in alone.summaries] == [one.plain for one in spread.summaries]
    known = alone.interval("Orders.latency.mean").relative
    assert known is not None and known <= 0.04
    assert "is reached" in alone.stopped


def test_a_stopping_rule_that_is_not_reached_says_so() -> None:
    found = ms.run(ms.load_text(RULED), until="Orders.latency.p99 ± 0.01%", replications=11)
    assert len(found.summaries) == 11
    assert "not reached after 11" in found.stopped


@pytest.mark.parametrize(
    ("rule", "code"),
    [("Orders.latency.p99", "E155"), ("Orders.latency.p99 ± 0%", "E155"),
     ("Orders.latency.p98 ± 5%", "E152"), ("Odrers.latency.p99 ± 5%", "E152")],
)  # fmt: skip
def test_a_stopping_rule_that_cannot_be_read(rule: str, code: str) -> None:
    with pytest.raises(ms.ProblemError) as caught:
        ms.run(ms.load_text(RULED), until=rule)
    assert caught.value.problems[0].code == code


def test_without_processes_it_runs_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser has none: the same results, and joblib is never asked."""
    expected = document(replications=3)
    monkeypatch.setattr(workers, "processes_available", lambda: False)
    monkeypatch.setattr(workers, "_attempt", lambda *_: pytest.fail("asked for processes"))
    assert document(replications=3, jobs=4) == expected


# Tasks that go wrong -----------------------------------------------------------------------


def square(number: int) -> int:
    if number == 3:
        raise ValueError("three is too many")
    if number == 5:
        os._exit(9)
    return number * number


@pytest.mark.slow
def test_a_worker_that_dies_takes_no_other_task_with_it() -> None:
    """Task 5 ends its process; the others have results, also those that ran beside it."""
    found: dict[int, object] = {}
    tasks = {number: (square, (number,)) for number in range(9)}
    assert run_tasks(tasks, Workers(2), lambda key, result: found.__setitem__(key, result))
    assert set(found) == set(range(9))
    died, raised = found.pop(5), found.pop(3)
    assert isinstance(died, Failure) and died.died
    assert isinstance(raised, Failure) and raised.reason == "ValueError: three is too many"
    assert found == {number: number * number for number in (0, 1, 2, 4, 6, 7, 8)}


def test_who_has_enough_stops_the_rest() -> None:
    seen: list[int] = []
    complete = run_tasks(
        {number: (abs, (number,)) for number in range(50)},
        Workers(1),
        lambda key, result: seen.append(key) or len(seen) == 3,
    )
    assert not complete
    assert seen == [0, 1, 2]


def test_a_replication_that_fails_is_told_and_the_others_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(tasks: dict, workers: Workers, done: object) -> bool:
        for key, (function, arguments) in tasks.items():
            done(key, Failure("out of memory") if key[0] == 2 else function(*arguments))
        return True

    monkeypatch.setattr(session, "run_tasks", failing)
    results = ms.run(ms.load_text(RULED), replications=4, jobs=2)
    assert [one.replication for one in results.summaries] == [0, 1, 3]
    assert results.failures == ["replication 2: out of memory"]


def test_when_nothing_was_finished_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Interrupted before the first result came back, or every replication failed."""
    path = tmp_path / "small.yaml"
    path.write_text(tiny(), encoding="utf-8")
    monkeypatch.setattr(session, "run_tasks", lambda *_: False)
    assert call("run", path, "--replications", "3", "--jobs", "2") == 130
    assert "before a run was finished" in capsys.readouterr().err

    def failing(tasks: dict, workers: Workers, done: object) -> bool:
        for key in tasks:
            done(key, Failure("out of memory"))
        return True

    monkeypatch.setattr(session, "run_tasks", failing)
    assert call("run", path, "--replications", "3", "--jobs", "2") == 1
    assert "replication 0: out of memory" in capsys.readouterr().err


def test_figures_in_the_terminal_have_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    """Every figure that differs between replications is shown with ±."""
    from msgsim.report.terminal import summary

    class Everything:
        only_expect = quiet = verbose = color = False

    text = summary(document_with_wall(replications=4), Everything(), "again")
    tables = text[text.index("WHERE THE MESSAGES WENT") : text.index("again:")]
    for line in tables.splitlines():
        if line.startswith(("  Orders ", "  Workers ")):
            assert "±" in line, line
    assert max(len(line) for line in text.splitlines()) <= 80
    assert len(text.splitlines()) <= 40


def document_with_wall(**options: object) -> dict:
    return to_plain(ms.run(ms.load_text(RULED), **options))
