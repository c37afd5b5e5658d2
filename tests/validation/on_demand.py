"""What an on-demand stream takes at once, and how long it refuses what is more.

AWS: Streams developer guide, how-do-i-size-a-stream (twice the peak of 30 days at once, as 80 MB/s
after 40 MB/s; above it about 15 minutes of throttling; shards above 500 KB/s are split), and the
Big Data blog of November 2025 on On-demand Advantage: a stream goes from 2 to 28 MiB/s within ten
minutes and 15 minutes later to more than 60 MiB/s. It throttles at both steps; one with a warm
throughput of 100 MiB/s never does. The blog shows a graph without numbers.

Records of half a MiB come evenly and go to 1,280 places in the hash space in turn, so that nothing
is refused because several fall on one shard by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from statistics import median

from tests.validation.large_records import rows as large_records
from tests.validation.rows import CALIBRATION, NS_PER_S, VALIDATION, Caught, Row, ran

MINUTE_NS = 60 * NS_PER_S
PER_MIB = 2
PARTS, PLACES = 80, 16
"""So many parts of the hash space, and places in each: as many for 80 shards as for 2, 4, 8 …"""
SCENARIO = """
msgsim: 1
question: What does an on-demand stream refuse?
seed: 1
duration: {minutes}m
workload:
  - {{to: S, arrivals: {{profile: {course}, shape: linear, spacing: even}}, keys: 1, size: 511KiB,
     ExplicitHashKey: {places}, retry: none}}
resources:
  S: {{type: kinesis.stream{properties}}}
"""

STEPS = ((0, 2), (1, 2), (11, 28), (26, 28), (27, 62))
"""`(minute, MiB/s)` of AWS's run; the load stays at its last value."""
LAST_STEP, AFTERWARDS = 27, 57
ABRUPT = 0.01
"""Minutes that a load takes to be there at once."""


@dataclass(frozen=True)
class Course:
    """Records by the minute in which they came."""

    stored: Counter[int]
    refused: Counter[int]

    def share(self, start: int, end: int) -> float:
        """Return the percentage that is refused from one minute to another."""
        minutes = range(start, end)
        refused = sum(self.refused[minute] for minute in minutes)
        return 100 * refused / (refused + sum(self.stored[minute] for minute in minutes))

    @property
    def lasted(self) -> int:
        """Minutes from the first to the last one with a refusal."""
        return max(self.refused) - min(self.refused) + 1 if self.refused else 0


def places() -> list[str]:
    """Return hash keys that cover the space evenly, each far from the one before it.

    Every part of the space has its turn before one has it again; the strides are about the golden
    sections of their numbers.
    """
    turns = (
        part * 49 % PARTS * PLACES + place * 9 % PLACES
        for place in range(PLACES)
        for part in range(PARTS)
    )
    return [str((2 * turn + 1) * (1 << 127) // (PARTS * PLACES)) for turn in turns]


@cache
def course(
    steps: tuple[tuple[float, float], ...], minutes: int, properties: str = "", replication: int = 0
) -> Course:
    """Run a stream with such properties under a load that goes through `(minute, MiB/s)`."""
    profile = ", ".join(f"[{minute * 60:g}s, {mib * PER_MIB:g}/s]" for minute, mib in steps)
    found = Course(Counter(), Counter())
    ran(
        SCENARIO.format(
            minutes=minutes, course=f"[{profile}]", places=places(), properties=properties
        ),
        *(
            Caught("S", fact, lambda now, *carried, kept=kept: kept.update((now // MINUTE_NS,)))
            for fact, kept in (("stored", found.stored), ("shard_throttled", found.refused))
        ),
        replication=replication,
    )
    return found


def abruptly(before: float, after: float, at: int) -> tuple[tuple[float, float], ...]:
    """Return a load that changes at a minute, at once."""
    return (0, before), (at, before), (at + ABRUPT, after)


def standard() -> Course:
    """Run AWS's steps into a new stream."""
    return course(STEPS, AFTERWARDS)


def warm() -> Course:
    """Run them into one with warm throughput."""
    return course(STEPS, AFTERWARDS, ", WarmThroughputMiBps: 100")


def rows() -> Iterator[Row]:
    """Yield what is refused of large records, of AWS's two steps, and around twice the peak."""
    yield from large_records()
    yield from _steps()
    yield from _doubled()


def _said(
    what: str, figure: str, simulated: float, low: float, high: float, said: str, **more: str
) -> Row:
    nan = float("nan")
    return Row(what, figure, nan, simulated, low, high, unit="%", digits=1, said=said, **more)  # type: ignore[arg-type]


def _steps() -> Iterator[Row]:
    what, found = "2 to 28 to 62 MiB/s", standard()
    for mib, minute, shards in ((28, 11, 4), (62, LAST_STEP, 8)):
        share = found.share(minute, minute + 1)
        most = 100 * (1 - shards / mib)
        yield _said(what, f"refused at {mib} MiB/s", share, 5, most, "throttled")
    ended = found.share(AFTERWARDS - 5, AFTERWARDS)
    yield _said(what, "refused half an hour later", ended, 0, 1, "recovered")
    never = warm().share(0, AFTERWARDS)
    yield _said(f"{what}, 100 MiB/s warm", "refused", never, 0, 0, "never throttled")


def _doubled() -> Iterator[Row]:
    """Yield both sides of twice the peak, told to the stream and grown by itself."""
    told = ", earlier_peak_mibps: 40"
    for mib, low, high, said in ((80, 0, 0, "not throttled"), (120, 28, 38, "throttled")):
        share = course(abruptly(1, mib, 1), 3, told).share(2, 3)
        what = f"{mib} MiB/s at once after a peak of 40"
        yield _said(what, "refused", share, low, high, said, role=CALIBRATION)
    for mib, low, high, said in ((12, 0, 0, "not throttled"), (36, 33, 67, "throttled")):
        share = course(abruptly(6, mib, 40), 42).share(41, 42)
        what = f"{mib} MiB/s at once after 40 min of 6"
        yield _said(what, "refused", share, low, high, said, role=VALIDATION)
    minutes = median(course(abruptly(1, 7, 1), 25, replication=each).lasted for each in range(1, 6))
    yield Row(
        "7 MiB/s at once into a new stream of 4", "minutes with refusals", 15, minutes, 10, 15,
        CALIBRATION, "", said="about 15",
    )  # fmt: skip
