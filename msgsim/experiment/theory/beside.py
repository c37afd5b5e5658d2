"""Theory beside a result: for each queue that is served, a prediction, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgsim.experiment.theory.applies import QUEUE, AssumptionFails, Model, model_of
from msgsim.experiment.theory.general import gg1, ggc, mg1
from msgsim.experiment.theory.stations import mmc
from msgsim.scenario.schema import Scenario


def beside(
    scenario: Scenario, seen: Mapping[str, Any], assumed: Mapping[Any, Any]
) -> dict[str, dict[str, Any]]:
    """Return by queue what a formula predicts and what was simulated, as plain data.

    Args:
        scenario: what was run.
        seen: what the observers of the run saw, as plain data.
        assumed: the labelled assumptions in force, by kind and name.
    """
    found = {}
    for name, part in scenario.parts.items():
        latency = seen["latency"].get(name, {}).get("waiting", {})
        if part.kind == QUEUE and latency.get("count"):
            counts = seen["queues"][name]["counts"]
            found[name] = _about(scenario, name, counts, assumed, seen)
    return found


def _about(
    scenario: Scenario,
    queue: str,
    counts: Mapping[str, int],
    assumed: Mapping[Any, Any],
    seen: Mapping[str, Any],
) -> dict[str, Any]:
    simulated = _simulated(scenario, queue, seen)
    try:
        model = model_of(scenario, queue, counts, assumed)
        if model.utilisation >= 1:
            raise AssumptionFails(
                f"{model.consumer} cannot keep up: its utilisation would be "
                f"{model.utilisation:.3g}, and the backlog grows as long as the run lasts"
            )
    except AssumptionFails as fails:
        found = {"formula": None, "fails": str(fails), "predicted": None}
        return found | {"simulated": simulated}
    formula, predicted = predict(model)
    if simulated["utilisation"] is not None:
        simulated["utilisation"] /= model.sending_share
    return {"formula": formula, "fails": None, "predicted": predicted, "simulated": simulated}


def predict(model: Model) -> tuple[str, dict[str, float | None]]:
    """Return the name of the formula that holds, and what it says.

    `waiting_p99_s` is known for M/M/c served in order of arrival; `bounds_s` where a formula is an
    approximation and bounds are known.
    """
    rate, service, servers = model.arrival_rate, model.service_time, model.servers
    p99 = None
    if model.arrival_cv == 1 and model.exponential:
        markov = mmc(arrival_rate=rate, service_rate=1 / service, servers=servers)
        formula, waiting = f"M/M/{servers}", markov.waiting_time
        p99 = markov.waiting_time_percentile(0.99) if model.in_order else None
    elif model.arrival_cv == 1 and servers == 1:
        formula = "M/D/1" if model.service_cv == 0 else "M/G/1"
        waiting = mg1(
            arrival_rate=rate, service_time=service, service_cv=model.service_cv
        ).waiting_time
    elif servers == 1:
        formula = "G/G/1 (Marchal, approximate)"
        waiting = gg1(
            arrival_rate=rate,
            arrival_cv=model.arrival_cv,
            service_time=service,
            service_cv=model.service_cv,
        ).guess
    else:
        kind = "M" if model.arrival_cv == 1 else "G"
        formula = f"{kind}/G/{servers} (Allen-Cunneen, approximate)"
        waiting = ggc(
            arrival_rate=rate,
            arrival_cv=model.arrival_cv,
            service_time=service,
            service_cv=model.service_cv,
            servers=servers,
        ).waiting_time
    return formula, {
        "waiting_mean_s": waiting,
        "waiting_p99_s": p99,
        "utilisation": model.utilisation,
    }


def _simulated(scenario: Scenario, queue: str, seen: Mapping[str, Any]) -> dict[str, float | None]:
    waiting = seen["latency"][queue]["waiting"]
    busy = None
    for name, part in scenario.parts.items():
        if getattr(part.spec, "queue", None) == queue and name in seen["servers"]:
            spec: Any = part.spec
            servers = spec.workers or seen["fleets"][name]["workers"]["mean"]
            busy = seen["servers"][name]["concurrency"]["mean"] / servers if servers else None
    return {
        "waiting_mean_s": waiting["mean_s"],
        "waiting_p99_s": waiting["p99_s"],
        "utilisation": busy,
    }
