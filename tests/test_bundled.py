"""Bundled scenarios are found by name, in a checkout and inside an installed package."""

from __future__ import annotations

import pytest

from msgsim import bundled


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Pretend to be site-packages, with a stranger's `scenarios` folder beside the package."""
    data = tmp_path / "msgsim" / "_scenarios"
    for name in ("fanout", "questions/q07", "labs/a/deep", "labs/b/deep"):
        file = data / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("msgsim: 1\n")
    (data / "trace.csv").write_text("at\n")
    (tmp_path / "scenarios").mkdir()
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path / "msgsim")
    return data


def test_a_checkout_shows_its_top_level_folder():
    folder = bundled.scenario_folder()
    assert folder.name == "scenarios"
    assert (folder.parent / "README.md").is_file()


def test_names_leave_out_the_ending_and_what_is_not_a_scenario(installed):
    assert bundled.scenario_names() == ["fanout", "labs/a/deep", "labs/b/deep", "questions/q07"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("fanout", "fanout.yaml"),
        ("fanout.yaml", "fanout.yaml"),
        ("questions/q07", "questions/q07.yaml"),
        ("q07", "questions/q07.yaml"),
        ("q07.yaml", "questions/q07.yaml"),
    ],
)
def test_a_scenario_is_found_by_its_name(installed, name, file):
    assert bundled.scenario_path(name) == installed / file


@pytest.mark.parametrize("name", ["fan", "", "deep", "a/deep", "trace", "../fanout", "/etc/passwd"])
def test_what_is_unknown_or_ambiguous_is_refused(installed, name):
    with pytest.raises(KeyError):
        bundled.scenario_path(name)
