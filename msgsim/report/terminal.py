"""The summary on the terminal, from the same plain data that `--json` writes.

At most 40 lines of 80 columns for an ordinary scenario, readable without colour; verdicts first,
then whether the books balance, then what queues, servers and order did.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, Protocol

from msgsim.experiment.replicated import Replicated, laid_over
from msgsim.report.beside_theory import theory_lines
from msgsim.report.money import breakdown, cost_lines
from msgsim.report.remarks import assumed_order, remarks, warming_up
from msgsim.report.side_by_side import comparison, stored_and_refused
from msgsim.report.sizes import alarms, fleets
from msgsim.report.text import (
    WIDTH,
    Paint,
    clock,
    columns,
    counted,
    number,
    quantity,
    seconds,
    share,
)

ROWS = 8
LINES = {
    "done": "done",
    "waiting": "waiting",
    "in_flight": "in flight",
    "delayed": "delayed",
    "in_transit": "in transit",
    "dead_lettered": "dead-lettered",
    "error_output": "error output",
    "expired": "expired",
    "purged": "purged",
    "moved": "moved away",
    "deduplicated": "deduplicated",
    "filtered": "filtered",
    "refused": "refused",
    "discarded": "discarded",
    "lost": "LOST",
}


class Wanted(Protocol):
    """The options that shape the summary."""

    @property
    def only_expect(self) -> bool:
        """Nothing but the expectations."""

    @property
    def quiet(self) -> bool:
        """Nothing but what failed."""

    @property
    def verbose(self) -> bool:
        """Assumptions and advice, too."""

    @property
    def color(self) -> bool:
        """Whether colour is on."""


def summary(plain: dict[str, Any], options: Wanted, again: str) -> str:
    """Return the text to print; empty when there is nothing to say.

    Args:
        plain: what `to_plain` returned.
        options: which parts are wanted.
        again: the command that repeats the run.
    """
    paint = Paint(options.color)
    if options.quiet:
        return "\n".join(_failures(plain, paint))
    blocks = [list(_header(plain, paint)), list(_expectations(plain, paint))]
    if not options.only_expect:
        runs = _by_variant(plain)
        if len(runs) > 1:
            blocks.append(list(comparison(runs, paint)))
            blocks += [list(_ledger(run, paint, run["variant"])) for run in runs]
        else:
            blocks += _blocks(runs[0], paint)
            if options.verbose:
                blocks += [list(breakdown(runs[0], paint)), list(theory_lines(runs[0], paint))]
        blocks.append(list(_remarks(plain, runs, paint)))
        blocks.append(list(_details(plain, paint)) if options.verbose else [])
        blocks.append([f"again: {again} --seed {plain['runs'][0]['seed']}"])
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _by_variant(plain: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one entry for each variant, its replications laid over each other."""
    found: dict[str, list[dict[str, Any]]] = {}
    for run in plain["runs"]:
        found.setdefault(run["variant"], []).append(run)
    return [laid_over(runs, plain["merged"]) for runs in found.values()]


def _blocks(run: dict[str, Any], paint: Paint) -> list[list[str]]:
    parts = (_ledger(run, paint), _subscribers(run, paint), _queues(run, paint))
    sizes = (fleets(run, paint), alarms(run, paint))
    flows = (_streams(run, paint), _delivery_streams(run, paint))
    more = (_servers(run, paint), *sizes, *flows, cost_lines(run, paint))
    return [list(part) for part in (*parts, *more)]


def _header(plain: dict[str, Any], paint: Paint) -> Iterator[str]:
    scenario = plain["scenario"]
    title = f"{scenario['name']}: {scenario['question']}".removesuffix(": ")
    yield from (paint.bold(line) for line in textwrap.wrap(title, WIDTH)[:2])
    runs = plain["runs"]
    events = sum(run["events"] for run in runs)
    many = f" × {len(runs)} runs" if len(runs) > 1 else ""
    facts = [
        f"seed {runs[0]['seed']}",
        f"{seconds(runs[0]['simulated_s'])} simulated{many} in {plain['wall']['run_s']:.1f} s",
        f"{number(events)} events",
    ]
    yield from textwrap.wrap(" · ".join(facts), WIDTH)
    background = [
        f"limits of {plain['limits_read_on'][:7]}",
        counted(len(plain["assumptions"]), "assumption"),
    ]
    if plain["advice"]:
        background.append(f"advice: {len(plain['advice'])}")
    yield " · ".join(background) + " (-v lists them)"
    yield from _about_replications(plain)
    if plain["partial"]:
        yield paint.bad("PARTIAL: interrupted; what follows is what had happened by then")


