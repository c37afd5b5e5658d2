"""Saved results: one file, a zip of plain arrays and one JSON document; never pickle.

The arrays are ordinary `.npy` members, so that `numpy.load` opens the file as well. The document
names its format; a file of another format is refused with the version that wrote it. A digest of
all members is the last one: results that somebody edited are refused, rather than shown as ours or
found not to fit together in the middle of a page.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from collections.abc import Sequence as SequenceOf
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from msgsim.experiment.judge import Verdict
from msgsim.experiment.result import finite, verdict_plain
from msgsim.experiment.results import Results
from msgsim.experiment.summary import Ask, Summary
from msgsim.files import write_atomically
from msgsim.observe.histogram import Packed
from msgsim.problems import Place, Problem, ProblemError, quote, register
from msgsim.scenario.load import from_tree
from msgsim.scenario.schema import Scenario
from msgsim.scenario.tree import Mapping, Node, Scalar, Sequence
from msgsim.version import __version__

FORMAT = "msgsim.saved/1"
DOCUMENT = "results.json"
DIGEST = "digest.json"
LARGEST = 2**31
"""Bytes of all members together: an archive of a megabyte could name a thousand times as many."""
ENDING = ".msgsim"
SPOILT = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, LookupError, ValueError,
          TypeError, AttributeError, ArithmeticError, RuntimeError, MemoryError,
          AssertionError)  # fmt: skip
"""What the libraries say about a file that was cut off, or whose bytes were changed."""
UNFITTING = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, AssertionError)
"""What our own code says about content that is readable and makes no sense."""

register("E159", "not results that this msgsim can read", "Another format, or no results at all.")


def save(results: Results, path: str | os.PathLike[str]) -> None:
    """Write results to one file.

    Raises:
        ProblemError: E160, it cannot be written.
    """
    arrays: dict[str, Any] = {}
    tables: list[tuple[str, ...]] = []
    document = {
        "format": FORMAT,
        "msgsim": __version__,
        "scenario": _scenario(results.scenario),
        "variants": {name: _scenario(each) for name, each in results.variants.items()},
        "partial": results.partial,
        "failures": results.failures,
        "stopped": results.stopped,
        "verdicts": [verdict_plain(verdict) for verdict in results.verdicts],
        "summaries": [
            _summary(each, f"run{place}", arrays, tables)
            for place, each in enumerate(results.summaries)
        ],
        "names": [list(names) for names in tables],
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, DOCUMENT, json.dumps(finite(document), allow_nan=False).encode())
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, array, allow_pickle=False)
            _write(archive, f"{name}.npy", member.getvalue())
        _write(archive, DIGEST, json.dumps({"sha256": digest_of(archive)}).encode())
    write_atomically(path, content.getvalue())


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Write a member without the time of day, so that equal results are equal files."""
    archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def digest_of(archive: zipfile.ZipFile) -> str:
    """Return the hash of all members but the digest itself, names and order included."""
    found = hashlib.sha256()
    for name in archive.namelist():
        if name != DIGEST:
            content = archive.read(name)
            found.update(f"{name} {len(content)}\n".encode("utf-8", "surrogatepass"))
            found.update(content)
    return found.hexdigest()


def is_saved(path: str | os.PathLike[str]) -> bool:
    """Say whether a file is an archive, and not a scenario."""
    return os.path.isfile(path) and zipfile.is_zipfile(path)


