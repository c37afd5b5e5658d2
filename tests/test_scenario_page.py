"""The reference of scenario files knows every section and every problem code."""

from __future__ import annotations

import re

import pytest

import msgsim
import msgsim.commands.explain
import msgsim.experiment.judge
import msgsim.experiment.saved
import msgsim.experiment.sweep
import msgsim.report.codes
import msgsim.scenario.load  # importing all of them registers every code
from msgsim.experiment.session import check_rules
from msgsim.problems import CODES
from msgsim.report.pages import topics
from msgsim.scenario.schema import Header
from msgsim.scenario.tree import SECTIONS
from tests.pages import PACKAGE, rows, sections, words

PAGE = PACKAGE / "scenario" / "scenario.md"
PARTS = sections(PAGE)
EXAMPLE = re.search(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_every_section_is_listed_in_order() -> None:
    assert [words(row[0])[0] for row in rows(PARTS["Sections"])] == list(SECTIONS)


def test_defaults_of_sections_are_right() -> None:
    said = {words(row[0])[0]: row[2] for row in rows(PARTS["Sections"])}
    header = Header.model_validate({"duration": "10m"})
    assert said["seed"] == str(header.seed)
    assert said["replications"] == str(header.replications)
    account = header.account
    free = str(account.FreeTier).lower()
    assert said["account"] == f"{account.Region}, {account.ConcurrentExecutions}, {free}"


def test_every_code_is_listed_with_its_meaning() -> None:
    """On failure: add the row that is missing, or correct its text."""
    listed = {words(code)[0]: meaning for code, meaning in rows(PARTS["Codes"])}
    assert list(listed) == sorted(listed)
    missing = [f"| `{code}` | {CODES[code]} |" for code in sorted(CODES) if code not in listed]
    assert not missing, "\n".join(missing)
    assert listed == CODES


def test_the_example_uses_what_the_page_is_about() -> None:
    assert EXAMPLE is not None
    scenario = msgsim.load_text(EXAMPLE[1])
    assert not list(scenario.warnings)
    check_rules(scenario)
    shown = {key.text for key, _ in scenario.tree}
    assert set(SECTIONS) - shown == {"replications", "account", "sweep", "lesson"}


@pytest.mark.parametrize(
    "line", [line for line in PARTS["Conventions"].splitlines() if line.startswith("| ")][1:]
)
def test_values_are_written_as_shown(line: str) -> None:
    from msgsim import units

    kind, shown = line.strip("| ").split(" | ")
    read = {
        "time": units.duration_ns,
        "rate": units.rate_per_s,
        "size": units.size_bytes,
        "share": units.share,
        "factor": units.factor,
    }.get(kind)
    for word in words(shown) if read is not None else ():
        assert read(word) > 0


def test_explain_finds_the_topics(capsys: pytest.CaptureFixture[str]) -> None:
    """`msgsim explain` lists them, prints each, and names them after an unknown word."""
    from msgsim.commands.explain import explain_subject

    assert {"expect", "metrics", "results", "scenario", "validation"} <= set(topics())
    explain_subject(None)
    listed = capsys.readouterr().out
    for name, page in topics().items():
        assert name in listed
        explain_subject(name)
        assert capsys.readouterr().out.strip().startswith(page.text.strip())
    with pytest.raises(msgsim.ProblemError) as caught:
        explain_subject("xyzzy")
    assert "metrics" in str(caught.value.problems[0].hint)
