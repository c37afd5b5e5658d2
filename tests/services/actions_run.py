"""Scenarios with actions: run one, or check its rules, with one host and no missed delete."""

from __future__ import annotations

from typing import Any

import msgsim
from msgsim.experiment.result import to_plain

ORDERLY = "assumptions: {sqs.queue: {hosts: 1, missed_delete_share: 0}}\n"


def run(text: str, **options: Any) -> dict[str, Any]:
    """Run a scenario; return its only run as plain data, books checked."""
    (found,) = to_plain(msgsim.run(msgsim.load_text(ORDERLY + text), **options))["runs"]
    assert found["invariants"]["violated"] == []
    assert found["sums"]
    return found


def metric(text: str, *rules: str) -> None:
    """Check rules of an expectation on a scenario."""
    listed = "".join(f"  - {rule}\n" for rule in rules)
    results = to_plain(msgsim.run(msgsim.load_text(f"{ORDERLY}{text}expect:\n{listed}")))
    assert [
        (each["rule"], each["actual"]) for each in results["expect"] if not each["passed"]
    ] == []
