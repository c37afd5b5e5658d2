"""Variants side by side: one row for each figure, one column for each design."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgsim.report.money import cost_row
from msgsim.report.text import Paint, columns, number, seconds, share

MOST_ROWS = 22
ALWAYS = {"done", "order inversions"}

Figure = tuple[str, Callable[[dict[str, Any], str], str | None]]


def comparison(runs: list[dict[str, Any]], paint: Paint) -> Iterator[str]:
    """Yield a table of the runs' figures; rows that say nothing (all zero) are left out."""
    priced = any(run["cost"]["components"] for run in runs)
    rows = [cost_row(runs)] if priced else []
    for name in _names(runs):
        for title, figure in FIGURES:
            cells = [figure(run, name) for run in runs]
            if any(cell is not None and (cell != "0" or title in ALWAYS) for cell in cells):
                rows.append((f"{name} {title}", *[cell or "–" for cell in cells]))
    heads = ("SIDE BY SIDE", *[run["variant"] for run in runs])
    yield from columns(heads, rows, paint, most=MOST_ROWS)


def _names(runs: list[dict[str, Any]]) -> list[str]:
    names: dict[str, None] = {}
    for run in runs:
        names.update(dict.fromkeys(run["latency"]))
        names.update(dict.fromkeys(run["streams"].get("streams", {})))
        names.update(dict.fromkeys(run["ledger"]))
        names.update(dict.fromkeys(run["servers"]))
    return list(names)


def _latency(stat: str) -> Callable[[dict[str, Any], str], str | None]:
    def figure(run: dict[str, Any], name: str) -> str | None:
        found = run["latency"].get(name, {}).get("end_to_end", {})
        return seconds(found[stat]) if found.get("count") else None

    return figure


def _row(line: str) -> Callable[[dict[str, Any], str], str | None]:
    def figure(run: dict[str, Any], name: str) -> str | None:
        row = run["ledger"].get(name)
        judged = row is not None and (row["published"] or line != "done")
        return number(row[line]) if judged else None

    return figure


def _peak(part: str, word: str) -> Callable[[dict[str, Any], str], str | None]:
    def figure(run: dict[str, Any], name: str) -> str | None:
        found = run[part].get(name)
        return number(found[word]["max"]) if found is not None else None

    return figure


def _sum(word: str) -> Callable[[dict[str, Any], str], str | None]:
    def figure(run: dict[str, Any], name: str) -> str | None:
        found = run["servers"].get(name)
        return number(sum(found[word].values())) if found is not None else None

    return figure


def _order(word: str) -> Callable[[dict[str, Any], str], str | None]:
    def figure(run: dict[str, Any], name: str) -> str | None:
        found = run["order"].get(name)
        return number(found[word]) if found is not None else None

    return figure


def _twice(run: dict[str, Any], name: str) -> str | None:
    found = run["duplicates"].get(name)
    return number(found["duplicate_processings"]) if found is not None else None


def _refused(run: dict[str, Any], name: str) -> str | None:
    stream = run["streams"].get("streams", {}).get(name)
    if stream is None:
        return None
    stored, refused = stored_and_refused(stream)
    return share(refused / (stored + refused)) if stored + refused else None


def stored_and_refused(stream: dict[str, Any]) -> tuple[int, int]:
    """Return how many records a stream's shards stored, and how many they refused."""
    shards = stream["by_shard"].values()
    return sum(one["stored"] for one in shards), sum(one["throttled"] for one in shards)


def _idle(run: dict[str, Any], name: str) -> str | None:
    stream = run["streams"].get("streams", {}).get(name)
    return number(stream["idle"]) if stream is not None else None


FIGURES: tuple[Figure, ...] = (
    ("done", _row("done")),
    ("dead-lettered", _row("dead_lettered")),
    ("deduplicated", _row("deduplicated")),
    ("waiting at the end", _row("waiting")),
    ("latency p50", _latency("p50_s")),
    ("latency p99", _latency("p99_s")),
    ("order inversions", _order("order_inversions")),
    ("received out of order", _order("receive_inversions")),
    ("processed twice", _twice),
    ("most visible", _peak("queues", "visible")),
    ("most busy", _peak("servers", "concurrency")),
    ("most pollers", _peak("servers", "pollers")),
    ("throttled", _sum("throttles")),
    ("errors", _sum("errors")),
    ("writes refused", _refused),
    ("idle shards", _idle),
)