def _about_replications(plain: dict[str, Any]) -> Iterator[str]:
    if plain["replications"] > 1:
        yield (
            f"{plain['replications']} replications: ± is the 95 % interval; "
            "figures without it never differed"
        )
    if plain["stopped"]:
        yield from textwrap.wrap(plain["stopped"], WIDTH)
    for failure in plain["failures"][:3]:
        yield from textwrap.wrap(f"FAILED {failure}", WIDTH)


def _expectations(plain: dict[str, Any], paint: Paint) -> Iterator[str]:
    rules = plain["expect"]
    if not rules:
        return
    met = sum(rule["passed"] for rule in rules)
    open_ = sum(rule["state"] == "undecided" for rule in rules)
    more = f", {open_} undecided: add replications" if open_ else ""
    yield paint.bold("EXPECT") + f"  {met} of {len(rules)} met{more}"
    for rule in rules:
        yield _verdict(rule, paint)


def _verdict(rule: dict[str, Any], paint: Paint) -> str:
    mark = paint.good("✓") if rule["passed"] else paint.bad("✗")
    if rule["state"] == "undecided":
        mark = paint.warn("?")
    elif not rule["passed"] and rule["level"] == "warn":
        mark = paint.warn("!")
    name = f"[{rule['variant']}] {rule['rule']}" if rule["variant"] else rule["rule"]
    half = None if rule["low"] is None else (rule["high"] - rule["low"]) / 2
    actual = "no data" if rule["no_data"] else quantity(rule["actual"], rule["dimension"], half)
    if rule["replications"] > 1:
        actual += f"  ({rule['met']} of {rule['replications']})"
    if rule["state"] == "undecided":
        actual += "  undecided"
    elif rule["first_violation_at_s"] is not None:
        actual += f"  since {clock(rule['first_violation_at_s'])}"
    room = max(20, WIDTH - 7 - len(actual))
    shown = name if len(name) <= room else name[: room - 1] + "…"
    return f"  {mark} {shown:<{min(room, 54)}}  {actual}"


def _failures(plain: dict[str, Any], paint: Paint) -> Iterator[str]:
    for rule in plain["expect"]:
        if not rule["passed"] and rule["level"] == "fail":
            yield _verdict(rule, paint).strip()


def _ledger(run: dict[str, Any], paint: Paint, variant: str = "") -> Iterator[str]:
    rows = {name: row for name, row in run["ledger"].items() if _inputs(row)}
    if not rows:
        return
    published = sum(sender["published"] for sender in run["workloads"].values())
    title = "WHERE THE MESSAGES WENT" + (f" [{variant}]" if variant else "")
    yield paint.bold(title) + f"  published {number(published)}"
    width = max(len(_path(name, run)) for name in rows)
    for name, row in list(rows.items())[:ROWS]:
        lines = [f"{word} {number(row[line])}" for line, word in LINES.items() if row[line]]
        total = _inputs(row)
        check = paint.good("✓") if row["sums"] else paint.bad("✗ does not sum")
        text = "   ".join(lines)
        for index, line in enumerate(textwrap.wrap(text, WIDTH - width - 6) or [""]):
            label = _path(name, run) if index == 0 else ""
            yield f"  {label:<{width}}  {line}"
        extra = f" + {number(row['extra_copies'])} sent again" if row["extra_copies"] else ""
        yield f"  {'':<{width}}  ── sums to {number(total)}{_origin(row, extra)} {check}"
    if len(rows) > ROWS:
        yield f"  … and {len(rows) - ROWS} more rows, see --json"


def _origin(row: dict[str, Any], extra: str) -> str:
    if row["moved_in"]:
        published = f"{number(row['published'])} published + " if row["published"] else ""
        return f" ({published}{number(row['moved_in'])} moved in{extra})"
    return f" ({number(row['published'])} published{extra})" if extra else ""


def _inputs(row: dict[str, Any]) -> float:
    total: float = row["published"] + row["extra_copies"] + row["moved_in"]
    return total


def _path(name: str, run: dict[str, Any]) -> str:
    entries = {route["entry"] for route in run["routes"] if route["subscriber"] == name}
    entry = next(iter(sorted(entries)), name)
    return name if entry == name else f"{entry} → {name}"


def _subscribers(run: dict[str, Any], paint: Paint) -> Iterator[str]:
    rows = []
    for name, latency in run["latency"].items():
        end_to_end = latency["end_to_end"]
        if not end_to_end["count"]:
            continue
        order, twice = run["order"].get(name, {}), run["duplicates"].get(name, {})
        rows.append(
            (
                name,
                seconds(end_to_end["p50_s"]),
                seconds(end_to_end["p99_s"]),
                seconds(end_to_end["max_s"]),
                number(order.get("order_inversions", 0)),
                number(order.get("keys", 0)),
                number(twice.get("duplicate_processings", 0)),
            )
        )
    heads = ("SUBSCRIBERS", "p50", "p99", "max", "inversions", "in keys", "twice")
    yield from columns(heads, rows, paint, most=ROWS, spare=("in keys", "max"))


