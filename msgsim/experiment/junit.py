"""JUnit XML: a test suite for each scenario, a test case for each expectation."""

from __future__ import annotations

import os
from typing import Any
from xml.etree import ElementTree as ET

from msgsim.files import write_atomically
from msgsim.units import format_seconds


def add_suite(
    path: str | os.PathLike[str], plain: dict[str, Any], again: str, *, anew: bool = True
) -> None:
    """Write the verdicts of a session as a test suite; not `anew`, beside those that are there.

    Raises:
        ProblemError: E160, the file cannot be written.
    """
    root = ET.Element("testsuites", name="msgsim")
    if not anew and os.path.isfile(path):
        root = ET.parse(path).getroot()  # noqa: S314 - written by the scenario before this one
    root.append(suite(plain, again))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(each.get(name, "0")) for each in root.findall("testsuite"))))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    write_atomically(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def suite(plain: dict[str, Any], again: str) -> ET.Element:
    """Return one scenario's verdicts as a suite; failed runs are its errors."""
    name, rules = plain["scenario"]["name"], plain["expect"]
    found = ET.Element("testsuite", name=_clean(name))
    found.set("tests", str(len(rules) + len(plain["failures"])))
    failed = [rule for rule in rules if not rule["passed"] and rule["level"] == "fail"]
    found.set("failures", str(len(failed)))
    found.set("errors", str(len(plain["failures"])))
    found.set("time", f"{plain['wall']['run_s']:.3f}")
    properties = ET.SubElement(found, "properties")
    facts = {"fingerprint": plain["fingerprint"], "scenario": plain["scenario"]["hash"]}
    for key, value in {**plain["versions"], **facts}.items():
        ET.SubElement(properties, "property", name=key, value=_clean(value))
    for rule in rules:
        found.append(_case(name, rule, f"{again} --seed {plain['runs'][0]['seed']}"))
    for failure in plain["failures"]:
        case = ET.SubElement(found, "testcase", classname=_clean(name), name="run", time="0")
        ET.SubElement(case, "error", message=_clean(failure))
    return found


def _case(scenario: str, rule: dict[str, Any], again: str) -> ET.Element:
    title = f"[{rule['variant']}] {rule['rule']}" if rule["variant"] else rule["rule"]
    case = ET.Element("testcase", classname=_clean(scenario), name=_clean(title), time="0")
    told = _told(rule, again)
    if rule["passed"]:
        return case
    if rule["level"] == "warn":
        ET.SubElement(case, "system-out").text = _clean(f"warning only\n{told}")
        return case
    failure = ET.SubElement(case, "failure", type=rule["state"])
    failure.set("message", _clean(told.splitlines()[0]))
    failure.text = _clean(told)
    return case


def _told(rule: dict[str, Any], again: str) -> str:
    """Return what failed: rule and actual value, margin, since when, how to repeat it."""
    actual = "no data" if rule["no_data"] else value(rule["actual"], rule["dimension"])
    lines = [f"{rule['state']}: {rule['rule']}, actual {actual}"]
    if rule["low"] is not None and rule["low"] != rule["high"]:
        low, high = value(rule["low"], rule["dimension"]), value(rule["high"], rule["dimension"])
        lines.append(f"95 % interval {low} to {high}, {rule['replications']} replications")
    if rule["margin"] is not None:
        lines.append(f"margin {value(rule['margin'], rule['dimension'])}")
    if rule["first_violation_at_s"] is not None:
        lines.append(f"violated since {format_seconds(rule['first_violation_at_s'])}")
    if rule["because"]:
        lines.append(f"because: {rule['because']}")
    return "\n".join([*lines, f"again: {again}"])


def value(number: float | None, dimension: str) -> str:
    """Return a value in its base unit: exact, for machines and logs."""
    units = {"time": " s", "size": " bytes", "rate": "/s"}
    return "no data" if number is None else f"{number:.6g}{units.get(dimension, '')}"


def _clean(text: str) -> str:
    """Leave out what XML cannot hold."""
    return "".join(
        c for c in text if c in "\t\n" or (ord(c) >= 0x20 and not 0xD800 <= ord(c) < 0xE000)
    )
