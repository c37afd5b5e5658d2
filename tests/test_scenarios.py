"""Every shipped scenario: valid, its expectations hold, its books balance, the same every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import msgsim
from msgsim.bundled import is_lab, scenario_names, scenario_path
from msgsim.experiment.result import to_plain
from msgsim.experiment.run import drive, prepare
from msgsim.problems import ProblemError
from tests.services.by_hand import Recorder

NAMES = [name for name in scenario_names() if not is_lab(name)]
TOP = [name for name in NAMES if "/" not in name]


def plain(name: str, **options: Any) -> dict[str, Any]:
    """Run a bundled scenario and return its JSON without the wall-clock block."""
    found = to_plain(msgsim.run(msgsim.load(scenario_path(name)), **options))
    found.pop("wall")
    return found


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_opens_with_its_question(name: str) -> None:
    """The first thing a reader sees is a comment; the question is one sentence."""
    text = scenario_path(name).read_text(encoding="utf-8")
    scenario = msgsim.load(scenario_path(name))

    assert text.startswith("# yaml-language-server: $schema=")
    assert scenario.question.endswith("?")
    assert scenario.rules, "a scenario ends with expectations"


@pytest.mark.parametrize("name", NAMES)
def test_expectations_hold_and_books_balance(name: str, tmp_path: Path) -> None:
    """All rules met with the shipped seed; ledger and Little's law in every run. Whatever is no
    question is run once more: bit-identical in another process, under another PYTHONHASHSEED, and
    with figures drawn.
    """
    found = plain(name)

    assert [rule["rule"] for rule in found["expect"] if not rule["passed"]] == []
    for run in found["runs"]:
        assert run["invariants"]["violated"] == []
        assert all(row["sums"] for row in run["ledger"].values())
    if name in TOP:
        assert json.dumps(elsewhere(name, tmp_path)) == json.dumps(found)


def elsewhere(name: str, folder: Path) -> dict[str, Any]:
    """Run a bundled scenario by its command, with figures, and return what `plain` returns."""
    target = folder / "found.json"
    command = [sys.executable, "-m", "msgsim", "run", str(scenario_path(name)), "-q"]
    command += ["--json", str(target), "--plots", str(folder / "plots")]
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=120)
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    found.pop("wall")
    return found


def test_every_question_has_its_scenario() -> None:
    """Seventeen questions, after the other scenarios."""
    assert TOP + [f"questions/q{number:02}" for number in range(1, 18)] == NAMES


@pytest.mark.parametrize(
    ("name", "override", "code"),
    [
        ("q06", "Images.VisibilityTimeout=30", "E210"),
        ("q09", "OrdersMap.BatchSize=100", "E212"),
        ("q14", "Orders.Subscription[1]={Protocol: lambda, Endpoint: Fn}", "E241"),
    ],
)
def test_designs_that_a_question_says_aws_refuses(name: str, override: str, code: str) -> None:
    """A function that may outlive the timeout, a large batch without a window, Lambda behind a
    FIFO topic: the comments of these scenarios show the commands.
    """
    with pytest.raises(ProblemError) as refusal:
        msgsim.load(scenario_path(name), [override])

    assert [one.code for one in refusal.value.problems if one.code[0] == "E"] == [code]


def test_a_timeout_that_aws_advises_against() -> None:
    """q06: a visibility timeout of the function's timeout is allowed, six times that is advised."""
    scenario = msgsim.load(scenario_path("q06"), ["Images.VisibilityTimeout=60"])

    assert "W211" in [one.code for one in scenario.warnings]


def test_another_seed_gives_another_run() -> None:
    """The seed matters (otherwise the test above proves nothing)."""
    assert plain("hello")["fingerprint"] != plain("hello", seed=99)["fingerprint"]


def test_an_attached_observer_changes_nothing() -> None:
    """Listening to every fact of every component leaves all results as they are."""
    scenario = msgsim.load(scenario_path("poison_message"))
    quiet, watched = prepare(scenario), prepare(scenario, observers=[Recorder()])
    drive(quiet)
    drive(watched)

    assert quiet.observers.to_json() == watched.observers.to_json()
    assert quiet.events == watched.events


def test_an_unrelated_component_changes_no_draw() -> None:
    """Substreams go by name: a further queue with its own load leaves everything else alone."""
    text = scenario_path("hello").read_text(encoding="utf-8")
    more = text.replace(
        "workload:", "  Other: {type: sqs.queue}\nworkload:\n  - {name: More, to: Other, rate: 3/s}"
    )
    first = to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]
    second = to_plain(msgsim.run(msgsim.load_text(more)))["runs"][0]

    assert first["latency"]["Orders"] == second["latency"]["Orders"]
