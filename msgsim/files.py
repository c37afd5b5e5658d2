"""Writing results so that an interrupted write leaves nothing half-done under the final name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from msgsim.problems import Problem, ProblemError, quote, register

register("E160", "the output cannot be written", "The folder is missing, full or not writable.")


def write_atomically(path: str | os.PathLike[str], data: str | bytes) -> None:
    """Write a file beside its final name, then rename it.

    Raises:
        ProblemError: E160, the folder cannot be written to.
    """
    target = Path(path)
    content = data.encode("utf-8") if isinstance(data, str) else data
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
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


@contextmanager
def streamed(path: str | os.PathLike[str]) -> Iterator[IO[str]]:
    """Open a text file that grows beside its final name, and takes that name when all is written.

    Raises:
        ProblemError: E160, the folder cannot be written to, or is full.
    """
    target = Path(path)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
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
    target = Path(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: str | os.PathLike[str], error: OSError) -> ProblemError:
    """Return the problem that tells why `path` cannot be written."""
    reason = (error.strerror or str(error)).lower()
    message = f"cannot write {quote(os.fspath(path))}: {reason}"
    return ProblemError([Problem("E160", message, None, "choose another place")])


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
