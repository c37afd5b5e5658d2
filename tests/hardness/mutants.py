"""Mutants: scenarios that come along, spoilt in the ways people and programs spoil files.

Every mutant follows from its number alone, so that one that fails can be made again.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from functools import cache
from pathlib import Path
from random import Random

from msgsim.experiment.fuzz import draw_scenario, text_of
from msgsim.experiment.saved import DIGEST, digest_of

ROOT = Path(__file__).parents[2]
LONGEST = 12_000
"""Characters of a scenario that is worth spoiling many times."""

NASTY = (
    "", "~", "null", "0", "-1", "1", "2", "1e400", "-1e400", "1e-400", ".nan", ".inf", "-.inf",
    "9" * 40, "-" + "9" * 40, "0x10", "010", "1_000", "1:30", "yes", "off", "true", "false",
    "30s", "-30s", "0s", "1e12s", "99999999999d", "1ns", "0.1ns", "5/s", "0/s", "-5/s", "1e30/s",
    "1/0s", "50%", "101%", "-1%", "1e9%", "256KiB", "1e40MiB", "-1B", "[]", "{}", "[[]]", "[1, 2]",
    "{a: 1}", "{dist: lognormal}", "{dist: lognormal, mean: 0s, p99: 1s}",
    "{dist: constant, value: 1e300s}", "{dist: gamma, mean: 1s, cv: 1e-300}",
    "{dist: mixture, parts: []}", "{trace: /etc/passwd}", "../../etc/passwd", "/dev/zero",
    "CON", "<script>alert(1)</script>", "'\"'", "a: b: c", "*unknown", "&anchor x",
    "!!python/none x",
    "!Ref Queue", "${Ref}", "{{ template }}", "x" * 5_000, "ü" * 300, "\u202e evil", "🦄", "'\\0'",
    '"\\x07"', '"\\ud800"', "\t", "%", "@", "`", "? ", "- - - -", "|\n  text", ">-\n  text",
    "Billing", "billing", "Billing.latency.p99", "sqs.queue", "self", "__class__", "__init__",
    "mro", "2026-11-27", "2026-11-27T00:00:00Z", "1e3", "+5", "5.", ".5", "--", "---", "...",
)  # fmt: skip
"""Values that stand in for the one a field expects."""

RULES = (
    "Billing.latency.p99 <", "< 5s", "1 < 2 < 3", "Billing.latency.p99 < 5 and", "(((((1))))) < 2",
    "Billing..p99 < 1", "Billing.latency.p99 in 1s..", "total.lost == 1e400", "x" * 3_000 + " < 1",
    "Billing[0].latency < 1s", "Billing.group[].latency < 1s", "Billing.latency.at(99h) < 1s",
    "Billing.latency.between(5m,1m) < 1s", "- - - 1 < 2", "1s + 1 < 2", "Billing.latency < 5/s",
    "__import__('os') == 0", "Billing.latency.p99 == nan", "0 == 0 and " * 500 + "1 == 1",
)  # fmt: skip
"""What may stand under `expect`."""


@cache
def corpus() -> tuple[str, ...]:
    """The texts of the scenarios that come along, by name, and of some that were drawn."""
    texts = [path.read_text("utf-8") for path in sorted((ROOT / "scenarios").rglob("*.yaml"))]
    texts += [text_of(draw_scenario(seed)) for seed in range(40)]
    return tuple(text for text in texts if len(text) <= LONGEST)


def mutant(number: int) -> str:
    """Return the mutant of that number."""
    chance = Random(number)
    text = chance.choice(corpus())
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        text = chance.choice(MUTATIONS)(text, chance)
    return _bomb(text, chance) if chance.random() < 0.05 else text


def _value(text: str, chance: Random) -> str:
    """Put something else where a value stands."""
    places = list(re.finditer(r"(?<=: )[^,{}\[\]\n#]+", text))
    return _replaced(text, places, chance, chance.choice(NASTY))


def _key(text: str, chance: Random) -> str:
    """Put another key, or a nasty word, where a key stands."""
    places = list(re.finditer(r"[\w.\-]+(?=:(\s|$))", text))
    other = chance.choice([match[0] for match in places] or ["x"])
    return _replaced(text, places, chance, chance.choice([other, chance.choice(NASTY), other[:-1]]))


def _rule(text: str, chance: Random) -> str:
    places = list(re.finditer(r"(?<=  - )[^{\n][^\n]*", text))
    return _replaced(text, places, chance, chance.choice(RULES))


def _replaced(text: str, places: list[re.Match[str]], chance: Random, by: str) -> str:
    if not places:
        return text + by
    place = chance.choice(places)
    return text[: place.start()] + by + text[place.end() :]


def _lines(text: str, chance: Random) -> str:
    """Drop, repeat, swap or indent lines."""
    lines = text.split("\n")
    one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
    what = chance.randrange(5)
    if what == 0:
        del lines[one]
    elif what == 1:
        lines.insert(two, lines[one])
    elif what == 2:
        lines[one], lines[two] = lines[two], lines[one]
    elif what == 3:
        lines[one] = " " * chance.randrange(1, 9) + lines[one]
    else:
        lines[one] = lines[one].lstrip()
    return "\n".join(lines)


def letters(text: str, chance: Random) -> str:
    """Drop, repeat or replace a few characters."""
    at = chance.randrange(len(text) + 1)
    length = chance.choice((1, 1, 2, 5, 40))
    by = chance.choice(
        (
            "",
            text[at : at + length] * 2,
            chance.choice(NASTY),
            chr(chance.choice((0, 7, 9, 10, 13, 34, 39, 58, 91, 123, 0x85, 0x2028))),
        )
    )
    return text[:at] + by + text[at + length :]


def _splice(text: str, chance: Random) -> str:
    """Go on with the end of another scenario."""
    other = chance.choice(corpus())
    return text[: chance.randrange(len(text) + 1)] + other[chance.randrange(len(other)) :]


def _cut(text: str, chance: Random) -> str:
    return text[: chance.randrange(len(text) + 1)]


def _bomb(text: str, chance: Random) -> str:
    """Hang something monstrous below a random line: nested aliases, depth, width, huge scalars."""
    bombs = (
        "a: &a [1, 1]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: &d [*c, *c, *c]\ne: [*d, *d]\n" * 3,
        "deep: " + "[" * 2_000 + "]" * 2_000,
        "deep: " + "{a: " * 500 + "1" + "}" * 500,
        "wide: [" + "1, " * 25_000 + "1]",
        "more: {" + ", ".join(f"k{index}: 1" for index in range(3_000)) + "}",
        "number: " + "9" * 100_000,
        "text: " + "\u0000\u0007\x1b[31m" * 20,
        "? [complex, key]\n: value",
        "<<: {type: sqs.queue}",
        "%YAML 9.9\n---\n",
    )
    lines = text.split("\n")
    lines.insert(chance.randrange(len(lines) + 1), chance.choice(bombs))
    return "\n".join(lines)


def _name(text: str, chance: Random) -> str:
    """Call a resource what no resource should be called, wherever it is named."""
    names = re.findall(r"^  ([A-Z]\w*):", text, re.MULTILINE)
    if not names:
        return text
    odd = (
        "../../x",
        "/etc/passwd",
        "<b>x</b>",
        "a b",
        "-",
        "1",
        "null",
        "total",
        "x" * 300,
        "é",
        "A.B",
        "A[0]",
        "$(id)",
        "'",
        "\u2028",
        "__class__",
        "con",
        "%s%n",
        "*",
        "!x",
    )
    return re.sub(rf"\b{chance.choice(names)}\b", lambda _: chance.choice(odd), text)


def _cycle(text: str, chance: Random) -> str:
    """Let references lead in circles: every reference of one sort to one and the same name."""
    names = re.findall(r"^  ([A-Z]\w*):", text, re.MULTILINE) or ["x"]
    words = (
        "deadLetterTargetArn",
        "EventSourceArn",
        "FunctionName",
        "queue",
        "Endpoint",
        "to",
        "TopicArn",
        "Destination",
        "TargetArn",
        "slow",
        "down",
    )
    word = chance.choice(words)
    return re.sub(rf"\b{word}: [^,}}\n]+", f"{word}: {chance.choice(names)}", text)


def override(number: int) -> str:
    """Return the text of a `--set` of that number."""
    chance = Random(number)
    text = chance.choice(corpus())
    names = re.findall(r"^  ([A-Z]\w*):", text, re.MULTILINE) or ["x"]
    keys = re.findall(r"[\w.\-]+(?=:)", text)
    steps = [chance.choice(names)] + [chance.choice([*keys, "0", "[0]", "[-1]", "", "*", "a" * 99])
                                      for _ in range(chance.randrange(4))]  # fmt: skip
    return (
        chance.choice((".".join(steps), "".join(steps), "=".join(steps)))
        + chance.choice(("=", "", "==", " = "))
        + chance.choice((*NASTY, *RULES))
    )


def recording(number: int) -> str:
    """Return a spoilt recording of messages, as CSV or as JSON lines."""
    chance = Random(number)
    row = '{"time": 1.5, "key": "a", "size": 100}\n' if number % 2 else "1.5,a,100\n"
    head = "" if number % 2 else "time,key,size\n"
    text = head + row * chance.choice((0, 1, 3, 200))
    for _ in range(chance.randrange(1, 6)):
        text = chance.choice((letters, _lines, _cut))(text, chance)
    return text


def saved(whole: bytes, number: int, forged: bool = False) -> bytes:
    """Return saved results with bytes spoilt, or with the document inside spoilt; a few unspoilt.

    With `forged`, every other one that was edited carries the digest that fits.
    """
    chance = Random(number)
    if chance.random() < 0.1:
        return whole
    if chance.random() < 0.4:
        data = bytearray(whole)
        for _ in range(chance.choice((1, 3, 30))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data[: chance.choice((len(data), len(data), chance.randrange(len(data))))])
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == DIGEST and forged and chance.random() < 0.5:
                content = json.dumps({"sha256": digest_of(new)}).encode()
            elif name.endswith(".json"):
                content = _spoilt_json(content, chance)
            elif chance.random() < 0.1:
                continue
            new.writestr(name, content)
    return made.getvalue()


_VALUE = r'(?<=[:\[,])\s*("[^"]*"|-?[\d.]+|null|true|\[\]|\{\})'


def _spoilt_json(content: bytes, chance: Random) -> bytes:
    text = content.decode("utf-8")
    for _ in range(chance.choice((1, 2, 5))):
        places = list(re.finditer(_VALUE, text[:200_000]))
        other = chance.choice(("null", "0", "-1", "1e999", '"x"', "[]", "{}", "[[1]]", "true"))
        text = _replaced(text, places, chance, other)
    return text.encode("utf-8", "surrogatepass")


MUTATIONS = (_name, _cycle, _value, _value, _value, _value, _key, _key, _rule, _lines,
             _lines, letters, _splice, _cut)  # fmt: skip
