"""The reference of `expect`: every example on it is judged, every refusal is refused."""

from __future__ import annotations

import json
import re

import pytest

import msgsim
from msgsim.commands import _options as cli
from msgsim.experiment.session import check_rules
from tests.pages import PACKAGE, rows, sections

PAGE = PACKAGE / "experiment" / "expect.md"
TEXT = PAGE.read_text("utf-8")
BLOCK = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(info: str) -> list[str]:
    return [found["text"] for found in BLOCK.finditer(TEXT) if found["info"] == info]


def lines(info: str) -> list[str]:
    return [line for text in blocks(info) for line in text.splitlines() if line.strip()]


SCENARIO = blocks("yaml")[0]


def with_rules(*rules: str) -> msgsim.Scenario:
    head = SCENARIO[: SCENARIO.index("expect:")]
    return msgsim.load_text(head + "expect:\n" + "".join(f"  - {json.dumps(r)}\n" for r in rules))


@pytest.fixture(scope="module")
def verdicts() -> list[msgsim.experiment.judge.Verdict]:
    """All examples judged in one go."""
    return msgsim.run(with_rules(*lines("expect"))).verdicts


@pytest.mark.parametrize("rule", lines("expect"))
def test_an_example_holds(verdicts: list, rule: str) -> None:
    found = [verdict for verdict in verdicts if verdict.rule == rule]
    assert found
    for verdict in found:
        assert not verdict.no_data
        assert verdict.passed, (verdict.variant, verdict.actual)


def test_a_rule_is_judged_once_for_each_variant_or_for_those_it_names(verdicts: list) -> None:
    for rule in lines("expect"):
        variants = [verdict.variant for verdict in verdicts if verdict.rule == rule]
        named = re.match(r"(four|eight)\.", rule)
        assert variants == ([""] if named else ["four", "eight"])


def test_the_rules_of_the_scenario_on_the_page_are_met() -> None:
    results = msgsim.run(msgsim.load_text(SCENARIO))
    assert all(verdict.passed for verdict in results.verdicts)
    assert {verdict.soft for verdict in results.verdicts} == {True, False}


@pytest.mark.parametrize("line", lines("expect refused"))
def test_a_refusal_is_refused_before_the_run(line: str) -> None:
    code, rule = line.split(" ", 1)
    with pytest.raises(msgsim.ProblemError) as caught:
        check_rules(with_rules(rule))
    assert [problem.code for problem in caught.value.problems] == [code]


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    listed = [int(row[0]) for row in rows(sections(PAGE)["What is shown"])]
    known = (
        cli.OK,
        cli.FAILED,
        cli.CANNOT,
        cli.GUARD,
        cli.STRICT,
        cli.CRASH,
        cli.INTERRUPTED,
        cli.TERMINATED,
    )
    assert listed == list(known)
