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
from msgsim.experiment.replicated import estimates
from msgsim.experiment.results import Results
from msgsim.experiment.run import versions
from msgsim.experiment.warming import warm_up_advice
from msgsim.scenario.resolved import resolved_text
from msgsim.scenario.schema import Scenario

SCHEMA = "msgsim.result/2"
NS_PER_S = 1_000_000_000


def to_plain(results: Results) -> dict[str, Any]:
    """Return all that is known about a session of runs, as plain data."""
    scenario = results.scenario
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "partial": results.partial,
        "scenario": _scenario(scenario, list(results.variants)),
        "versions": versions(),
        "limits_read_on": _limits_read_on(scenario),
        "expect": [verdict_plain(verdict) for verdict in results.verdicts],
        "replications": results.replications,
        "stopped": results.stopped,
        "failures": list(results.failures),
        "warm_up": warm_up_advice(results),
        "merged": _merged(results),
        "estimates": [],
        "assumptions": _assumptions(results),
        "notes": list({note: None for summary in results.summaries for note in summary.notes}),
        "advice": [
            {"code": problem.code, "message": problem.message} for problem in scenario.warnings
        ],
        "runs": [summary.plain for summary in results.summaries],
    }
    found["estimates"] = estimates(found)
    found = finite(found)
    found["fingerprint"] = fingerprint(found)
    found["wall"] = {"run_s": sum(summary.wall_s for summary in results.summaries)}
    return found


def fingerprint(plain: dict[str, Any]) -> str:
    """Return a short hash of plain data; equal data, equal hash."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def scenario_hash(scenario: Scenario) -> str:
    """Return a hash of a scenario with every default filled in."""
    return hashlib.sha256(resolved_text(scenario).encode()).hexdigest()[:16]


def _scenario(scenario: Scenario, variants: list[str]) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "question": scenario.question,
        "seed": scenario.seed,
        "duration_s": scenario.duration_ns / NS_PER_S,
        "warm_up_s": scenario.header.warm_up / NS_PER_S,
        "replications": scenario.header.replications,
        "hash": scenario_hash(scenario),
        "variants": [name for name in variants if name],
    }


def _limits_read_on(scenario: Scenario) -> str:
    from msgsim.services import discover

    services = discover()
    return max(services[part.kind].page.read_on for part in scenario.parts.values())


def verdict_plain(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain data."""
    return {
        "rule": verdict.rule,
        "variant": verdict.variant,
        "passed": verdict.passed,
        "state": verdict.state,
        "actual": verdict.actual,
        "low": verdict.low,
        "high": verdict.high,
        "dimension": verdict.dimension,
        "margin": verdict.margin,
        "no_data": verdict.no_data,
        "level": "warn" if verdict.soft else "fail",
        "because": verdict.because,
        "replications": verdict.replications,
        "met": verdict.met,
        "first_violation_at_s": verdict.since_s,
    }


def _merged(results: Results) -> list[dict[str, Any]]:
    """Return the latencies of all replications together; nothing for a single one."""
    if results.replications < 2:
        return []
    found = []
    for variant, summary in results.firsts().items():
        for name in summary.stretches:
            durations = results.distribution(f"{name}.latency", variant)
            if durations is not None:
                found.append(
                    {"variant": variant, "subscriber": name, "latency": durations.to_json()}
                )
    return found


def _assumptions(results: Results) -> list[dict[str, Any]]:
    used: dict[tuple[str, str], dict[str, Any]] = {}
    for summary in results.summaries:
        for item in summary.assumptions:
            used[item["kind"], item["name"]] = item
    return [item for _, item in sorted(used.items())]


def finite(value: Any) -> Any:
    """Replace what JSON cannot say (NaN, infinities) by null."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if hasattr(value, "item"):
        return value.item()
    return value
