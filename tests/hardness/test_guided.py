"""The coverage-guided run starts, goes past the YAML parser, and reports what escapes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import yaml

import msgsim
from msgsim.bundled import scenario_path
from msgsim.problems import ProblemError
from tests.hardness import guided

needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="the extra `fuzz` is not installed"
)


def test_changed_trees_are_other_yaml_and_some_are_scenarios() -> None:
    text = scenario_path("poison_message").read_text("utf-8")
    changed = [guided.changed_tree(text, Random(seed)) for seed in range(60)]
    valid = 0
    for each in changed:
        assert each is not None and isinstance(yaml.safe_load(each), dict)
        try:
            msgsim.load_text(each)
            valid += 1
        except ProblemError:
            pass

    assert len(set(changed)) > 50
    assert 3 < valid < 57
    assert changed[7] == guided.changed_tree(text, Random(7))


@pytest.mark.parametrize("text", ["a: &a [*a]", "x", "", "? [a]\n: b", "a: [", "[" * 9_000])
def test_what_is_no_tree_or_bites_its_tail_is_left_alone(text: str) -> None:
    for seed in range(4):
        changed = guided.changed_tree(text, Random(seed))
        assert changed is None or isinstance(changed, str)


@pytest.mark.slow
@needs_atheris
def test_a_guided_run_reaches_more_than_it_began_with(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "tests.hardness.guided", "--inputs", "160", "--keep",
         str(tmp_path / "kept")], capture_output=True, text=True, timeout=180, check=False,
        cwd=Path(guided.__file__).parents[2],
    )  # fmt: skip

    assert found.returncode == 0, found.stderr
    first, last = (int(word) for word in found.stdout.split()[2:9] if word.isdecimal())
    assert first > 3_000, "the reader of scenarios is not instrumented"
    assert last >= first
    assert "'refused'" in found.stdout and "'run'" in found.stdout
    assert not (tmp_path / "kept").exists()


def test_what_escaped_is_kept_once_for_each_place(tmp_path: Path) -> None:
    counts = guided.Counts(tmp_path)
    for data in (b"one", b"two"):
        try:
            raise ValueError(data)
        except ValueError as error:
            counts.escaped(data, error)
    counts.write(every=1)

    assert [file.read_bytes() for file in tmp_path.glob("escape-*")] == [b"one"]
    assert guided._tell(tmp_path, 0, "", tmp_path / "kept") == 1
    assert (tmp_path / "kept" / "escape-1.yaml").read_bytes() == b"one"
