"""Saved results are one file without pickle, say everything again, and know their version."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import msgsim as ms
from msgsim.experiment import saved
from msgsim.experiment.result import to_plain
from tests.experiment.tiny import tiny
from tests.test_cli import call

RULED = tiny(
    "expect:\n  - Orders.latency.p99.between(5s,10s) < 2s\nvariants:\n  a:\n"
    "  b: {Workers.workers: 2}\n"
)


@pytest.fixture(scope="module")
def results() -> ms.Results:
    return ms.run(ms.load_text(RULED), replications=3, record=["deliveries"])


@pytest.fixture
def file(results: ms.Results, tmp_path: Path) -> Path:
    target = tmp_path / "result.msgsim"
    results.save(str(target))
    return target


def test_what_was_saved_is_read_again(results: ms.Results, file: Path) -> None:
    found = ms.read(file)
    assert to_plain(found) == to_plain(results)
    assert repr(found) == repr(results)
    assert found.verdicts == results.verdicts
    assert found.difference("Orders.latency.p99") == results.difference("Orders.latency.p99")
    for column, values in results["b"].table("deliveries").items():
        assert np.array_equal(found["b"].table("deliveries")[column], values)


def test_equal_results_are_equal_files(results: ms.Results, file: Path, tmp_path: Path) -> None:
    ms.read(file).save(str(tmp_path / "again.msgsim"))
    assert (tmp_path / "again.msgsim").read_bytes() == file.read_bytes()


def test_the_arrays_are_numpys_own_and_nothing_is_pickled(file: Path) -> None:
    with np.load(file, allow_pickle=False) as arrays:
        names = [name for name in arrays.files if name.endswith(".values")]
        assert names and all(arrays[name].dtype == float for name in names)
    with zipfile.ZipFile(file) as archive:
        assert not [name for name in archive.namelist() if not name.endswith((".npy", ".json"))]


def test_what_was_asked_about_a_window_can_be_asked_again(file: Path) -> None:
    found = ms.read(file)
    metric = "Orders.latency.p99.between(5s,10s)"
    assert len(found.values(metric, "a")) == 3
    with pytest.raises(ms.ProblemError, match="not watched"):
        found.values("Orders.latency.p99.between(5s,11s)", "a")


def rewritten(file: Path, change: object) -> Path:
    target = file.with_name("changed.msgsim")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "results.json":
                document = json.loads(content)
                change(document)
                content = json.dumps(document).encode()
            new.writestr(name, content)
    return target


def test_a_file_of_another_format_is_refused_with_who_wrote_it(file: Path) -> None:
    def newer(document: dict) -> None:
        document |= {"format": "msgsim.saved/9", "msgsim": "7.1"}

    with pytest.raises(ms.ProblemError) as caught:
        ms.read(rewritten(file, newer))
    (problem,) = caught.value.problems
    assert problem.code == "E159"
    assert "msgsim 7.1 wrote it in format msgsim.saved/9" in problem.message
    assert "--save" in str(problem.hint)


def test_a_file_that_lacks_something_is_refused(file: Path) -> None:
    with pytest.raises(ms.ProblemError, match="changed after msgsim wrote it"):
        ms.read(rewritten(file, lambda document: document.pop("summaries")))


def test_a_number_that_was_changed_is_noticed(file: Path) -> None:
    def better(document: dict) -> None:
        document["verdicts"][0]["state"] = "undecided"

    with pytest.raises(ms.ProblemError, match="changed after msgsim wrote it") as caught:
        ms.read(rewritten(file, better))
    assert caught.value.problems[0].code == "E159"


def test_a_forged_digest_does_not_help_what_lacks_something(file: Path) -> None:
    forged = rewritten(file, lambda document: document.pop("summaries"))
    with zipfile.ZipFile(forged) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
        members["digest.json"] = json.dumps({"sha256": saved.digest_of(archive)}).encode()
    with zipfile.ZipFile(forged, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ms.ProblemError, match=r"holds no results \(KeyError\)"):
        ms.read(forged)


def test_an_archive_that_would_fill_the_memory_is_not_unpacked(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved, "LARGEST", 1_000)
    with pytest.raises(ms.ProblemError, match="members are larger") as caught:
        ms.read(file)
    assert caught.value.problems[0].code == "E159"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"msgsim: 1\n"])
def test_what_is_no_result_is_refused(tmp_path: Path, content: bytes) -> None:
    target = tmp_path / "no.msgsim"
    target.write_bytes(content)
    with pytest.raises(ms.ProblemError) as caught:
        ms.read(target)
    assert caught.value.problems[0].code == "E159"
    with pytest.raises(ms.ProblemError, match="no file"):
        ms.read(tmp_path / "absent.msgsim")


def test_report_and_explain_take_saved_results(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert call("report", file, "--out", page, "--plots", tmp_path / "pictures") == 0
    assert "<svg" in page.read_text("utf-8")
    assert list((tmp_path / "pictures").glob("latency*.png"))
    capsys.readouterr()
    assert call("explain", file) == 0
    assert "EXPECT" in capsys.readouterr().out
    assert call("report", tmp_path / "absent.msgsim") == 2
    assert call("report", file, "--out", tmp_path / "no" / "page.html") == 2
