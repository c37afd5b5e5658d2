"""Results as plain data: what `--json` writes, and what the terminal and the pages print.

The document's schema is `SCHEMA`. Numbers are raw and carry their unit in the key. Everything but
the `wall` block is the same for the same scenario, seed and versions; `fingerprint` hashes it.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from msgsim.experiment.judge import Verdict
from msgsim.experiment.run import Run, versions
from msgsim.experiment.session import Results
from msgsim.experiment.theory.beside import beside
from msgsim.model.catalog import Number
from msgsim.model.routes import Route
from msgsim.scenario.resolved import resolved_text
from msgsim.scenario.schema import Scenario

SCHEMA = "msgsim.result/1"
NS_PER_S = 1_000_000_000


def to_plain(results: Results) -> dict[str, Any]:
    """Return all that is known about a session of runs, as plain data."""
    scenario = results.scenario
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "partial": results.partial,
        "scenario": _scenario(scenario),
        "versions": versions(),
        "limits_read_on": _limits_read_on(scenario),
        "expect": [_verdict(verdict) for verdict in results.verdicts],
        "assumptions": _assumptions(results),
        "notes": _notes(results),
        "advice": [
            {"code": problem.code, "message": problem.message} for problem in scenario.warnings
        ],
        "runs": [_run(run) for run in results.runs],
    }
    found = _finite(found)
    found["fingerprint"] = fingerprint(found)
    found["wall"] = {"run_s": sum(run.wall_s for run in results.runs)}
    return found


def fingerprint(plain: dict[str, Any]) -> str:
    """Return a short hash of plain data; equal data, equal hash."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def scenario_hash(scenario: Scenario) -> str:
    """Return a hash of a scenario with every default filled in."""
    return hashlib.sha256(resolved_text(scenario).encode()).hexdigest()[:16]


def _scenario(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "question": scenario.question,
        "seed": scenario.seed,
        "duration_s": scenario.duration_ns / NS_PER_S,
        "warm_up_s": scenario.header.warm_up / NS_PER_S,
        "replications": scenario.header.replications,
        "hash": scenario_hash(scenario),
        "variants": list(scenario.variants),
    }


def _limits_read_on(scenario: Scenario) -> str:
    from msgsim.services import discover

    services = discover()
    return max(services[part.kind].page.read_on for part in scenario.parts.values())


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "rule": verdict.rule,
        "variant": verdict.variant,
        "passed": verdict.passed,
        "actual": verdict.actual,
        "dimension": verdict.dimension,
        "margin": verdict.margin,
        "no_data": verdict.no_data,
        "level": "warn" if verdict.soft else "fail",
        "because": verdict.because,
        "replications": verdict.replications,
        "met": verdict.met,
    }


def _assumptions(results: Results) -> list[dict[str, Any]]:
    used: dict[tuple[str, str], Number] = {}
    for run in results.runs:
        used.update(run.system.assumptions)
    return [
        {
            "kind": kind,
            "name": name,
            "value": number.value,
            "unit": number.unit,
            "source": number.source,
        }
        for (kind, name), number in sorted(used.items())
    ]


def _notes(results: Results) -> list[str]:
    notes: dict[str, None] = {}
    for run in results.runs:
        for component in run.system.components.values():
            notes.update(dict.fromkeys(getattr(component, "notes", ())))
    return list(notes)


def _run(run: Run) -> dict[str, Any]:
    seen = run.observers.to_json()
    return {
        "variant": run.variant,
        "replication": run.replication,
        "seed": run.seed,
        "simulated_s": run.simulated_ns / NS_PER_S,
        "events": run.events,
        "partial": run.partial,
        "kinds": {name: part.kind for name, part in run.system.components.items()},
        "routes": [_route(route) for route in run.system.routes],
        "concurrency_limits": _told(run, "concurrency_limit"),
        "in_flight_limits": _told(run, "in_flight_limit"),
        "threads": _told(run, "threads"),
        **seen,
        "theory": beside(run.scenario, seen, run.system.assumptions),
    }


def _told(run: Run, name: str) -> dict[str, Any]:
    """Return an attribute of every component that has it."""
    values = {key: getattr(part, name, None) for key, part in run.system.components.items()}
    return {key: value for key, value in values.items() if value is not None}


def _route(route: Route) -> dict[str, Any]:
    return {
        "entry": route.entry,
        "via": route.via,
        "subscriber": route.subscriber,
        "workloads": list(route.workloads),
        "dead_letter": route.dead_letter,
    }


def _finite(value: Any) -> Any:
    """Replace what JSON cannot say (NaN, infinities) by null."""
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if hasattr(value, "item"):
        return value.item()
    return value
