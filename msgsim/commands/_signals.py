"""Ctrl-C and SIGTERM: what a person and a CI system send to end a run, and what comes of it.

Both end a run alike: what there is is kept and called partial. The exit code tells which it was.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from msgsim.commands._options import INTERRUPTED, TERMINATED

Handler = Callable[[int, Any], Any]
ENDING = (signal.SIGINT, signal.SIGTERM)

_came: list[int] = []
"""The signals that came since the command line began, in their order."""


def exit_code(code: int) -> int:
    """Return the exit code of a verb: after SIGTERM, 143 takes the place of 130."""
    return TERMINATED if code == INTERRUPTED and signal.SIGTERM in _came else code


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Let the first signal end the run between two steps; the second ends it at once."""
    hit: list[int] = []

    def note(number: int, frame: Any) -> None:
        _came.append(number)
        if hit:
            _end(number)
        hit.append(number)

    with _handled(dict.fromkeys(ENDING, note)):
        yield lambda: bool(hit)


@contextmanager
def endings_are_said() -> Iterator[None]:
    """Say what ended it, where no verb has its own way of ending: Typer says nothing."""
    _came.clear()

    def say(number: int, frame: Any) -> None:
        _came.append(number)
        _end(number)

    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    ours = [number for number in ENDING if signal.getsignal(number) == usual[number]]
    with _handled(dict.fromkeys(ours, say)):
        yield


def _end(number: int) -> NoReturn:
    """Say what ended it, and end.

    Not by `KeyboardInterrupt`: where that passes through `exec`, as while an import makes classes,
    Python ends itself by SIGINT, whatever the exit code was to be.
    """
    terminated = number == signal.SIGTERM
    print(f"msgsim: {'terminated' if terminated else 'interrupted'}", file=sys.stderr)
    raise SystemExit(TERMINATED if terminated else INTERRUPTED)


@contextmanager
def _handled(handlers: dict[signal.Signals, Handler]) -> Iterator[None]:
    """Install handlers for a while; outside the main thread signals are left alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, each) for number, each in handlers.items()}
    try:
        yield
    finally:
        for number, each in before.items():
            signal.signal(number, each)
