"""Exercises: a question whose answer is checked, without stopping the notebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mark:
    """What came of an answer; true only when it is right."""

    passed: bool
    said: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return self.said


class Exercise:
    """A check of answers: calling it with an answer returns a mark.

    Args:
        check: takes the answer, and asserts what is true of a right one; the text of a failing
            assertion is the hint.
    """

    def __init__(self, check: Callable[..., None]) -> None:
        self._check = check
        self.__doc__ = check.__doc__

    def __call__(self, *answer: Any) -> Mark:
        """Mark an answer; `...` is none yet."""
        if any(each is ... for each in answer):
            return Mark(False, "Open: put your answer in place of ...")
        try:
            self._check(*answer)
        except AssertionError as failed:
            return Mark(False, f"Not yet: {failed or 'look again'}")
        return Mark(True, "Right.")

    def __repr__(self) -> str:
        return f"<exercise: {self.__doc__}>"


def exercise(check: Callable[..., None]) -> Exercise:
    """Make an exercise of a function that asserts what a right answer is like."""
    return Exercise(check)
