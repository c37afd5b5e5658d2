"""Comparing designs: pairs on the same random numbers, sentences only about more than noise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import msgsim as ms
from msgsim.experiment import compare as comparing
from msgsim.experiment.statistics import independent_difference
from msgsim.report.comparing import comparison_text
from tests.experiment.tiny import tiny
from tests.test_cli import call

REPLICATIONS = 8


@pytest.fixture(scope="module")
def five_percent() -> ms.Results:
    """Two designs, the second with 5 % longer service times."""
    was = ms.load_text(tiny(duration="30s", workers=40, mean="100ms"))
    now = was.replace("Workers.handler.time.mean", "105ms")
    return ms.run({"was": was, "now": now}, replications=REPLICATIONS)


def test_pairs_tell_5_percent_where_independent_runs_of_the_same_length_do_not(
    five_percent: ms.Results,
) -> None:
    """The same designs, runs and metric; only that the random numbers are shared."""
    metric = "Orders.latency.mean"
    paired = five_percent.difference(metric)
    assert paired.excludes(0.0)
    assert paired.low > 0

    was = list(five_percent.values(metric, "was").values())
    other = ms.run(five_percent.variants["now"], replications=REPLICATIONS, seed=99)
    independent = independent_difference(was, list(other.values(metric).values()))
    assert not independent.excludes(0.0)
    assert independent.half > 3 * paired.half


def test_a_difference_of_nothing_is_called_nothing() -> None:
    """The same design under another seed: no sentence."""
    one = ms.load_text(tiny())
    results = comparing.together(
        [("a", ms.run(one, replications=6)), ("b", ms.run(one, replications=6, seed=5))]
    )
    found = comparing.compare(results)
    assert not found.paired
    assert not any(row.differs for row in found.rows)
    assert "no difference" in comparison_text(found)


def test_the_same_design_twice_differs_nowhere() -> None:
    one = ms.load_text(tiny())
    found = comparing.compare(ms.run({"a": one, "b": one}, replications=3))
    assert found.paired and found.rows
    for row in found.rows:
        assert row.difference.estimate == 0 and not row.differs
        assert row.ratio is None or row.ratio.estimate == 1


def test_a_comparison_says_by_how_much(five_percent: ms.Results) -> None:
    found = comparing.compare(five_percent, metrics=["Orders.latency.mean"])
    (row,) = found.rows
    assert row.difference.low < 0.005 < row.difference.high  # 5 % of 100 ms; nobody waits
    assert row.ratio.excludes(1.0)
    text = comparison_text(found)
    assert "now adds" in text and "× that of was" in text


def test_the_baseline_may_be_another(five_percent: ms.Results) -> None:
    found = comparing.compare(five_percent, "now", ["Orders.latency.mean"])
    assert found.designs == ("now", "was")
    assert found.rows[0].ratio.estimate < 1
    assert "was takes" in comparison_text(found)


def test_one_replication_knows_no_noise() -> None:
    one = ms.load_text(tiny())
    two = one.replace("Workers.handler.time.mean", "200ms")
    found = comparing.compare(ms.run({"a": one, "b": two}, keep=True))
    assert not any(row.differs for row in found.rows)
    assert "add --replications" in comparison_text(found)


def test_a_standard_and_a_fifo_queue_come_with_their_six_facts() -> None:
    found = comparing.compare(ms.run(ms.load("scenarios/standard_vs_fifo.yaml"), replications=2))
    assert list(found.services) == ["sqs.queue", "sqs.queue (FIFO)"]
    for facts in found.services.values():
        assert set(comparing.SIX_ROWS) <= set(facts)
    text = comparison_text(found)
    assert "throughput unit" in text and "price unit" in text


@pytest.mark.parametrize(
    ("baseline", "metrics", "code"),
    [("nwo", (), "E156"), (None, ("Orders.latency.p98",), "E152"), (None, ("p99 < 5s",), "E150"),
     (None, ("Orders.latency.p99.between(1s,2s)",), "E152")],
)  # fmt: skip
def test_what_cannot_be_compared(
    five_percent: ms.Results, baseline: str | None, metrics: tuple[str, ...], code: str
) -> None:
    with pytest.raises(ms.ProblemError) as caught:
        comparing.compare(five_percent, baseline, metrics)
    assert caught.value.problems[0].code == code


def test_five_designs_are_too_many() -> None:
    one = ms.load_text(tiny(duration="1s"))
    with pytest.raises(ms.ProblemError, match="two to four"):
        comparing.compare(ms.run(dict.fromkeys("abcde", one), replications=2))


def test_a_metric_without_data_is_shown_as_such() -> None:
    one = ms.load_text(tiny())
    none = one.replace("workload[0].from", "19.999s")
    found = comparing.compare(
        ms.run({"a": one, "b": none}, replications=2), metrics=["Orders.latency.p99"]
    )
    assert found.rows[0].now is None
    assert "no data" in comparison_text(found)


def test_the_command_line_compares_files_variants_and_saved_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    variants = "variants:\n  three:\n  six: {Workers.workers: 6}\n"
    Path("one.yaml").write_text(tiny(), encoding="utf-8")
    Path("two.yaml").write_text(tiny(variants), encoding="utf-8")
    assert call("compare", "two.yaml", "--replications", "3") == 0
    assert "six against three" in capsys.readouterr().out
    assert call("run", "one.yaml", "--replications", "3", "--save", "one.msgsim", "-q") == 0
    again = ("compare", "one.msgsim", "two.yaml:six", "--json", "-")
    capsys.readouterr()
    assert call(*again) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["designs"] == ["one", "six"]
    assert found["paired"] is True and found["replications"] == 3
    assert call("compare", "one.yaml", "two.yaml:sxi") == 2
    assert "did you mean six?" in capsys.readouterr().err
    assert call("compare", "one.yaml") == 2
    assert "compare takes two to four designs" in capsys.readouterr().err
    assert call("compare", "one.yaml", "two.yaml:six", "--metric", "Orders.latency.p98") == 2
    assert call("compare", "one.msgsim", "one.msgsim", "--set", "Workers.workers=2") == 2


def test_results_of_another_seed_are_not_taken_for_pairs() -> None:
    one = ms.load_text(tiny())
    moved = replace(one)
    results = comparing.together([("a", ms.run(one, replications=2)),
                                  ("b", ms.run(moved, replications=2, seed=123))])  # fmt: skip
    assert not comparing.compare(results).paired
