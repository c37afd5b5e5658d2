"""The files of a sweep: one for each point, written whole or not at all, and an index of them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgsim.experiment.grid import told
from msgsim.experiment.result import finite
from msgsim.experiment.run import versions
from msgsim.files import make_folder, write_atomically
from msgsim.scenario.resolved import resolved_text

if TYPE_CHECKING:
    from msgsim.experiment.sweep import Point, Sweep

SCHEMA = "msgsim.sweep/1"
POINT_SCHEMA = "msgsim.point/1"


def find_done(sweep: Sweep, folder: Path) -> None:
    """Read what an earlier attempt has finished."""
    for point in sweep.points:
        file = folder / "points" / point.key / "point.json"
        if point.status != "open" or not file.is_file():
            continue
        try:
            result = json.loads(file.read_text("utf-8"))
        except (ValueError, RecursionError):
            continue
        if isinstance(result, dict) and result == sealed(point.key, result.get("rows")):
            point.result, point.status = result, "done"
            sweep.done_before += 1


def sealed(key: str, rows: Any) -> dict[str, Any]:
    """Return the content of a point's file, with a digest by which an edited one is noticed."""
    digest = hashlib.sha256(json.dumps([key, rows], sort_keys=True).encode()).hexdigest()
    return {"schema": POINT_SCHEMA, "key": key, "rows": rows, "sha256": digest}


def write_point(folder: Path, point: Point, result: Mapping[str, Any]) -> None:
    """Write what came of a point, and the scenario that it was."""
    home = make_folder(folder / "points" / point.key)
    assert point.scenario is not None
    header = f"# {told(point.values)}\n"
    write_atomically(home / "scenario.yaml", header + resolved_text(point.scenario) + "\n")
    write_atomically(home / "point.json", json.dumps(result, indent=1, allow_nan=False) + "\n")


def write_index(sweep: Sweep, folder: Path) -> None:
    """Write `index.csv`, one tidy row for each point and variant, and `index.json`."""
    write_atomically(folder / "index.csv", _csv(sweep))
    text = json.dumps(to_plain(sweep), indent=1, allow_nan=False) + "\n"
    write_atomically(folder / "index.json", text)


def _csv(sweep: Sweep) -> str:
    paths = [knob.path for knob in sweep.plan.knobs]
    heads = [*paths, "variant", "status", "feasible", "replications", "point"]
    for metric in sweep.asked:
        heads += [metric, f"{metric}.low", f"{metric}.high"]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow([*heads, "reason"])
    for point in sweep.points:
        values = [point.values[path] for path in paths]
        for row in point.result.get("rows", [{}]):
            cells = [row.get("variant", ""), point.status, row.get("feasible", "")]
            cells += [row.get("replications", ""), point.key]
            for metric in sweep.asked:
                found = row.get("metrics", {}).get(metric, {})
                cells += [_number(found.get(name)) for name in ("estimate", "low", "high")]
            table.writerow([*values, *cells, point.reason])
    return out.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def to_plain(sweep: Sweep) -> dict[str, Any]:
    """Return a sweep as plain data, without what its points' files hold."""
    plan = sweep.plan
    return finite(
        {
            "schema": SCHEMA,
            "versions": versions(),
            "scenario": plan.scenario.name,
            "question": plan.scenario.question,
            "seed": plan.seed if plan.seed is not None else plan.scenario.seed,
            "replications": plan.count,
            "knobs": [{"path": knob.path, "values": list(knob.values)} for knob in plan.knobs],
            "minimize": plan.minimize,
            "subject_to": list(plan.subject_to),
            "metrics": list(sweep.asked),
            "partial": sweep.partial,
            "points": [
                {
                    "values": point.values,
                    "point": point.key,
                    "status": point.status,
                    "reason": point.reason,
                    "rows": point.result.get("rows", []),
                }
                for point in sweep.points
            ],
        }
    )
