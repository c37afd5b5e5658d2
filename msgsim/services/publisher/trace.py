"""Traces: recorded times of messages, with their keys, sizes, bodies and attributes if known.

A trace is a CSV file whose first line names the columns, or a file of JSON lines. The column
`time` holds seconds (any origin) or ISO 8601 times; `key`, `size`, `body` and `attributes.NAME`
(in JSON an object `attributes`) are optional; other columns are ignored. The earliest row is time
zero.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

from msgsim import units
from msgsim.model.message import NO_ATTRIBUTES, AttributeValue
from msgsim.model.spec import FieldError
from msgsim.problems import did_you_mean, quote
from msgsim.services.publisher.attributes import scalar

MAX_ROWS = 1_000_000
MAX_BYTES = 256 * 1024 * 1024
FIELDS = ("time", "key", "size", "body")
ATTRIBUTE = "attributes."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JSON_ENDINGS = {".jsonl", ".ndjson", ".json"}


@dataclass(slots=True)
class Row:
    """One recorded message.

    Attributes:
        time_ns: when it was sent, counted from the earliest row.
        key: its key, or None where the trace does not say.
        size_bytes: its size, or None.
        body: its text, or None.
        attributes: its message attributes.
    """

    time_ns: int
    key: str | None = None
    size_bytes: int | None = None
    body: str | None = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)


@dataclass(slots=True)
class Trace:
    """A recorded workload, in order of time.

    Attributes:
        rows: the messages.
        sorted_here: whether the file was not in order of time and had to be sorted.
    """

    rows: list[Row]
    sorted_here: bool


def read_trace(path: Path, columns: Mapping[str, str]) -> Trace:
    """Read a trace; `columns` maps our names (`time`, `key` …) to the file's own.

    Raises:
        FieldError: E133, naming the file and where possible the line.
    """
    shown = path.name
    if not path.is_file():
        what = "this is not a file" if path.exists() else "there is no such file"
        hint = f"looked for it in the scenario's folder, {path.parent}"
        raise FieldError("E133", f"{shown}: {what}", hint)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FieldError("E133", f"{shown}: larger than {MAX_BYTES >> 20} MiB")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(_rows(file, path, columns))
    except OSError as error:
        raise FieldError("E133", f"{shown}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise FieldError("E133", f"{shown}: not UTF-8 text") from error
    if not rows:
        raise FieldError("E133", f"{shown}: there are no rows to replay")
    return _ordered(rows)


def _ordered(rows: list[Row]) -> Trace:
    in_order = all(row.time_ns <= after.time_ns for row, after in pairwise(rows))
    if not in_order:
        rows.sort(key=lambda row: row.time_ns)
    first = rows[0].time_ns
    for row in rows:
        row.time_ns -= first
    if rows[-1].time_ns > units.MAX_DURATION_NS:
        raise FieldError("E133", "the trace is longer than 100 years")
    return Trace(rows, not in_order)


def _rows(file: TextIO, path: Path, columns: Mapping[str, str]) -> Iterator[Row]:
    if path.suffix.lower() in _JSON_ENDINGS:
        records = _json_records(file, path.name)
    elif path.suffix.lower() == ".csv":
        records = _csv_records(file, path.name, columns)
    else:
        raise FieldError("E133", f"{path.name}: a trace is a .csv or a .jsonl file")
    kind: str | None = None
    for number, (line, record) in enumerate(records, start=1):
        place = f"{path.name}:{line}"
        if number > MAX_ROWS:
            raise FieldError("E133", f"{place}: more than {MAX_ROWS:,} rows")
        row, found = _row(record, columns, place)
        if found != (kind or found):
            raise FieldError("E133", f"{place}: the times mix seconds and ISO 8601")
        kind = found
        yield row


def _csv_records(
    file: TextIO, shown: str, columns: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(file, skipinitialspace=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, shown, columns)
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(header):
                message = f"{len(cells)} cells, but the first line names {len(header)} columns"
                raise FieldError("E133", f"{shown}:{reader.line_num}: {message}")
            yield reader.line_num, _from_cells(header, cells)
    except csv.Error as error:
        raise FieldError(
            "E133", f"{shown}:{reader.line_num}: not readable as CSV ({error})"
        ) from None


def _check_header(header: list[str], shown: str, columns: Mapping[str, str]) -> None:
    for ours in FIELDS:
        name = columns.get(ours, ours)
        if header.count(name) > 1:
            raise FieldError("E133", f"{shown}:1: {header.count(name)} columns are called {name}")
        if name not in header and (ours == "time" or ours in columns):
            guess = did_you_mean(name, header)
            hint = f"did you mean {guess}?" if guess else "name it under `columns`"
            found = ", ".join(quote(given, 20) for given in header[:20]) or "nothing"
            message = f"no column {quote(name)}; the first line names {found}"
            raise FieldError("E133", f"{shown}:1: {message}", hint)


def _from_cells(header: list[str], cells: list[str]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=True):
        if not cell:
            continue
        if name.startswith(ATTRIBUTE):
            attributes[name.removeprefix(ATTRIBUTE)] = scalar(cell)
        else:
            record[name] = cell
    if attributes:
        record["attributes"] = attributes
    return record


def _json_records(file: Iterable[str], shown: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise FieldError("E133", f"{shown}:{number}: not a line of JSON ({error})") from None
        if not isinstance(record, dict):
            raise FieldError("E133", f"{shown}:{number}: each line is a JSON object")
        yield number, record


def _row(record: dict[str, Any], columns: Mapping[str, str], place: str) -> tuple[Row, str]:
    given = {ours: record.get(columns.get(ours, ours)) for ours in FIELDS}
    if given["time"] is None:
        raise FieldError("E133", f"{place}: no {quote(columns.get('time', 'time'))}")
    time_ns, kind = _time(given["time"], place)
    row = Row(
        time_ns,
        None if given["key"] is None else str(given["key"]),
        None if given["size"] is None else _size(given["size"], place),
        None if given["body"] is None else str(given["body"]),
        _attributes(record.get("attributes"), place),
    )
    return row, kind


def _time(value: Any, place: str) -> tuple[int, str]:
    text = str(value).strip()
    try:
        return round(Fraction(units.number(text) if "_" in text else text) * 10**9), "seconds"
    except (ValueError, ZeroDivisionError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"{quote(text)} is not a time: seconds such as 12.5, or 2026-11-23T20:15:00Z"
        raise FieldError("E133", f"{place}: {message}") from None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1) * 1_000, "iso"


def _size(value: Any, place: str) -> int:
    try:
        size = units.size_bytes(str(value), bare_unit="B")
    except units.UnitError as error:
        raise FieldError("E133", f"{place}: {error}") from error
    if size < 1:
        raise FieldError("E133", f"{place}: a message has at least one byte")
    return size


def _attributes(value: Any, place: str) -> Mapping[str, AttributeValue]:
    if value is None:
        return NO_ATTRIBUTES
    if not isinstance(value, dict):
        raise FieldError("E133", f"{place}: `attributes` is an object of names and values")
    for name, item in value.items():
        if item is None or isinstance(item, dict):
            message = f"attribute {quote(name)} is neither text, number, boolean nor list"
            raise FieldError("E133", f"{place}: {message}")
    return value
