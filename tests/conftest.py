"""Settings shared by all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from msgsim.experiment import run

# No window may open, whatever machine the tests run on; set before matplotlib is imported.
os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples every time: a red build must be the fault of a change. Set HYPOTHESIS_PROFILE to
# "search" to look for new ones. A shared machine is no reason to fail, hence no deadline.
settings.register_profile("msgsim", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "msgsim"))


@pytest.fixture(autouse=True)
def every_run_is_checked(request, monkeypatch):
    """Let every run watch all invariants, and fail where one is broken.

    Tests that plant a bug are marked `unchecked`; those that measure speed listen to nothing more.
    """
    if not any(request.node.get_closest_marker(name) for name in ("unchecked", "perf")):
        monkeypatch.setattr(run, "CHECK", True)


def pytest_terminal_summary(terminalreporter):
    """Print the tables that tests recorded as `table`, also when they ran in other processes."""
    for report in terminalreporter.getreports("passed"):
        for name, table in report.user_properties if report.when == "call" else ():
            if name == "table":
                terminalreporter.section(report.nodeid.rpartition("::")[2], sep="-")
                terminalreporter.write_line(table)
