"""Moments: where the player stops and says what happened, and which property had a part in it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msgsim.report.replay.film import DEAD, FLYING, VISIBLE, Film
from msgsim.units import format_duration

if TYPE_CHECKING:
    from msgsim.report.page.material import Shown

GUIDE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
VISIBILITY = f"{GUIDE}sqs-visibility-timeout.html"
DEAD_LETTERS = f"{GUIDE}sqs-dead-letter-queues.html"
ORDER = f"{GUIDE}standard-queues.html"
LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"
SHARDS = "https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html"
NS_PER_MS = 1_000_000
A_STALL_MS = 2_000


def moments(shown: Shown) -> Iterator[dict[str, Any]]:
    """Yield the moments of a film in the order of time: when, what, about which message, source."""
    film = shown.film
    found = [*_of_queues(film, shown), *_throttles(film, shown), *_overtaken(film), *_stall(film)]
    yield from sorted(found, key=lambda one: one["t"])


def _moment(ms: float, words: str, source: str, message: int = -1) -> dict[str, Any]:
    return {"t": round(ms, 2), "words": words, "source": source, "message": message}


def _of_queues(film: Film, shown: Shown) -> Iterator[dict[str, Any]]:
    """The first redelivery and the first dead letter."""
    back: dict[str, tuple[float, int]] = {}
    dead: dict[str, tuple[float, int]] = {}
    for message, places in film.dots.items():
        for place, states in places.items():
            for before, after in pairwise(states):
                if before[1] == FLYING and after[1] == VISIBLE:
                    back[place] = min(back.get(place, (after[0], message)), (after[0], message))
            dead_at = next((state[0] for state in states if state[1] == DEAD), None)
            if dead_at is not None:
                dead[place] = min(dead.get(place, (dead_at, message)), (dead_at, message))
    for place, (ms, message) in back.items():
        timeout = getattr(shown.run.system.components[place], "visibility_ns", 0)
        yield _moment(
            ms, f"{_label(film, message)} is visible again in {place}: nobody deleted it within "
            f"its VisibilityTimeout ({format_duration(timeout)}), so SQS hands it out once more.",
            VISIBILITY, message,
        )  # fmt: skip
    for place, (ms, message) in dead.items():
        yield _moment(
            ms, f"{_label(film, message)} leaves {place} for the dead-letter queue: it had been "
            "received maxReceiveCount times, and would have been received once more.",
            DEAD_LETTERS, message,
        )  # fmt: skip


def _label(film: Film, message: int) -> str:
    return film.messages[message][0]


def _throttles(film: Film, shown: Shown) -> Iterator[dict[str, Any]]:
    for name, marks in film.throttles.items():
        if marks and shown.plain["kinds"].get(name) == "kinesis.stream":
            yield _moment(
                marks[0], f"A shard of {name} refuses a record: it takes 1,000 records and 1 MB a "
                "second, and the partition key decides which shard it is.", SHARDS,
            )  # fmt: skip
        elif marks:
            yield _moment(
                marks[0], f"{name} refuses an invocation: no concurrency is left. The messages "
                "stay in flight while their visibility timeout runs.", LAMBDA,
            )  # fmt: skip


def _overtaken(film: Film) -> Iterator[dict[str, Any]]:
    """The first time that a message is done after one of its key that was published later."""
    newest: dict[tuple[str, str], int] = {}
    done: set[tuple[str, int]] = set()
    for _, ms, _, place, message, _, ok in sorted(film.works, key=lambda work: work[1]):
        if not ok or (place, message) in done:
            continue
        done.add((place, message))
        key = (place, film.messages[message][1])
        later = newest.get(key, -1)
        if later > message:
            yield _moment(
                ms, f"{_label(film, message)} is done at {place} after {_label(film, later)}, "
                f"which was published later with the same key ({key[1]}): order is lost.",
                ORDER, message,
            )  # fmt: skip
            return
        newest[key] = max(later, message)


def _stall(film: Film) -> Iterator[dict[str, Any]]:
    """The longest time that a message lay visible before it was received, if that is long."""
    longest = (0.0, 0.0, -1, "")
    for message, places in film.dots.items():
        for place, states in places.items():
            for before, after in pairwise(states):
                if before[1] == VISIBLE and after[1] == FLYING:
                    longest = max(longest, (after[0] - before[0], before[0], message, place))
    waited, since, message, place = longest
    if waited >= A_STALL_MS:
        told = format_duration(round(waited) * NS_PER_MS)
        yield _moment(
            since, f"From here {_label(film, message)} waits longest of all, {told} in {place}.",
            VISIBILITY, message,
        )  # fmt: skip
