"""Figures are the same bytes every time, and files of them appear whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from msgsim.report.figures import (
    concurrency,
    depth_and_age,
    file_name,
    latency,
    order,
    render,
    save,
    shard_load,
)
from msgsim.report.figures.data import (
    ConcurrencyData,
    LatencyData,
    QueueData,
    ShardData,
)
from tests.report.figures_made import ALL, HERE, an_order, course


def test_nothing_to_show_is_no_figure():
    empty = np.array([])
    nothing = course([0, 0])
    assert latency({"": [LatencyData("Q", empty)]}, HERE) is None
    assert latency({}, HERE) is None
    assert depth_and_age({"": QueueData("Q", nothing, nothing, nothing, 2.0)}, HERE) is None
    assert depth_and_age({"": QueueData("Q", *[course([])] * 3, 2.0)}, HERE) is None
    assert concurrency({"": ConcurrencyData("F", course([]), 2.0)}, HERE) is None
    assert order({"": an_order(np.array([], dtype=int))}, HERE) is None
    assert shard_load({"": ShardData("S", ["0"], np.zeros((1, 3)), 1.0)}, HERE) is None


@pytest.mark.parametrize("kind", ["png", "svg"])
@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_the_same_input_gives_the_same_bytes(make, kind):
    first = render(make(), kind)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "none"}):
        assert render(make(), kind) == first
    assert b"matplotlib v" not in first.lower() and b"<dc:date>" not in first


def test_nothing_global_changes_and_pyplot_stays_away():
    code = """if True:
        import sys, matplotlib
        import msgsim.report
        before = dict(matplotlib.rcParams)
        from msgsim.report.figures import latency, render
        from msgsim.report.figures.data import LatencyData, Provenance
        import numpy as np
        data = LatencyData("Q", np.array([1.0, 2.0]))
        render(latency({"": [data]}, Provenance("s", 1, "0", "0")), "png")
        assert "matplotlib.pyplot" not in sys.modules
        assert dict(matplotlib.rcParams) == before
    """
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "DISPLAY": ""})


def test_the_report_package_alone_does_not_import_matplotlib():
    code = "import sys, msgsim.report, msgsim.report.style; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_files_appear_whole_with_nothing_beside_them(tmp_path):
    figure = ALL["latency"]()
    paths = save(figure, tmp_path, "latency-Q")
    assert [path.name for path in paths] == ["latency-Q.png", "latency-Q.svg"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert paths[0].read_bytes() == render(figure, "png")
    assert save(figure, tmp_path, "latency-Q", ["svg"]) == paths[1:]


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path):
    figure = ALL["latency"]()
    with pytest.raises(OSError, match="nowhere"):
        save(figure, tmp_path / "nowhere", "latency")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        save(figure, tmp_path / "file", "latency")


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch):
    figure = ALL["latency"]()
    (path,) = save(figure, tmp_path, "q", ["svg"])
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        save(figure, tmp_path, "q", ["svg"])
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_written_files_can_be_read_by_others(tmp_path):
    (path,) = save(ALL["latency"](), tmp_path, "q", ["svg"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_file_names_are_safe_and_never_meet():
    assert file_name("latency", "Billing") == "latency-Billing"
    assert file_name("queue", "") == "queue"
    assert "/" not in file_name("queue", "../../etc/passwd")
    assert file_name("queue", "a/b") != file_name("queue", "a:b")
    assert len(file_name("x" * 500)) < 100
