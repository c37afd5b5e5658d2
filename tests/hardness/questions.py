"""Spoilt questions: sweeps, comparisons and replays that ask for what there is not.

What `mutants` is for scenarios, this is for `sweep:` sections, for the options of `sweep` and
`compare`, and for the folder that a sweep goes on in. Everything follows from a number.
"""

from __future__ import annotations

import re
from random import Random

from tests.hardness.mutants import NASTY, RULES, corpus, letters

METRICS = (
    "total.latency.p99", "total.latency.mean", "total.cost.per_million", "total.dead_lettered",
    "Q.backlog.max", "Q.latency.p99.between(1s,2s)", "Q.group[].latency.p99", "total.latency.p101",
    "total..p99", "a + b", "total.latency.p99 / 0", "1 / total.lost", "Nobody.latency.p99", "Q",
    "((((1))))", "1s + 1", "x" * 3_000, "total.latency.at(99h)", "", "-", "$(id)", "\u2028",
)  # fmt: skip
VALUES = (
    "[1, 2]", "[1, 1, 1]", "1..3:3", "1..1000:4:log", "0..1:2:log", "1..2:1000001", "1..2:1",
    "1..2:2:lin", "1e400..1:2", "1..1e400:3", "1s..2ms:3", "1s..2KiB:3", "1..2", "..", "1..", "..2",
    "[[1, 2], [3]]", "[{a: 1}, {b: 2}]", "[]", "{}", "~", "[~, 1]", "'1,2'", "'1,,2'", "','", "a",
    "['[1,2', '3]']", "9" * 60 + "..1:2", "1.." + "9" * 60 + ":5", "1..10:" + "9" * 40,
    "-1..1:3", "10ms..1s:5", "0x10..2:3", "1_0..2_0:3", "[.nan, .inf]", "1..10:4:log:log",
)  # fmt: skip
FITTING = ("[1, 2]", "[10, 30]", "[12, 15, 30]", "1..3:3", "[2, 2]", "[1, 99999999]") * 15
DESIGNS = (
    "saved", "saved", "other", "other", "hello:nobody", "standard_vs_fifo:", "nobody", "",
    ":", "hello:a:b", "../../etc/passwd", "/dev/null", "/", "-x", "\u202e", "a\0b", "x" * 5_000,
)  # fmt: skip
OPTIONS = (
    ("--metric", METRICS),
    ("--metric", METRICS),
    ("--baseline", ("saved", "other", "nobody", "", "x" * 300, "a b")),
    ("--replications", ("0", "1", "-1", "9" * 30, "x", "1.5")),
    ("--jobs", ("1", "0", "-1", "auto", "x", "9" * 30)),
    ("--seed", ("0", "-1", "9" * 18, "9" * 19, "x", "")),
    ("--color", ("never", "sometimes", "")),
    ("--set", ("a=1", "=", "", "x" * 500)),
    ("--duration", ("1s", "-1s", "nan", "", "1")),
    ("--backend", ("local", "dask", "x")),
)


def sweep_block(number: int) -> str:
    """Return a scenario that comes along with a `sweep:` section of odd content."""
    chance = Random(number)
    text = chance.choice(corpus())
    knobs = "".join(
        f"    {path(text, chance)}: {chance.choice((*FITTING, *VALUES, *VALUES, *NASTY))}\n"
        for _ in range(chance.choice((1, 1, 1, 2, 3)))
    )
    lines = [f"  set:\n{knobs}" if chance.random() < 0.9 else f"  set: {chance.choice(NASTY)}\n"]
    for key, choices in (
        ("minimize", METRICS),
        ("subject_to", (*RULES, "[]", "[total.lost == 0]", "[[a]]", "{a: b}", "total.lost == 0")),
        ("replications", ("1", "2", "0", "-1", "1e9", "x", "[1]", "9" * 30, "~", "1.5")),
        ("unknown", ("1",)),
    ):
        if chance.random() < 0.3:
            lines.append(f"  {key}: {chance.choice(choices)}\n")
    block = "sweep:\n" + "".join(lines)
    if chance.random() < 0.15:
        block = letters(block, chance)
    return f"{text}\n{block}"


def sweep_sets(number: int) -> tuple[str, list[str]]:
    """Return a scenario and the texts of `--set` of a sweep."""
    chance = Random(number)
    text = chance.choice(corpus())
    sets = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        value = chance.choice((*FITTING, *VALUES, *NASTY)).strip("[]")
        sets.append(path(text, chance) + chance.choice(("=", "=", "=", "", "==")) + value)
    return text, sets


def path(text: str, chance: Random) -> str:
    """Return a path into a scenario, mostly one that is there and takes a whole number."""
    queues = re.findall(r"^  ([A-Z]\w*):\s*\{?\s*type: sqs.queue", text, re.MULTILINE)
    fleets = re.findall(r"^  ([A-Z]\w*):\s*\{?\s*type: worker.fleet", text, re.MULTILINE)
    known = [f"{name}.VisibilityTimeout" for name in queues] + [
        f"{name}.workers" for name in fleets
    ]
    if known and chance.random() < 0.6:
        return chance.choice(known)
    found = re.findall(r"^  ([A-Z]\w*):", text, re.MULTILINE) or ["x"]
    keys = re.findall(r"[\w.\-]+(?=:)", text) or ["x"]
    usual = f"{chance.choice(found)}.{chance.choice(keys)}"
    return usual if chance.random() < 0.8 else chance.choice(NASTY)


def comparison(number: int, folder: str) -> list[str]:
    """Return the arguments of a `compare` of designs, some of which are saved results."""
    chance = Random(number)
    given = ["compare"]
    for _ in range(chance.choice((2, 2, 2, 2, 1, 3, 5))):
        design = chance.choice(DESIGNS)
        given.append(f"{folder}/{design}.msgsim" if design in {"saved", "other"} else design)
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        option, choices = chance.choice(OPTIONS)
        given.append(f"{option}={chance.choice(choices)}")
    return given


def point_file(whole: str, number: int) -> str:
    """Return the file of a point of a sweep, spoilt."""
    chance = Random(number)
    if chance.random() < 0.3:
        return chance.choice(("", "{", "[]", "null", "[" * 9_000, '{"rows": 1}', "\ud800", "1e999"))
    for _ in range(chance.choice((1, 1, 3, 20))):
        whole = letters(whole, chance)
    return whole
