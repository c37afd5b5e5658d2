"""The reference of `--json` documents names every key of a real result, and no other."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

import msgsim
from msgsim.experiment.result import SCHEMA, to_plain
from tests.pages import EVERYTHING, PACKAGE, rows, sections, words

PAGE = PACKAGE / "experiment" / "results.md"
SECTIONS = sections(PAGE)
BY_NAME = {
    "workloads",
    "ledger",
    "latency",
    "order",
    "duplicates",
    "queues",
    "servers",
    "mappings",
    "asynchronous",
    "topics",
    "theory",
    "fleets",
    "alarms",
    "delivery_streams",
}
LEAVES = {"concurrency_limits", "in_flight_limits", "kinds", "threads"}


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    """A result in which everything occurs, as another program reads it."""
    return json.loads(
        json.dumps(to_plain(msgsim.run(msgsim.load_text(EVERYTHING), replications=2)))
    )


def keys_of(value: Any, path: str) -> set[str]:
    """Return the paths one level below `path`; of a list, those of its entries."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {f"{path}[].{key}" for entry in value for key in entry}
    if isinstance(value, dict) and value:
        return {f"{path}.{key}" for key in value}
    return {path}


def keys_of_run(run: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for key, value in run.items():
        if key in BY_NAME:
            found |= {f"{key}.NAME.{inner}" for entry in value.values() for inner in entry}
        elif key in LEAVES:
            found.add(f"{key}.NAME")
        elif key == "streams":
            found |= {f"{key}.{inner}.NAME" for inner in value}
        else:
            found |= keys_of(value, key)
    return found


def documented(section: str, column: int = 0) -> list[str]:
    return [words(row[column])[0] for row in rows(SECTIONS[section])]


def optional() -> set[str]:
    return {words(row[0])[0] for row in rows(SECTIONS["A run"]) if "absent when" in row[1]}


def test_the_page_names_the_schema() -> None:
    assert f"`{SCHEMA}`" in PAGE.read_text("utf-8")


def test_every_key_of_the_whole_is_documented(result: dict[str, Any]) -> None:
    real = {path for key, value in result.items() if key != "runs" for path in keys_of(value, key)}
    assert real | {"runs"} == set(documented("The whole"))


def test_the_document_is_of_the_json_schema(result: dict[str, Any]) -> None:
    """One replication and several, met and not met, with and without data."""
    schema = json.loads((PAGE.parent / "result.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(result)
    text = EVERYTHING + "  - Dlq.arrived > 5\n  - Billing.group[nobody].latency.p99 < 5s\n"
    document = to_plain(msgsim.run(msgsim.load_text(text)))
    validator.validate(json.loads(json.dumps(document)))
    assert {rule["state"] for rule in document["expect"]} == {"met", "not met"}
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**result, "fingerprint": 3})
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**result, "surprise": True})


def test_every_key_of_a_run_is_documented(result: dict[str, Any]) -> None:
    real = keys_of_run(result["runs"][0])
    listed = set(documented("A run"))
    assert real - listed == set(), "not on the page"
    assert listed - real <= optional(), "on the page, but not in a result"


def test_no_key_stands_on_the_page_twice() -> None:
    for section in ("The whole", "A run"):
        assert len(documented(section)) == len(set(documented(section)))


@pytest.mark.parametrize(
    ("shape", "where"),
    [("distribution", ("latency", "end_to_end")), ("course", ("queues", "visible"))],
)
def test_shapes_are_as_shown(result: dict[str, Any], shape: str, where: tuple[str, str]) -> None:
    section, key = where
    shown = [words(row[1])[0] for row in rows(SECTIONS["Shapes"]) if row[0] == shape]
    assert list(result["runs"][0][section]["Billing"][key]) == shown


def test_what_is_in_seconds_says_so(result: dict[str, Any]) -> None:
    """Every distribution has seconds in its keys, or is one of the three that the page names."""

    def check(value: Any, name: str) -> None:
        if isinstance(value, dict) and "exact" in value:
            of_counts = "mean" in value
            named = f"`{name}`" in SECTIONS["Shapes"]
            assert of_counts == named, name
        elif isinstance(value, dict):
            for key, inner in value.items():
                check(inner, key)

    check(result["runs"][0], "")
