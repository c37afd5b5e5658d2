"""Files of CloudWatch's metrics: what `aws cloudwatch get-metric-data` would have answered."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from msgsim.experiment.retell import Told
from msgsim.files import streamed
from msgsim.observe.cloudwatch import MINUTE_NS, CloudWatch, Series
from msgsim.problems import Problem, ProblemError, quote
from msgsim.report import codes  # noqa: F401 - registers the codes of reports
from msgsim.report.metric_data.parquet import write_parquet
from msgsim.scenario.build import build

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""What the clock shows at time zero, as in traces and in `ms.Cloud`."""

NS_PER_S = 1_000_000_000
COLUMNS = ("Namespace", "MetricName", "Dimensions", "Timestamp", "Period", "Unit", "SampleCount",
           "Sum", "Average", "Minimum", "Maximum", "p50", "p90", "p99")  # fmt: skip

__all__ = ["COLUMNS", "ENDINGS", "ending_of", "measure", "metric_data", "rows", "write_metrics"]


def ending_of(path: str | os.PathLike[str]) -> str:
    """Return the ending of a file that says how metrics are written.

    Raises:
        ProblemError: E175, no such format.
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        message = f"{quote(str(path))} does not say how to write metrics"
        raise ProblemError([Problem("E175", message, None, f"endings: {', '.join(ENDINGS)}")])
    return ending


def measure(told: Told, period_ns: int = MINUTE_NS) -> CloudWatch:
    """Run a scenario once more and return its CloudWatch metrics."""
    twins = CloudWatch(build(told.scenario, told.seed, told.replication), period_ns)
    told.again(twins)
    return twins


def write_metrics(
    path: str | os.PathLike[str], told: Told, period_ns: int = MINUTE_NS
) -> CloudWatch:
    """Run a scenario once more and write its metrics, in the format of the file's ending.

    Args:
        path: the file; it appears when it is complete. `.json` has the shape of
            `get-metric-data`, `.jsonl` and `.ndjson` one result a line, `.csv` and `.parquet` one
            statistic set a row.
        told: which run.
        period_ns: how long a period is.

    Raises:
        ProblemError: E160, the file cannot be written; E175, no such format, or pyarrow is missing.
    """
    writer = ENDINGS[ending_of(path)]
    twins = measure(told, period_ns)
    writer(path, list(twins.series()))
    return twins


def metric_data(found: list[Series]) -> dict[str, Any]:
    """Return metrics as `get-metric-data` asks for and answers them, in the order of time."""
    queries: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for series in found:
        for statistic in series.metric.statistics:
            name = f"m{len(queries) + 1}"
            queries.append({"Id": name, "MetricStat": _asked(series, statistic)})
            results.append(_result(name, series, statistic))
    return {"MetricDataQueries": queries, "MetricDataResults": results, "Messages": []}


def rows(found: list[Series]) -> Iterator[tuple[Any, ...]]:
    """Yield one statistic set after the other, in the order of `COLUMNS`."""
    for series in found:
        metric, period = series.metric, series.period_ns // NS_PER_S
        dimensions = ",".join(f"{name}={value}" for name, value in series.dimensions.items())
        for begin_ns, point in series:
            statistics = (point.statistic(name) for name in COLUMNS[6:])
            yield (metric.namespace, metric.name, dimensions, _moment(begin_ns), period,
                   metric.unit, *statistics)  # fmt: skip


def _asked(series: Series, statistic: str) -> dict[str, Any]:
    metric = series.metric
    dimensions = [{"Name": name, "Value": value} for name, value in series.dimensions.items()]
    named = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
    period = series.period_ns // NS_PER_S
    return {"Metric": named, "Period": period, "Stat": statistic, "Unit": metric.unit}


def _result(name: str, series: Series, statistic: str) -> dict[str, Any]:
    label = " ".join((*series.dimensions.values(), series.metric.name, statistic))
    points = list(series)
    return {
        "Id": name,
        "Label": label,
        "Timestamps": [_moment(begin_ns) for begin_ns, _ in points],
        "Values": [point.statistic(statistic) for _, point in points],
        "StatusCode": "Complete",
    }


def _moment(begin_ns: int) -> str:
    return (EPOCH + timedelta(seconds=begin_ns / NS_PER_S)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write_json(path: str | os.PathLike[str], found: list[Series]) -> None:
    with streamed(path) as stream:
        json.dump(metric_data(found), stream, indent=1, allow_nan=False)
        stream.write("\n")


def _write_lines(path: str | os.PathLike[str], found: list[Series]) -> None:
    """Write a line for each result, with what was asked for it beside it."""
    with streamed(path) as stream:
        data = metric_data(found)
        for query, result in zip(data["MetricDataQueries"], data["MetricDataResults"], strict=True):
            stream.write(json.dumps(result | query, allow_nan=False) + "\n")


def _write_csv(path: str | os.PathLike[str], found: list[Series]) -> None:
    with streamed(path) as stream:
        _table(stream, found)


def _table(stream: IO[str], found: list[Series]) -> None:
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(rows(found))


def _write_parquet(path: str | os.PathLike[str], found: list[Series]) -> None:
    write_parquet(path, COLUMNS, list(rows(found)))


ENDINGS: dict[str, Callable[[str | os.PathLike[str], list[Series]], None]] = {
    ".json": _write_json,
    ".jsonl": _write_lines,
    ".ndjson": _write_lines,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
