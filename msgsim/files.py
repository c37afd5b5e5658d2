"""Writing results so that an interrupted write leaves nothing half-done under the final name."""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from msgsim.problems import Problem, ProblemError, quote, register

register("E160", "the output cannot be written")


def write_atomically(path: str | os.PathLike[str], data: str | bytes) -> None:
    """Write a file beside its final name, then rename it.

    A link goes on leading to its file, which is replaced; into a device or a pipe the content goes.

    Raises:
        ProblemError: E160, the folder cannot be written to.
    """
    target = final(path)
    content = data.encode("utf-8") if isinstance(data, str) else data
    temporary = ""
    try:
        if is_special(target):
            with open(target, "wb") as stream:
                stream.write(content)
            return
        handle, temporary = beside(target)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise cannot_write(path, error) from None
    except BaseException:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise


def final(path: str | os.PathLike[str]) -> Path:
    """Return where a result belongs: where a link leads to.

    Raises:
        ProblemError: E160, the name is empty.
    """
    check_named(path)
    return Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)


def is_special(target: Path) -> bool:
    """Say whether there is a device or a pipe, which a file must not replace."""
    try:
        mode = target.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


UNFINISHED = ".msgsim-unfinished"
"""How the name of a file ends that is being written, or whose writer was killed."""

ABANDONED_S = 86_400.0
"""Nobody has written into such a file for so long: its writer is gone."""


def beside(target: Path) -> tuple[int, str]:
    """Open a hidden file beside a final name; return its handle and its path.

    A process that is killed cannot remove it: its name says what it is, and whoever writes the same
    result a day later removes it.
    """
    _clear_away(target)
    return tempfile.mkstemp(prefix=f".{target.name}.", suffix=UNFINISHED, dir=target.parent)


def _clear_away(target: Path) -> None:
    start = f".{target.name}."
    try:
        for entry in os.scandir(target.parent):
            ours = entry.name.startswith(start) and entry.name.endswith(UNFINISHED)
            if ours and time.time() - entry.stat().st_mtime > ABANDONED_S:
                os.unlink(entry.path)
    except OSError:
        return  # somebody else's file, or folder: writing says what is wrong, if anything is


@contextmanager
def streamed(path: str | os.PathLike[str]) -> Iterator[IO[str]]:
    """Open a text file that grows beside its final name, and takes that name when all is written.

    Raises:
        ProblemError: E160, the folder cannot be written to, or is full.
    """
    target = final(path)
    temporary = ""
    try:
        if is_special(target):
            with open(target, "w", encoding="utf-8", newline="\n") as stream:
                yield stream
            return
        handle, temporary = beside(target)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            yield stream
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder for results, and make sure that it can be written to.

    Raises:
        ProblemError: E160.
    """
    check_named(path)
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise cannot_write(path, error) from None
    return folder


def check_writable(path: str | os.PathLike[str]) -> None:
    """Find out before a long run whether its output can be written.

    Raises:
        ProblemError: E160.
    """
    target = final(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        if is_special(target):
            if not os.access(target, os.W_OK):
                raise PermissionError(0, "permission denied")
            return
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise cannot_write(path, error) from None


def check_named(path: str | os.PathLike[str]) -> None:
    """Refuse an empty name, as a script leaves it whose variable is not set.

    Raises:
        ProblemError: E160.
    """
    if not os.fspath(path):
        hint = "give it a name, or leave the option out"
        raise ProblemError([Problem("E160", "the name of an output is empty", None, hint)])


def cannot_write(path: str | os.PathLike[str], error: OSError) -> ProblemError:
    """Return the problem that tells why `path` cannot be written."""
    reason = (error.strerror or str(error)).lower()
    message = f"cannot write {quote(os.fspath(path))}: {reason}"
    return ProblemError([Problem("E160", message, None, "choose another place")])


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
