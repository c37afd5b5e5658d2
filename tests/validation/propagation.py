"""How long a record of a Kinesis stream takes to its consumers.

AWS: Streams developer guide, building-consumers (propagation of about 200 ms with one polling
consumer to about 1,000 ms with five, about 70 ms with enhanced fan-out). Bounds: intervals within
15 %; averages of waits within 15 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from statistics import mean

from tests.validation.rows import CALIBRATION, NS_PER_MS, VALIDATION, Heard, Row, about, ran

SHARED = (1, 2, 3, 4, 5)
SECONDS = 600
POLLED = """
msgsim: 1
question: How long does a record take to its polling consumers?
seed: 1
duration: {seconds}s
workload:
  - {{to: S, arrivals: {{poisson: 2/s}}, size: 200B, keys: 100}}
resources:
  S: {{type: kinesis.stream, ShardCount: 1}}
{readers}
"""
POLLER = "  R{i}: {{type: kinesis.consumer, StreamARN: S, poll: 200ms, handler: {{time: 0s}}}}\n"
PUSHED = """\
  R0: {type: kinesis.consumer, StreamARN: S, ConsumerName: a, handler: {time: 0s}}
"""


@cache
def polled(consumers: int) -> tuple[float, float]:
    """Return ms between reads of one consumer, and the mean wait, with so many of them."""
    readers = "".join(POLLER.format(i=i) for i in range(consumers))
    heard = Heard("completed", "requested")
    ran(POLLED.format(seconds=SECONDS, readers=readers), heard)
    reads = sum(
        action == "GetRecords" and code is None for _, action, _, code in heard.of("S", "requested")
    )
    waits = [
        (now - delivery.message.born_ns) / NS_PER_MS
        for i in range(consumers)
        for now, delivery, *_ in heard.of(f"R{i}", "completed")
    ]
    return SECONDS * 1_000 / (reads / consumers), mean(waits)


@cache
def pushed(consumers: int) -> float:
    """Return the mean wait in ms of so many registered consumers."""
    readers = "".join(
        PUSHED.replace("R0", f"R{i}").replace("Name: a", f"Name: a{i}") for i in range(consumers)
    )
    heard = Heard("completed")
    ran(POLLED.format(seconds=SECONDS, readers=readers), heard)
    return mean(
        (now - delivery.message.born_ns) / NS_PER_MS
        for i in range(consumers)
        for now, delivery, *_ in heard.of(f"R{i}", "completed")
    )


def rows() -> Iterator[Row]:
    """Yield intervals and waits of polling consumers, and waits of registered ones."""
    for consumers in SHARED:
        interval, wait = polled(consumers)
        what = f"{consumers} polling" if consumers > 1 else "1 polling"
        role = CALIBRATION if consumers == 5 else VALIDATION
        yield about(what, "interval", 200 * consumers, interval, 0.15, role=role)
        if consumers in (1, 5):
            yield about(what, "mean wait", 200 * consumers, wait, 0.15, role=role)
    for consumers in (1, 5):
        yield about(f"{consumers} registered", "mean wait", 70, pushed(consumers), 0.15)
