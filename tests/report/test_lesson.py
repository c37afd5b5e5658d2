"""Predictions are compared and never stop a lesson; exercises know right from wrong."""

from __future__ import annotations

import pytest

import msgsim as ms
from msgsim.report.lesson.predictions import verdict

lesson = ms.lesson


@pytest.fixture(scope="module")
def late():
    return ms.run(ms.load("q01"))


@pytest.mark.parametrize(
    ("guess", "actual", "said"),
    [
        (4, 4.0, "right"),
        (0, 0.0, "right"),
        (96, 100, "right"),
        (60, 100, "close"),
        (10, 100, "far"),
        (5, 0, "far"),
        (-1, 1, "far"),
        ("FIFO", "fifo", "right"),
        ("standard", "fifo", "not so"),
        (True, True, "right"),
        (False, True, "not so"),
        (..., 4, "no guess"),
    ],
)
def test_guesses_are_judged(guess, actual, said):
    assert verdict(guess, actual) == said


def test_a_prediction_is_shown_beside_what_happened():
    guess = lesson.predict(done_twice=..., refused=4)
    assert "Still open: done twice" in repr(guess)
    table = guess.compare(done_twice=4, refused=4)
    assert table.rows == [["done twice", "—", "4", "no guess"], ["refused", "4", "4", "right"]]
    assert "<td" in table._repr_html_() and "refused" in repr(table)


def test_a_prediction_and_its_reveal_must_ask_the_same():
    with pytest.raises(ValueError, match="refused"):
        lesson.predict(done_twice=1).compare(done_twice=4, refused=4)


def test_metrics_by_name_of_one_variant_or_of_each(late):
    """q01, by arithmetic: 6 × 4.9 s fit into 30 s, so 4 of 10 are processed twice."""
    assert lesson.value(late, "timeout_30.Orders.duplicate_processings") == 4
    assert lesson.value(late, "10 - timeout_30.Orders.duplicate_processings") == 6
    assert lesson.values(late, "Orders.duplicate_processings") == {"timeout_30": 4, "timeout_60": 0}


def test_a_table_compares_variants(late):
    table = lesson.compare(late, "Orders.deletes_refused", "Orders.duplicates.share")
    assert table.head == ["", "timeout_30", "timeout_60"]
    assert table.rows[0] == ["Orders.deletes_refused", "4", "0"]
    assert table.rows[1][1].endswith("%")
    only = lesson.compare(late, "Orders.unique", variants=["timeout_60"])
    assert only.rows == [["Orders.unique", "10"]]


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("Orders.unique", "begin with a variant: timeout_30, timeout_60"),
        ("timeout_30.Orders.uniqe", "did you mean unique"),
        ("timeout_30.Orders.unique.at(3s)", "window"),
    ],
)
def test_what_cannot_be_asked_is_an_error_that_says_why(late, metric, said):
    with pytest.raises(ValueError, match=said):
        lesson.value(late, metric)


def test_a_source_shows_the_system_and_not_the_answer():
    """q01 opens with its answer, and `expect` has it again."""
    text = repr(lesson.source(ms.load("q01")))
    assert text.startswith("question: ") and "VisibilityTimeout: 30" in text
    assert "six are deleted" not in text and "duplicate_processings" not in text


def test_an_exercise_marks_answers():
    @lesson.exercise
    def half(answer):
        """Half of ten?"""
        assert answer == 5, "divide by two"

    assert not half(...) and "Open" in repr(half(...))
    assert not half(4) and "divide by two" in repr(half(4))
    assert half(5) and repr(half(5)) == "Right."
    assert "Half of ten" in repr(half)