def _queues(run: dict[str, Any], paint: Paint) -> Iterator[str]:
    rows = []
    for name, queue in run["queues"].items():
        counts = queue["counts"]
        if not counts["sent"] + counts["moved_in"]:
            continue
        per_message = queue["receives_per_message"]
        rows.append(
            (
                name,
                number(queue["visible"]["max"]),
                number(queue["in_flight"]["max"]),
                seconds(queue["oldest_age"]["max_s"] or 0.0),
                "–" if per_message is None else _two_decimals(per_message),
                number(counts["empty_receives"]),
            )
        )
    heads = ("QUEUES", "max visible", "max in flight", "oldest", "receives/msg", "empty")
    yield from columns(heads, rows, paint, most=ROWS, spare=("empty", "oldest"))


def _two_decimals(value: float) -> str:
    return number(value) if isinstance(value, Replicated) else f"{value:.2f}"


def _servers(run: dict[str, Any], paint: Paint) -> Iterator[str]:
    rows = []
    for name, server in run["servers"].items():
        duration = server["duration"]
        if not server["invocations"]:
            continue
        peak = number(server["concurrency"]["max"])
        limit = run["concurrency_limits"].get(name)
        rows.append(
            (
                name,
                number(server["invocations"]),
                f"{peak} / {number(limit)}" if limit is not None else peak,
                number(sum(server["throttles"].values())),
                number(sum(server["errors"].values())),
                number(server["cold_starts"]),
                seconds(duration["p50_s"]) if duration["count"] else "–",
                seconds(duration["p99_s"]) if duration["count"] else "–",
            )
        )
    heads = ("SERVERS", "batches", "busy/limit", "throttled", "errors", "cold", "p50", "p99")
    spare = ("cold", "p50", "errors")
    yield from columns(heads, rows, paint, most=ROWS, spare=spare)


def _streams(run: dict[str, Any], paint: Paint) -> Iterator[str]:
    rows = []
    for name, stream in run["streams"].get("streams", {}).items():
        stored, refused = stored_and_refused(stream)
        offered = stored + refused
        rows.append(
            (
                name,
                number(stream["shards"]),
                number(stream["idle"]),
                number(stored),
                number(refused),
                share(refused / offered if offered else 0.0),
            )
        )
    heads = ("STREAMS", "shards", "idle", "stored", "refused", "share")
    yield from columns(heads, rows, paint, most=ROWS)


def _delivery_streams(run: dict[str, Any], paint: Paint) -> Iterator[str]:
    rows = []
    for name, stream in run["delivery_streams"].items():
        arrived = stream["places"].get(stream["destination"])
        age, sizes = stream["data_freshness"], stream["batch_bytes"]
        if arrived is None or not age["count"]:
            continue
        rows.append(
            (
                name,
                number(arrived["batches"]),
                quantity(sizes["mean"], "size"),
                number(sum(arrived["failures"].values())),
                number(stream["throttled"]),
                seconds(age["p50_s"]),
                seconds(max(age["max_s"], stream["oldest_age_s"])),
            )
        )
    heads = ("DELIVERY", "batches", "mean size", "failed", "throttled", "oldest p50", "max")
    yield from columns(heads, rows, paint, most=ROWS)


def _remarks(plain: dict[str, Any], runs: list[dict[str, Any]], paint: Paint) -> Iterator[str]:
    found = remarks(runs)[:3] + assumed_order(plain, runs) + warming_up(plain)
    if found:
        yield paint.bold("WORTH KNOWING")
    for remark in found:
        lines = textwrap.wrap(remark, WIDTH - 4)
        yield f"  • {lines[0]}"
        yield from (f"    {line}" for line in lines[1:])


def _details(plain: dict[str, Any], paint: Paint) -> Iterator[str]:
    yield paint.bold("ASSUMPTIONS") + "  (override them under `assumptions:`)"
    for item in plain["assumptions"]:
        text = f"{item['kind']} {item['name']} = {_compact(item['value'])}"
        unit = f" {item['unit']}" if item["unit"] else ""
        yield from _wrapped(text + unit, "      ", most=2)
    advice = [f"{item['code']} {item['message']}" for item in plain["advice"]]
    for title, lines in (("ADVICE", advice), ("NOTES", plain["notes"])):
        if lines:
            yield paint.bold(title)
        for line in lines:
            yield from _wrapped(line, "    ")


def _wrapped(text: str, indent: str, most: int | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH - 2,
        initial_indent="  ",
        subsequent_indent=indent,
        max_lines=most,
        placeholder=" …",
    )


def _compact(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_compact(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_compact(item) for item in value) + "]"
    return str(value)
