"""Files that are made to use up time or memory, or to mean more than they say."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

HEAD = "msgsim: 1\nduration: 5s\n"
QUEUE = "resources: {Q: {type: sqs.queue}}\n"
SENT = "workload: [{to: Q, rate: 1/s}]\n"
NODES = 20_000


def circle(count: int) -> str:
    """Return queues each of which is the dead-letter queue of the next, in a circle."""
    return (
        HEAD
        + "resources:\n"
        + "".join(
            f"  Q{n}: {{type: sqs.queue, RedrivePolicy: {{deadLetterTargetArn: "
            f"Q{(n + 1) % count}, maxReceiveCount: 1}}}}\n"
            for n in range(count)
        )
        + "workload: [{to: Q0, rate: 1/s}]\n"
    )


def queues(count: int) -> str:
    """Return a system of so many queues."""
    body = "".join(f"  Q{n}: {{type: sqs.queue}}\n" for n in range(count))
    return HEAD + "resources:\n" + body + "workload: [{to: Q0, rate: 1/s}]\n"


def named(name: str) -> str:
    """Return a system whose only queue is called so."""
    resources = f"resources: {{{name}: {{type: sqs.queue}}}}\n"
    return HEAD + resources + f"workload: [{{to: {name}, rate: 1/s}}]"


LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)
)

REFUSED: dict[str, str | bytes] = {
    "billion laughs": LAUGHS,
    "billion laughs in a value": HEAD + LAUGHS + "resources: *a39\n" + SENT,
    "an alias within itself": "a: &a [*a]\n",
    "merge keys that grow": "a: &a {x: 1}\n" + "".join(
        f"b{n}: &b{n} {{<<: [*a, *a], y{n}: 1}}\n" for n in range(2_000)),
    "100,000 lists deep": "deep: " + "[" * 100_000 + "]" * 100_000,
    "20,000 mappings deep": "deep: " + "{a: " * 20_000 + "1" + "}" * 20_000,
    "5,000 levels of indentation": "".join(" " * n + "a:\n" for n in range(2_000)),
    "a million digits": HEAD.replace("5s", "9" * 1_000_000 + "s") + QUEUE + SENT,
    "a huge exponent": HEAD.replace("5s", "1e999999999s") + QUEUE + SENT,
    "a duration of ages": HEAD.replace("5s", "9" * 30 + "d") + QUEUE + SENT,
    "a rate beyond all": HEAD + QUEUE + "workload: [{to: Q, rate: 1e300/s}]\n",
    "not a number": HEAD.replace("5s", ".nan") + QUEUE + SENT,
    "infinity": HEAD + QUEUE + "workload: [{to: Q, rate: .inf}]\n",
    "control characters": HEAD + "question: a\x1b[31m\x07\x00b\n" + QUEUE + SENT,
    "a byte that is no UTF-8": b"question: \xff\xfe\xfa\n",
    "UTF-16": (HEAD + QUEUE).encode("utf-16"),
    "a name that is a path": named("../../etc/passwd"),
    "a name that is HTML": named("'<script>alert(1)</script>'"),
    "a name of 100,000 letters": named("x" * 100_000),
    "a name of spaces": named("' '"),
    "a million resources": queues(1_000_000),
    "100,000 resources": queues(100_000),
    "9 MiB of comment": "#" * (9 << 20),
    "8 MiB in one value": HEAD + "question: " + "x" * (8 << 20),
    "7.9 MiB of short lines": "a: 1\n" * 1_600_000,
    "7.9 MiB of brackets": "[" * 8_000_000,
    "7.9 MiB of quotes": "'" * 8_000_000,
    "7.9 MiB of anchors": "&a " * 2_700_000,
    "7.9 MiB of question marks": "? " * 4_000_000,
    "7.9 MiB of dashes": "- " * 4_000_000,
    "7.9 MiB of colons": ": " * 4_000_000,
    "7.9 MiB of empty lines": "\n" * 8_000_000 + "x",
    "more than 20,000 nodes": HEAD + "wide: [" + "1, " * NODES + "1]\n" + QUEUE + SENT,
    "a rule of 100,000 letters": HEAD + QUEUE + SENT + f"expect: ['{'(' * 50_000}1{')' * 50_000}']",
    "a rule of many ands": HEAD + QUEUE + SENT + f"expect: ['{'Q.lost == 0 and ' * 20_000}x']",
    "a knob of a trillion values": HEAD + QUEUE + SENT
    + "sweep: {set: {Q.VisibilityTimeout: 1..2:1000000000000}}\n",
    "a queue that feeds itself": circle(1),
    "a subscription to its own topic": HEAD + "resources:\n  T: {type: sns.topic}\n  S: {type: "
    "sns.subscription, TopicArn: T, Protocol: sqs, Endpoint: T}\nworkload: [{to: T, rate: 1/s}]\n",
}  # fmt: skip
"""What must be refused, exit 2."""

TAKEN: dict[str, str] = {
    "two queues in a circle": circle(2),
    "300 queues in a circle": circle(300),
    "4,900 resources": queues(4_900),
    "an alias of an alias": HEAD + "resources:\n  Q: &q {type: sqs.queue}\n  R: *q\n" + SENT,
    "8 MiB of comment": HEAD + QUEUE + SENT + "# " + "x" * ((8 << 20) - 200),
}
"""What is large or odd, and yet a scenario: exit 0."""


def zip_bomb(path: Path) -> None:
    """Write an archive of a few MiB that says it holds several GiB."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("results.json", b'{"format": "msgsim.saved/1"}')
        zeros = b"\0" * (64 << 20)
        for number in range(40):
            archive.writestr(f"run{number}.npy", zeros)
    path.write_bytes(made.getvalue())
