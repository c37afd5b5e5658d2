"""The instructor pack says what happens: its commands run, its links hit, its answers hold."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import msgsim as ms
from msgsim.cli import app
from msgsim.experiment.result import to_plain
from msgsim.report.page.material import gather
from msgsim.report.page.player import stage
from tests.pages import rows, sections

PAGE = Path(__file__).parent.parent / "notebooks" / "instructor" / "README.md"
PARTS = sections(PAGE)
KEY = rows(PARTS["Answer key"])
LINKS = rows(PARTS["Links into the replays"])
COMMANDS = re.findall(r"^\$ msgsim (.+)$", PARTS["Before class"], re.MULTILINE)
_RESULTS: dict[str, ms.Results] = {}


def results_of(name):
    if name not in _RESULTS:
        _RESULTS[name] = ms.run(ms.load(name))
    return _RESULTS[name]


def test_there_is_something_to_check():
    assert len(KEY) >= 10 and len(LINKS) >= 3 and len(COMMANDS) >= 3


@pytest.mark.parametrize("row", KEY, ids=lambda row: f"{row[0]} {row[2]}")
def test_the_answer_key_holds_with_its_seed(row):
    name, seed, metric, answer = row[0].strip("`"), row[1], row[2].strip("`"), row[3]
    results = results_of(name)
    assert results.scenario.seed == int(seed)
    low, _, high = answer.partition("..")
    found = ms.lesson.value(results, metric)
    assert float(low) <= found <= float(high or low)


@pytest.mark.parametrize("row", LINKS, ids=lambda row: row[1])
def test_a_link_leads_to_a_surprise_of_its_replay(row):
    name = row[0].strip("`").removesuffix(".html")
    at, number = re.fullmatch(r"`#t=([\d.]+)&msg=(\d+)&pause`", row[1]).groups()
    results = results_of(name)
    material = gather(results, to_plain(results), "")
    moments = [one for each in material.shown for one in stage(each)["moments"]]
    hits = [one for one in moments if abs(one["t"] / 1000 - float(at)) < 0.01]
    assert int(number) - 1 in {one["message"] for one in hits}


@pytest.mark.slow
def test_the_commands_write_what_they_promise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, shlex.split(COMMANDS[1]))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "q01.html").is_file()
    assert (tmp_path / "plots" / "queue-Orders.svg").is_file()
    for command in COMMANDS:
        words = shlex.split(command)
        assert words[0] == "run" and ms.load(words[1])
        assert set(words[2::2]) <= {"--plots", "--report"}
