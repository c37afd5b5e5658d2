"""Odd values where a name, a number or a time is expected: refused in words, with the limit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import msgsim as ms
from tests.experiment.tiny import tiny
from tests.test_cli import call

LARGEST = 2**63 - 1


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(tiny(duration="1s"), encoding="utf-8")
    return "small.yaml"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert call(*arguments) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("number", [str(LARGEST + 1), "9" * 40, "9" * 5_000])
@pytest.mark.parametrize("verb", ["run", "compare", "sweep", "replay", "explain", "fuzz"])
def test_a_number_that_is_too_large_is_told_the_limit(
    verb: str, number: str, small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fuzz"] if verb == "fuzz" else [verb, small]
    err = said(capsys, *arguments, "--seed", number)
    assert "too large" in err and str(LARGEST) in err
    assert len(err) < 1_000


def test_the_largest_seed_can_be_used(small: str) -> None:
    assert call("run", small, "-q", "--seed", str(LARGEST)) == 0
    assert call("run", small, "-q", "--seed", f"0{LARGEST}") == 0


def test_a_scenario_is_told_the_same_limit(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = Path(small).read_text().replace("seed: 7", f"seed: {LARGEST + 1}")
    Path(small).write_text(text)
    assert f"numbers end at {LARGEST}" in said(capsys, "run", small)


OUTPUTS = ["json", "save", "report", "plots", "trace", "junit", "markdown"]


@pytest.mark.parametrize("option", OUTPUTS)
def test_an_output_without_a_name_is_refused_before_the_run(
    option: str, small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `--json "$RESULT"` is when the variable is not set: E160, and nothing is written."""
    err = said(capsys, "run", small, f"--{option}", "")
    assert "E160" in err and "empty" in err
    assert [each.name for each in Path().iterdir()] == [small]


@pytest.mark.parametrize(
    "line",
    [
        ["sweep", "small.yaml", "--set", "Workers.workers=2,3", "--out", ""],
        ["compare", "small.yaml", "--save", ""],
        ["replay", "small.yaml", "--out", ""],
    ],
)
def test_other_verbs_refuse_it_as_well(
    line: list[str], small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "the name of an output is empty" in said(capsys, *line)
    assert [each.name for each in Path().iterdir()] == [small]


@pytest.mark.parametrize("share", ["0%", "0", "0.0%"])
def test_a_sample_of_nothing_is_refused(
    share: str, small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    err = said(capsys, "run", small, "--trace", "t.json", "--trace-sample", share)
    assert "E178" in err and "is empty" in err
    assert not Path("t.json").exists()


ODD = [float("nan"), float("inf"), -float("inf"), 1e30, 10**40, -1, None, True, "nan", "9999999d"]


@pytest.mark.parametrize("time", ODD)
@pytest.mark.parametrize("move", ["advance", "advance_to", "sleep"])
def test_the_clock_refuses_what_is_no_time(move: str, time: object) -> None:
    cloud = ms.Cloud()
    with pytest.raises(ValueError, match=r"is not a|100 years|backwards"):
        getattr(cloud, move)(time)
    assert cloud.now == 0


def test_the_clock_ends_after_a_hundred_years() -> None:
    cloud = ms.Cloud()
    cloud.advance("36500d")
    with pytest.raises(ValueError, match="beyond 100 years"):
        cloud.advance(1)
    assert cloud.now == 36_500 * 86_400


def test_the_clock_takes_numbers_of_numpy() -> None:
    cloud = ms.Cloud()
    cloud.advance(np.float64(1.5))
    cloud.advance(np.int64(2))
    assert cloud.now == 3.5


@pytest.mark.parametrize("seed", [-1, 1.5, "7", True, 2**128])
def test_a_cloud_refuses_what_is_no_seed(seed: object) -> None:
    with pytest.raises(ValueError, match=r"the seed is .* whole number"):
        ms.Cloud(seed=seed)
