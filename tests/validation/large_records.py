"""What a stream of four shards refuses when some of its records are large.

AWS Big Data Blog, 2025-10-28, on larger records: an on-demand stream of four shards gets 50 records
per second of 10 KiB, of which some have 2 MiB instead. AWS shows a graph without numbers and says:
almost no throttling at 0 % and 1 %, a notable acceleration between 2 % and 5 %.

The bounds of the last row follow from bytes. With 5 % large records 5.46 MiB/s are offered and four
shards carry 4 MiB/s and, once, the 10 MiB that each may burst: in ten minutes 1.40 % of the records
are too many. The shards are split within 15 minutes, some before the end, so that less is refused;
random arrivals at single shards add to it. Hence half of it to a quarter more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

from tests.validation.rows import Caught, Row, ran

SECONDS = 600
RECORDS_PER_S, SMALL_KIB, LARGE_MIB = 50, 10, 2
SHARDS, BURST_MIB = 4, 10
SCENARIO = f"""
msgsim: 1
question: How many large records does a stream of four shards carry?
seed: 1
duration: {SECONDS}s
workload:
  - {{to: S, arrivals: {{poisson: {RECORDS_PER_S}/s}}, keys: 100000, retry: none, size: SIZE}}
resources:
  S: {{type: kinesis.stream, MaxRecordSizeInKiB: 10240}}
"""
MIXED = (
    f"{{dist: mixture, parts: [{{weight: SMALL%, dist: constant, value: {SMALL_KIB}KiB}}, "
    f"{{weight: LARGE%, dist: constant, value: {LARGE_MIB}MiB}}]}}"
)


@cache
def refused(percent: int) -> float:
    """Return the percentage of records that a stream refuses when so many of them are large."""
    size = MIXED.replace("SMALL", str(100 - percent)).replace("LARGE", str(percent))
    counts: Counter[str] = Counter()
    ran(
        SCENARIO.replace("SIZE", size if percent else f"{SMALL_KIB}KiB"),
        *(
            Caught("S", fact, lambda *carried, fact=fact: counts.update((fact,)))
            for fact in ("stored", "shard_throttled")
        ),
    )
    return 100 * counts["shard_throttled"] / counts.total()


def too_many(percent: int) -> float:
    """Return the percentage of records that four shards have no bytes for."""
    large = RECORDS_PER_S * percent / 100
    offered = large * LARGE_MIB + (RECORDS_PER_S - large) * SMALL_KIB / 1_024
    carried = SHARDS * (1 + BURST_MIB / SECONDS)
    return 100 * max(0.0, offered - carried) / LARGE_MIB / RECORDS_PER_S


def rows() -> Iterator[Row]:
    """Yield what is refused with 0 % and 1 % of large records, and how it grows from 2 % to 5 %."""
    nan = float("nan")
    for percent, most in ((0, 0.1), (1, 1.0)):
        yield Row(
            f"{percent} % of 2 MiB", "refused", nan, refused(percent), 0, most,
            unit="%", digits=2, said="almost none",
        )  # fmt: skip
    step = too_many(5) / 3
    yield Row(
        "2 % to 5 % of 2 MiB", "refused more, per percent", nan, (refused(5) - refused(2)) / 3,
        0.5 * step, 1.25 * step, unit="%", digits=2, said="notable acceleration",
    )  # fmt: skip
