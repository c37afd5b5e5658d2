"""A distribution made of recorded values, given directly or read from a column of a CSV file."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np

from msgsim.kernel.distributions import Values, checked, checked_factor, checked_probability

MAX_ROWS = 1_000_000
MAX_BYTES = 256 * 1024 * 1024
MAX_NAMES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Empirical:
    """Recorded values, resampled with replacement (the bootstrap's distribution).

    Mean, variance and quantiles are those of the recorded values themselves, so the variance
    divides by their number, not by one less. `source` says where they came from.
    """

    values: Sequence[float] = field(repr=False)
    source: str = ""
    _array: Values = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.values) == 0:
            raise ValueError("empirical: there are no values, but at least one is needed")
        if len(self.values) > MAX_ROWS:
            raise ValueError(
                f"empirical: {len(self.values):,} values, but at most {MAX_ROWS:,} are allowed"
            )
        numbers = tuple(
            checked(f"empirical: value {position}", value)
            for position, value in enumerate(self.values, start=1)
        )
        object.__setattr__(self, "values", numbers)
        object.__setattr__(self, "_array", np.array(numbers, dtype=np.float64))

    @classmethod
    def from_csv(cls, path: str | PathLike[str], column: str) -> Empirical:
        """Read one column of numbers from a comma-separated file whose first line names them.

        Raises `ValueError` for a file that is missing, unreadable, not UTF-8, too large or empty,
        for a column that is not there, and for a cell that is not a finite number (with its line).
        """
        values = _read_column(Path(path), column)
        return cls(values, source=f"{Path(path).name}, column {column}")

    @property
    def mean(self) -> float:
        return float(self._array.mean())

    @property
    def variance(self) -> float:
        return float(self._array.var())

    @property
    def minimum(self) -> float:
        return float(self._array.min())

    def sample(self, generator: np.random.Generator, size: int) -> Values:
        return self._array[generator.integers(0, self._array.size, size)]

    def scaled(self, factor: float) -> Empirical:
        factor = checked_factor(factor)
        return Empirical([value * factor for value in self.values], self.source)

    def quantile(self, p: float) -> float:
        """The smallest recorded value whose cumulative share is at least `p`."""
        p = checked_probability(p)
        return float(np.quantile(self._array, p, method="inverted_cdf"))

    def describe(self) -> str:
        where = f" ({self.source})" if self.source else ""
        return f"{len(self.values):,} recorded values, mean {self.mean:g}{where}"


def _read_column(path: Path, column: str) -> list[float]:
    if not path.exists():
        raise ValueError(f"{path}: there is no such file")
    if not path.is_file():
        raise ValueError(f"{path}: this is not a file, but a CSV file is needed")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path}: the file is larger than {MAX_BYTES // 1024**2} MiB")
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(_numbers(path, csv.reader(file, skipinitialspace=True), column))
    except OSError as error:
        raise ValueError(f"{path}: the file cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: the file is not UTF-8 text") from error
    except csv.Error as error:
        raise ValueError(f"{path}: the file is not readable as CSV ({error})") from error


def _numbers(path: Path, rows: Iterator[list[str]], column: str) -> Iterator[float]:
    """Yield the numbers of one column; `rows` is a `csv.reader`, which counts the lines."""
    index = _index_of(path, next(rows, []), column)
    count = 0
    for row in rows:
        if not row:
            continue
        count += 1
        place = f"{path}, line {rows.line_num}"  # type: ignore[attr-defined]
        if count > MAX_ROWS:
            raise ValueError(f"{place}: more than {MAX_ROWS:,} rows")
        yield _number(place, row[index] if index < len(row) else "", column)
    if count == 0:
        raise ValueError(f"{path}: column '{column}' has no values")


def _index_of(path: Path, header: list[str], column: str) -> int:
    names = [name.strip() for name in header]
    if not any(names):
        raise ValueError(f"{path}: the first line is empty, but it must name the columns")
    if names.count(column) > 1:
        raise ValueError(f"{path}: {names.count(column)} columns are called '{column}'")
    if column not in names:
        shown = ", ".join(names[:MAX_NAMES_SHOWN])
        more = f" and {len(names) - MAX_NAMES_SHOWN} more" if len(names) > MAX_NAMES_SHOWN else ""
        raise ValueError(f"{path}: there is no column '{column}'; the columns are {shown}{more}")
    return names.index(column)


def _number(place: str, text: str, column: str) -> float:
    if not text.strip():
        raise ValueError(f"{place}: column '{column}' is empty, but it must be a number")
    try:
        # float() reads 1_000 as a thousand, which no spreadsheet means.
        number = float(text.replace("_", "?"))
    except ValueError:
        raise ValueError(f"{place}: {text[:40]!r} is not a number (column '{column}')") from None
    if not math.isfinite(number):
        raise ValueError(f"{place}: {text[:40]!r} is not a finite number (column '{column}')")
    return number
