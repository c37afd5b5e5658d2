"""Rows as a Parquet file, where pyarrow is installed."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

from msgsim.files import write_atomically
from msgsim.problems import Problem, ProblemError


def write_parquet(
    path: str | os.PathLike[str], columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Write a table.

    Raises:
        ProblemError: E175, pyarrow is missing; E160, the file cannot be written.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        hint = "pip install pyarrow, or write .csv or .jsonl"
        message = "Parquet needs pyarrow, which is not installed"
        raise ProblemError([Problem("E175", message, None, hint)]) from None
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    table = pyarrow.table(dict(zip(columns, map(list, values), strict=True)))
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    write_atomically(path, buffer.getvalue())
