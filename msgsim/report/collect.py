"""From runs to what figures are drawn from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from msgsim.experiment.run import Run
from msgsim.experiment.summary import Summary, fault_times
from msgsim.report.figures.data import (
    ConcurrencyData,
    CostData,
    Course,
    FaultBand,
    LatencyData,
    OrderData,
    QueueData,
    ShardData,
)

NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class Pictured:
    """Everything about one run that figures show.

    Attributes:
        plain: the run as plain data.
        cost: its bill.
        latency: by subscriber.
        queues, servers, order, streams: by name.
    """

    plain: dict[str, Any]
    cost: CostData
    latency: dict[str, LatencyData]
    queues: dict[str, QueueData]
    servers: dict[str, ConcurrencyData]
    order: dict[str, OrderData]
    streams: dict[str, ShardData]


def pictured(summary: Summary) -> Pictured:
    """Return what figures show of a run."""
    plain = summary.plain
    faults = [FaultBand(*band) for band in summary.pictures["faults"]]
    end_s = plain["simulated_s"]
    return Pictured(
        plain,
        _cost(plain["cost"]),
        dict(_latencies(summary)),
        dict(_queues(plain, faults, end_s)),
        dict(_servers(plain, faults, end_s)),
        dict(_orders(summary)),
        dict(_streams(plain, summary.pictures["write_limits"])),
    )


def _cost(cost: dict[str, Any]) -> CostData:
    parts = {
        (name, line["request"]): line["per_month_usd"]
        for name, part in cost["components"].items()
        for line in part["lines"]
    }
    return CostData(parts, cost["per_month_usd"], cost["per_million_usd"])


def fault_bands(run: Run) -> list[FaultBand]:
    """Return the faults of a live run as bands of time."""
    return [FaultBand(*band) for band in fault_times(run)]


def _latencies(summary: Summary) -> Iterable[tuple[str, LatencyData]]:
    for name, stages in summary.pictures["stages"].items():
        durations = summary.distribution(f"{name}.latency")
        if durations is None or not durations.count:
            continue
        values, counts = durations.bins()
        yield name, LatencyData(name, values / NS_PER_S, counts, stages)


def _course(gauge: dict[str, Any]) -> Course:
    course = gauge["course"]
    return Course(
        np.asarray(course["time_s"], dtype=float),
        np.asarray(course["mean"], dtype=float),
        np.asarray(course["max"], dtype=float),
    )


def _queues(
    plain: dict[str, Any], faults: list[FaultBand], end_s: float
) -> Iterable[tuple[str, QueueData]]:
    for name, queue in plain["queues"].items():
        age = queue["oldest_age"]
        oldest = Course(
            np.asarray(age["time_s"], dtype=float), np.asarray(age["age_s"], dtype=float)
        )
        limit = plain["in_flight_limits"].get(name)
        yield (
            name,
            QueueData(
                name,
                _course(queue["visible"]),
                _course(queue["in_flight"]),
                oldest,
                end_s,
                limit,
                faults,
            ),
        )


def _servers(
    plain: dict[str, Any], faults: list[FaultBand], end_s: float
) -> Iterable[tuple[str, ConcurrencyData]]:
    for name, server in plain["servers"].items():
        if not server["invocations"] and not server["throttles"]:
            continue
        limit = plain["concurrency_limits"].get(name)
        fleet = plain["kinds"][name] == "worker.fleet"
        yield (
            name,
            ConcurrencyData(
                name,
                _course(server["concurrency"]),
                end_s,
                limit,
                _counted(plain, name).removeprefix("busy ") if fleet else "concurrency limit",
                faults=faults,
                counted=_counted(plain, name) if fleet else "concurrent executions",
                size=_size(plain, name),
                size_name="in service",
            ),
        )


def _counted(plain: dict[str, Any], name: str) -> str:
    return "busy workers" if plain["threads"].get(name, 1) == 1 else "busy threads"


def _size(plain: dict[str, Any], name: str) -> Course | None:
    """Return how many workers, or threads of them, were in service, if that ever changed."""
    fleet = plain["fleets"].get(name)
    if fleet is None:
        return None
    course, threads = _course(fleet["workers"]), plain["threads"].get(name, 1)
    if not course.mean.size or (course.mean == course.mean[0]).all():
        return None
    high = None if course.high is None else course.high * threads
    return Course(course.time_s, course.mean * threads, high)


def _orders(summary: Summary) -> Iterable[tuple[str, OrderData]]:
    for name, sample in summary.pictures["order"].items():
        if not sample["place"]:
            continue
        born = np.asarray(sample["born_s"], dtype=float)
        number = np.asarray(sample["number"], dtype=np.int64)
        sent = np.empty(len(born), dtype=np.int64)
        sent[np.lexsort((number, born))] = np.arange(len(born))
        yield (
            name,
            OrderData(
                name,
                sent,
                np.asarray(sample["place"], dtype=np.int64),
                sample["key"],
                sample["inversions"],
                sample["stride"],
            ),
        )


def _streams(plain: dict[str, Any], limits: dict[str, float]) -> Iterable[tuple[str, ShardData]]:
    for name, stream in plain["streams"].get("streams", {}).items():
        loads = stream["by_shard"]
        width_s = stream["bucket_s"]
        buckets = max((len(load["stored_course"]) for load in loads.values()), default=0)
        offered = np.zeros((stream["shards"], buckets))
        throttled = np.zeros(stream["shards"])
        for shard, load in loads.items():
            both = np.asarray(load["stored_course"]) + np.asarray(load["throttled_course"])
            offered[int(shard)] = both / width_s
            total = load["stored"] + load["throttled"]
            throttled[int(shard)] = load["throttled"] / total if total else 0.0
        names = [f"shard {number}" for number in range(stream["shards"])]
        yield name, ShardData(name, names, offered, width_s, limits[name], throttled)
