"""Expectations under replications, since when they are violated, and what CI is told."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import msgsim as ms
from msgsim.experiment import judge
from msgsim.experiment.expect import compile_rule
from msgsim.experiment.result import to_plain
from msgsim.experiment.statistics import mean_interval
from msgsim.model.spec import FieldError
from msgsim.report.markdown import sparkline
from tests.experiment.tiny import tiny
from tests.test_cli import call


def state(rule: str, margins: list[float]) -> str:
    (comparison,) = compile_rule(rule).comparisons
    holds = [margin > 0 or (margin == 0 and "=" in comparison.op) for margin in margins]
    return judge._state(comparison, holds, mean_interval(margins))


@pytest.mark.parametrize(
    ("rule", "margins", "expected"),
    [
        ("A.b < 5", [2.0, 2.1, 1.9], "met"),
        ("A.b < 5", [-2.0, -2.1, -1.9], "not met"),
        ("A.b < 5", [2.0, -1.9, 0.3], "undecided"),
        ("A.b < 5", [3.0, 2.0, -0.1, 2.5, 2.2, 2.4, 2.8], "met"),  # one miss is noise
        ("A.b < 5", [0.0, 0.0, 0.0], "not met"),
        ("A.b <= 5", [0.0, 0.0, 0.0], "met"),
        ("A.b == 5", [0.0, 0.0, 0.0], "met"),
        ("A.b == 5", [0.0, -1.0, 0.0], "not met"),
        ("A.b != 5", [-1.0, -1.0], "not met"),
        ("A.b < 5", [1.0], "met"),
        ("A.b < 5", [-1.0], "not met"),
    ],
)
def test_a_rule_is_met_when_its_interval_is(rule: str, margins: list[float], expected: str) -> None:
    assert state(rule, margins) == expected


def run(*rules: str, replications: int = 1, text: str | None = None) -> list[judge.Verdict]:
    lines = "".join(f"  - {json.dumps(rule)}\n" for rule in rules)
    scenario = ms.load_text((text or tiny()) + f"expect:\n{lines}")
    return ms.run(scenario, replications=replications).verdicts


def test_a_bound_in_the_midst_of_the_noise_is_undecided_and_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mean over the replications as the bound: nobody can say."""
    middle = ms.run(ms.load_text(tiny()), replications=6).interval("Orders.latency.mean").estimate
    rule = f"Orders.latency.mean < {middle * 1000:.3f}ms"
    (verdict,) = run(rule, replications=6)
    assert verdict.state == "undecided"
    assert not verdict.passed
    assert 0 < verdict.met < 6
    assert verdict.low < verdict.actual < verdict.high
    path = tmp_path / "undecided.yaml"
    path.write_text(tiny(f"expect:\n  - {rule}\n"), encoding="utf-8")
    assert call("run", path, "--replications", "6", "-q") == 1
    assert "  undecided" in capsys.readouterr().out


def test_more_replications_decide() -> None:
    """A bound 10 % above the mean is undecided with a few, and met with many."""
    rule = "Orders.latency.mean < 135ms"
    assert run(rule, replications=2)[0].state == "undecided"
    assert run(rule, replications=25)[0].state == "met"


def test_parts_joined_by_and_are_met_when_all_are() -> None:
    both, one = run(
        "Orders.lost == 0 and Orders.latency.p99 < 10s",
        "Orders.lost == 0 and Orders.latency.p99 < 1ms",
        replications=3,
    )
    assert (both.state, one.state) == ("met", "not met")


def test_a_violation_is_dated_to_when_it_began() -> None:
    """Workers stop at 8 s: what waits goes beyond 20 two seconds later, and stays there."""
    faults = "faults:\n  - {at: 8s, down: Workers}\n"
    (verdict,) = run("Orders.visible.max <= 20", text=tiny(faults))
    assert verdict.state == "not met"
    assert 9 <= verdict.since_s <= 11.5


def test_what_recovered_is_not_violated() -> None:
    """The queue was empty at first: a rule of at least 50 done is violated only for a while."""
    (verdict,) = run("Orders.done >= 50")
    assert verdict.state == "met" and verdict.since_s is None


def test_windows_and_missing_data_have_no_date() -> None:
    window, missing = run("Orders.latency.p99.between(5s,10s) < 1ms",
                          "Orders.group[nobody].latency.p99 < 1s")  # fmt: skip
    assert window.since_s is None and not window.passed
    assert missing.no_data and missing.since_s is None


def test_looking_at_rules_changes_no_result() -> None:
    """The same run with ten rules looked at as without any."""
    rules = "expect:\n" + "".join(f"  - Orders.latency.p99 < {n}ms\n" for n in range(100, 110))
    bare, ruled = (ms.run(ms.load_text(text)) for text in (tiny(), tiny(rules)))
    assert bare.summaries[0].plain == ruled.summaries[0].plain


