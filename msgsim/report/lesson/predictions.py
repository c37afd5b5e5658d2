"""Predictions: what a learner expects, written down before the run and shown beside it after."""

from __future__ import annotations

import math
from typing import Any

from msgsim.report.lesson.table import Table
from msgsim.report.style import count_text

NEAR = 0.05
CLOSE = 2.0


def predict(**guesses: Any) -> Prediction:
    """Write down what you expect; `...` leaves a guess open.

    Args:
        guesses: by name: a number, a word, True or False, or `...`.
    """
    return Prediction(guesses)


class Prediction:
    """Guesses by name, to be compared with what happened."""

    def __init__(self, guesses: dict[str, Any]) -> None:
        self._guesses = guesses

    def compare(self, **happened: Any) -> Table:
        """Return guesses beside what happened.

        Raises:
            ValueError: something happened that was not asked for, or the reverse.
        """
        if set(happened) != set(self._guesses):
            odd = ", ".join(sorted(set(happened) ^ set(self._guesses)))
            raise ValueError(f"predicted and happened differ in {odd}")
        rows = [
            [name.replace("_", " "), _shown(self._guesses[name]), _shown(actual),
             verdict(self._guesses[name], actual)]
            for name, actual in happened.items()
        ]  # fmt: skip
        return Table(["", "you said", "what happened", ""], rows)

    def __repr__(self) -> str:
        left = [name.replace("_", " ") for name, guess in self._guesses.items() if guess is ...]
        if not left:
            return "Written down. Now run the next cell."
        return f"Still open: {', '.join(left)}. Write a guess in place of ... and run this again."


def verdict(guess: Any, actual: Any) -> str:
    """Say how near a guess came: numbers within 5 % are right, within a factor of two close."""
    if guess is ...:
        return "no guess"
    if isinstance(guess, str) or isinstance(actual, (str, bool)):
        return "right" if str(guess).casefold() == str(actual).casefold() else "not so"
    if guess == actual or math.isclose(guess, actual, rel_tol=NEAR):
        return "right"
    if actual * guess > 0 and 1 / CLOSE <= guess / actual <= CLOSE:
        return "close"
    return "far"


def _shown(thing: Any) -> str:
    if thing is ...:
        return "—"
    if isinstance(thing, bool):
        return "yes" if thing else "no"
    return thing if isinstance(thing, str) else count_text(float(thing))
