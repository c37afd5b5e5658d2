"""Markdown for a pull request: verdicts, ledger and one course as a line of blocks; appended."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from msgsim.experiment.replicated import laid_over
from msgsim.files import cannot_write, write_atomically
from msgsim.report.text import clock, number, quantity, seconds

BLOCKS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 48
_MARKS = {"met": "✅", "not met": "❌", "undecided": "❔"}
_LINES = ("done", "waiting", "in_flight", "dead_lettered", "expired", "discarded", "lost")


def append_summary(path: str | os.PathLike[str], plain: dict[str, Any], again: str) -> None:
    """Append what a session came to; what the file holds already stays, and half of it never does.

    Raises:
        ProblemError: E160, it cannot be read or written.
    """
    text = "\n".join(summary(plain, again)) + "\n"
    target = Path(path)
    try:
        before = target.read_bytes() if target.is_file() else b""
    except OSError as error:
        raise cannot_write(path, error) from None
    gap = "" if not before or before.endswith(b"\n\n") else "\n"
    write_atomically(path, before + (gap + text).encode("utf-8"))


def summary(plain: dict[str, Any], again: str) -> Iterator[str]:
    """Yield the lines."""
    scenario, rules = plain["scenario"], plain["expect"]
    met = sum(rule["passed"] for rule in rules)
    yield f"### {_cell(scenario['name'])}: {_cell(scenario['question'])}".removesuffix(": ")
    yield ""
    if plain["partial"]:
        yield "**Partial**: interrupted; what follows is what had happened by then.\n"
    for failure in plain["failures"]:
        yield f"❌ failed: {_cell(failure)}\n"
    if rules:
        yield f"**{met} of {len(rules)} expectations met**\n"
        yield "| | rule | actual | violated since |"
        yield "|---|---|---|---|"
        yield from (_verdict(rule) for rule in rules)
        yield ""
    yield from _ledger(plain)
    yield from _spark(plain)
    versions = " · ".join(f"{name} {version}" for name, version in plain["versions"].items())
    count = f" · {plain['replications']} replications" if plain["replications"] > 1 else ""
    yield f"<sub>seed {plain['runs'][0]['seed']}{count} · fingerprint {plain['fingerprint']} · "
    yield f"{versions} · again: <code>{_cell(again)}</code></sub>"


def _verdict(rule: dict[str, Any]) -> str:
    mark = "⚠️" if rule["level"] == "warn" and not rule["passed"] else _MARKS[rule["state"]]
    half = None if rule["low"] is None else (rule["high"] - rule["low"]) / 2
    actual = "no data" if rule["no_data"] else quantity(rule["actual"], rule["dimension"], half)
    since = rule["first_violation_at_s"]
    name = f"[{rule['variant']}] {rule['rule']}" if rule["variant"] else rule["rule"]
    return f"| {mark} | `{_cell(name)}` | {actual} | {clock(since) if since is not None else ''} |"


def _ledger(plain: dict[str, Any]) -> Iterator[str]:
    yield "| where the messages went | published | " + " | ".join(
        line.replace("_", "-") for line in _LINES
    ) + " | p99 |"  # fmt: skip
    yield "|---" * (len(_LINES) + 3) + "|"
    for variant in dict.fromkeys(run["variant"] for run in plain["runs"]):
        runs = [run for run in plain["runs"] if run["variant"] == variant]
        run = laid_over(runs, plain["merged"])
        for name, row in run["ledger"].items():
            if not row["published"] + row["moved_in"]:
                continue
            latency = run["latency"].get(name, {}).get("end_to_end", {})
            p99 = seconds(latency["p99_s"]) if latency.get("count") else "–"
            cells = [number(row[line]) for line in ("published", *_LINES)]
            label = f"{variant} {name}".strip()
            yield f"| {_cell(label)} | {' | '.join(cells)} | {p99} |"
    yield ""


def _spark(plain: dict[str, Any]) -> Iterator[str]:
    """Yield the course of the deepest queue of the first run."""
    queues = plain["runs"][0]["queues"]
    if not queues:
        return
    name = max(queues, key=lambda each: queues[each]["visible"]["max"] or 0)
    course = queues[name]["visible"]["course"]["max"]
    if course and max(course):
        yield f"`{_cell(name)}` visible, most {number(max(course))}: `{sparkline(course)}`\n"


def sparkline(values: Sequence[float], width: int = SPARK_WIDTH) -> str:
    """Return values as a line of blocks, the largest of each stretch deciding its height."""
    if not values:
        return ""
    width = min(width, len(values))
    ends = [len(values) * step // width for step in range(width + 1)]
    peaks = [max(values[begin:end]) for begin, end in pairwise(ends)]
    top = max(peaks)
    if top <= 0:
        return BLOCKS[0] * width
    return "".join(BLOCKS[min(7, int(max(0.0, peak) / top * 7.999))] for peak in peaks)


def _cell(text: str) -> str:
    """Keep a text within its cell."""
    return text.replace("|", "\\|").replace("\n", " ").replace("`", "'")
