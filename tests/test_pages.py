"""Pages are data and promises: their numbers have sources, and what they show is run."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml

import msgsim.services
from msgsim.model.catalog import Page

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "msgsim"
SERVICES = PACKAGE / "services"
PAGES = sorted(SERVICES.glob("[!_]*/*.md"))
TEXTS = [ROOT / "README.md", *sorted(PACKAGE.rglob("*.md"))]
FOLDERS = sorted(
    info.name
    for info in pkgutil.iter_modules(msgsim.services.__path__)
    if info.ispkg and not info.name.startswith("_")
)
ABSENT_FROM_A_PART = {"E140", "E143"}  # what a name refers to, a workload
BLOCK = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(language: str) -> list:
    """Return every fenced block of a language as a parameter: its info string and its text."""
    found = []
    for path in TEXTS:
        text = path.read_text("utf-8")
        for match in BLOCK.finditer(text):
            if match["info"].split()[:1] == [language]:
                line = text.count("\n", 0, match.start()) + 1
                found.append(pytest.param(match["info"], match["text"], id=f"{where(path)}:{line}"))
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_kind_of_a_service_has_its_page(folder):
    module = importlib.import_module(f"msgsim.services.{folder}")
    declared = getattr(module, "SERVICES", None) or (getattr(module, "SERVICE", None),)
    for service in declared:
        assert service is not None, (
            f"msgsim/services/{folder} declares neither SERVICE nor SERVICES"
        )
        assert service.page.path == SERVICES / folder / f"{service.kind}.md"
        assert service.page.path.is_file()


def names_twice(node: yaml.Node) -> list[str]:
    """Return the keys that stand twice in one mapping of a YAML text; a loader drops the first."""
    if isinstance(node, yaml.SequenceNode):
        return [name for item in node.value for name in names_twice(item)]
    if not isinstance(node, yaml.MappingNode):
        return []
    keys = [key.value for key, _ in node.value]
    deeper = [name for _, item in node.value for name in names_twice(item)]
    return [key for key in set(keys) if keys.count(key) > 1] + deeper


@pytest.mark.parametrize("path", PAGES, ids=where)
def test_the_data_of_a_page_names_nothing_twice(path):
    head = path.read_text("utf-8").split("---\n", 2)[1]
    assert names_twice(yaml.compose(head)) == []


def test_a_name_given_twice_is_found():
    assert names_twice(yaml.compose("a: {b: 1, c: [{d: 1, d: 2}]}\nb: 1")) == ["d"]


@pytest.mark.parametrize("path", PAGES, ids=where)
def test_every_number_of_a_page_has_a_source_and_a_date(path):
    page = Page(path)
    assert page.data, "the page has no front matter"
    date.fromisoformat(page.read_on)
    sources = page.data.get("sources") or {}
    for section in ("limits", "quotas", "latencies", "prices", "assumptions"):
        for name, entry in (page.data.get(section) or {}).items():
            source = str(entry.get("source", ""))
            explained = source in sources or len(source.split()) > 2 or "://" in source
            assert explained, f"{section}.{name}: {source!r} is no key of `sources`, nor a reason"
            date.fromisoformat(str(entry.get("read_on", page.read_on)))
    for name in page.data.get("limits") or {}:
        assert page.limit(name).source
    for number in page.numbers():
        assert number.source and number.value is not None, number.name


@pytest.mark.parametrize("path", PAGES, ids=where)
def test_every_page_says_what_is_modelled_simplified_and_not_modelled(path):
    text = Page(path).text.lower()
    assert re.search(r"(?<!not )\bmodelled", text)
    assert "simplified" in text
    assert any("|" in line and "not modelled" in line for line in text.splitlines())


@pytest.mark.parametrize(("info", "text"), blocks("yaml"))
def test_scenarios_on_pages_are_valid(info, text):
    """A block with `resources:` and `workload:` is a whole scenario.

    One with `resources:` alone is a part: it may name what it does not show.
    """
    sections = set(re.findall(r"^(\w+):", text, re.MULTILINE))
    if "resources" not in sections:
        pytest.skip("shows a detail")
    forgiven = set() if "workload" in sections else ABSENT_FROM_A_PART
    try:
        msgsim.load_text(text if "duration" in sections else f"{text}duration: 1m\n")
    except msgsim.ProblemError as error:
        errors = [each for each in error.problems if each.severity == "error"]
        wrong = [str(each) for each in errors if each.code not in forgiven]
        assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("info", "text"), blocks("console"))
def test_commands_on_pages_print_what_is_shown(info, text, tmp_path):
    """`$ msgsim …` runs where `scenarios/` lies; `…` in what follows stands for anything.

    An info string such as ```` ```console exit=1 ```` states another exit code than 0.
    """
    expected = int(dict(re.findall(r"(exit)=(\d+)", info)).get("exit", 0))
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        program, *arguments = shlex.split(command, comments=True)
        assert program == "msgsim", "only msgsim's own commands can be checked"
        done = subprocess.run(
            [sys.executable, "-m", "msgsim", *arguments],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        printed = done.stdout + done.stderr
        assert done.returncode == expected, printed
        assert_shown_in_order([line for line in shown if line.strip(" …")], printed)


def assert_shown_in_order(shown: list[str], printed: str) -> None:
    lines = iter(printed.splitlines())
    for wanted in shown:
        pattern = re.compile(".*".join(re.escape(part) for part in wanted.rstrip().split("…")))
        assert any(pattern.fullmatch(line.rstrip()) for line in lines), (
            f"missing: {wanted}\n{printed}"
        )


def test_the_readme_sets_everything_up_in_two_lines():
    """`.ci/run` executes these two lines as they stand, in a fresh clone."""
    lines = re.findall(
        r"^python3 -m venv .*$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(lines) == 2
    run, test = (line.split(" && ") for line in lines)
    assert run[-1] == ".venv/bin/msgsim run scenarios/fanout.yaml"
    assert test[-1] == ".venv/bin/pytest"
