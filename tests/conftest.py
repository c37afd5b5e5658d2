"""Settings shared by all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# No window may open, whatever machine the tests run on; set before matplotlib is imported.
os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples every time: a red build must be the fault of a change. Set HYPOTHESIS_PROFILE to
# "search" to look for new ones. A shared machine is no reason to fail, hence no deadline.
settings.register_profile("msgsim", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "msgsim"))


def pytest_terminal_summary(terminalreporter):
    """Print the tables that tests recorded as `table`, also when they ran in other processes."""
    for report in terminalreporter.getreports("passed"):
        for name, table in report.user_properties if report.when == "call" else ():
            if name == "table":
                terminalreporter.section(report.nodeid.rpartition("::")[2], sep="-")
                terminalreporter.write_line(table)