def test_variants_are_compared_in_pairs() -> None:
    """The difference of two variants is judged replication by replication: less noise."""
    variants = "variants:\n  a:\n  b: {Workers.handler.time.mean: 105ms}\n"
    (verdict,) = run(
        "b.Orders.latency.mean > a.Orders.latency.mean", replications=6, text=tiny(variants)
    )
    assert verdict.state == "met"


# For CI ------------------------------------------------------------------------------------

FAILING = tiny(
    "expect:\n  - Orders.lost == 0\n"
    "  - {that: Orders.latency.p99 < 1ms, because: <speed> & haste}\n"
    "  - {that: Orders.latency.p50 < 1ms, level: warn}\n"
)


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "failing.yaml"
    path.write_text(FAILING, encoding="utf-8")
    return path


def test_junit_has_a_case_for_each_expectation(failing: Path) -> None:
    assert call("run", "failing.yaml", "--junit", "out.xml", "-q") == 1
    root = ET.parse("out.xml").getroot()
    (suite,) = root.findall("testsuite")
    assert suite.attrib["name"] == "failing"
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("3", "1")
    met, missed, soft = suite.findall("testcase")
    assert len(met) == 0 and met.attrib["name"] == "Orders.lost == 0"
    failure = missed.find("failure")
    assert failure is not None
    for words in ("Orders.latency.p99 < 1ms", "actual 0.", "margin -0.", "<speed> & haste",
                  "again: msgsim run failing.yaml", "--seed 7", "violated since"):  # fmt: skip
        assert words in str(failure.text)
    assert soft.find("failure") is None and "warning" in str(soft.findtext("system-out"))


def test_junit_has_a_suite_for_each_scenario_and_begins_anew(failing: Path) -> None:
    Path("good.yaml").write_text(tiny("expect:\n  - Orders.lost == 0\n"), encoding="utf-8")
    for _ in range(2):
        assert call("run", "failing.yaml", "good.yaml", "--junit", "out.xml", "-q") == 1
        root = ET.parse("out.xml").getroot()
        assert [suite.attrib["name"] for suite in root] == ["failing", "good"]
        assert (root.attrib["tests"], root.attrib["failures"]) == ("4", "1")


def test_markdown_is_appended(failing: Path) -> None:
    target = Path("summary.md")
    target.write_text("# What others wrote\n", encoding="utf-8")
    for _ in range(2):
        assert call("run", "failing.yaml", "--markdown", "summary.md", "-q") == 1
    text = target.read_text("utf-8")
    assert text.startswith("# What others wrote\n")
    assert text.count("### failing: Does it run?") == 2
    assert "| ❌ | `Orders.latency.p99 < 1ms` |" in text
    assert "| ⚠️ | `Orders.latency.p50 < 1ms` |" in text
    assert "**1 of 3 expectations met**" in text
    assert any(block in text for block in "▂▃▄▅▆▇█")


def test_a_cell_stays_a_cell(failing: Path) -> None:
    """A bar in a question must not make another column."""
    text = FAILING.replace("Does it run?", "a | b?")
    failing.write_text(text, encoding="utf-8")
    assert call("run", "failing.yaml", "--markdown", "summary.md", "-q") == 1
    assert "a \\| b?" in Path("summary.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [([], 5, ""), ([0, 0], 5, "▁▁"), ([1, 2, 4, 8], 4, "▁▂▄█"), ([0, 9, 0, 0], 2, "█▁")],
)
def test_sparkline(values: list[float], width: int, expected: str) -> None:
    assert sparkline(values, width) == expected


@pytest.mark.parametrize("option", ["--junit", "--markdown", "--save"])
def test_an_unwritable_target_is_found_before_the_run(
    failing: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("run", "failing.yaml", option, "no/such/folder/file") == 2
    shown = capsys.readouterr()
    assert "cannot write" in shown.err and shown.out == ""


def test_json_is_the_same_but_for_the_wall_block() -> None:
    one, two = (to_plain(ms.run(ms.load_text(FAILING), replications=2)) for _ in range(2))
    assert one.pop("wall") is not None and two.pop("wall") is not None
    assert one == two


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("(" * 21 + "1" + ")" * 21 + " < 2", "deep in each other"),
        ("(" * 50_000 + "1" + ")" * 50_000 + " < 2", "more than 500"),
        ("- " * 300 + "1 < 2", "deep in each other"),
        ("1" + " + 1" * 250 + " < 2", "more than 500"),
        ("0 == 0 and " * 200 + "1 == 1", "more than 500"),
    ],
)  # fmt: skip
def test_a_rule_of_monstrous_size_is_told_in_a_few_lines(rule: str, why: str) -> None:
    """Fifty thousand brackets once ended in a RecursionError."""
    with pytest.raises(FieldError, match=why) as refused:
        compile_rule(rule)

    assert refused.value.code == "E150" and len(refused.value.message) < 500


def test_a_rule_just_below_that_size_is_calculated() -> None:
    rule = compile_rule("(" * 20 + "1" + ")" * 20 + " + 1" * 220 + " == 221")

    assert rule.comparisons[0].holds(lambda name: None) is True
