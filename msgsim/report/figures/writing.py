"""Writing: figures as files that are the same every time, and whole or absent."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from msgsim.files import beside
from msgsim.report.figures.canvas import DPI, styled


def file_name(*parts: str) -> str:
    """Return a file name without ending for a figure: `latency-Billing`.

    Only letters that every file system takes; a name that had others gets a short hash, so that no
    two figures meet in one file.
    """
    wanted = "-".join(part for part in parts if part)
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", wanted)[:80]
    if safe == wanted:
        return safe
    return f"{safe}-{hashlib.sha256(wanted.encode('utf-8', 'replace')).hexdigest()[:6]}"


def render(figure: Figure, kind: str, *, text_as_text: bool = False) -> bytes:
    """Return a figure as the bytes of a `png` or `svg`; the same figure, the same bytes.

    Args:
        figure: what to render.
        kind: `png` or `svg`.
        text_as_text: for a page: letters stay letters instead of becoming outlines.
    """
    heading = figure.get_suptitle()
    metadata: dict[str, Any] = {"Software": None}
    if kind == "svg":
        metadata = {"Date": None, "Creator": None, "Title": heading}
    stream = io.BytesIO()
    with styled():
        mpl.rcParams["svg.fonttype"] = "none" if text_as_text else "path"
        figure.savefig(stream, format=kind, dpi=DPI, metadata=metadata)
    return stream.getvalue()


def save(
    figure: Figure,
    folder: str | os.PathLike[str],
    name: str,
    formats: Sequence[str] = ("png", "svg"),
) -> list[Path]:
    """Write a figure as `folder/name.png` and so on; each file appears whole or not at all.

    Returns:
        The files, in the order of `formats`.

    Raises:
        OSError: the folder is missing, full or not writable; no file is left half-written.
    """
    contents = [(Path(folder) / f"{name}.{kind}", render(figure, kind)) for kind in formats]
    for path, content in contents:
        _replace(path, content)
    return [path for path, _ in contents]


def _replace(path: Path, content: bytes) -> None:
    handle, temporary = beside(path)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
