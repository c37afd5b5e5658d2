"""The same results from a Dask cluster as from this process."""

from __future__ import annotations

from pathlib import Path

import pytest

import msgsim as ms
from msgsim.experiment.result import to_plain
from msgsim.experiment.workers import Workers
from tests.experiment.tiny import tiny
from tests.test_cli import call

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address() -> str:
    """A scheduler with two workers, each a process of its own, on this machine."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
    ) as cluster:
        yield cluster.scheduler_address


def test_replications_on_a_cluster_are_those_of_this_process(address: str) -> None:
    scenario = ms.load_text(tiny("expect:\n  - Orders.visible.at(10s) < 1000\n"))
    there = ms.run(scenario, replications=4, workers=Workers(2, "dask", address))
    one, two = (to_plain(found) for found in (there, ms.run(scenario, replications=4)))
    assert one.pop("wall") and two.pop("wall")
    assert one == two


def test_a_sweep_on_a_cluster_ends_in_the_same_files(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(tiny(duration="5s"), encoding="utf-8")
    arguments = ("small.yaml", "--set", "Workers.workers=2,3,4")
    assert call("sweep", *arguments, "--out", "here", "--jobs", "1") == 0
    cluster = ("--backend", "dask", "--address", address)
    assert call("sweep", *arguments, "--out", "there", *cluster) == 0
    for file in ("index.csv", "index.json"):
        assert Path("here", file).read_bytes() == Path("there", file).read_bytes()


def test_a_cluster_that_does_not_answer_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("msgsim.experiment.workers.ANSWERS_WITHIN", "1s")
    cluster = ("--backend", "dask", "--address", "tcp://127.0.0.1:9")
    assert call("run", "hello", "--replications", "2", *cluster) == 2
    assert "no Dask scheduler answers" in capsys.readouterr().err


def test_dask_needs_an_address_and_a_back_end_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "hello", "--replications", "2", "--backend", "dask") == 2
    assert "--address" in capsys.readouterr().err
    assert call("run", "hello", "--backend", "ray") == 2
