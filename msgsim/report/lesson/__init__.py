"""Lesson: what notebooks are made of: a prediction before a run, a look at metrics, an exercise.

    from msgsim.report.lesson import compare, exercise, predict, value

A prediction never stops a notebook: what is left open (`...`) is shown as open.
"""

from __future__ import annotations

from msgsim.report.lesson.exercises import Exercise, Mark, exercise
from msgsim.report.lesson.measured import compare, value, values
from msgsim.report.lesson.predictions import Prediction, predict
from msgsim.report.lesson.source import Source, source
from msgsim.report.lesson.table import Table

__all__ = [
    "Exercise",
    "Mark",
    "Prediction",
    "Source",
    "Table",
    "compare",
    "exercise",
    "predict",
    "source",
    "value",
    "values",
]
