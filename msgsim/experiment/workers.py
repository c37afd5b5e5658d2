"""Workers: many independent tasks over processes, through joblib.

A task is a picklable function with its arguments. What comes back is handed over as it arrives, so
that an interrupt keeps what is finished; whoever cares about order sorts by key, so that results
are the same for any number of processes. A task that raises or whose process dies is reported as
failed and takes no other with it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, TypeVar

from msgsim.problems import Problem, ProblemError, register

register("E180", "the workers cannot be reached", "`--backend dask` needs a scheduler's address.")

Key = TypeVar("Key", bound=Hashable)
Task = tuple[Callable[..., Any], tuple[Any, ...]]
BACKENDS = ("local", "dask")
ANSWERS_WITHIN = "10s"
"""How long a Dask scheduler may take to answer."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task has no result.

    Attributes:
        reason: in one line.
        died: its process ended, rather than that it raised.
    """

    reason: str
    died: bool = False


@dataclass(frozen=True, slots=True)
class Workers:
    """Where tasks are run.

    Attributes:
        jobs: how many at once; 1 runs them in this process.
        backend: `local` processes, or `dask`.
        address: of a Dask scheduler, such as `tcp://10.0.0.5:8786`.
    """

    jobs: int = 1
    backend: str = "local"
    address: str = ""

    @property
    def here(self) -> bool:
        """Whether tasks run in this process."""
        return self.backend == "local" and (self.jobs <= 1 or not processes_available())


def cores() -> int:
    """Return how many processes can work at once on this machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processes_available() -> bool:
    """Say whether this interpreter can start processes; in a browser it cannot."""
    try:
        import joblib  # noqa: F401
    except ImportError:
        return False
    return find_spec("_multiprocessing") is not None


def run_tasks(
    tasks: Mapping[Key, Task],
    workers: Workers,
    done: Callable[[Key, Any], bool | None],
) -> bool:
    """Run tasks and hand over what each returned; False when that was interrupted.

    Args:
        tasks: key → function and arguments.
        workers: where.
        done: called with a key and its result or `Failure`; True asks to stop.

    Raises:
        ProblemError: E180, the workers cannot be reached.
    """
    if workers.here:
        try:
            with _plain_interrupts():
                return _run_here(tasks, done)
        except KeyboardInterrupt:
            return False
    left = dict(tasks)

    def hand_over(key: Key, result: Any) -> bool | None:
        left.pop(key, None)
        return done(key, result)

    try:
        with _backend(workers), _plain_interrupts():
            if _attempt(left, workers, hand_over):
                return True
            return _carefully(left, workers, hand_over)
    except KeyboardInterrupt:
        return False


def _run_here(tasks: Mapping[Key, Task], done: Callable[[Key, Any], bool | None]) -> bool:
    for key, (function, arguments) in tasks.items():
        if done(key, _caught(function, arguments)):
            return False
    return True


class _Stopped(Exception):
    """The receiver has enough."""


def _attempt(
    left: Mapping[Key, Task], workers: Workers, done: Callable[[Key, Any], bool | None]
) -> bool:
    """Run all that is left; False when a process died on the way."""
    from joblib import Parallel, delayed

    parallel = Parallel(**_how(workers), return_as="generator_unordered", batch_size=1)
    us = os.getpid()
    calls = (delayed(_in_worker)(us, key, *task) for key, task in list(left.items()))
    results = parallel(calls)
    try:
        for key, result in results:
            if done(key, result):
                raise _Stopped
    except _Stopped:
        raise KeyboardInterrupt from None
    except KeyboardInterrupt:
        raise
    except Exception as error:
        if not _process_died(error):
            raise
        return False
    finally:
        results.close()
    return True


def _carefully(
    left: dict[Key, Task], workers: Workers, done: Callable[[Key, Any], bool | None]
) -> bool:
    """Go on after a process died: a few tasks at a time, and alone those under suspicion."""
    while left:
        some = dict(list(left.items())[: max(1, workers.jobs)])
        if _attempt(some, workers, lambda key, result: done(key, result)):
            continue
        for key, task in list(some.items()):
            if key in left and not _attempt({key: task}, workers, done):
                done(key, Failure("the process that ran it died (out of memory, or killed)", True))
    return True


def _how(workers: Workers) -> dict[str, Any]:
    # One job would run here, where a task that takes its process down takes us down.
    return {} if workers.backend == "dask" else {"n_jobs": max(2, workers.jobs), "backend": "loky"}


def _process_died(error: Exception) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"TerminatedWorkerError", "BrokenProcessPool", "KilledWorker"})


@contextmanager
def _backend(workers: Workers) -> Iterator[None]:
    if workers.backend != "dask":
        yield
        return
    from joblib import parallel_config

    try:
        from distributed import Client as _Client
    except ImportError:
        message = "the Dask back-end needs the packages dask and distributed"
        hint = "pip install 'msgsim[dask]'"
        raise ProblemError([Problem("E180", message, None, hint)]) from None
    try:
        connect: Any = _Client
        client = connect(workers.address or None, timeout=ANSWERS_WITHIN)
    except (OSError, ValueError, TimeoutError) as error:
        message = f"no Dask scheduler answers at {workers.address or '(no address)'}: {error}"
        hint = "start one with `dask scheduler` and workers with `dask worker ADDRESS`"
        raise ProblemError([Problem("E180", message, None, hint)]) from None
    with client, parallel_config(backend="dask"):
        yield


@contextmanager
def _plain_interrupts() -> Iterator[None]:
    """Let Ctrl-C, and SIGTERM if somebody listens for it, end a task or the wait for it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signal.SIGINT: signal.getsignal(signal.SIGINT)}
    if callable(listener := signal.getsignal(signal.SIGTERM)):
        before[signal.SIGTERM] = listener

    def interrupt(number: int, frame: Any) -> None:
        listening = before[signal.Signals(number)]
        if callable(listening):
            listening(number, frame)
        raise KeyboardInterrupt

    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_worker(
    asked_by: int, key: Any, function: Callable[..., Any], arguments: Sequence[Any]
) -> Any:
    """Run a task in a worker process, which ends with the one who asked, not by signals."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end_with(asked_by)
    return key, _caught(function, arguments)


@cache
def _end_with(parent: int) -> None:
    """End this process when the one that started it is gone: nobody wants its results any more."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _caught(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        if type(error).__name__ == "BudgetExceeded":
            return Failure(f"{error}: the model feeds itself")
        if isinstance(error, ProblemError):
            first = error.problems[0]
            return Failure(f"{first.code} {first.message}")
        return Failure(f"{type(error).__name__}: {error}")
