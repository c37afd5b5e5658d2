"""Remarks: what in a result deserves a sentence, most serious first, each with where to read on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgsim.report.side_by_side import stored_and_refused
from msgsim.report.text import counted, number, seconds, share

OF_STANDARD_QUEUES = ("hosts", "short_poll_hosts", "missed_delete_share", "missed_delete_delay")


def remarks(runs: list[dict[str, Any]]) -> list[str]:
    """Return sentences about the runs; a sentence about one of several variants names it."""
    found: dict[str, None] = {}
    for run in runs:
        prefix = f"{run['variant']}: " if len(runs) > 1 else ""
        for rank, sentence in sorted(_about(run), key=lambda item: item[0]):
            found[f"{rank}{prefix}{sentence}"] = None
    return [sentence[1:] for sentence in sorted(found, key=lambda text: text[0])]


def assumed_order(plain: dict[str, Any], runs: list[dict[str, Any]]) -> list[str]:
    """Return the sentence that order and duplicates of standard queues rest on assumptions."""
    used = {
        item["name"]: item
        for item in plain["assumptions"]
        if item["kind"] == "sqs.queue" and item["name"] in OF_STANDARD_QUEUES
    }
    disorder = any(
        found["order_inversions"] or found["receive_inversions"]
        for run in runs
        for name, found in run["order"].items()
        if run["kinds"].get(name) == "sqs.queue"
    )
    if not used or not disorder:
        return []
    values = ", ".join(f"{name} {item['value']}" for name, item in used.items())
    return [f"assumed, AWS publishes no number: order and replicas of standard queues ({values})"]


def warming_up(plain: dict[str, Any]) -> list[str]:
    """Return the suggestion to leave out a beginning that is unlike the rest, if there is one."""
    found = [item for item in plain["warm_up"] if item["suggested_s"] is not None]
    if not found:
        return []
    longest = max(found, key=lambda item: item["suggested_s"])
    where = f" of {longest['variant']}" if longest["variant"] else ""
    return [
        f"the first {seconds(longest['suggested_s'])}{where} look like a start-up phase at "
        f"{longest['subscriber']} (MSER-5): if you are after the long run, set warm_up:"
    ]


def _about(run: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for violation in run["invariants"]["violated"]:
        yield 0, f"the model broke an invariant, please report it: {violation}"
    for action in run["actions"]:
        if action["refused"] is not None:
            what = f"{action['what']}, at {seconds(action['at_s'])}"
            yield 1, f"AWS would refuse an action ({action['refused']}): {what}"
    yield from _ledger(run)
    yield from _servers(run)
    yield from _streams(run)
    yield from _duplicates(run)


def _ledger(run: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for name, row in run["ledger"].items():
        untouched = row["dead_lettered_never_processed"]
        if untouched:
            yield (
                1,
                f"{counted(untouched, 'message')} of {name} dead-lettered without ever running: "
                "received, but no consumer began them (`msgsim explain sqs.queue`)",
            )
        if row["expired"]:
            yield 2, f"{counted(row['expired'], 'message')} of {name} outlived the retention"
        if row["purged"]:
            yield 2, f"{counted(row['purged'], 'message')} of {name} purged before they were done"
        if row["discarded"]:
            yield 2, f"{counted(row['discarded'], 'message')} for {name} given up for good"
        left = row["waiting"] + row["in_flight"]
        if left and left > 0.01 * row["published"] > 0:
            yield 4, f"{name} still held {counted(left, 'message')} when the run ended"


def _servers(run: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for name, server in run["servers"].items():
        throttled = sum(server["throttles"].values())
        if throttled:
            yield (
                2,
                f"{name} was throttled {counted(throttled, 'time')}; a mapping goes on receiving "
                "while its function is throttled (`msgsim explain lambda.event_source_mapping`)",
            )


def _streams(run: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for name, stream in run["streams"].get("streams", {}).items():
        stored, refused = stored_and_refused(stream)
        if refused:
            shards = stream["by_shard"]
            hottest = max(shards, key=lambda shard: shards[shard]["throttled"])
            yield (
                2,
                f"{name} refused {share(refused / (stored + refused))} of the records: limits are "
                f"per shard, and shard {hottest} refused most (`msgsim explain kinesis.stream`)",
            )


def _duplicates(run: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for name, found in run["duplicates"].items():
        if found["duplicate_processings"]:
            causes = {cause: count for cause, count in found["by_cause"].items() if count}
            listed = ", ".join(f"{cause} {number(count)}" for cause, count in causes.items())
            total = counted(found["duplicate_processings"], "processing")
            kept = ""
            if found["skipped"]:
                effects = counted(found["duplicate_effects"], "second effect")
                kept = f"; idempotency skipped {number(found['skipped'])}, {effects} left"
            yield 3, f"{name}: {total} beyond the first of a message ({listed}){kept}"
    for name, found in run["order"].items():
        if found.get("max_stall_s") and found["max_stall_s"] > 60:
            yield 5, f"a key of {name} stood still for {seconds(found['max_stall_s'])}"
