"""The first pass over a scenario: from a file to a positioned tree, or to every problem at once.

Refused before anything is parsed: what cannot be read, is larger than 8 MiB, is not UTF-8 or has
control characters. `compose` then reads the YAML itself within its budget of nodes and levels.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from msgsim.problems import LINE_BREAK, Place, ProblemError, Problems, did_you_mean, quote
from msgsim.scenario.compose import compose
from msgsim.scenario.tree import Mapping, Scalar

MAX_TEXT = 8 * 2**20
"""Bytes in a scenario."""

STDIN = "<stdin>"

_TOO_LARGE = f"is larger than {MAX_TEXT >> 20} MiB, the largest scenario"
_TRAFFIC = "recorded traffic belongs in a CSV or JSON-lines file that the workload replays"


def read_file(path: str | os.PathLike[str]) -> tuple[Mapping, str]:
    """The tree and the text of the scenario at `path`; `-` reads standard input.

    Raises `ProblemError` with what is wrong, and the text as far as it could be read.
    """
    file = STDIN if os.fspath(path) == "-" else os.fspath(path)
    data = sys.stdin.buffer.read(MAX_TEXT + 1) if file == STDIN else _bytes_of(file)
    if len(data) > MAX_TEXT:
        raise _problem("E112", f"{_name(file)} {_TOO_LARGE}", hint=_TRAFFIC)
    text = _decoded(data, file)
    return read_text(text, file), text


def read_text(text: str, file: str) -> Mapping:
    """The tree of a scenario's `text`; `file` is the name that places carry.

    Raises `ProblemError` with everything that is wrong with the text as YAML.
    """
    if len(text) > MAX_TEXT:
        raise _problem("E112", f"{_name(file)} {_TOO_LARGE}", hint=_TRAFFIC)
    problems = Problems()
    root = compose(text, file, problems)
    if not problems.errors and not isinstance(root, Mapping):
        if root is None or (isinstance(root, Scalar) and root.missing):
            problems.add("E117", f"{_name(file)} is empty", Place(file, 1, 1), _EXAMPLE)
        else:
            kind = "one value" if isinstance(root, Scalar) else "a list"
            message = f"a scenario is a mapping of sections, and this is {kind}"
            problems.add("E117", message, root.place, _EXAMPLE)
    problems.raise_if_errors({file: text})
    assert isinstance(root, Mapping)
    return root


_EXAMPLE = "it begins with lines such as `msgsim: 1` and `duration: 10m`"


def _name(file: str) -> str:
    return quote(file, longest=400)


def _bytes_of(file: str) -> bytes:
    try:
        with open(file, "rb") as stream:
            status = os.fstat(stream.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size > MAX_TEXT:
                raise _problem("E112", f"{_name(file)} {_TOO_LARGE}", hint=_TRAFFIC)
            return stream.read(MAX_TEXT + 1)
    except FileNotFoundError as error:
        raise _problem("E110", f"there is no file {_name(file)}", hint=_neighbour(file)) from error
    except IsADirectoryError as error:
        message = f"{_name(file)} is a folder, not a scenario file"
        raise _problem("E111", message) from error
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise _problem("E111", f"{_name(file)} cannot be read: {reason}") from error
    except ValueError as error:
        raise _problem("E110", f"{_name(file)} is not a file name") from error


def _neighbour(file: str) -> str | None:
    """The file in the same folder that was probably meant."""
    path = Path(file)
    try:
        names = sorted(entry.name for entry in os.scandir(path.parent) if entry.is_file())
    except OSError:
        return None
    meant = did_you_mean(path.name, names)
    return f"did you mean {_name(str(path.with_name(meant)))}?" if meant else None


def _decoded(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        looks = " (it looks like UTF-16)" if wide else ""
        before = LINE_BREAK.split(data[: error.start].decode("utf-8-sig", "replace"))
        place = Place(file, len(before), len(before[-1]) + 1)
        raise _problem(
            "E111",
            f"{_name(file)} is not UTF-8 text{looks}: byte 0x{data[error.start]:02x} is no "
            "part of a character",
            place,
            hint="save the file as UTF-8",
            sources={} if wide else {file: data.decode("utf-8-sig", "replace")},
        ) from error


def _problem(
    code: str,
    message: str,
    place: Place | None = None,
    *,
    hint: str | None = None,
    sources: dict[str, str] | None = None,
) -> ProblemError:
    problems = Problems()
    problems.add(code, message, place, hint)
    return ProblemError(problems, sources)
