"""Where a user's code fails: by chance, for messages with certain attributes, or for a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol

from msgsim.kernel.sampling import Sampler
from msgsim.kernel.substreams import LAST, SHIFT
from msgsim.model.message import Message
from msgsim.model.spec import Duration, FieldError, Parsed, Positive, Share, Spec, plain, written

Fails = Callable[[Message, int], bool]
"""(message, attempt) → whether this attempt at it fails; attempts count from 1."""


def _poison(value: Any) -> dict[str, tuple[object, ...]]:
    read = plain(value)
    if not isinstance(read, dict) or not read:
        raise FieldError("E130", "fails_if needs attributes and values, such as {poison: true}")
    return {name: tuple(v) if isinstance(v, list) else (v,) for name, v in read.items()}


Poison = Annotated[Mapping[str, Any], Parsed(_poison, {"type": "object", "minProperties": 1})]


class FailingWindow(Spec):
    """A while in which attempts fail more often: a dependency is down, a bad version is out."""

    at: Duration
    for_: Annotated[Duration, written("for")]
    fails: Share = 1.0


class Failing(Spec):
    """The part of a handler that says which attempts fail.

    `fails` is the chance of an attempt; a message that has one of the values of `fails_if` in each
    attribute named there always fails, or only in its first `fails_attempts` attempts. In a window
    of `fails_during` the chance is that of the window, if it is larger; what counts is when the
    invocation began.
    """

    fails: Share = 0.0
    fails_if: Poison | None = None
    fails_attempts: Positive | None = None
    fails_during: tuple[FailingWindow, ...] = ()


class Draws(Protocol):
    """Makes the uniform numbers that chance is compared with, when they are needed."""

    def __call__(self) -> Sampler[float]:
        """Return them."""


def failure_rule(code: Failing, draws: Draws, clock: Callable[[], int]) -> Fails | None:
    """Return the rule by which an attempt at a message fails, or None when none ever does.

    Args:
        code: what the scenario says.
        draws: makes the numbers that chance is compared with.
        clock: the time in ns.
    """
    probability, poison, attempts = code.fails, code.fails_if, code.fails_attempts
    numbers = draws() if probability > 0 or code.fails_during else None
    if not poison:
        return _by_chance(numbers, code, clock) if numbers is not None else None
    by_chance = _by_chance(numbers, code, clock) if numbers is not None else None

    def fails(message: Message, attempt: int) -> bool:
        if attempts is None or attempt <= attempts:
            found = message.attributes
            if all(found.get(name) in values for name, values in poison.items()):
                return True
        return by_chance is not None and by_chance(message, attempt)

    return fails


def _by_chance(numbers: Sampler[float], code: Failing, clock: Callable[[], int]) -> Fails:
    at, probability = numbers.at, code.fails
    windows = [(each.at, each.at + each.for_, each.fails) for each in code.fails_during]
    if not windows:
        return _by_constant_chance(numbers, probability)

    def fails(message: Message, attempt: int) -> bool:
        now = clock()
        chances = [share for begins, ends, share in windows if begins <= now < ends]
        return at(message.number, attempt) < max(probability, *chances, 0.0)

    return fails


def _by_constant_chance(numbers: Sampler[float], probability: float) -> Fails:
    """Compare a message's own uniform number; it is looked up here, to save a call each time."""
    recent, block = numbers.recent.get, numbers.block

    def fails(message: Message, attempt: int) -> bool:
        number = message.number
        if attempt != 1:
            return numbers.at(number, attempt) < probability
        values = recent(number >> SHIFT) or block(number)
        return values[number & LAST] < probability

    return fails
