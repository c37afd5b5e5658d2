"""Asynchronous events that come back from Lambda's own queue after they were done."""

from __future__ import annotations

from itertools import pairwise

from tests.services.lambda_built import built, function

ALL_COME_BACK = {
    ("lambda.function", "async_hand_off"): "0s",
    ("lambda.function", "async_missed_delete_share"): 1.0,
    ("lambda.function", "async_missed_delete_delay"): "30s",
}


def runs(*fails_during: dict[str, str]) -> tuple[list[float], list[str], int]:
    """Return when one event ran, why it was given up, and how often it came back.

    Every delete is missed, so that it comes back whenever it is done.
    """
    system = built(
        {"Fn": function("1s", handler__fails_during=list(fails_during))},
        assumptions=ALL_COME_BACK,
    )
    system["Fn"].invoke_async(system.message())
    system.run("3h")
    started = [fact[0] for fact in system.log.of("Fn", "started")]
    given_up = [fact[1] for fact in system.log.of("Fn", "given_up")]
    return started, given_up, len(system.log.of("Fn", "repeated_event"))


def test_a_copy_that_comes_back_has_the_retries_that_its_event_has_left() -> None:
    """MaximumRetryAttempts counts the retries of an event, two unless set. One that needed both of
    them is done at the third run; when it comes back and fails, none is left, and an event never
    has more than three errors. Source: invocation-async-error-handling.html, which does not say
    what a copy is granted.
    """
    started, given_up, again = runs({"at": "0s", "for": "90s"}, {"at": "184s", "for": "2h"})
    assert started[:3] == [0.0, 61.0, 182.0]
    assert (len(started), given_up, again) == (4, ["RetriesExhausted"], 1)


def test_one_that_was_done_at_once_still_has_two() -> None:
    """It comes back, fails three times, a minute and two minutes apart, and is given up."""
    started, given_up, again = runs({"at": "2s", "for": "2h"})
    assert (len(started), given_up, again) == (4, ["RetriesExhausted"], 1)
    assert [round(b - a) for a, b in pairwise(started[1:])] == [61, 121]
