"""Every problem code has a page: cause, rule with its source, fix; `explain CODE` prints it."""

from __future__ import annotations

import re

import pytest

import msgsim.commands.explain
import msgsim.experiment.saved
import msgsim.experiment.sweep
import msgsim.scenario.load  # importing all of them registers every code
from msgsim.problems import CODES, PAGES, register
from msgsim.report.codes import FILE, PARTS, code_text, written


def test_every_code_has_a_page() -> None:
    """On failure: add `CODE: {cause: …, rule: …, fix: …}` to `msgsim/report/codes.yaml`."""
    missing = {code: title for code, title in sorted(CODES.items()) if code not in written()}
    assert not missing


@pytest.mark.parametrize("code", sorted(written()))
def test_a_page_has_its_three_parts_in_sentences(code: str) -> None:
    page = written()[code]
    assert list(page) == list(PARTS)
    for part in PARTS:
        assert page[part][-1] in ".?", (code, part)
        assert 10 <= len(page[part]) <= 330, (code, part)
    if code.startswith(("E2", "W2")):
        sourced = r"\(|answers|AWS|Lambda|SNS|SQS|Kinesis"
        assert re.search(sourced, page["rule"]), "what AWS refuses or advises has a source"


def test_codes_stand_once() -> None:
    """YAML keeps the last of two equal keys."""
    keys = re.findall(r"^([EW][0-9]{3}):", FILE.read_text("utf-8"), re.MULTILINE)
    assert len(keys) == len(set(keys)) == len(written())


def test_explain_prints_the_page_of_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    msgsim.commands.explain.explain_subject("e203")
    shown = capsys.readouterr().out
    assert shown.startswith("E203: a dead-letter queue of the other type, or the queue itself\n\n")
    assert "Cause: A FIFO queue names" in shown and "\nFix:   " in shown
    assert "sqs-dead-letter-queues" in shown


def test_a_code_of_another_package_has_the_page_it_registered() -> None:
    register("E999", "a code from outside", "What its package says.")
    try:
        assert code_text("E999").splitlines()[-1] == "What its package says."
    finally:
        del CODES["E999"], PAGES["E999"]
