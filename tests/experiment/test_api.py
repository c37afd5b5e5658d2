"""The Python face: several scenarios at once, tables, intervals, what results look like."""

from __future__ import annotations

import numpy as np
import pytest

import msgsim as ms
from tests.experiment.tiny import tiny


@pytest.fixture(scope="module")
def results() -> ms.Results:
    base = ms.load_text(tiny())
    wide = base.replace("Workers.workers", 6)
    return ms.run({"3 workers": base, "6 workers": wide}, replications=5, record=["deliveries"])


def test_a_summary_has_an_interval_for_mean_median_and_tail(results: ms.Results) -> None:
    found = results.summary("end_to_end_latency")
    assert list(found) == ["3 workers", "6 workers"]
    for stats in found.values():
        assert list(stats) == ["mean", "p50", "p99"]
        assert all(each.low < each.estimate < each.high for each in stats.values())
    assert list(results.summary("Workers.invocations")["3 workers"]) == ["Workers.invocations"]


def test_a_difference_is_paired_by_replication(results: ms.Results) -> None:
    was, now = results.values("p99", "3 workers"), results.values("p99", "6 workers")
    found = results.difference("p99")
    assert found.estimate == pytest.approx(np.mean([now[n] - was[n] for n in range(5)]))
    back = results.difference("p99", "6 workers", "3 workers")
    assert back.estimate == pytest.approx(-found.estimate)


def test_designs_share_their_random_numbers(results: ms.Results) -> None:
    """The same messages are born at the same times in both."""
    one, two = (results[name].table("deliveries") for name in results)
    born = [dict(zip(table["message"], table["born_s"], strict=True)) for table in (one, two)]
    common = set(born[0]) & set(born[1])
    assert len(common) > 100
    assert all(born[0][number] == born[1][number] for number in common)


def test_a_table_has_a_row_for_each_delivery(results: ms.Results) -> None:
    table = results["3 workers"].table("deliveries")
    done = sum(results.values("Orders.done", "3 workers").values())
    assert len(table) == len(table["message"]) == done
    assert set(table["replication"]) == set(range(5))
    assert np.all(table["born_s"] <= table["arrived_s"])
    assert np.all(table["received_s"] <= table["ended_s"])
    assert set(table["outcome"]) == {"completed"}
    frame = table.to_pandas()
    assert frame.groupby("replication").size().sum() == done
    assert table.to_polars().height == done


def test_tables_need_no_data_frame_library(
    results: ms.Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr("msgsim.experiment.results.import_module", refusing)
    table = results["6 workers"].table("deliveries")
    assert isinstance(table["ended_s"], np.ndarray)
    with pytest.raises(ms.ProblemError, match="pandas is not installed"):
        table.to_pandas()


def test_a_table_is_bounded_and_says_what_it_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from msgsim.experiment import session
    from msgsim.observe.records import Deliveries

    monkeypatch.setattr(session, "Deliveries", lambda: Deliveries(most=10))
    results = ms.run(ms.load_text(tiny()), record=["deliveries"])
    assert len(results[""].table("deliveries")) == 10
    assert "were not kept" in results.summaries[0].notes[-1]


def test_recording_changes_no_result() -> None:
    plain, recorded = (
        ms.run(ms.load_text(tiny()), record=record).summaries[0].plain
        for record in ([], ["deliveries"])
    )
    assert plain == recorded


def test_what_was_not_recorded_is_said(results: ms.Results) -> None:
    with pytest.raises(ms.ProblemError, match="was recorded"):
        results["3 workers"].table("delivery")
    with pytest.raises(ms.ProblemError, match="no table"):
        ms.run(ms.load_text(tiny()), record=["delivery"])
    with pytest.raises(ms.ProblemError) as caught:
        results["4 workers"]
    assert "did you mean" in str(caught.value.problems[0].hint)


def test_a_metric_without_data_is_an_error_not_a_number() -> None:
    results = ms.run(ms.load_text(tiny()).replace("workload[0].from", "19.9999s"))
    with pytest.raises(ms.ProblemError, match="no data"):
        results.interval("Orders.latency.p99")


def test_one_long_run_has_an_interval_from_batch_means() -> None:
    """M/M/3-like queue for half an hour; the interval holds what many replications say."""
    results = ms.run(ms.load_text(tiny(duration="30m")))
    found = results.interval("Orders.latency.mean")
    assert found.low is not None and found.high is not None
    many = ms.run(ms.load_text(tiny(duration="10m")), replications=6, seed=11)
    truth = many.interval("Orders.latency.mean")
    assert found.low < truth.high and truth.low < found.high
    assert results.interval("Orders.latency.p99").low is None


def test_results_show_themselves(results: ms.Results) -> None:
    text = repr(results)
    assert text.startswith("<Results of <text>: 10 runs")
    assert "3 workers Orders: mean " in text and "±" in text
    html = results._repr_html_()
    assert html.startswith("<table>") and "&lt;Results" in html and "6 workers" in html


def test_a_scenario_draws_its_topology() -> None:
    text = repr(ms.load("scenarios/fanout.yaml"))
    for line in ("Orders (sns.topic)", "Billing (sqs.queue)", "BillingFn (lambda.function)"):
        assert line in text
    assert text.index("Orders (sns.topic)") < text.index("Billing (sqs.queue)")
    assert "dead letters: BillingDlq" in text