def read(path: str | os.PathLike[str]) -> Results:
    """Read results that `Results.save` or `msgsim run --save` wrote.

    Raises:
        ProblemError: E110 without such a file; E159, it holds no results of this format.
    """
    if not os.path.isfile(path):
        message = f"there is no file {quote(os.fspath(path))}"
        raise ProblemError(
            [Problem("E110", message, None, "`msgsim run … --save FILE` writes one")]
        )
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise _unreadable(path, f"its members are larger than {LARGEST >> 30} GiB")
            document = json.loads(archive.read(DOCUMENT))
            _check_format(document, path)
            if json.loads(archive.read(DIGEST)) != {"sha256": digest_of(archive)}:
                raise _unreadable(path, "it was changed after msgsim wrote it")
            arrays = {
                name.removesuffix(".npy"): np.load(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
                if name.endswith(".npy")
            }
        return _results(document, arrays)
    except SPOILT as error:
        raise _unreadable(path, f"it holds no results ({type(error).__name__})") from None


@contextmanager
def fitting(paths: SequenceOf[str]) -> Iterator[None]:
    """Show saved results: what breaks meanwhile is content that does not fit together.

    A digest tells who edited a file by mistake, not who forges it as well.

    Raises:
        ProblemError: E159.
    """
    try:
        yield
    except ProblemError:
        raise
    except UNFITTING as error:
        named = ", ".join(quote(path) for path in paths)
        message = f"the content of {named} does not fit together ({type(error).__name__})"
        hint = "run the scenario again with --save; if msgsim wrote it so, report it with the file"
        raise ProblemError([Problem("E159", message, None, hint)]) from error


def _check_format(document: Any, path: str | os.PathLike[str]) -> None:
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        by = document.get("msgsim", "?") if isinstance(document, dict) else "?"
        why = f"msgsim {by} wrote it in format {found}; this is msgsim {__version__}, {FORMAT}"
        raise _unreadable(path, why)


def _unreadable(path: str | os.PathLike[str], why: str) -> ProblemError:
    message = f"cannot read results from {quote(os.fspath(path))}: {why}"
    return ProblemError([Problem("E159", message, None, "run the scenario again with --save")])


def _results(document: dict[str, Any], arrays: dict[str, Any]) -> Results:
    names = [tuple(each) for each in document["names"]]
    return Results(
        _restored(document["scenario"]),
        {name: _restored(each) for name, each in document["variants"].items()},
        summaries=[
            _read_summary(each, f"run{place}", arrays, names)
            for place, each in enumerate(document["summaries"])
        ],
        verdicts=[_read_verdict(each) for each in document["verdicts"]],
        partial=document["partial"],
        failures=document["failures"],
        stopped=document["stopped"],
    )


# Runs --------------------------------------------------------------------------------------


def _summary(
    summary: Summary, prefix: str, arrays: dict[str, Any], tables: list[tuple[str, ...]]
) -> dict[str, Any]:
    places, counts, entries = [], [], {}
    for name, packed in summary.distributions.items():
        ends = [packed.count, packed.total, packed.min, packed.max]
        entries[name] = [*ends, len(packed.places), packed.counts is not None]
        places.append(packed.places)
        if packed.counts is not None:
            counts.append(packed.counts)
    arrays[f"{prefix}.values"] = np.asarray([] if summary.values is None else summary.values)
    arrays[f"{prefix}.places"] = np.concatenate(places) if places else np.zeros(0, np.int64)
    arrays[f"{prefix}.counts"] = np.concatenate(counts) if counts else np.zeros(0, np.int64)
    for table, columns in summary.tables.items():
        for column, values in columns.items():
            arrays[f"{prefix}.{table}.{column}"] = values
    return {
        "variant": summary.variant,
        "replication": summary.replication,
        "plain": summary.plain,
        "names": _index(tables, summary.names),
        "dimensions": _index(tables, summary.dimensions),
        "distributions": entries,
        "stretches": summary.stretches,
        "answers": [[_plain_ask(ask), value] for ask, value in summary.answers.items()],
        "since_s": list(summary.since_s.items()),
        "assumptions": summary.assumptions,
        "notes": summary.notes,
        "pictures": summary.pictures,
        "tables": {table: list(columns) for table, columns in summary.tables.items()},
        "wall_s": summary.wall_s,
    }


def _index(tables: list[tuple[str, ...]], names: tuple[str, ...]) -> int:
    if names not in tables:
        tables.append(names)
    return tables.index(names)


def _plain_ask(ask: Ask) -> list[Any]:
    target, selector, metric, stat = ask
    return [target, list(selector) if selector else None, metric, stat]


def _read_summary(
    plain: dict[str, Any], prefix: str, arrays: dict[str, Any], names: list[tuple[str, ...]]
) -> Summary:
    return Summary(
        plain["variant"],
        plain["replication"],
        plain["plain"],
        names[plain["names"]],
        arrays[f"{prefix}.values"],
        names[plain["dimensions"]],
        _distributions(plain["distributions"], prefix, arrays),
        {name: (pair[0], pair[1]) for name, pair in plain["stretches"].items()},
        {_ask(ask): value for ask, value in plain["answers"]},
        {int(number): since for number, since in plain["since_s"]},
        plain["assumptions"],
        plain["notes"],
        plain["pictures"],
        {
            table: {column: arrays[f"{prefix}.{table}.{column}"] for column in columns}
            for table, columns in plain["tables"].items()
        },
        plain["wall_s"],
    )


def _ask(plain: list[Any]) -> Ask:
    target, selector, metric, stat = plain
    window = tuple(stat) if isinstance(stat, list) else stat
    return target, (selector[0], selector[1]) if selector else None, metric, window


def _distributions(
    entries: dict[str, list[Any]], prefix: str, arrays: dict[str, Any]
) -> dict[str, Packed]:
    found = {}
    place = counted = 0
    for name, (count, total, low, high, length, binned) in entries.items():
        places = arrays[f"{prefix}.places"][place : place + length]
        place += length
        counts = arrays[f"{prefix}.counts"][counted : counted + length] if binned else None
        counted += length if binned else 0
        found[name] = Packed(count, total, low, high, places, counts)
    return found


def _read_verdict(plain: dict[str, Any]) -> Verdict:
    kept = {key: value for key, value in plain.items() if key not in {"passed", "level"}}
    since = kept.pop("first_violation_at_s")
    return Verdict(**kept, soft=plain["level"] == "warn", since_s=since)


# Scenarios ---------------------------------------------------------------------------------


def _scenario(scenario: Scenario) -> dict[str, Any]:
    return {
        "file": scenario.file,
        "base_path": str(scenario.base_path),
        "tree": _plain_tree(scenario.tree),
    }


def _restored(plain: dict[str, Any]) -> Scenario:
    place = Place(plain["file"], 1, 1, 1)
    tree = _tree(plain["tree"], place)
    assert isinstance(tree, Mapping)
    return from_tree(tree, plain["file"], Path(plain["base_path"]), {})


def _plain_tree(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {"entries": [[_plain_tree(key), _plain_tree(value)] for key, value in node]}
    if isinstance(node, Sequence):
        return [_plain_tree(item) for item in node]
    return {"text": node.text, "quoted": node.quoted, "null": node.null}


def _tree(plain: Any, place: Place) -> Node:
    if isinstance(plain, list):
        return Sequence(tuple(_tree(item, place) for item in plain), place)
    if "entries" in plain:
        return Mapping(tuple(_entry(pair, place) for pair in plain["entries"]), place)
    return Scalar(plain["text"], place, quoted=plain["quoted"], null=plain["null"])


def _entry(pair: SequenceOf[Any], place: Place) -> tuple[Scalar, Node]:
    key = _tree(pair[0], place)
    assert isinstance(key, Scalar)
    return key, _tree(pair[1], place)
