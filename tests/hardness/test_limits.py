"""Bounded time and memory for every single input, measured in a process that may have no more."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.hardness import monsters
from tests.hardness.limits import Ended, limited

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="limits of the address space are Linux's"),
]
SECONDS = 20
MIB = 1_024
"""What no input may go beyond, `HARDNESS.md` says so: a process that does is killed, and fails."""

USUAL_S, USUAL_MIB = 6.0, 300
"""What refusing a file takes at most, starting Python included; it was 2 s and 200 MiB."""

CHEAP = (
    "billion laughs", "100,000 lists deep", "a million digits", "a million resources",
    "more than 20,000 nodes", "7.9 MiB of short lines", "a rule of 100,000 letters",
)  # fmt: skip
"""Those that each kind of limit answers; the others run with `MSGSIM_ALL_MONSTERS=1`."""


def chosen(all_of_them: dict) -> list[str]:
    """Return what is tried: every process takes a second to start."""
    if os.environ.get("MSGSIM_ALL_MONSTERS") or all_of_them is monsters.TAKEN:
        return list(all_of_them)
    return [name for name in all_of_them if name in CHEAP]


def validated(content: str | bytes, folder: Path) -> Ended:
    file = folder / "monster.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return limited(folder, "validate", str(file), seconds=SECONDS, mib=MIB)


@pytest.mark.parametrize("name", chosen(monsters.REFUSED))
def test_a_monster_is_refused_within_its_limits(name: str, tmp_path: Path) -> None:
    ended = validated(monsters.REFUSED[name], tmp_path)

    assert ended.code == 2, ended.said[:2_000]
    assert re.search(r"(^|  )E\d{3} ", ended.said, re.MULTILINE)
    assert "Traceback" not in ended.said
    assert len(ended.said) < 20_000
    assert ended.processor_s < USUAL_S
    assert ended.peak_mib < USUAL_MIB


@pytest.mark.parametrize("name", chosen(monsters.TAKEN))
def test_what_is_large_and_valid_is_taken_within_the_limits(name: str, tmp_path: Path) -> None:
    """The largest scenario there can be, 4,900 queues in 20,000 nodes, takes 7 s and 670 MiB."""
    ended = validated(monsters.TAKEN[name], tmp_path)

    assert ended.code == 0, ended.said[:2_000]
    assert ended.processor_s < SECONDS


def test_a_circle_of_dead_letter_queues_runs_within_the_limits(tmp_path: Path) -> None:
    file = tmp_path / "circle.yaml"
    file.write_text(monsters.circle(300))
    ended = limited(tmp_path, "run", str(file), "-q", seconds=SECONDS, mib=MIB)

    assert ended.code == 0, ended.said[:2_000]


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of a few megabytes that unpacks to gigabytes."""
    file = tmp_path_factory.mktemp("archives") / "bomb.msgsim"
    monsters.zip_bomb(file)
    return file


@pytest.mark.parametrize("verb", ["report", "replay", "compare", "explain"])
def test_an_archive_that_unpacks_to_gigabytes_is_not_unpacked(
    verb: str, bomb: Path, tmp_path: Path
) -> None:
    more = [str(bomb)] if verb == "compare" else []
    ended = limited(tmp_path, verb, str(bomb), *more, seconds=SECONDS, mib=MIB)

    assert bomb.stat().st_size < 4 << 20
    assert ended.code == 2 and "E159" in ended.said, ended.said[:2_000]
    assert ended.peak_mib < USUAL_MIB


def test_memory_that_ends_is_told_and_not_a_traceback(tmp_path: Path) -> None:
    """The limits are limits: with 500 MiB of address space the largest scenario does not fit."""
    file = tmp_path / "large.yaml"
    file.write_text(monsters.TAKEN["4,900 resources"])
    ended = limited(tmp_path, "validate", str(file), seconds=SECONDS, mib=500)

    assert ended.code == 3, ended.said[:2_000]
    assert "Traceback" not in ended.said and "memory" in ended.said
