"""The guide: what is generated is current, what is Python runs, and every page is found."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import msgsim
import msgsim.services
from msgsim import cli_reference
from msgsim.bundled import scenario_path
from msgsim.model.catalog import Page
from msgsim.report.pages import guide, topics
from msgsim.report.reference import GENERATED, STATES, fidelity, fidelity_text, limits_text, pages
from msgsim.scenario.lesson import LEVELS
from tests.test_cli import call

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "msgsim" / "guide"
PAGES = sorted(GUIDE.glob("*.md"))


def test_the_page_of_commands_is_current() -> None:
    """On failure: `python -m msgsim.cli_reference > msgsim/guide/commands.md`."""
    assert (GUIDE / "commands.md").read_text("utf-8") == cli_reference.page()


def test_every_verb_and_option_is_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    page = cli_reference.page()
    for verb in re.findall(r"^## msgsim (\S+)", page, re.MULTILINE):
        assert call(verb, "--help") == 0
        for option in re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out.split("Options")[1]):
            assert option in page or option == "--help", (verb, option)


def test_the_index_names_every_page_and_nothing_else() -> None:
    index = (GUIDE / "guide.md").read_text("utf-8").split("| I want to |")[1].split("\n\n")[0]
    named = set(re.findall(r"`([a-z-]+)`", index))
    assert set(guide()) - {"guide"} <= named
    known = {*topics(), *pages(), *GENERATED}
    assert named <= known


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_and_names_on_a_page_exist(path: Path) -> None:
    """`msgsim explain X`, `msgsim run X` and `msgsim lab X` name what there is."""
    text = path.read_text("utf-8")
    known = {*topics(), *pages(), *GENERATED}
    for name in re.findall(r"`msgsim explain ([\w.-]+)`", text):
        assert name in known or re.fullmatch(r"[EW]\d{3}|NAME|COMPONENT|demo.inspector|X", name)
    for name in re.findall(r"msgsim (?:run|lab|validate) ([a-z_]*\d*[a-z_]*)(?=[ `]|$)", text):
        if name and not re.fullmatch(r"mine|checkout|\d+", name):
            assert scenario_path(name).is_file()


def test_every_number_of_every_page_is_among_the_limits() -> None:
    shown = " ".join(limits_text().split())
    for page in pages().values():
        for section in ("limits", "quotas", "latencies", "assumptions"):
            for name in page.data.get(section) or {}:
                assert f"{name} = " in shown, (page.path.name, name)
        assert not page.data.get("quotas") or f"(read on {page.read_on})" in shown


def test_fidelity_has_every_row_of_every_table() -> None:
    """Counted another way: lines of the pages that have a state in the second column."""
    found = fidelity()
    for name, page in pages().items():
        part = page.text.partition("## Modelled, simplified, not modelled")[2].split("\n## ")[0]
        states = [line.split("|")[2].strip() for line in part.splitlines() if line.count("|") > 2]
        assert len(found[name]) == sum(state in STATES for state in states), name
        assert found[name], name
    text = " ".join(fidelity_text().split())
    for rows in found.values():
        for rule, _, _ in rows:
            assert " ".join(rule.split()) in text


def python_of(name: str) -> str:
    text = (GUIDE / f"{name}.md").read_text("utf-8")
    return "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))


def test_the_trace_for_perfetto_is_written(tmp_path: Path) -> None:
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", python_of("perfetto")]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=60)
    assert "traceEvents" in (tmp_path / "poison.perfetto.json").read_text("utf-8")[:2000]


def test_the_custom_consumer_works_in_a_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's code, page and scenario, found through the entry point it describes."""
    text = (GUIDE / "custom-consumer.md").read_text("utf-8")
    (page,) = re.findall(r"```markdown\n(.*?)```", text, re.DOTALL)
    (scenario,) = re.findall(r"```yml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "demo.inspector.md").write_text(page, encoding="utf-8")
    names: dict[str, object] = {"__file__": str(tmp_path / "inspector.py"), "__name__": "inspector"}
    exec(compile(python_of("custom-consumer"), "inspector.py", "exec", dont_inherit=True), names)

    class Entry:
        @staticmethod
        def load() -> object:
            return names["SERVICE"]

    monkeypatch.setattr(msgsim.services, "entry_points", lambda group: [Entry])
    msgsim.services.discover.cache_clear()
    try:
        results = msgsim.run(msgsim.load_text(scenario))
        assert not results.failed, results.verdicts
    finally:
        monkeypatch.undo()
        msgsim.services.discover.cache_clear()


def test_the_answer_key_of_the_class_is_right() -> None:
    """What the instructor reads out: bounds of labs 01, 03 and 06, tried at both ends."""
    from msgsim.bundled import lab_name
    from msgsim.experiment.lab import attempt

    def solved(lab: str, *knobs: str) -> bool:
        return not attempt(scenario_path(lab_name(lab)), knobs).failed

    assert solved("01", "VisibilityTimeout=60") and solved("01", "VisibilityTimeout=180")
    assert not solved("01", "VisibilityTimeout=49") and not solved("01", "VisibilityTimeout=300")
    assert solved("03", "keys=200", "MaximumConcurrency=11")
    assert not solved("03", "keys=200", "MaximumConcurrency=9")
    assert solved("06", "MaximumConcurrency=5", "ReservedConcurrentExecutions=100")
    assert not solved("06", "MaximumConcurrency=6", "ReservedConcurrentExecutions=6")
    assert set(LEVELS) >= {"easy", "expert"}


def test_pages_of_the_guide_have_no_front_matter() -> None:
    assert all(not Page(path).data for path in PAGES)


def test_the_questions_are_answered_in_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("explain", "questions") == 0
    shown = " ".join(capsys.readouterr().out.split())
    for number in range(1, 18):
        lesson = msgsim.load(scenario_path(f"q{number:02}")).header.lesson
        assert lesson.reveal in shown and lesson.link in shown


@pytest.mark.parametrize("subject", sorted(GENERATED))
def test_generated_subjects_are_explained(subject: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("explain", subject) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 20
    assert all(len(line) <= 96 or "http" in line for line in lines)
